//! Whose logs are in memory. The others stand on disk and are recalled when they are heard of.
//!
//! A key costs nothing, so a place must be worth little by itself. A neighbour may introduce only so
//! many authors in a time; and when all places are taken, those go first of whom nothing came, then
//! those that are no older than minutes, then those with a past; in each of these from the neighbour
//! that introduced the most, and of its authors the one that was of use longest ago. So whoever
//! floods with throwaway keys displaces its own, and what is displaced is not lost but read again.

mod places;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    super::{
        bucket::Bucket,
        output::Output,
        settings::{
            LOOK_UPS_BURST, LOOK_UPS_PER_SECOND, MAX_EVIDENCE, MAX_HELD_BYTES, MAX_INTRODUCERS,
            MAX_RECALL_HEARD, MAX_RECALLS, NEWCOMERS_BURST, NEWCOMERS_PER_SECOND, PAST_AFTER,
        },
    },
    Mesh, Stored,
    log::{Log, Standing},
};
use crate::{
    domain::{Author, Neighbour, Timestamp, Tip},
    wire::segment,
};

/// What was heard of an author whose log is being recalled.
#[derive(Debug)]
pub(super) enum Heard {
    Tip {
        tip: Tip,
        fresh: bool,
    },
    Segment {
        bytes: Arc<[u8]>,
        answer: Option<u64>,
    },
    Fork([Vec<u8>; 2]),
}

impl Heard {
    fn bytes(&self) -> usize {
        match self {
            Self::Tip { .. } => size_of::<Self>(),
            Self::Segment { bytes, .. } => bytes.len(),
            Self::Fork(segments) => segments.iter().map(Vec::len).sum(),
        }
    }
}

/// A log on its way from the disk.
#[derive(Debug)]
struct Recall {
    /// Who told of the author first.
    by: Neighbour,
    heard: Vec<(Neighbour, Heard)>,
    bytes: usize,
}

impl Recall {
    /// Whether only tips were heard that are here: then nothing else need leave memory for it.
    fn has_no_news(&self, here: &Tip) -> bool {
        self.heard.iter().all(|(_, heard)| match heard {
            Heard::Tip { tip, .. } => {
                tip.seq < here.seq || (tip.seq, tip.digest) == (here.seq, here.digest)
            }
            Heard::Segment { .. } | Heard::Fork(_) => false,
        })
    }
}

/// Who introduced whom, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Authors {
    /// Some authors stand on disk and not here: of one that is not here nobody can know without
    /// looking.
    asleep: bool,
    recalls: BTreeMap<Author, Recall>,
    recall_bytes: usize,
    /// What each neighbour may still introduce; also of those that are gone, so that coming again
    /// wins nothing.
    introducers: BTreeMap<Neighbour, Introducer>,
}

/// What a neighbour may still tell of authors that are not in memory.
#[derive(Debug)]
struct Introducer {
    /// Looks on disk.
    looks: Bucket,
    /// Authors that are not there either.
    newcomers: Bucket,
}

impl Mesh {
    /// What the store has: the most useful in memory, with places left for those that come.
    pub(super) fn begin_with(&mut self, mut logs: Vec<Stored>, now: Timestamp) {
        let me = self.me;
        let has_past = |log: &Stored| log.until.since(log.since) >= PAST_AFTER;
        logs.sort_by_key(|log| {
            let strange = log.tip.author != me;
            (strange, !has_past(log), std::cmp::Reverse(log.until))
        });
        let room = (self.settings.authors / 4 * 3).max(1);
        self.authors.asleep = logs.len() > room;
        for stored in logs.into_iter().take(room) {
            self.wake(&stored, None, now);
        }
    }

    fn wake(&mut self, stored: &Stored, by: Option<Neighbour>, now: Timestamp) {
        let mut log = Log::new(stored.tip, &self.settings, now);
        log.since = Some(stored.since);
        log.until = stored.until;
        log.introduced_by = by;
        self.logs.insert(stored.tip.author, log);
    }

    /// Proofs the store has, oldest first: of the last some dozen they are kept at hand.
    pub(super) fn begin_with_forks(&mut self, forks: Vec<super::Evidence>, now: Timestamp) {
        let older = forks.len().saturating_sub(MAX_EVIDENCE);
        for (at, evidence) in forks.into_iter().enumerate() {
            if at >= older {
                self.add_log(evidence.author, None, now);
                self.keep_evidence(Arc::new(evidence));
            } else if let Some(log) = self.logs.get_mut(&evidence.author) {
                log.standing = Standing::Forked(None);
            } else {
                self.authors.asleep = true;
            }
        }
    }

    /// Whether an author's log is at hand. If it is not, and `from` may introduce somebody, it gets a
    /// place; where it may stand on disk, what was heard waits until it is recalled.
    pub(super) fn at_hand(
        &mut self,
        author: Author,
        from: Neighbour,
        heard: impl FnOnce() -> Heard,
        now: Timestamp,
    ) -> bool {
        if self.logs.contains_key(&author) {
            return true;
        }
        if !self.authors.recalls.contains_key(&author) {
            if !self.authors.asleep {
                return self.introduce(author, from, now);
            }
            let full = self.authors.recalls.len() >= MAX_RECALLS;
            let looks = &mut self.introducer(from, now).looks;
            if full || !looks.is_open(now) {
                self.counters.shed += 1;
                return false;
            }
            looks.charge(1, now);
            let recall = Recall {
                by: from,
                heard: Vec::new(),
                bytes: 0,
            };
            self.authors.recalls.insert(author, recall);
            self.out.push_back(Output::Recall(author));
        }
        self.wait_for(author, from, heard());
        false
    }

