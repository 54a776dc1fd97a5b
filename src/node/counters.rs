//! What the node has done since it started, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// One running total.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The total.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The node's totals.
#[derive(Debug, Default)]
pub struct Counters {
    /// Lines taken from peers.
    pub lines: Counter,
    /// Reports committed.
    pub reports: Counter,
    /// Lines refused by the decoder.
    pub malformed: Counter,
    /// Blames not passed on.
    pub blames_withheld: Counter,
    /// Peers' questions shed, or not answered because Slips holds nothing on the address.
    pub requests_unanswered: Counter,
    /// Peers' questions answered or passed on to Slips.
    pub requests_answered: Counter,
    /// Messages of our Slips handed to the network, once for each peer.
    pub sent: Counter,
    /// Messages of our Slips that no connected peer could take.
    pub undeliverable: Counter,
    /// Opinions written back.
    pub opinions: Counter,
    /// Opinions not written back, or taken back, because a guard holds.
    pub guarded: Counter,
    /// Peers cut off.
    pub cut_off: Counter,
}
