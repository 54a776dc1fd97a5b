//! Frames of `/slips/2.0`: a length of four bytes, big-endian, and a JSON object with a `type`.
//!
//! ```text
//! 00 00 00 20 {"type":"message","text":"eyJ9"}   a line, as `/slips/1.0` carries it
//! 00 00 00 1b {"type":"ack","count":1024}       so many messages of this stream are kept
//! 00 00 00 32 {"type":"error","code":"unknown_type","text":"no"}   why something was refused
//! ```
//!
//! `hello`, `status` and `goodbye`, by which nodes speak of themselves, are in `presence`.
//!
//! A frame of another type is no fault: it is for a version to come, and is answered by an `error`.
//! Keys a type does not have are ignored for the same reason. The length is checked before anything
//! is kept of a frame. `count` is what the one who takes messages has made safe since the stream was
//! opened, so a number lost with a stream costs nothing: what it does not cover is sent again.

use std::{borrow::Cow, str};

use super::{
    json::{self, Limits, Misfit, Object, Value},
    quoted,
};
use crate::domain::{Farewell, Hello, Presence};

mod presence;

pub use presence::{MAX_PRESENCE_BYTES, push_goodbye, push_hello, push_status};

/// The length before each frame, in bytes.
pub const HEADER_BYTES: usize = 4;
/// What a frame may hold beside its line, in bytes: type, keys, quotes, and escapes if a line has a
/// few. The base64 of Slips has none.
pub const ENVELOPE_BYTES: usize = 1024;
/// The longest `code` of an error, in bytes; ours have at most 12.
const MAX_CODE_BYTES: usize = 32;
/// The longest `text` of an error, in bytes: a line of a log.
const MAX_ERROR_BYTES: usize = 256;
/// A frame has three values and no nesting; the rest is room for keys to come.
const MAX_VALUES: usize = 64;
const MAX_DEPTH: usize = 4;
/// Counts are JSON numbers, exact up to here.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A line for the other side's Slips.
    Message {
        /// One line, not blank, without its newline.
        text: Cow<'a, str>,
    },
    /// What the other side has kept of our messages.
    Ack {
        /// How many since the stream was opened.
        count: u64,
    },
    /// Something of ours was refused.
    Error {
        /// The kind: a [`Code`]'s word, or a later one.
        code: Cow<'a, str>,
        /// For people.
        text: Cow<'a, str>,
    },
    /// Who the other side says it is; the first frame of whoever sends.
    Hello(Box<Hello>),
    /// How it is now.
    Status(Presence),
    /// It leaves.
    Goodbye(Farewell),
    /// A type this version does not know.
    Unknown {
        /// Its name, shortened and escaped.
        kind: String,
    },
}

/// Why something is refused, as the `code` of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A frame of a type nobody here knows; the stream goes on.
    UnknownType,
    /// A frame of a known type where it makes no sense; the stream goes on.
    Unexpected,
    /// No frame at all; the stream ends.
    Malformed,
    /// Longer than the limit; the stream ends.
    TooLong,
    /// Nobody has decided about the sender yet: its messages are not taken; the stream goes on.
    Parked,
}

impl Code {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::UnknownType => "unknown_type",
            Self::Unexpected => "unexpected",
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Parked => "parked",
        }
    }
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The length says more than the limit.
    #[error("a frame of {bytes} bytes; at most {limit} are read (max_line_bytes)")]
    TooLong {
        /// What it says.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not strict JSON, or not an object with the keys and kinds of values that belong there.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// `count` is negative, broken or beyond what a JSON number holds exactly.
    #[error("count {0} is no number of messages")]
    NotACount(String),
    /// `text` of a message holds a newline, or nothing but blanks.
    #[error("the text of a message is not one line")]
    NotALine,
    /// A text longer than its key allows.
    #[error("`{key}` has {bytes} bytes; at most {limit} are read")]
    LongText {
        /// Of which key.
        key: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl Fault {
    /// What the sender is told of it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } | Self::LongText { .. } => Code::TooLong,
            _ => Code::Malformed,
        }
    }
}

/// The beginning of a stream of frames; see [`split`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split<'a> {
    /// A frame is there.
    Whole {
        /// Its JSON.
        body: &'a [u8],
        /// How many bytes it took, length included.
        taken: usize,
    },
    /// Not yet.
    Partial {
        /// At least so many bytes more are needed.
        missing: usize,
    },
}

/// The longest body of a frame that may carry a line of `max_line_bytes`.
#[must_use]
pub fn max_body_bytes(max_line_bytes: usize) -> usize {
    max_line_bytes
        .saturating_add(ENVELOPE_BYTES)
        .min(u32::MAX as usize)
}

/// Cuts the first frame off `bytes`.
///
/// # Errors
/// [`Fault::TooLong`] as soon as the length is there and says more than `max_body`.
pub fn split(bytes: &[u8], max_body: usize) -> Result<Split<'_>, Fault> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Ok(Split::Partial {
            missing: HEADER_BYTES - bytes.len(),
        });
    };
    let length = usize::try_from(u32::from_be_bytes(*header)).unwrap_or(usize::MAX);
    if length > max_body {
        return Err(Fault::TooLong {
            bytes: length,
            limit: max_body,
        });
    }
    Ok(match rest.get(..length) {
        Some(body) => Split::Whole {
            body,
            taken: HEADER_BYTES + length,
        },
        None => Split::Partial {
            missing: length - rest.len(),
        },
    })
}

