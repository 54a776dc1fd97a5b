//! What is said, and where it has come.

use std::{collections::BTreeMap, time::Duration};

use crate::domain::Timestamp;

/// A report on its way.
#[derive(Debug, Clone)]
pub struct Said {
    /// When its author's Slips said it.
    pub at: Timestamp,
    /// Which node said it.
    pub author: usize,
    /// After how long it was stored at other honest nodes, ascending.
    pub came: Vec<Duration>,
}

/// All reports.
#[derive(Debug)]
pub struct Ledger {
    /// In the order they are said in.
    pub said: Vec<Said>,
    /// Which report an entry is, by its author and number.
    entries: BTreeMap<(usize, u64), usize>,
    /// Honest nodes but the author.
    others: usize,
    /// How many reports are everywhere.
    pub everywhere: u64,
}

impl Ledger {
    /// Reports to be said, among so many honest nodes.
    pub fn new(said: Vec<Said>, honest: usize) -> Self {
        Self {
            said,
            entries: BTreeMap::new(),
            others: honest.saturating_sub(1),
            everywhere: 0,
        }
    }

    /// Reports have become entries of their author's log, from this number on.
    pub fn entered(&mut self, author: usize, from: u64, reports: &[usize]) {
        let numbered = (from..).zip(reports);
        let entries = numbered.map(|(seq, report)| ((author, seq), *report));
        self.entries.extend(entries);
    }

    /// An honest node has stored entries.
    pub fn came(&mut self, author: usize, from: u64, to: u64, now: Timestamp) {
        for seq in from..=to {
            let Some(report) = self.entries.get(&(author, seq)) else {
                continue;
            };
            let said = &mut self.said[*report];
            said.came.push(now.since(said.at));
            self.everywhere += u64::from(said.came.len() == self.others);
        }
    }

    /// Whether every report is at every honest node.
    pub fn is_complete(&self) -> bool {
        self.everywhere == self.said.len() as u64
    }

    /// Which reports are at every honest node, and all there are.
    pub fn is_everywhere(&self, said: &Said) -> bool {
        said.came.len() == self.others
    }

    /// Pairs of a report and an honest node that it is meant for.
    pub fn pairs(&self) -> u64 {
        (self.said.len() * self.others) as u64
    }

    /// How long after this time everything said before it was everywhere.
    pub fn complete_after(&self, heal: Timestamp) -> Option<Duration> {
        let before = self.said.iter().filter(|said| said.at <= heal);
        let mut latest = Duration::ZERO;
        for said in before {
            if !self.is_everywhere(said) {
                return None;
            }
            if let Some(last) = said.came.last() {
                latest = latest.max(said.at.plus(*last).since(heal));
            }
        }
        Some(latest)
    }
}
