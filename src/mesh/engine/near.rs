//! What the engine knows of one neighbour: what it has, what it was told, what it still owes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::Duration,
};

use super::super::{
    bucket::Bucket,
    settings::{BURST_SECONDS, Settings},
};
use crate::{
    domain::{Author, Span, Timestamp},
    wire::segment::Segment,
};

/// One neighbour, from connecting to disconnecting.
#[derive(Debug)]
pub(super) struct Near {
    /// Tells one stay from the next, for answers that come late.
    pub session: u64,
    /// It has told its tips.
    pub greeted: bool,
    /// The last entry it has of each author, as far as it told.
    pub has: BTreeMap<Author, u64>,
    /// The last entry it was pushed or told of.
    pub told: BTreeMap<Author, u64>,
    /// Authors whose entries it does not want pushed.
    pub lazy: BTreeSet<Author>,
    /// Authors whose entries we asked it not to push, and when.
    pub pruned: BTreeMap<Author, Timestamp>,
    /// Authors whose tips it is to be told.
    pub to_tell: BTreeSet<Author>,
    /// Prunes and grafts to be sent.
    pub to_prune: BTreeSet<Author>,
    pub to_graft: BTreeSet<Author>,
    /// What it was asked for.
    pub wants: BTreeMap<u64, Want>,
    /// Entries asked for in all of them.
    pub asked: u64,
    /// What it said it no longer has: the first entry there is.
    pub pruned_before: BTreeMap<Author, u64>,
    /// Authors it did not deliver: ask others first until then; and how often in a row.
    pub avoid: BTreeMap<Author, (Timestamp, u32)>,
    /// Authors whose tips of its own differed from ours and were asked for.
    pub suspected: BTreeSet<Author>,
    /// Forks it knows of, among those whose evidence is kept; for those it was shown, when: the
    /// number of the burst of outputs.
    pub forks_told: BTreeMap<Author, Option<u64>>,
    /// Forks it is to be shown when its queue has room; among those whose evidence is kept.
    pub forks_due: BTreeSet<Author>,
    /// Its wants that wait for their turn.
    pub serving: VecDeque<(u64, Vec<Span>)>,
    /// One of its wants is being read.
    pub reading: bool,
    /// Its queue is full.
    pub blocked: bool,
    /// With whose other neighbours it shares a budget.
    pub network: Option<IpAddr>,
    pub verify: Bucket,
    pub served: Bucket,
    pub score: Score,
    /// Round trip, as seen between wants and answers.
    pub round_trip: Option<Duration>,
}

/// Entries asked for.
#[derive(Debug)]
pub(super) struct Want {
    pub spans: Vec<Span>,
    pub entries: u64,
    pub sent_at: Timestamp,
    pub deadline: Timestamp,
    /// Segments that came for it.
    pub delivered: u64,
    /// One of them brought something new.
    pub useful: bool,
    /// The usual time has passed, or an answer has begun: now it ends at its deadline.
    pub slow: bool,
}

impl Want {
    /// Whether a segment has some of the entries, and no more segments came than one an entry.
    pub(super) fn asks_for(&self, segment: &Segment<'_>) -> bool {
        let author = segment.author();
        let (first, last) = (segment.first, segment.last());
        let mut spans = self.spans.iter();
        self.delivered < self.entries
            && spans.any(|span| span.author == author && first <= span.to && last >= span.from)
    }
}

/// How useful a neighbour was since it connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Segments it was the first to bring.
    pub firsts: u64,
    /// Segments that others had brought before.
    pub repeated: u64,
    /// Messages and segments that were refused.
    pub invalid: u64,
    /// Wants it answered usefully.
    pub kept: u64,
    /// Wants it did not answer in the usual time, or with nothing.
    pub broken: u64,
}

impl Score {
    /// 0 for a neighbour that does what it says, up to 3 for one that hardly ever does.
    #[must_use]
    pub fn unreliability(&self) -> u8 {
        let bad = self.broken + 4 * self.invalid;
        match self.kept + bad {
            0 => 0,
            all if bad * 8 <= all => 0,
            all if bad * 3 <= all => 1,
            all if bad * 4 <= all * 3 => 2,
            _ => 3,
        }
    }
}

impl Near {
    pub(super) fn new(session: u64, settings: &Settings, now: Timestamp) -> Self {
        let bucket = |rate: u32| Bucket::new(rate, rate.saturating_mul(BURST_SECONDS), now);
        Self {
            session,
            greeted: false,
            has: BTreeMap::new(),
            told: BTreeMap::new(),
            lazy: BTreeSet::new(),
            pruned: BTreeMap::new(),
            to_tell: BTreeSet::new(),
            to_prune: BTreeSet::new(),
            to_graft: BTreeSet::new(),
            wants: BTreeMap::new(),
            asked: 0,
            pruned_before: BTreeMap::new(),
            avoid: BTreeMap::new(),
            suspected: BTreeSet::new(),
            forks_told: BTreeMap::new(),
            forks_due: BTreeSet::new(),
            serving: VecDeque::new(),
            reading: false,
            blocked: false,
            network: None,
            verify: bucket(settings.verifications),
            served: bucket(settings.served_bytes),
            score: Score::default(),
            round_trip: None,
        }
    }

    pub(super) fn has(&self, author: Author) -> u64 {
        self.has.get(&author).copied().unwrap_or(0)
    }

    /// The last entry it has or was told of.
    pub(super) fn knows(&self, author: Author) -> u64 {
        let told = self.told.get(&author).copied().unwrap_or(0);
        told.max(self.has(author))
    }

    pub(super) fn tell(&mut self, author: Author, seq: u64) {
        let told = self.told.entry(author).or_default();
        *told = seq.max(*told);
    }

    /// The queue was full in this burst: the evidence shown in it may not have gone out.
    pub(super) fn recall_forks(&mut self, burst: u64) {
        let due = &mut self.forks_due;
        self.forks_told.retain(|author, shown| {
            let lost = *shown == Some(burst);
            if lost {
                due.insert(*author);
            }
            !lost
        });
    }

    /// An author leaves memory.
    pub(super) fn forget(&mut self, author: Author) {
        for numbers in [&mut self.has, &mut self.told, &mut self.pruned_before] {
            numbers.remove(&author);
        }
        for authors in [
            &mut self.lazy,
            &mut self.to_tell,
            &mut self.to_prune,
            &mut self.to_graft,
            &mut self.suspected,
            &mut self.forks_due,
        ] {
            authors.remove(&author);
        }
        self.pruned.remove(&author);
        self.avoid.remove(&author);
        self.forks_told.remove(&author);
    }

    pub(super) fn pruned_before(&self, author: Author) -> u64 {
        self.pruned_before.get(&author).copied().unwrap_or(1)
    }

    pub(super) fn is_avoided(&self, author: Author, now: Timestamp) -> bool {
        let avoid = self.avoid.get(&author);
        avoid.is_some_and(|(until, _)| *until > now)
    }
}
