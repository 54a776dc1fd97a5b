//! Kinds of values: how a TOML value, or the text of a variable or flag, becomes a checked type.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use toml::Value;

use super::{RedisUrl, Word, problem::nearest};
use crate::domain::{Reliability, TooLong, is_plain, plain_whole};

/// What TOML form a kind has, so that bare text (environment, flag) can be turned into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    Text,
    /// An integer.
    Whole,
    /// A float; an integer is taken too.
    Number,
    /// `true` or `false`.
    Truth,
    /// A list of strings.
    List,
}

impl Shape {
    /// Bare text as a value of this form; text that does not fit stays text, for the kind to refuse.
    pub(super) fn of_text(self, text: &str) -> Value {
        let plain = || Value::from(text);
        match self {
            Self::Text => plain(),
            Self::Whole => text
                .replace('_', "")
                .parse::<i64>()
                .map_or_else(|_| plain(), Value::from),
            Self::Number => text.parse::<f64>().map_or_else(|_| plain(), Value::from),
            Self::Truth => text.parse::<bool>().map_or_else(|_| plain(), Value::from),
            Self::List if text.trim_start().starts_with('[') => {
                toml::from_str::<toml::Table>(&format!("x = {text}"))
                    .ok()
                    .and_then(|mut table| table.remove("x"))
                    .unwrap_or_else(plain)
            }
            Self::List => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|i| !i.is_empty())
                    .map(Value::from)
                    .collect(),
            ),
        }
    }
}

/// Why a value is refused, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) wrong: String,
    pub(super) remedy: String,
}

impl Refusal {
    pub(super) fn new(wrong: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            wrong: wrong.into(),
            remedy: remedy.into(),
        }
    }
}

type Read<T> = Box<dyn Fn(&Value) -> Result<T, Refusal> + Send + Sync>;

/// How one setting is read.
pub(super) struct Kind<T> {
    pub(super) shape: Shape,
    /// What the setting takes, for people: `a whole number from 1 to 8`.
    pub(super) takes: String,
    pub(super) read: Read<T>,
}

fn wrong_form(value: &Value, takes: &str) -> Refusal {
    let is = match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    };
    Refusal::new(format!("is {is}"), format!("write {takes}"))
}

/// A kind of text: `parse` answers with what is wrong.
pub(super) fn text_kind<T: 'static>(
    takes: impl Into<String>,
    parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
) -> Kind<T> {
    let takes = takes.into();
    let expected = takes.clone();
    let read = move |value: &Value| match value {
        Value::String(text) => {
            parse(text).map_err(|wrong| Refusal::new(wrong, format!("write {expected}")))
        }
        other => Err(wrong_form(other, &expected)),
    };
    Kind {
        shape: Shape::Text,
        takes,
        read: Box::new(read),
    }
}

/// A kind of text that may be left empty.
pub(super) fn optional<T: 'static>(kind: Kind<T>) -> Kind<Option<T>> {
    let inner = kind.read;
    let read = move |value: &Value| match value {
        Value::String(text) if text.is_empty() => Ok(None),
        value => inner(value).map(Some),
    };
    Kind {
        shape: kind.shape,
        takes: format!("{}, or empty", kind.takes),
        read: Box::new(read),
    }
}

/// Text without control characters, at least one character.
pub(super) fn text(takes: &'static str) -> Kind<String> {
    text_kind(takes, |text| match text {
        "" => Err("is empty".into()),
        text if text.chars().any(char::is_control) => Err("has control characters".into()),
        text => Ok(text.to_owned()),
    })
}

/// A line of text that others are shown, at least one character and at most `most`.
pub(super) fn line(takes: &str, most: usize) -> Kind<String> {
    let takes = format!("{takes} of at most {most} characters");
    text_kind(takes, move |text| {
        if text.is_empty() {
            return Err("is empty".into());
        }
        if let Some(c) = text.chars().find(|c| !is_plain(*c)) {
            let c = c.escape_unicode();
            return Err(format!("has a character that peers are not shown, {c}"));
        }
        match plain_whole(text, most) {
            Err(TooLong { length, .. }) => Err(format!("has {length} characters")),
            Ok(_) => Ok(text.to_owned()),
        }
    })
}

/// The name of a libp2p protocol.
pub(super) fn protocol() -> Kind<String> {
    text_kind(
        "a protocol name that begins with a slash, such as \"/slips/1.0\"",
        |text| {
            if text.len() > 1 && text.starts_with('/') && text.chars().all(|c| c.is_ascii_graphic())
            {
                Ok(text.to_owned())
            } else {
                Err("is no protocol name".into())
            }
        },
    )
}

/// The name of a service in multicast DNS.
pub(super) fn service() -> Kind<String> {
    text_kind(
        "1 to 63 letters, digits, `-` or `_`, such as \"slips\"",
        |text| {
            let fits = (1..=63).contains(&text.len());
            if fits
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            {
                Ok(text.to_owned())
            } else {
                Err("is no service name".into())
            }
        },
    )
}

/// A path of a file or directory.
pub(super) fn path() -> Kind<PathBuf> {
    text_kind("a path", |text| match text {
        "" => Err("is empty".into()),
        text if text.contains('\0') => Err("has a zero byte".into()),
        text => Ok(PathBuf::from(text)),
    })
}

