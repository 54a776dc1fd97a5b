//! What sensors say to each other: base64 of one JSON object, checked so that whatever passes can be
//! digested by Slips and means the same to it as to this node.
//!
//! Slips' module dies of some inputs (a text that is not ASCII, a list where a word is due, null for
//! a number, an integer beyond a float, deep nesting) and reads others in its own way (the last of a
//! repeated key, numbers in quotes, booleans as numbers, NaN). All of them are refused here. Keys it
//! does not know it ignores, so does this decoder.
//!
//! An address must be written in its one canonical spelling. Slips uses the text itself as the key of
//! its tables, so two spellings of one address would be two addresses to it and one to us; and the
//! message must reach it byte by byte as it was sent, so it cannot be respelled on the way. Slips
//! itself writes canonical addresses: nobody honest is hurt, and the fault names the right spelling.

use std::fmt::Write as _;

use base64::{DecodeError, Engine as _, engine::general_purpose::STANDARD};

use super::{
    json::{self, Limits, Object, Value},
    quoted,
};
use crate::domain::{Confidence, OutOfRange, Score, Subject};

/// The longest message, in base64 characters. What Slips writes is under 300; the bound keeps the
/// worst malformed message within 20 us of work.
pub const MAX_MESSAGE_CHARS: usize = 8192;

/// A message of Slips has 8 values and a depth of 2; the rest is room for keys to come.
const LIMITS: Limits = Limits {
    max_bytes: MAX_MESSAGE_CHARS / 4 * 3,
    max_depth: 8,
    max_values: 128,
};

/// One checked message between sensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Message {
    /// An address is this malicious, with this confidence.
    Report {
        /// About which address.
        subject: Subject,
        /// How malicious.
        score: Score,
        /// How sure.
        confidence: Confidence,
    },
    /// A report whose `evaluation` is null: nothing is known about the address.
    NothingKnown {
        /// About which address.
        subject: Subject,
    },
    /// What is known about an address?
    Request {
        /// About which address.
        subject: Subject,
    },
    /// An accusation; Slips hands it on unread, so its content is not read here either.
    Blame,
}

