//! The lines of `/slips/1.0`: which words are commands, and how one line is read with a limit.

use std::io;

use futures::{AsyncRead, AsyncReadExt};

/// Our greeting, with its newline.
pub const HELLO: &str = "hello version1\n";
/// The question whether a peer is there, with its newline.
pub const PING: &str = "ping\n";
/// The answer to [`PING`], with its newline.
pub const PONG: &str = "pong\n";
/// What a node says before it leaves, with its newline.
pub const GOODBYE: &str = "goodbye\n";

/// What a peer's line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `hello <version>`.
    Hello(String),
    /// `ping`.
    Ping,
    /// `goodbye`.
    Goodbye,
    /// `hello` with another number of words than two.
    BrokenHello,
    /// Nothing but blanks.
    Blank,
    /// Anything else: data for Slips.
    Data(String),
}

/// Why a line could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// Longer than the limit.
    #[error("the line is longer than the limit")]
    TooLong,
    /// The stream ended before the newline.
    #[error("the stream ended before the newline")]
    NoNewline,
    /// Not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// The stream failed.
    #[error("the stream failed: {0}")]
    Io(#[from] io::Error),
}

/// Tells commands from data.
#[must_use]
pub fn parse(line: &str) -> Line {
    match line {
        "ping" => return Line::Ping,
        "goodbye" => return Line::Goodbye,
        _ if line.trim().is_empty() => return Line::Blank,
        _ => {}
    }
    let mut words = line.split_whitespace();
    if words.next() != Some("hello") {
        return Line::Data(line.into());
    }
    match (words.next(), words.next()) {
        (Some(version), None) => Line::Hello(version.into()),
        _ => Line::BrokenHello,
    }
}

/// Reads up to the first newline, which is taken off. Reads nothing beyond `max_bytes` + 1.
///
/// # Errors
/// [`LineFault`], when there is no line of at most `max_bytes` bytes of UTF-8.
pub async fn read_line<R: AsyncRead + Unpin>(
    io: &mut R,
    max_bytes: usize,
) -> Result<String, LineFault> {
    let mut line = Vec::new();
    let mut chunk = [0_u8; 4096];
    loop {
        let room = chunk.len().min(max_bytes + 1 - line.len());
        let read = io.read(&mut chunk[..room]).await?;
        if read == 0 {
            return Err(LineFault::NoNewline);
        }
        if let Some(end) = chunk[..read].iter().position(|b| *b == b'\n') {
            line.extend_from_slice(&chunk[..end]);
            return String::from_utf8(line).map_err(|_| LineFault::NotUtf8);
        }
        line.extend_from_slice(&chunk[..read]);
        if line.len() > max_bytes {
            return Err(LineFault::TooLong);
        }
    }
}
