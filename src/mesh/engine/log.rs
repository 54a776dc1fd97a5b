//! What the engine knows of one author's log: where it stands, not what it says.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::super::{
    bucket::Bucket,
    check::Checked,
    output::Evidence,
    settings::{BURST_SECONDS, RECENT, Settings},
};
use crate::domain::{Digest, Neighbour, Timestamp, Tip};

/// One author's log.
#[derive(Debug)]
pub(super) struct Log {
    /// The last entry checked and taken; number 0 is the genesis.
    pub tip: Tip,
    /// The last entry that the store has. Only this is told to others.
    pub stored: Tip,
    /// The heads of the last segments, oldest first.
    pub recent: VecDeque<Head>,
    /// Handed out to be stored, with who brought them and their bytes, oldest first.
    pub unstored: VecDeque<(Tip, Neighbour, usize)>,
    /// Checked segments beyond a gap, by their first number.
    pub held: BTreeMap<u64, Held>,
    /// When missing entries are asked for.
    pub due: Option<Timestamp>,
    /// Wants under way for entries of this log.
    pub asking: BTreeSet<(Neighbour, u64)>,
    /// Wants in a row that brought nothing.
    pub tries: u32,
    /// What is missing was told of as new.
    pub urgent: bool,
    /// What is before this number nobody has any more.
    pub skip_to: Option<u64>,
    /// Since when nobody connected says that it has the next entry, though some have later ones.
    pub gone_since: Option<Timestamp>,
    /// Who was the first to bring the last segment.
    pub parent: Option<Neighbour>,
    /// The neighbour that was the parent is gone.
    pub orphan: bool,
    pub standing: Standing,
    pub entries: Bucket,
    pub bytes: Bucket,
    /// Who told of this author first, since it is in memory; the author itself once it was a neighbour.
    pub introduced_by: Option<Neighbour>,
    /// When the first of its entries that are kept were taken; `None`: nothing came.
    pub since: Option<Timestamp>,
    /// When it was of use last.
    pub until: Timestamp,
}

/// Whether anything of an author is taken.
#[derive(Debug)]
pub(super) enum Standing {
    Good,
    /// It signed what is no message; its log ends here.
    Broken,
    /// It has two logs. The evidence, as long as it is kept here.
    Forked(Option<Arc<Evidence>>),
}

/// The end of a segment held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub seq: u64,
    pub digest: Digest,
    /// The end of its signature: enough to know it again without hashing anything.
    pub mark: [u8; 16],
}

#[derive(Debug)]
pub(super) struct Held {
    pub checked: Checked,
    pub from: Neighbour,
}

/// The end of a signature.
pub(super) fn mark(signature: &[u8]) -> [u8; 16] {
    let mut mark = [0; 16];
    let end = &signature[signature.len().saturating_sub(16)..];
    mark[..end.len()].copy_from_slice(end);
    mark
}

impl Log {
    pub(super) fn new(tip: Tip, settings: &Settings, now: Timestamp) -> Self {
        let bucket = |rate: u32| Bucket::new(rate, rate.saturating_mul(BURST_SECONDS), now);
        let mut log = Self {
            tip,
            stored: tip,
            recent: VecDeque::new(),
            unstored: VecDeque::new(),
            held: BTreeMap::new(),
            due: None,
            asking: BTreeSet::new(),
            tries: 0,
            urgent: false,
            skip_to: None,
            gone_since: None,
            parent: None,
            orphan: false,
            standing: Standing::Good,
            entries: bucket(settings.author_entries),
            bytes: bucket(settings.author_bytes),
            introduced_by: None,
            since: None,
            until: now,
        };
        if tip.seq > 0 {
            log.remember(tip, [0; 16]);
        }
        log
    }

    pub(super) fn is_good(&self) -> bool {
        matches!(self.standing, Standing::Good)
    }

    pub(super) fn remember(&mut self, tip: Tip, mark: [u8; 16]) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Head {
            seq: tip.seq,
            digest: tip.digest,
            mark,
        });
    }

    /// The digest of an entry, if it is remembered.
    pub(super) fn digest_at(&self, seq: u64) -> Option<Digest> {
        let head = self.recent.iter().rev().find(|head| head.seq == seq);
        head.map(|head| head.digest)
    }

    /// Takes note that the store has all up to `tip`; gives whose bytes were waiting for it.
    pub(super) fn store(&mut self, tip: Tip) -> Vec<(Neighbour, usize)> {
        let mut freed = Vec::new();
        while let Some((waiting, from, bytes)) = self
            .unstored
            .pop_front_if(|waiting| waiting.0.seq <= tip.seq)
        {
            freed.push((from, bytes));
            self.stored = waiting;
        }
        freed
    }

    /// Goes back to what the store has; gives whose bytes were waiting.
    pub(super) fn roll_back(&mut self) -> Vec<(Neighbour, usize)> {
        let waiting = self.unstored.drain(..);
        let freed = waiting.map(|(_, from, bytes)| (from, bytes)).collect();
        self.tip = self.stored;
        let stored = self.stored.seq;
        self.recent.retain(|head| head.seq <= stored);
        freed
    }

    /// Drops what is held back; gives its bytes.
    pub(super) fn drop_held(&mut self) -> usize {
        let held = std::mem::take(&mut self.held);
        held.values().map(|held| held.checked.bytes.len()).sum()
    }
}