/// A Redis URL.
pub(super) fn redis_url() -> Kind<RedisUrl> {
    text_kind(
        "a URL, such as \"redis://127.0.0.1:6379\", \"rediss://user:password@host:6380/1\" or \"unix:///run/redis.sock\" (% escapes in the password)",
        RedisUrl::new,
    )
}

/// A span of time with its unit.
pub(super) fn duration(range: RangeInclusive<&'static str>) -> Kind<Duration> {
    let takes = format!(
        "a span of time from \"{}\" to \"{}\", such as \"90s\", \"24h\" or \"7d\"",
        range.start(),
        range.end()
    );
    text_kind(takes, move |text| {
        let span = parse_duration(text).ok_or("is no span of time")?;
        let bounds = (parse_duration(range.start()), parse_duration(range.end()));
        match bounds {
            (Some(low), _) if span < low => Err("is too short".into()),
            (_, Some(high)) if span > high => Err("is too long".into()),
            _ => Ok(span),
        }
    })
}

/// `90s`, `1h 30m`, `7d`, `PT5M`; a day is 24 hours.
fn parse_duration(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let exact = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .ok()?;
    Duration::try_from(exact).ok()
}

/// One of a few words.
pub(super) fn word<T: Word>() -> Kind<T> {
    let all = T::WORDS
        .iter()
        .map(|(word, _)| format!("\"{word}\""))
        .collect::<Vec<_>>()
        .join(", ");
    let takes = format!("one of {all}");
    let expected = takes.clone();
    let read = move |value: &Value| {
        let Value::String(text) = value else {
            return Err(wrong_form(value, &expected));
        };
        T::WORDS
            .iter()
            .find(|(word, _)| word == text)
            .map(|(_, it)| *it)
            .ok_or_else(|| {
                let guess = nearest(text, T::WORDS.iter().map(|(word, _)| *word));
                let guess = guess
                    .map(|word| format!("; did you mean \"{word}\"?"))
                    .unwrap_or_default();
                Refusal::new("is no choice here", format!("write {expected}{guess}"))
            })
    };
    Kind {
        shape: Shape::Text,
        takes,
        read: Box::new(read),
    }
}

/// `true` or `false`.
pub(super) fn truth() -> Kind<bool> {
    let read = |value: &Value| {
        value
            .as_bool()
            .ok_or_else(|| wrong_form(value, "true or false, without quotes"))
    };
    Kind {
        shape: Shape::Truth,
        takes: "true or false".into(),
        read: Box::new(read),
    }
}

/// An integer in a range.
pub(super) fn whole<T: TryFrom<i64> + 'static>(range: RangeInclusive<i64>) -> Kind<T> {
    let takes = format!("a whole number from {} to {}", range.start(), range.end());
    let expected = takes.clone();
    let read = move |value: &Value| {
        let Value::Integer(number) = value else {
            return Err(wrong_form(value, &expected));
        };
        let fits = Some(*number)
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok());
        fits.ok_or_else(|| Refusal::new("is out of range", format!("write {expected}")))
    };
    Kind {
        shape: Shape::Whole,
        takes,
        read: Box::new(read),
    }
}

/// A number in a range.
pub(super) fn number(range: RangeInclusive<f64>) -> Kind<f64> {
    let takes = format!("a number from {} to {}", range.start(), range.end());
    let expected = takes.clone();
    let read = move |value: &Value| {
        #[expect(clippy::cast_precision_loss, reason = "ranges here are far below 2^53")]
        let number = match value {
            Value::Integer(whole) => *whole as f64,
            Value::Float(number) => *number,
            other => return Err(wrong_form(other, &expected)),
        };
        if range.contains(&number) {
            Ok(number + 0.0)
        } else {
            Err(Refusal::new("is out of range", format!("write {expected}")))
        }
    };
    Kind {
        shape: Shape::Number,
        takes,
        read: Box::new(read),
    }
}

fn mapped<A: 'static, B: 'static>(kind: Kind<A>, into: fn(A) -> B) -> Kind<B> {
    let inner = kind.read;
    Kind {
        shape: kind.shape,
        takes: kind.takes,
        read: Box::new(move |value| inner(value).map(into)),
    }
}

/// How dependable a peer is.
pub(super) fn reliability() -> Kind<Reliability> {
    mapped(number(0.0..=1.0), Reliability::clamped)
}

/// A list of texts, each read by `item`.
pub(super) fn list<T: 'static>(item: Kind<T>, takes: String) -> Kind<Vec<T>> {
    let expected = takes.clone();
    let read = move |value: &Value| {
        let Value::Array(items) = value else {
            return Err(wrong_form(value, &expected));
        };
        items
            .iter()
            .enumerate()
            .map(|(index, value)| {
                (item.read)(value).map_err(|refusal| {
                    Refusal::new(
                        format!("item {} {}", index + 1, refusal.wrong),
                        refusal.remedy,
                    )
                })
            })
            .collect()
    };
    Kind {
        shape: Shape::List,
        takes,
        read: Box::new(read),
    }
}

/// A list of paths.
pub(super) fn paths() -> Kind<Vec<PathBuf>> {
    list(
        path(),
        "a list of paths, such as [\"/opt/slips/VERSION\"]".into(),
    )
}