/// Reads the body of a frame whose message may have `max_line_bytes`.
///
/// # Errors
/// A [`Fault`] for whatever is no object with a `type`, or not what its type demands.
pub fn decode(body: &[u8], max_line_bytes: usize) -> Result<Frame<'_>, Fault> {
    let limits = Limits {
        max_bytes: max_body_bytes(max_line_bytes).max(MAX_PRESENCE_BYTES),
        max_depth: MAX_DEPTH,
        max_values: MAX_VALUES,
    };
    let mut object = json::object(body, limits)?;
    let kind = text(&mut object, "type", usize::MAX)?;
    match &*kind {
        "message" => {
            let text = text(&mut object, "text", max_line_bytes)?;
            if text.contains('\n') || text.trim().is_empty() {
                return Err(Fault::NotALine);
            }
            Ok(Frame::Message { text })
        }
        "ack" => Ok(Frame::Ack {
            count: count(&mut object)?,
        }),
        "error" => Ok(Frame::Error {
            code: text(&mut object, "code", MAX_CODE_BYTES)?,
            text: text(&mut object, "text", MAX_ERROR_BYTES)?,
        }),
        "hello" => Ok(Frame::Hello(Box::new(presence::hello(&object)))),
        "status" => Ok(Frame::Status(presence::presence(&object))),
        "goodbye" => Ok(Frame::Goodbye(presence::goodbye(&object))),
        other => Ok(Frame::Unknown {
            kind: quoted(other),
        }),
    }
}

fn text<'a>(
    object: &mut Object<'a>,
    key: &'static str,
    limit: usize,
) -> Result<Cow<'a, str>, Fault> {
    match object.take(key)? {
        Value::Text(text) if text.len() > limit => Err(Fault::LongText {
            key,
            bytes: text.len(),
            limit,
        }),
        Value::Text(text) => Ok(text),
        other => Err(Misfit::wrong(key, "a text", &other).into()),
    }
}

fn count(object: &mut Object<'_>) -> Result<u64, Fault> {
    match object.take("count")? {
        Value::Number(number) if (0.0..=MAX_COUNT).contains(&number) && number.fract() == 0.0 =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number within a float's exact range"
            )]
            Ok(number as u64)
        }
        Value::Number(number) => Err(Fault::NotACount(quoted(&number.to_string()))),
        other => Err(Misfit::wrong("count", "a number", &other).into()),
    }
}

/// Appends the frame of a message to `out`. Says whether it fits in `max_body`; what does not fit is
/// not appended.
#[must_use]
pub fn push_message(out: &mut Vec<u8>, line: &str, max_body: usize) -> bool {
    push(out, max_body, |out| {
        out.extend_from_slice(b"{\"type\":\"message\",\"text\":");
        push_text(out, line);
        out.push(b'}');
    })
}

/// Appends the frame of an acknowledgement to `out`.
pub fn push_ack(out: &mut Vec<u8>, count: u64) {
    let _ = push(out, ENVELOPE_BYTES, |out| {
        out.extend_from_slice(format!("{{\"type\":\"ack\",\"count\":{count}}}").as_bytes());
    });
}

/// Appends the frame of an error to `out`; a long text is cut.
pub fn push_error(out: &mut Vec<u8>, code: Code, text: &str) {
    let end = (0..=text.len().min(MAX_ERROR_BYTES))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    // Escaped, the longest text has six bytes for each of its own.
    let most = 6 * MAX_ERROR_BYTES + ENVELOPE_BYTES;
    let _ = push(out, most, |out| {
        out.extend_from_slice(b"{\"type\":\"error\",\"code\":");
        push_text(out, code.word());
        out.extend_from_slice(b",\"text\":");
        push_text(out, &text[..end]);
        out.push(b'}');
    });
}

/// Appends a frame whose body stands already. Says whether it fits in `max_body`; what does not fit
/// is not appended.
#[must_use]
pub fn push_body(out: &mut Vec<u8>, body: &[u8], max_body: usize) -> bool {
    push(out, max_body, |out| out.extend_from_slice(body))
}

fn push(out: &mut Vec<u8>, max_body: usize, body: impl FnOnce(&mut Vec<u8>)) -> bool {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    body(out);
    let length = out.len() - start - HEADER_BYTES;
    let fits = u32::try_from(length)
        .ok()
        .filter(|_| length <= max_body)
        .map(|length| out[start..start + HEADER_BYTES].copy_from_slice(&length.to_be_bytes()))
        .is_some();
    if !fits {
        out.truncate(start);
    }
    fits
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|b| b < b' ' || matches!(b, b'"' | b'\\')) {
        let mut escaped = String::with_capacity(text.len() + text.len() / 8);
        json::push_text(&mut escaped, text);
        out.extend_from_slice(escaped.as_bytes());
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests;
