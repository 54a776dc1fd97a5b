//! Who leaves memory when all places are taken.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    super::settings::{MAX_NEIGHBOURS, PAST_AFTER},
    Mesh,
    log::{Log, Standing},
    serve::Purpose,
};
use crate::{
    domain::{Author, Neighbour},
    wire::segment::Segment,
};

/// How much is lost when an author leaves memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// Nothing of it ever came.
    Claimed,
    /// It has said something, of late.
    Newcomer,
    /// It has said something over a time.
    Past,
}

impl Log {
    fn worth(&self) -> Worth {
        match self.since {
            _ if !self.is_good() => Worth::Claimed,
            None => Worth::Claimed,
            Some(since) if self.until.since(since) < PAST_AFTER => Worth::Newcomer,
            Some(_) => Worth::Past,
        }
    }
}

impl Mesh {
    pub(super) fn make_place(&mut self, own: bool) -> bool {
        if self.logs.len() >= self.settings.authors {
            self.make_room();
        }
        // So many neighbours have a place in any case.
        let beyond = if own { MAX_NEIGHBOURS } else { 0 };
        self.logs.len() < self.settings.authors + beyond
    }

    /// Sends authors to sleep: many at once of those that cost little to lose, one of the others.
    fn make_room(&mut self) {
        let mut all: BTreeMap<Worth, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        let compared = self.compared_authors();
        for (author, log) in &self.logs {
            if self.may_sleep(*author, log) && !compared.contains(author) {
                let shares = all.entry(log.worth()).or_default();
                let share = shares.entry(log.introduced_by).or_default();
                share.insert((log.until, *author));
            }
        }
        let mut gone = Vec::new();
        for (worth, mut shares) in all {
            let most = match worth {
                Worth::Claimed | Worth::Newcomer => (self.settings.authors / 16).max(1),
                Worth::Past => 1,
            };
            while gone.len() < most
                && let Some(share) = shares.values_mut().max_by_key(|share| share.len())
                && let Some((_, author)) = share.pop_first()
            {
                gone.push(author);
            }
        }
        for author in gone {
            self.send_to_sleep(author);
        }
    }

    /// Neither us nor a neighbour, nothing on its way to the disk, no evidence at hand.
    fn may_sleep(&self, author: Author, log: &Log) -> bool {
        author != self.me
            && !self.near.contains_key(&Neighbour(author.0))
            && log.unstored.is_empty()
            && !matches!(log.standing, Standing::Forked(Some(_)))
    }

    /// Authors whose segments are being compared with the disk: a fork may come of it.
    fn compared_authors(&self) -> BTreeSet<Author> {
        let other = |purpose: &Purpose| match purpose {
            Purpose::Compare { other, .. } => Segment::decode(other).ok().map(|s| s.author()),
            Purpose::Serve { .. } => None,
        };
        self.reads.values().filter_map(other).collect()
    }

    fn send_to_sleep(&mut self, author: Author) {
        let Some(mut log) = self.logs.remove(&author) else {
            return;
        };
        self.held_bytes -= log.drop_held();
        if let Some(due) = log.due {
            self.due.remove(&(due, author));
        }
        self.recap.remove(&author);
        for near in self.near.values_mut() {
            near.forget(author);
        }
        self.authors.asleep |= log.stored.seq > 0 || !log.is_good();
    }
}