    fn wait_for(&mut self, author: Author, from: Neighbour, heard: Heard) {
        let authors = &mut self.authors;
        let Some(recall) = authors.recalls.get_mut(&author) else {
            return;
        };
        let bytes = heard.bytes();
        let fits = authors.recall_bytes + bytes <= MAX_HELD_BYTES;
        if fits && recall.heard.len() < MAX_RECALL_HEARD {
            recall.heard.push((from, heard));
            recall.bytes += bytes;
            authors.recall_bytes += bytes;
        } else {
            self.counters.shed += 1;
        }
    }

    fn introducer(&mut self, who: Neighbour, now: Timestamp) -> &mut Introducer {
        let all = &mut self.authors.introducers;
        if all.len() >= MAX_INTRODUCERS && !all.contains_key(&who) {
            all.retain(|_, left| !(left.looks.is_full(now) && left.newcomers.is_full(now)));
            if all.len() >= MAX_INTRODUCERS {
                all.pop_first();
            }
        }
        all.entry(who).or_insert_with(|| Introducer {
            looks: Bucket::new(LOOK_UPS_PER_SECOND, LOOK_UPS_BURST, now),
            newcomers: Bucket::new(NEWCOMERS_PER_SECOND, NEWCOMERS_BURST, now),
        })
    }

    /// An author of whom nothing is known anywhere.
    fn introduce(&mut self, author: Author, by: Neighbour, now: Timestamp) -> bool {
        // A neighbour's own log always has room: neighbours are bounded.
        let own = by.0 == author.0;
        let newcomers = &mut self.introducer(by, now).newcomers;
        if !own && !newcomers.is_open(now) {
            self.counters.shed += 1;
            return false;
        }
        if !own {
            // Also when there is no place: it costs a look through all of them.
            newcomers.charge(1, now);
        }
        if !self.make_place(own) {
            self.counters.shed += 1;
            return false;
        }
        self.add_log(author, Some(by), now);
        true
    }

    /// Gives an author a place that has none.
    pub(super) fn add_log(&mut self, author: Author, by: Option<Neighbour>, now: Timestamp) {
        if self.logs.contains_key(&author) {
            return;
        }
        let genesis = Tip {
            author,
            seq: 0,
            digest: segment::genesis(&self.network, author),
        };
        let mut log = Log::new(genesis, &self.settings, now);
        log.introduced_by = by;
        self.logs.insert(author, log);
    }

    /// Answers an [`Output::Recall`]: what the store has of the author's log, and whether it has the
    /// proof that it forked. It must have seen all [`Output::Store`]s handed out before.
    pub fn recalled(
        &mut self,
        author: Author,
        stored: Option<Stored>,
        forked: bool,
        now: Timestamp,
    ) {
        let Some(recall) = self.forget_recall(author) else {
            return;
        };
        if !self.logs.contains_key(&author) {
            match stored {
                Some(stored) if recall.has_no_news(&stored.tip) => {
                    if !forked {
                        self.tell_who_has_less(&stored.tip, &recall);
                    }
                    return;
                }
                Some(stored) => {
                    if !self.make_place(recall.by.0 == author.0) {
                        self.counters.shed += 1;
                        return;
                    }
                    self.wake(&stored, Some(recall.by), now);
                }
                None if !self.introduce(author, recall.by, now) => return,
                None => {}
            }
            if forked && let Some(log) = self.logs.get_mut(&author) {
                log.standing = Standing::Forked(None);
            }
        }
        for (from, heard) in recall.heard {
            if !self.near.contains_key(&from) {
                continue;
            }
            match heard {
                Heard::Tip { tip, fresh } => self.told(from, tip, fresh, now),
                Heard::Segment { bytes, answer } => self.take(from, bytes, answer, now),
                Heard::Fork(segments) => self.accused(from, segments, now),
            }
        }
        self.push(now);
        self.plan(now);
    }

    /// Who told of less of a log that is not in memory is told how far it goes here, and asks.
    fn tell_who_has_less(&mut self, here: &Tip, recall: &Recall) {
        for (from, heard) in &recall.heard {
            if let Heard::Tip { tip, .. } = heard
                && tip.seq < here.seq
                && self.near.contains_key(from)
            {
                self.tell_tips(*from, &[*here], false);
            }
        }
    }

    /// An [`Output::Recall`] could not be answered. What was heard is dropped; it comes again.
    pub fn not_recalled(&mut self, author: Author) {
        self.counters.shed += u64::from(self.forget_recall(author).is_some());
    }

    fn forget_recall(&mut self, author: Author) -> Option<Recall> {
        let recall = self.authors.recalls.remove(&author)?;
        self.authors.recall_bytes -= recall.bytes;
        Some(recall)
    }

    /// Whether an author that is not here may stand on disk.
    pub(super) fn may_be_asleep(&self, author: Author) -> bool {
        self.authors.asleep && !self.logs.contains_key(&author)
    }

    /// How many authors are in memory.
    #[must_use]
    pub fn authors_in_memory(&self) -> usize {
        self.logs.len() + self.authors.recalls.len()
    }
}
