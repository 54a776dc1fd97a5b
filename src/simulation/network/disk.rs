//! What a node has stored, in memory.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{Author, Span, Tip},
    mesh::Found,
};

/// A segment as it lies on a disk.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its first entry.
    pub first: u64,
    /// Its head.
    pub tip: Tip,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// Segments of all authors, each author's ascending.
pub type Logs = BTreeMap<Author, Vec<Kept>>;

/// One node's disk: a past that it shares with others, and what came since.
#[derive(Debug, Clone)]
pub struct Disk {
    past: Arc<Logs>,
    /// How many segments of each author's past are here.
    here: BTreeMap<Author, usize>,
    since: Logs,
}

impl Disk {
    /// A disk with a past; `missing` segments at the end of each author's are not here.
    pub fn new(past: Arc<Logs>, missing: &BTreeMap<Author, usize>) -> Self {
        let here = past.iter().map(|(author, kept)| {
            let missing = missing.get(author).copied().unwrap_or(0);
            (*author, kept.len().saturating_sub(missing))
        });
        Self {
            here: here.collect(),
            past,
            since: Logs::new(),
        }
    }

    /// Writes a segment, which must follow what is there.
    pub fn add(&mut self, kept: Kept) {
        self.since.entry(kept.tip.author).or_default().push(kept);
    }

    /// Where an author's log stands.
    pub fn tip(&self, author: Author) -> Option<Tip> {
        let since = self.since.get(&author).and_then(|log| log.last());
        since.or(self.past_of(author).last()).map(|kept| kept.tip)
    }

    /// Where all logs stand.
    pub fn tips(&self) -> BTreeMap<Author, Tip> {
        let authors = self.past.keys().chain(self.since.keys());
        let tips = authors.filter_map(|author| Some((*author, self.tip(*author)?)));
        tips.collect()
    }

    /// Whether every log is whole: no gap, and nothing twice.
    pub fn is_whole(&self) -> bool {
        self.tips().keys().all(|author| {
            let mut held = 0;
            self.log(*author).all(|kept| {
                let follows = kept.first <= held + 1 && kept.tip.seq > held;
                held = kept.tip.seq;
                follows
            })
        })
    }

    /// The segments that overlap the spans, as [`crate::mesh::Output::Read`] asks for them.
    pub fn find(&self, spans: &[Span], max_bytes: usize) -> Found {
        let mut found = Found::default();
        let mut bytes = 0;
        for span in spans {
            let (past, since) = (self.past_of(span.author), self.since_of(span.author));
            let from = |log: &[Kept]| log.partition_point(|kept| kept.tip.seq < span.from);
            let log = past[from(past)..].iter().chain(&since[from(since)..]);
            for kept in log.take_while(|kept| kept.first <= span.to) {
                if bytes > max_bytes {
                    return found;
                }
                bytes += kept.bytes.len();
                found.segments.push(kept.bytes.to_vec());
            }
        }
        found
    }

    fn log(&self, author: Author) -> impl Iterator<Item = &Kept> {
        self.past_of(author).iter().chain(self.since_of(author))
    }

    fn past_of(&self, author: Author) -> &[Kept] {
        let here = self.here.get(&author).copied().unwrap_or(0);
        self.past.get(&author).map_or(&[], |log| &log[..here])
    }

    fn since_of(&self, author: Author) -> &[Kept] {
        self.since.get(&author).map_or(&[], Vec::as_slice)
    }
}
