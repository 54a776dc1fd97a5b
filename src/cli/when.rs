//! Times as people write them: `1h`, `2d12h`, a date, or RFC 3339.

use std::time::Duration;

use crate::domain::Timestamp;

/// Seconds in each unit a span may be written in.
const UNITS: [(char, u64); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 3600),
    ('d', 86_400),
    ('w', 604_800),
];

/// Since when: a time, or a while before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// A point in time.
    At(Timestamp),
    /// A while before now.
    Ago(Duration),
}

/// A text that names no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no time; write how long ago (90s, 15m, 1h, 2d12h, 1w), a day (2026-11-20) or RFC 3339 (2026-11-20T15:00:00Z)"
)]
pub struct SinceError(String);

impl Since {
    /// The point in time, seen from `now`.
    #[must_use]
    pub fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(span) => now.minus(span),
        }
    }
}

impl std::str::FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, SinceError> {
        let error = || SinceError(text.chars().take(64).collect());
        if let Some(span) = parse_span(text) {
            return Ok(Self::Ago(span));
        }
        let time: jiff::Timestamp = match text.parse::<jiff::Timestamp>() {
            Ok(time) => time,
            // A bare day is the day's start in UTC, the zone every time here is shown in.
            Err(_) => format!("{text}T00:00:00Z").parse().map_err(|_| error())?,
        };
        Ok(Self::At(Timestamp::from_micros(time.as_microsecond())))
    }
}

/// `2d12h`: whole numbers, each with its unit.
/// A while as an argument, at least a second and at most a hundred years.
///
/// # Errors
/// The text is no while, or one out of range.
pub fn span(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
    let shown: String = text.chars().take(64).collect();
    match parse_span(text) {
        Some(span) if !span.is_zero() && span <= LONGEST => Ok(span),
        Some(_) => Err(format!(
            "`{shown}` is out of range; write at least 1s and at most 36500d"
        )),
        None => Err(format!(
            "`{shown}` is no while; write 90s, 15m, 1h, 2d12h or 1w"
        )),
    }
}

fn parse_span(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        seconds = seconds.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(text: &str) -> Option<u64> {
        match text.parse() {
            Ok(Since::Ago(span)) => Some(span.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn spans_add_up() {
        assert_eq!(ago("90s"), Some(90));
        assert_eq!(ago("1h"), Some(3600));
        assert_eq!(ago("2d12h"), Some(216_000));
        assert_eq!(ago("1w"), Some(604_800));
    }

    #[test]
    fn points_in_time_are_read_with_any_offset() {
        let at = |text: &str| match text.parse() {
            Ok(Since::At(time)) => time.as_secs(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(at("2026-11-20T15:00:00Z"), 1_795_186_800);
        assert_eq!(at("2026-11-20T16:00:00+01:00"), 1_795_186_800);
        assert_eq!(at("2026-11-20"), 1_795_132_800);
    }

    #[test]
    fn nonsense_is_named() {
        for text in [
            "",
            "h",
            "1",
            "1x",
            "-1h",
            "1h-",
            "yesterday",
            "2026-13-01",
            "99999999999999999999h",
            "1é",
        ] {
            let error = text.parse::<Since>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn a_span_longer_than_time_starts_at_the_beginning() {
        let since: Since = "99999999999w".parse().unwrap();
        assert!(since.from(Timestamp::from_micros(1)) < Timestamp::ZERO);
    }
}
