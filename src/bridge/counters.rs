//! What the bridge has done since it started, for the log, the commands and the tests.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Plain counts since the start, which only grow, and whether the server is there.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages from Slips taken in.
    pub received: AtomicU64,
    /// Messages on the channel from Slips that could not be read.
    pub refused: AtomicU64,
    /// Messages of our own kind seen because both channels are one.
    pub own: AtomicU64,
    /// Messages from Slips dropped because the queue to the node was full.
    pub dropped: AtomicU64,
    /// Messages that enough subscribers received.
    pub delivered: AtomicU64,
    /// Messages published again because an earlier attempt failed or was not answered.
    pub resent: AtomicU64,
    /// Opinions written into Slips' database.
    pub written_back: AtomicU64,
    /// Opinions given up: too many waited, or what is stored for the address is no JSON object.
    pub write_backs_dropped: AtomicU64,
    /// Connections made again after a loss.
    pub reconnected: AtomicU64,
    /// Whether the server does not answer now.
    pub(super) away: AtomicBool,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Whether the server does not answer now.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    pub(super) fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    /// Says the totals in the log.
    pub fn say(&self) {
        tracing::info!(
            received = Self::get(&self.received),
            refused = Self::get(&self.refused),
            dropped = Self::get(&self.dropped),
            delivered = Self::get(&self.delivered),
            resent = Self::get(&self.resent),
            written_back = Self::get(&self.written_back),
            write_backs_dropped = Self::get(&self.write_backs_dropped),
            reconnected = Self::get(&self.reconnected),
            "totals of the exchange with Slips"
        );
    }

    /// One count as it is now.
    #[must_use]
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
