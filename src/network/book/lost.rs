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

/// Of good contacts that were lost so many are looked for as in the first minutes, without end: at
/// some 6 s each, two dials a second. With one of them a partition is found to be over within 5 s, and
/// the others are then due at once.
const KEPT: usize = 8;
/// As long as so many are connected, what was lost alone need not be found so soon.
const ENOUGH: usize = 8;
/// Lost within so long of each other: a link that is silently cut shows within 15 s.
const AT_ONCE: Duration = Duration::from_secs(20);
/// So many lost at once were cut off by something between.
const CUT: usize = 3;
/// Who was connected so long, and greeted, is a good contact.
const GOOD_AFTER: Duration = Duration::from_secs(60);

impl Entry {
    /// Whether it is worth more than a stranger: it greeted, was connected for a while, was lost, and
    /// can be dialled. It says nothing of those that are always kept.
    fn is_lost_contact(&self) -> bool {
        let greeted = self.greeted || self.version.is_some();
        let good = greeted && self.together >= GOOD_AFTER && !self.addresses.is_empty();
        good && self.lost_at.is_some() && !self.fixed && self.phase != Phase::Idle
    }
}

impl Book {
    /// The longest wait before a target is dialled again.
    pub(super) fn longest_wait(&self, target: &Target, now: Instant) -> Duration {
        let longest = self.spacing.max;
        let Some(entry) = self.entries.get(target) else {
            return longest;
        };
        let wait = match (entry.lost_at, entry.fixed) {
            (Some(_), true) => LOST_MAX,
            (Some(at), false) => {
                let wait = (now.duration_since(at) / SHARE).max(LOST_MAX);
                if wait > LOST_MAX && self.is_kept(target, entry) {
                    LOST_MAX
                } else {
                    wait
                }
            }
            (None, true) => FIXED_MAX,
            (None, false) => longest,
        };
        wait.min(longest)
    }

    /// Whether a lost contact is one of the best few, at a time when they are needed.
    fn is_kept(&self, target: &Target, entry: &Entry) -> bool {
        let connected = self.entries.values();
        let connected = connected.filter(|entry| entry.phase == Phase::Connected);
        let needs_all = connected.count() < ENOUGH;
        let is_needed = |entry: &Entry| entry.is_lost_contact() && (needs_all || entry.cut_off);
        let rank = |target: &Target, entry: &Entry| (entry.together, bytes(target));
        let own = rank(target, entry);
        let others = self.entries.iter();
        let better = others.filter(|(other, e)| is_needed(e) && rank(other, e) > own);
        is_needed(entry) && better.take(KEPT).count() < KEPT
    }

    /// A peer was just lost: whether others were at the same time.
    pub(super) fn note_cut(&mut self, now: Instant) {
        let at_once = |entry: &Entry| {
            let lost = entry.lost_at;
            lost.is_some_and(|at| now.duration_since(at) <= AT_ONCE)
        };
        if self.entries.values().filter(|e| at_once(e)).count() >= CUT {
            let lost = self.entries.values_mut().filter(|e| at_once(e));
            lost.for_each(|entry| entry.cut_off = true);
        }
    }

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
        lost.sort_by_key(bytes);
        for target in lost {
            let wait = HURRY.mul_f64(self.rng.random_range(0.0..1.0));
            self.schedule(&target, now + wait);
        }
    }
}

/// An order of targets that is the same each time.
fn bytes(target: &Target) -> Vec<u8> {
    match target {
        Target::Peer(peer) => peer.to_bytes(),
        Target::Address(address) => address.to_vec(),
    }
}

#[cfg(test)]
mod tests;
