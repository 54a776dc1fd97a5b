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
    json::{self, Limits, Misfit, Object, Value},
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
    /// Not strict JSON, or not an object with the keys and kinds of values that belong there.
    #[error(transparent)]
    Misfit(#[from] Misfit),
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
    let object = json::object(&text, LIMITS)?;
    match object.text("message_type")? {
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
    match object.value("evaluation")? {
        Value::Null => Ok(Message::NothingKnown { subject }),
        Value::Object(evaluation) => Ok(Message::Report {
            subject,
            score: Score::new(evaluation.number("score")?)?,
            confidence: Confidence::new(evaluation.number("confidence")?)?,
        }),
        other => Err(Misfit::wrong("evaluation", "an object or null", other).into()),
    }
}

/// The address a message is about, once its two types are the ones there are.
fn subject(object: &Object<'_>) -> Result<Subject, Fault> {
    match object.text("key_type")? {
        "ip" => {}
        other => return Err(Fault::UnknownKeyType(quoted(other))),
    }
    match object.text("evaluation_type")? {
        "score_confidence" => {}
        other => return Err(Fault::UnknownEvaluationType(quoted(other))),
    }
    let key = object.text("key")?;
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