/// Why a line is no message that Slips can digest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Over [`MAX_MESSAGE_CHARS`].
    #[error("a message of {chars} characters; at most {MAX_MESSAGE_CHARS} are read")]
    TooLong {
        /// Its length.
        chars: usize,
    },
    /// Not standard base64 with padding: a foreign character, wrong length, bits to spare.
    #[error("not standard base64 with padding: {0}")]
    NotBase64(DecodeError),
    /// Not JSON that all readers understand alike.
    #[error("not strict JSON: {0}")]
    NotJson(#[from] json::Fault),
    /// JSON, but no object.
    #[error("the message is {0}, not an object")]
    NotAnObject(&'static str),
    /// A key that must be there is not.
    #[error("key `{0}` is missing")]
    Missing(&'static str),
    /// A value of another kind than the key demands.
    #[error("`{key}` is {found}, not {expected}")]
    WrongKind {
        /// Of which key.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// `message_type` is none of the three.
    #[error("message_type `{0}` is not report, request or blame")]
    UnknownMessageType(String),
    /// `key_type` is another kind of key than an address.
    #[error("key_type `{0}` is not ip")]
    UnknownKeyType(String),
    /// `evaluation_type` is another than the one there is.
    #[error("evaluation_type `{0}` is not score_confidence")]
    UnknownEvaluationType(String),
    /// `key` is no address.
    #[error("key `{0}` is not an IP address without zone or blanks")]
    NotAnAddress(String),
    /// `key` is an address in another spelling than the canonical one.
    #[error("key `{found}` must be written `{canonical}`")]
    NotCanonical {
        /// The spelling that came, quoted.
        found: String,
        /// The address, whose `Display` is the canonical spelling.
        canonical: Subject,
    },
    /// A number outside its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// Reads the line a peer sent: strict standard base64 of one strict JSON object.
///
/// # Errors
/// A [`Fault`] for everything that Slips could not digest or would understand in another way.
pub fn decode(line: &str) -> Result<Message, Fault> {
    if line.len() > MAX_MESSAGE_CHARS {
        return Err(Fault::TooLong { chars: line.len() });
    }
    let text = STANDARD.decode(line).map_err(Fault::NotBase64)?;
    let object = match json::parse(&text, LIMITS)? {
        Value::Object(object) => object,
        other => return Err(Fault::NotAnObject(other.kind())),
    };
    match text_of(&object, "message_type")? {
        "report" => report(&object),
        "request" => Ok(Message::Request {
            subject: subject(&object)?,
        }),
        "blame" => Ok(Message::Blame),
        other => Err(Fault::UnknownMessageType(quoted(other))),
    }
}

fn report(object: &Object<'_>) -> Result<Message, Fault> {
    let subject = subject(object)?;
    match value_of(object, "evaluation")? {
        Value::Null => Ok(Message::NothingKnown { subject }),
        Value::Object(evaluation) => Ok(Message::Report {
            subject,
            score: Score::new(number_of(evaluation, "score")?)?,
            confidence: Confidence::new(number_of(evaluation, "confidence")?)?,
        }),
        other => Err(Fault::WrongKind {
            key: "evaluation",
            expected: "an object or null",
            found: other.kind(),
        }),
    }
}

/// The address a message is about, once its two types are the ones there are.
fn subject(object: &Object<'_>) -> Result<Subject, Fault> {
    match text_of(object, "key_type")? {
        "ip" => {}
        other => return Err(Fault::UnknownKeyType(quoted(other))),
    }
    match text_of(object, "evaluation_type")? {
        "score_confidence" => {}
        other => return Err(Fault::UnknownEvaluationType(quoted(other))),
    }
    let key = text_of(object, "key")?;
    let canonical: Subject = key.parse().map_err(|_| Fault::NotAnAddress(quoted(key)))?;
    if canonical.to_string() == key {
        Ok(canonical)
    } else {
        Err(Fault::NotCanonical {
            found: quoted(key),
            canonical,
        })
    }
}

fn value_of<'v, 'a>(object: &'v Object<'a>, key: &'static str) -> Result<&'v Value<'a>, Fault> {
    object.get(key).ok_or(Fault::Missing(key))
}

fn text_of<'v>(object: &'v Object<'_>, key: &'static str) -> Result<&'v str, Fault> {
    match value_of(object, key)? {
        Value::Text(text) => Ok(text),
        other => Err(Fault::WrongKind {
            key,
            expected: "a text",
            found: other.kind(),
        }),
    }
}

fn number_of(object: &Object<'_>, key: &'static str) -> Result<f64, Fault> {
    match value_of(object, key)? {
        Value::Number(number) => Ok(*number),
        other => Err(Fault::WrongKind {
            key,
            expected: "a number",
            found: other.kind(),
        }),
    }
}

/// A report as Slips writes it, in base64: same keys, order and separators.
#[must_use]
pub fn encode_report(subject: Subject, score: Score, confidence: Confidence) -> String {
    let mut text = head("report", subject);
    // Writing into a `String` cannot fail. `Debug` of a float always shows it to be one: `1.0`.
    let _ = write!(
        text,
        ", \"evaluation\": {{\"score\": {:?}, \"confidence\": {:?}}}}}",
        score.get(),
        confidence.get()
    );
    STANDARD.encode(text)
}

/// A request as Slips writes it, in base64: same keys, order and separators.
#[must_use]
pub fn encode_request(subject: Subject) -> String {
    let mut text = head("request", subject);
    text.push('}');
    STANDARD.encode(text)
}

fn head(message_type: &str, subject: Subject) -> String {
    format!(
        "{{\"message_type\": \"{message_type}\", \"key_type\": \"{}\", \"key\": \"{subject}\", \"evaluation_type\": \"score_confidence\"",
        subject.key_type()
    )
}
