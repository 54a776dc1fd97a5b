//! Peers that were connected: they are looked for more closely than those that never answered.

use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

use super::{Book, Entry, FOUND_AGAIN, Phase, Target};

/// A lost peer waits at most so long between two dials at first. A dial takes 5 s at most
/// (`handshake_timeout`) and sends its last packet after 3 s by then, so that whatever cut two nodes
/// off for minutes is noticed to be over within 4 s, and by both ends at once sooner.
const LOST_MAX: Duration = Duration::from_secs(2);
/// Later at most this share of the time since it was lost: 2 s for the first 5 minutes, 10 s after 25,
/// the default longest wait of 5 minutes after half a day. So finding it late adds less than a
/// hundredth to its absence.
const SHARE: u32 = 150;
/// Peers that are always kept wait no longer than this, though they never answered: they are few, and
/// somebody named them. Once they were connected they are looked for as in the first minutes, without
/// end.
const FIXED_MAX: Duration = Duration::from_secs(30);
/// When one lost peer is back, the others are dialled within so long by chance: not all at once, nor
/// by all nodes at once.
const HURRY: Duration = Duration::from_millis(500);

impl Entry {
    /// The longest wait before it is dialled again; `longest` is what the settings say.
    pub(super) fn longest_wait(&self, longest: Duration, now: Instant) -> Duration {
        let wait = match (self.lost_at, self.fixed) {
            (Some(_), true) => LOST_MAX,
            (Some(at), false) => (now.duration_since(at) / SHARE).max(LOST_MAX),
            (None, true) => FIXED_MAX,
            (None, false) => longest,
        };
        wait.min(longest)
    }
}

impl Book {
    /// Every lost peer that was not tried just now is due within a moment. Dials under way at once
    /// are bounded as ever.
    pub(super) fn hurry_lost(&mut self, now: Instant) {
        let waits = |entry: &Entry| {
            entry.lost_at.is_some()
                && matches!(entry.phase, Phase::Due((at, _)) if at > now + HURRY)
                && (entry.last_try).is_none_or(|last| now.duration_since(last) >= FOUND_AGAIN)
        };
        let mut lost: Vec<Target> = (self.entries.iter())
            .filter(|(_, entry)| waits(entry))
            .map(|(target, _)| target.clone())
            .collect();
        // The order of a table is not the seed's.
        lost.sort_by_key(|target| match target {
            Target::Peer(peer) => peer.to_bytes(),
            Target::Address(address) => address.to_vec(),
        });
        for target in lost {
            let wait = HURRY.mul_f64(self.rng.random_range(0.0..1.0));
            self.schedule(&target, now + wait);
        }
    }
}
