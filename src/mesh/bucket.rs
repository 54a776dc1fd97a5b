//! A token bucket on given time: full at first, refilled steadily, may go into debt once.
//!
//! governor keeps its own clock and has no debts, so it cannot run on simulated time beside other
//! buckets, nor charge what was asked for and has come.

use std::time::Duration;

use crate::domain::Timestamp;

/// A token bucket, in millionths of a token.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    level: i64,
    rate: i64,
    full: i64,
    at: Timestamp,
}

const MICRO: i64 = 1_000_000;

impl Bucket {
    /// `rate` tokens a second (at least 1), `burst` at most kept.
    pub(super) fn new(rate: u32, burst: u32, now: Timestamp) -> Self {
        let full = i64::from(burst.max(1)) * MICRO;
        Self {
            level: full,
            rate: i64::from(rate.max(1)),
            full,
            at: now,
        }
    }

    /// Whether anything is left.
    pub(super) fn is_open(&mut self, now: Timestamp) -> bool {
        let micros = i64::try_from(now.since(self.at).as_micros()).unwrap_or(i64::MAX);
        let gained = micros.saturating_mul(self.rate);
        self.level = self.level.saturating_add(gained).min(self.full);
        // A clock set back must not stop the refilling for ever.
        self.at = now;
        self.level > 0
    }

    /// Whether all is left: as good as a new one.
    pub(super) fn is_full(&mut self, now: Timestamp) -> bool {
        self.is_open(now) && self.level == self.full
    }

    /// Takes what was used, into debt if need be; debts are at most one burst.
    pub(super) fn charge(&mut self, tokens: u64, now: Timestamp) {
        self.is_open(now);
        let tokens = i64::try_from(tokens)
            .unwrap_or(i64::MAX)
            .saturating_mul(MICRO);
        self.level = self.level.saturating_sub(tokens).max(-self.full);
    }

    /// When something will be left again; `now` when something is.
    pub(super) fn opens_at(&mut self, now: Timestamp) -> Timestamp {
        if self.is_open(now) {
            return now;
        }
        let missing = u64::try_from(1 - self.level).unwrap_or(0);
        let rate = u64::try_from(self.rate).unwrap_or(1);
        now.plus(Duration::from_micros(missing.div_ceil(rate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_the_burst_then_the_rate_and_says_when_it_opens() {
        let mut now = Timestamp::from_micros(1_000_000);
        let mut bucket = Bucket::new(10, 5, now);
        for _ in 0..5 {
            assert!(bucket.is_open(now));
            bucket.charge(1, now);
        }
        assert!(!bucket.is_open(now));
        let mut given = 0;
        let end = now.plus(Duration::from_secs(10));
        loop {
            let opens = bucket.opens_at(now);
            assert!(opens > now || bucket.is_open(now));
            now = opens;
            if now > end {
                break;
            }
            assert!(bucket.is_open(now));
            bucket.charge(1, now);
            given += 1;
        }
        assert!((95..=101).contains(&given), "{given} in 10 s at 10/s");
        bucket.charge(1_000, now);
        let debt = bucket.opens_at(now).since(now);
        assert!(debt <= Duration::from_millis(501), "{debt:?}");
        assert!(!bucket.is_open(now.minus(Duration::from_secs(3600))));
        assert!(bucket.is_open(now));
    }
}
