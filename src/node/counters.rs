//! What the node has done since it started, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// One running total.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`; gives the new total.
    pub fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed).wrapping_add(n)
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
    /// Of those, the ones that were shed because too many waited.
    pub requests_shed: Counter,
    /// Peers' questions answered or passed on to Slips.
    pub requests_answered: Counter,
    /// Messages of our Slips handed to the network, once for each peer.
    pub sent: Counter,
    /// Messages of our Slips that no connected peer could take.
    pub undeliverable: Counter,
    /// Own statements not remembered, because the database stood still.
    pub statements_shed: Counter,
    /// Opinions written back.
    pub opinions: Counter,
    /// Opinions not written back, or taken back, because a guard holds.
    pub guarded: Counter,
    /// Entries of others' logs taken in.
    pub entries: Counter,
    /// Those of them too old to be judged.
    pub entries_old: Counter,
    /// Messages of our Slips appended to our own log.
    pub own_entries: Counter,
    /// Sync frames for which a neighbour's queue had no room.
    pub frames_shed: Counter,
    /// Authors found to have signed two things as one.
    pub forks: Counter,
    /// Peers cut off.
    pub cut_off: Counter,
}

impl Counters {
    /// Says the totals in the log.
    pub fn say(&self) {
        tracing::info!(
            lines = self.lines.get(),
            reports = self.reports.get(),
            malformed = self.malformed.get(),
            blames_withheld = self.blames_withheld.get(),
            requests_answered = self.requests_answered.get(),
            requests_unanswered = self.requests_unanswered.get(),
            sent = self.sent.get(),
            undeliverable = self.undeliverable.get(),
            statements_shed = self.statements_shed.get(),
            opinions = self.opinions.get(),
            entries = self.entries.get(),
            entries_old = self.entries_old.get(),
            own_entries = self.own_entries.get(),
            frames_shed = self.frames_shed.get(),
            forks = self.forks.get(),
            cut_off = self.cut_off.get(),
            "totals since the start"
        );
    }
}
