//! Lines of `/slips/1.0`: one line a stream, ended by a newline; a command word or data.

use std::{io, str};

use futures::{AsyncRead, AsyncReadExt as _};

/// Our greeting, and our answer to one.
pub const HELLO: &str = "hello version1\n";
/// Asks whether the peer is alive.
pub const PING: &str = "ping\n";
/// The answer to [`PING`].
pub const PONG: &str = "pong\n";
/// Said before leaving.
pub const GOODBYE: &str = "goodbye\n";
/// The first word of a greeting.
const HELLO_WORD: &str = "hello";
/// The longest version of a greeting: it is kept for each peer. The pigeon's is `version1`.
const MAX_VERSION_BYTES: usize = 64;
/// Room for a line at first, in bytes: a message of Slips has under 300 characters.
const FIRST_READ: usize = 512;

/// What one line says; see [`parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `hello` and the peer's version.
    Hello(String),
    /// `ping`.
    Ping,
    /// `goodbye`.
    Goodbye,
    /// Anything else, as it came: meant for Slips.
    Data(String),
    /// `hello` with none or more than one word after it, or an absurdly long one.
    BrokenHello,
    /// Nothing but blanks.
    Blank,
}

/// Reads a line without its newline, as the Go pigeon does: `ping` and `goodbye` exactly, `hello` by
/// words, anything else is data.
#[must_use]
pub fn parse(line: &str) -> Line {
    let mut words = line.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Line::Blank,
        (Some(HELLO_WORD), Some(version), None) if version.len() <= MAX_VERSION_BYTES => {
            Line::Hello(version.into())
        }
        (Some(HELLO_WORD), ..) => Line::BrokenHello,
        _ if line == "ping" => Line::Ping,
        _ if line == "goodbye" => Line::Goodbye,
        _ => Line::Data(line.into()),
    }
}

/// Why no line could be read.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// No newline within the limit.
    #[error("a line of more than {limit} bytes")]
    TooLong {
        /// The limit, in bytes without the newline.
        limit: usize,
    },
    /// The stream ended first; after 0 bytes nothing was said at all.
    #[error("the stream ended after {bytes} bytes without a newline")]
    NoNewline {
        /// How many bytes came.
        bytes: usize,
    },
    /// The line is not UTF-8.
    #[error("a line that is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// The stream broke.
    #[error("the stream broke: {0}")]
    Io(#[from] io::Error),
}

/// Reads up to the first newline, which is not returned, and at most `max_bytes` before it. What
/// follows the newline in the same read is lost: a stream carries one line. Takes a stream or a
/// `&mut` to one, buffers no more than the limit, and waits as long as the peer does: the caller
/// sets the time limit.
///
/// # Errors
/// A [`LineFault`] when there is no such line.
pub async fn read_line(
    mut io: impl AsyncRead + Unpin,
    max_bytes: usize,
) -> Result<String, LineFault> {
    let most = max_bytes.saturating_add(1);
    let mut buffer = vec![0; FIRST_READ.min(most)];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            if filled == most {
                return Err(LineFault::TooLong { limit: max_bytes });
            }
            buffer.resize(filled.saturating_mul(2).min(most), 0);
        }
        let read = io.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(LineFault::NoNewline { bytes: filled });
        }
        let newline = buffer[filled..filled + read]
            .iter()
            .position(|&b| b == b'\n');
        if let Some(offset) = newline {
            buffer.truncate(filled + offset);
            return String::from_utf8(buffer).map_err(|error| LineFault::NotUtf8 {
                at: error.utf8_error().valid_up_to(),
            });
        }
        filled += read;
    }
}

#[cfg(test)]
mod tests;
