//! Reading a message of `/slips/sync/1`.

use std::str::FromStr as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    super::{
        json::{self, Limits, Misfit, Object, Value},
        nothing_known, quoted,
    },
    Author, Digest, Fault, MAX_AUTHORS, MAX_BYTES, MAX_ERROR_BYTES, MAX_ID_CHARS, MAX_SEGMENTS,
    MAX_SPANS, MAX_TIPS, Message, Span, Tip, segment,
};
use crate::domain::PeerId;

const LIMITS: Limits = Limits {
    max_bytes: MAX_BYTES,
    // An object, its list, an item; one more for keys to come.
    max_depth: 4,
    // Four a tip, and room for keys to come.
    max_values: MAX_TIPS * 4 + 64,
};
/// The longest `code` of an error, in bytes; ours have at most 12.
const MAX_CODE_BYTES: usize = 32;

/// Reads the body of a frame.
///
/// # Errors
/// A [`Fault`] for whatever is no object with a `type`, or not what its type demands.
pub fn decode(body: &[u8]) -> Result<Message, Fault> {
    let object = json::object(body, LIMITS)?;
    Ok(match text(&object, "type", MAX_BYTES)? {
        "tips" => Message::Tips {
            fresh: flag(&object, "fresh")?,
            tips: match object.value("tips")? {
                Value::Array(none) if none.is_empty() => Vec::new(),
                _ => list(&object, "tips", MAX_TIPS, tip)?,
            },
        },
        "want" => Message::Want {
            id: number(object.value("id")?, "id")?,
            spans: list(&object, "spans", MAX_SPANS, span)?,
        },
        "segments" => Message::Segments {
            answer: match object.get("answer") {
                Some(answer) => Some(number(answer, "answer")?),
                None => None,
            },
            segments: list(&object, "segments", MAX_SEGMENTS, |v| {
                bytes(v, "segments", segment::MAX_BYTES)
            })?,
        },
        "pruned" => Message::Pruned {
            author: author(object.value("author")?, "author")?,
            before: number(object.value("before")?, "before")?,
        },
        "done" => Message::Done {
            id: number(object.value("id")?, "id")?,
        },
        "prune" => Message::Prune {
            authors: authors(&object)?,
        },
        "graft" => Message::Graft {
            authors: authors(&object)?,
        },
        "fork" => {
            let segments = list(&object, "segments", 2, |v| {
                bytes(v, "segments", segment::MAX_BYTES)
            })?;
            let segments = segments.try_into().map_err(|found: Vec<_>| Fault::Items {
                key: "segments",
                count: found.len(),
                limit: 2,
            })?;
            Message::Fork { segments }
        }
        "nothing_known" => Message::NothingKnown {
            statement: bytes(
                object.value("statement")?,
                "statement",
                nothing_known::MAX_BYTES,
            )?,
        },
        "error" => Message::Error {
            code: text(&object, "code", MAX_CODE_BYTES)?.into(),
            text: text(&object, "text", MAX_ERROR_BYTES)?.into(),
        },
        other => Message::Unknown {
            kind: quoted(other),
        },
    })
}

fn text<'v>(object: &'v Object<'_>, key: &'static str, limit: usize) -> Result<&'v str, Fault> {
    let text = object.text(key)?;
    if text.len() > limit {
        return Err(Fault::LongText {
            key,
            bytes: text.len(),
            limit,
        });
    }
    Ok(text)
}

fn flag(object: &Object<'_>, key: &'static str) -> Result<bool, Fault> {
    match object.value(key)? {
        Value::Bool(flag) => Ok(*flag),
        other => Err(Misfit::wrong(key, "a boolean", other).into()),
    }
}

/// A whole number from 0 to the highest number of an entry, which a JSON number holds exactly.
fn number(value: &Value<'_>, key: &'static str) -> Result<u64, Fault> {
    match value {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number within a float's exact range"
        )]
        Value::Number(n) if (0.0..=segment::MAX_SEQ as f64).contains(n) && n.fract() == 0.0 => {
            Ok(*n as u64)
        }
        Value::Number(number) => Err(Fault::NotANumber(quoted(&number.to_string()))),
        other => Err(Misfit::wrong(key, "a number", other).into()),
    }
}

fn list<T>(
    object: &Object<'_>,
    key: &'static str,
    limit: usize,
    item: impl Fn(&Value<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    match object.value(key)? {
        Value::Array(items) if items.is_empty() || items.len() > limit => Err(Fault::Items {
            key,
            count: items.len(),
            limit,
        }),
        Value::Array(items) => items.iter().map(item).collect(),
        other => Err(Misfit::wrong(key, "a list", other).into()),
    }
}

fn author(value: &Value<'_>, key: &'static str) -> Result<Author, Fault> {
    let text = value.text(key)?;
    if text.len() <= MAX_ID_CHARS
        && let Ok(id) = PeerId::from_str(text)
    {
        return Ok(Author(id));
    }
    Err(Fault::NotAnId(quoted(text)))
}

fn authors(object: &Object<'_>) -> Result<Vec<Author>, Fault> {
    list(object, "authors", MAX_AUTHORS, |v| author(v, "authors"))
}

fn bytes(value: &Value<'_>, key: &'static str, limit: usize) -> Result<Vec<u8>, Fault> {
    let text = value.text(key)?;
    let decoded = STANDARD.decode(text).map_err(|_| Fault::NotBase64(key))?;
    if decoded.is_empty() || decoded.len() > limit {
        return Err(Fault::NotBase64(key));
    }
    Ok(decoded)
}

/// The three parts of a tip or a span.
fn three<'v, 'a>(value: &'v Value<'a>, key: &'static str) -> Result<&'v [Value<'a>; 3], Fault> {
    match value {
        Value::Array(parts) => parts
            .as_slice()
            .try_into()
            .map_err(|_| Misfit::wrong(key, "a list of three", value).into()),
        other => Err(Misfit::wrong(key, "a list of three", other).into()),
    }
}

fn tip(value: &Value<'_>) -> Result<Tip, Fault> {
    let [id, seq, digest] = three(value, "tips")?;
    let digest = bytes(digest, "tips", 32)?;
    Ok(Tip {
        author: author(id, "tips")?,
        seq: number(seq, "tips")?,
        digest: Digest(digest.try_into().map_err(|_| Fault::NotBase64("tips"))?),
    })
}

fn span(value: &Value<'_>) -> Result<Span, Fault> {
    let [id, from, to] = three(value, "spans")?;
    let (from, to) = (number(from, "spans")?, number(to, "spans")?);
    if from == 0 || from > to {
        return Err(Fault::NotASpan { from, to });
    }
    Ok(Span {
        author: author(id, "spans")?,
        from,
        to,
    })
}
