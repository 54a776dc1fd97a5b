//! The reader behind `json::parse`: one pass over the bytes, RFC 8259's grammar and nothing else.

use std::{borrow::Cow, str};

use super::{Fault, Limits, Member, Object, Value};
use crate::wire::quoted;

/// Objects up to this size are searched for repeated keys by comparing each with each, larger ones
/// by sorting: the messages of Slips have six keys.
const COMPARE_EACH: usize = 16;

/// Room an object gets at first: no message of Slips needs more.
const USUAL: usize = 8;

/// Reads a whole text as one value; `strict` refuses what readers disagree about.
pub(super) fn read(text: &[u8], limits: Limits, strict: bool) -> Result<Value<'_>, Fault> {
    if text.len() > limits.max_bytes {
        return Err(Fault::TooLong {
            bytes: text.len(),
            limit: limits.max_bytes,
        });
    }
    let text = str::from_utf8(text).map_err(|error| Fault::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let mut reader = Reader {
        text,
        at: 0,
        limits,
        values: 0,
        strict,
    };
    reader.skip_blanks();
    let value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at < text.len() {
        Err(reader.unexpected("the end"))
    } else {
        Ok(value)
    }
}

struct Reader<'a> {
    text: &'a str,
    /// The next byte; always on a character boundary when a value begins or ends.
    at: usize,
    limits: Limits,
    /// How many values were begun so far.
    values: usize,
    strict: bool,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &'static str) -> Fault {
        match self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        {
            Some(found) => Fault::Unexpected {
                expected,
                found,
                at: self.at,
            },
            None => Fault::EndsEarly { expected },
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected(expected))
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Fault> {
        self.values += 1;
        if self.values > self.limits.max_values {
            return Err(Fault::TooManyValues {
                limit: self.limits.max_values,
            });
        }
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth)?).map(Value::Object),
            Some(b'[') => self.array(self.deeper(depth)?).map(Value::Array),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, Fault> {
        if depth < self.limits.max_depth {
            Ok(depth + 1)
        } else {
            Err(Fault::TooDeep {
                limit: self.limits.max_depth,
                at: self.at,
            })
        }
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, Fault> {
        for byte in word.bytes() {
            self.take(byte, word)?;
        }
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value<'a>>, Fault> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_blanks();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(items);
            }
            self.take(b',', "`,` or `]`")?;
            self.skip_blanks();
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object<'a>, Fault> {
        self.at += 1;
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Object::default());
        }
        let mut members: Vec<Member<'a>> = Vec::with_capacity(USUAL);
        loop {
            let key = self.string()?;
            self.skip_blanks();
            self.take(b':', "`:`")?;
            self.skip_blanks();
            let start = self.at;
            let value = self.value(depth)?;
            members.push(Member {
                key,
                value,
                span: start..self.at,
            });
            self.skip_blanks();
            if self.peek() == Some(b'}') {
                self.at += 1;
                break;
            }
            self.take(b',', "`,` or `}`")?;
            self.skip_blanks();
        }
        if self.strict {
            refuse_duplicates(&members)?;
        }
        Ok(Object { members })
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.take(b'"', "`\"`")?;
        let plain = self.plain_characters();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut resolved = String::from(plain);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(resolved));
                }
                Some(b'\\') => resolved.push(self.escape()?),
                _ => return Err(self.unexpected("a character or `\"`")),
            }
            resolved.push_str(self.plain_characters());
        }
    }

    /// What stands before the next quote, backslash or control character.
    fn plain_characters(&mut self) -> &'a str {
        let text = self.text;
        let start = self.at;
        let rest = &text.as_bytes()[start..];
        let length = rest
            .iter()
            .position(|&b| b == b'"' || b == b'\\' || b < b' ')
            .unwrap_or(rest.len());
        self.at += length;
        // Both ends are ASCII bytes or the ends of the text, so they are character boundaries.
        &text[start..self.at]
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(start);
            }
            _ => return Err(self.unexpected("an escape")),
        };
        self.at += 1;
        Ok(c)
    }

    /// The character of a `\uXXXX`, of two for a surrogate pair; `start` is its backslash.
    fn unicode_escape(&mut self, start: usize) -> Result<char, Fault> {
        let first = self.four_hex_digits()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let after_first = self.at;
        if first < 0xDC00 && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.four_hex_digits()?;
            if (0xDC00..=0xDFFF).contains(&second) {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // The second escape is a character of its own.
            self.at = after_first;
        }
        if self.strict {
            Err(Fault::LoneSurrogate { at: start })
        } else {
            Ok(char::REPLACEMENT_CHARACTER)
        }
    }

    fn four_hex_digits(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected("a hexadecimal digit"))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<f64, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() || !self.strict => Ok(number),
            _ => Err(Fault::NumberTooBig { text: quoted(text) }),
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }
}

fn refuse_duplicates(members: &[Member<'_>]) -> Result<(), Fault> {
    let twice = if members.len() <= COMPARE_EACH {
        let mut pairs = members.iter().enumerate();
        pairs
            .find(|(i, member)| members[..*i].iter().any(|other| other.key == member.key))
            .map(|(_, member)| &*member.key)
    } else {
        let mut keys: Vec<&str> = members.iter().map(|member| &*member.key).collect();
        keys.sort_unstable();
        keys.windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
    };
    twice.map_or(Ok(()), |key| Err(Fault::DuplicateKey { key: quoted(key) }))
}
