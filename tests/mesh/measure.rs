//! What can be seen of the test world from outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use slips_p2p::domain::{Author, Timestamp};

use crate::world::World;

impl World {
    /// Whether all nodes that are up have the same tips stored.
    pub fn agree(&self) -> bool {
        let mut up = self.nodes.iter().filter(|node| node.up);
        let Some(first) = up.next() else { return true };
        up.all(|node| node.disk.tips == first.disk.tips)
    }

    /// Whether everybody but its author heard an entry.
    pub fn all_heard(&self, author: Author, seq: u64) -> bool {
        self.nodes.iter().all(|node| {
            !node.up || node.me.0 == author.0 || node.heard.contains_key(&(author, seq))
        })
    }

    /// Delays of everything heard, in ascending order; `said` tells when it was said.
    pub fn delays(&self, said: &BTreeMap<(Author, u64), Timestamp>) -> Vec<Duration> {
        let heard = self.nodes.iter().flat_map(|node| &node.heard);
        let mut delays: Vec<_> = heard
            .filter_map(|(what, (at, _))| Some(at.since(*said.get(what)?)))
            .collect();
        delays.sort_unstable();
        delays
    }

    /// Who was ever called out by whom.
    pub fn blamed(&self) -> BTreeSet<String> {
        let all = self.nodes.iter().flat_map(|node| &node.conduct);
        all.map(|(_, why)| why.clone()).collect()
    }
}
