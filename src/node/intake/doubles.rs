//! What came both by line and by log, so that it counts once. A node sends lines to a peer until the
//! two have a sync session, and its log then holds the same again.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::domain::{PeerId, Timestamp};

/// How long the other copy may take: a line waits that long for a connection that comes back.
const WITHIN: Duration = Duration::from_secs(600);
/// How many are remembered, at about 60 bytes each. Past that the oldest go, and a copy that comes
/// after so many others counts as said again, which is no news to a trust model.
const MOST: usize = 65_536;

/// Words that wait for their other copy; see the module.
#[derive(Default)]
pub(super) struct Doubles {
    hasher: RandomState,
    /// How often each came by line (positive) or by log (negative) without the other.
    waiting: HashMap<u64, i32>,
    /// In the order in which they came.
    order: VecDeque<(Timestamp, u64, i32)>,
}

impl Doubles {
    /// A peer says this by line; says whether its log has said it.
    pub(super) fn line(&mut self, author: PeerId, text: &str, now: Timestamp) -> bool {
        self.came(author, text, 1, now)
    }

    /// The log of a peer says this; says whether a line has said it.
    pub(super) fn entry(&mut self, author: PeerId, text: &str, now: Timestamp) -> bool {
        self.came(author, text, -1, now)
    }

    fn came(&mut self, author: PeerId, text: &str, by: i32, now: Timestamp) -> bool {
        self.forget(now);
        let key = self.hasher.hash_one((author, text));
        let waiting = self.waiting.entry(key).or_default();
        *waiting += by;
        let is_double = *waiting * by <= 0;
        if *waiting == 0 {
            self.waiting.remove(&key);
        }
        if !is_double {
            self.order.push_back((now, key, by));
        }
        is_double
    }

    fn forget(&mut self, now: Timestamp) {
        let is_old = |(at, ..): &(Timestamp, u64, i32)| now.since(*at) >= WITHIN;
        while self.order.len() >= MOST || self.order.front().is_some_and(is_old) {
            let Some((_, key, by)) = self.order.pop_front() else {
                return;
            };
            // Unless its copy came meanwhile.
            if let Some(waiting) = self.waiting.get_mut(&key)
                && *waiting * by > 0
            {
                *waiting -= by;
                if *waiting == 0 {
                    self.waiting.remove(&key);
                }
            }
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
    fn each_copy_is_known_once_whichever_comes_first() {
        let (mut doubles, peer) = (Doubles::default(), PeerId::random());
        assert!(!doubles.line(peer, "a", at(1)));
        assert!(!doubles.entry(PeerId::random(), "a", at(1)), "somebody else's");
        assert!(doubles.entry(peer, "a", at(2)));
        assert!(!doubles.entry(peer, "a", at(3)), "said again");
        assert!(!doubles.entry(peer, "a", at(3)));
        assert!(doubles.line(peer, "a", at(4)));
        assert!(doubles.line(peer, "a", at(4)));
        assert!(!doubles.line(peer, "a", at(4)));
    }

    #[test]
    fn what_waits_too_long_or_behind_too_many_is_forgotten() {
        let (mut doubles, peer) = (Doubles::default(), PeerId::random());
        assert!(!doubles.line(peer, "a", at(0)));
        assert!(!doubles.entry(peer, "a", at(600)));
        for n in 0..2 * MOST {
            assert!(!doubles.entry(peer, &n.to_string(), at(601)));
        }
        assert!(doubles.waiting.len() <= MOST && doubles.order.len() <= MOST);
        assert!(!doubles.line(peer, "a", at(601)));
    }
}
