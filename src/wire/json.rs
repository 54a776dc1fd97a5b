//! Strict JSON: reads only what every other reader of JSON understands in the same way.
//!
//! Readers disagree about repeated keys, NaN, numbers beyond a float, halves of surrogate pairs and
//! deep nesting, and Slips' reader dies of some of them. The strict reader refuses all of those, so
//! that whatever passes means the same here and there. Values borrow from the input; numbers are
//! read correctly rounded, as Python and Go read them.

use std::{borrow::Cow, ops::Range};

mod fields;
mod reader;

pub use fields::Misfit;

/// How much one document may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest text, in bytes.
    pub max_bytes: usize,
    /// The deepest nesting of arrays and objects; a plain value has depth 0, `{}` has 1.
    pub max_depth: usize,
    /// The most values in the whole document, at any depth: bounds memory, which grows with the
    /// number of values faster than with the bytes.
    pub max_values: usize,
}

/// A JSON value that borrows what it can from the text it was read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number, as the nearest float; finite when read strictly.
    Number(f64),
    /// A text, its escapes resolved.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, in the order of its text.
    Object(Object<'a>),
}

impl Value<'_> {
    /// The name of this kind of value, for faults.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// An object's members in the order of their text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    /// The members; a key repeats only when read leniently.
    pub members: Vec<Member<'a>>,
}

/// One `"key": value` of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// The key, its escapes resolved.
    pub key: Cow<'a, str>,
    /// The value.
    pub value: Value<'a>,
    /// Which bytes of the text the value took.
    pub span: Range<usize>,
}

impl<'a> Object<'a> {
    /// The value of a key; of the last one, should it repeat, as Python and Go do.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.members
            .iter()
            .rev()
            .find(|member| member.key == key)
            .map(|member| &member.value)
    }
}

/// Why a text is not the JSON asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Over [`Limits::max_bytes`].
    #[error("{bytes} bytes of JSON; at most {limit} are read")]
    TooLong {
        /// The length of the text.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Over [`Limits::max_depth`].
    #[error("nested deeper than {limit} levels at byte {at}")]
    TooDeep {
        /// The limit.
        limit: usize,
        /// Where the level too many opens.
        at: usize,
    },
    /// Over [`Limits::max_values`].
    #[error("more than {limit} values in one document")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// A key twice in one object: readers disagree on which one counts.
    #[error("key `{key}` stands more than once in one object")]
    DuplicateKey {
        /// The key, quoted.
        key: String,
    },
    /// An escape that is half of a surrogate pair: no character.
    #[error("half of a surrogate pair at byte {at}")]
    LoneSurrogate {
        /// Where its escape begins.
        at: usize,
    },
    /// A number beyond the range of a float, which readers turn into infinity or an error.
    #[error("number `{text}` is beyond the range of a double")]
    NumberTooBig {
        /// The number, quoted.
        text: String,
    },
    /// Something else than the grammar asks for, such as `NaN`, a comma too many, a raw newline in
    /// a text or a leading zero.
    #[error("{found:?} at byte {at} where {expected} belongs")]
    Unexpected {
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: char,
        /// Where.
        at: usize,
    },
    /// The text ends inside a value.
    #[error("ends where {expected} belongs")]
    EndsEarly {
        /// What belongs there.
        expected: &'static str,
    },
}

/// Reads one JSON value that every reader understands alike.
///
/// # Errors
/// A [`Fault`] for whatever is not JSON, exceeds a limit, repeats a key in an object, holds a number
/// beyond a float's range or half of a surrogate pair, or is not UTF-8.
pub fn parse(text: &[u8], limits: Limits) -> Result<Value<'_>, Fault> {
    reader::read(text, limits, true)
}

/// Reads one JSON object that every reader understands alike.
///
/// # Errors
/// As [`parse`], and for whatever is JSON but no object.
pub fn object(text: &[u8], limits: Limits) -> Result<Object<'_>, Misfit> {
    parse(text, limits)?.into_object()
}

/// Reads one JSON value as Go's and Python's own readers do: of a repeated key the last counts
/// ([`Object::get`]), a number too big is infinite, half of a surrogate pair is U+FFFD. For texts of
/// our own Slips, never for what peers send.
///
/// # Errors
/// A [`Fault`] for whatever is not JSON, exceeds a limit or is not UTF-8.
pub fn parse_leniently(text: &[u8], limits: Limits) -> Result<Value<'_>, Fault> {
    reader::read(text, limits, false)
}

/// Appends a text as a JSON string: quotes, backslashes and control characters escaped, all else as
/// it is.
pub fn push_text(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                // Writing into a `String` cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
