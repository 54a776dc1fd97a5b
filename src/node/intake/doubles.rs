//! What came both by line and by log, so that it counts once. A node says to everybody by line until
//! it knows that a peer speaks sync, and its log then holds the same again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::domain::{PeerId, Timestamp};

/// How long the other copy may take: a line waits that long for a connection that comes back.
const WITHIN: Duration = Duration::from_secs(600);
/// How many are remembered, at about 60 bytes each. Past that the oldest go, and a copy that comes
/// after so many others counts as said again, which is no news to a trust model.
const MOST: usize = 65_536;

/// Words that came by line and may come by log; see the module.
#[derive(Default)]
pub(super) struct Doubles {
    hasher: RandomState,
    /// How often each came by line without its entry.
    waiting: HashMap<u64, u32>,
    /// In the order in which they came.
    order: VecDeque<(Timestamp, u64)>,
}

impl Doubles {
    /// A peer without a session says this by line.
    pub(super) fn line(&mut self, author: PeerId, text: &str, now: Timestamp) {
        self.forget(now);
        let key = self.hasher.hash_one((author, text));
        *self.waiting.entry(key).or_default() += 1;
        self.order.push_back((now, key));
    }

    /// The log of a peer says this; says whether a line has said it.
    pub(super) fn entry(&mut self, author: PeerId, text: &str, now: Timestamp) -> bool {
        self.forget(now);
        let key = self.hasher.hash_one((author, text));
        self.waiting.contains_key(&key) && self.take(key)
    }

    fn take(&mut self, key: u64) -> bool {
        let Some(waiting) = self.waiting.get_mut(&key) else {
            return false;
        };
        *waiting -= 1;
        if *waiting == 0 {
            self.waiting.remove(&key);
        }
        true
    }

    /// What was said long ago goes; should its entry have come meanwhile, another of the same words
    /// may go in its place.
    fn forget(&mut self, now: Timestamp) {
        let is_old = |(at, _): &(Timestamp, u64)| now.since(*at) >= WITHIN;
        while self.order.len() >= MOST || self.order.front().is_some_and(is_old) {
            let Some((_, key)) = self.order.pop_front() else {
                return;
            };
            self.take(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn each_line_makes_one_entry_a_copy() {
        let (mut doubles, peer) = (Doubles::default(), PeerId::random());
        doubles.line(peer, "a", at(1));
        doubles.line(peer, "a", at(1));
        assert!(
            !doubles.entry(PeerId::random(), "a", at(1)),
            "somebody else's"
        );
        assert!(doubles.entry(peer, "a", at(2)));
        assert!(doubles.entry(peer, "a", at(2)));
        assert!(!doubles.entry(peer, "a", at(3)), "said again");
    }

    #[test]
    fn what_waits_too_long_or_behind_too_many_is_forgotten() {
        let (mut doubles, peer) = (Doubles::default(), PeerId::random());
        doubles.line(peer, "a", at(0));
        assert!(!doubles.entry(peer, "a", at(600)));
        for n in 0..2 * MOST {
            doubles.line(peer, &n.to_string(), at(601));
        }
        assert!(doubles.waiting.len() <= MOST && doubles.order.len() <= MOST);
        assert!(!doubles.entry(peer, "0", at(601)));
    }
}
