//! One clock: microseconds since 1970, UTC.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A point in time in whole microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The start of the epoch.
    pub const ZERO: Self = Self(0);

    /// This host's clock. Only the edges call it; pure code gets `now` as an argument.
    #[must_use]
    pub fn now() -> Self {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Self(micros)
    }

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since the epoch, rounded to a microsecond; saturates, NaN becomes 0.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        Self((seconds * 1e6).round() as i64)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: never ahead of the clock it was read from.
    #[must_use]
    pub fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the epoch with their fraction.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact to a microsecond until the year 2255"
        )]
        let micros = self.0 as f64;
        micros / 1e6
    }

    /// The time that has passed since `earlier`; zero when the clock ran backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This time and a while later; saturates.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This time and a while earlier; saturates.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.as_secs()) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{}s", self.as_secs()),
        }
    }
}
