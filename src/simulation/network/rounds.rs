//! Round trips of the node that catches up: the longest chain of messages, each sent after the one
//! before it had come.

use std::collections::BTreeMap;

use crate::domain::{Author, Timestamp};

/// The node that missed something, and how far it is.
#[derive(Debug)]
pub struct Rounds {
    /// Which node.
    pub who: usize,
    /// What it still lacks: authors, and the entry up to which.
    lacking: BTreeMap<Author, u64>,
    /// The depth of what it has received.
    here: u32,
    /// The depth of what came from it over each link.
    there: BTreeMap<usize, u32>,
    /// When it had everything, and at which depth.
    pub done: Option<(Timestamp, u32)>,
}

impl Rounds {
    /// Nothing has come yet of what is lacking.
    pub fn new(who: usize, lacking: BTreeMap<Author, u64>) -> Self {
        Self {
            who,
            lacking,
            here: 0,
            there: BTreeMap::new(),
            done: None,
        }
    }

    /// The depth of a message about to be sent.
    pub fn sending(&self, from: usize, to: usize, link: usize) -> u32 {
        if from == self.who {
            self.here + 1
        } else if to == self.who {
            self.there.get(&link).copied().unwrap_or(0) + 1
        } else {
            0
        }
    }

    /// A message of this depth has come.
    pub fn came(&mut self, to: usize, link: usize, depth: u32) {
        let seen = if to == self.who {
            &mut self.here
        } else {
            self.there.entry(link).or_default()
        };
        *seen = depth.max(*seen);
    }

    /// The node has taken an author's log up to this entry, and will have it stored at this time.
    pub fn taken(&mut self, author: Author, seq: u64, stored_at: Timestamp) {
        if self.lacking.get(&author).is_some_and(|to| *to <= seq) {
            self.lacking.remove(&author);
            if self.lacking.is_empty() {
                self.done = Some((stored_at, self.here));
            }
        }
    }
}
