//! Authors with two logs: the proof, and how everybody gets to see it.

use std::sync::Arc;

use super::{
    super::{
        check,
        output::{Evidence, Found, Output},
    },
    Mesh, Standing,
    authors::Heard,
};
use crate::{
    domain::{Author, Neighbour, Timestamp},
    wire::{
        segment::{self, Segment},
        sync::Message,
    },
};

impl Mesh {
    /// What is stored was read, to compare it with a segment whose signature is good.
    pub(super) fn compared(
        &mut self,
        from: Neighbour,
        other: &Arc<[u8]>,
        found: &Found,
        now: Timestamp,
    ) {
        let Ok(theirs) = Segment::decode(other) else {
            return;
        };
        let author = theirs.author();
        for bytes in &found.segments {
            let Ok(ours) = Segment::decode(bytes) else {
                continue;
            };
            if let Some(seq) = check::differ_at(&ours, &theirs) {
                let segments = [bytes.as_slice().into(), Arc::clone(other)];
                let evidence = Evidence {
                    author,
                    seq,
                    segments,
                };
                return self.convict(evidence, None);
            }
        }
        let last = theirs.last();
        self.repeated(from, author, last, super::take::How::Answer(0), now);
    }

    /// A neighbour shows that an author forked. It must be true.
    pub(super) fn accused(&mut self, from: Neighbour, segments: [Vec<u8>; 2], now: Timestamp) {
        let (one, other) = (Segment::decode(&segments[0]), Segment::decode(&segments[1]));
        let (Ok(one), Ok(other)) = (one, other) else {
            return self.bad(from, "evidence of a fork that is no segments".into());
        };
        let author = one.author();
        if self.verifies_at(from, now) > now {
            self.counters.shed += 1;
            return;
        }
        let cost = check::cost(one.key()) + check::cost(other.key());
        self.charge_verifying(from, cost, now);
        let known = self.logs.get(&author).map(|log| &log.standing);
        if matches!(known, Some(Standing::Forked(_))) {
            return self.knows_fork(from, author);
        }
        self.counters.verified += 2;
        let signed = [&one, &other]
            .into_iter()
            .all(|segment| check::signed(&self.network, segment).is_ok());
        let Some(seq) = check::differ_at(&one, &other).filter(|_| signed) else {
            return self.bad(from, format!("evidence of a fork of {author} that is none"));
        };
        drop((one, other));
        let heard = || Heard::Fork(segments.clone());
        if self.at_hand(author, from, heard, now) {
            let segments = segments.map(Arc::from);
            let evidence = Evidence {
                author,
                seq,
                segments,
            };
            self.convict(evidence, Some(from));
            self.knows_fork(from, author);
        }
    }

    /// A neighbour has shown evidence against an author: it need not be shown ours.
    fn knows_fork(&mut self, from: Neighbour, author: Author) {
        let standing = self.logs.get(&author).map(|log| &log.standing);
        if matches!(standing, Some(Standing::Forked(Some(_))))
            && let Some(near) = self.near.get_mut(&from)
        {
            near.forks_due.remove(&author);
            near.forks_told.entry(author).or_insert(None);
        }
    }

    /// Marks an author as forked and tells everybody.
    fn convict(&mut self, evidence: Evidence, from: Option<Neighbour>) {
        let author = evidence.author;
        let Some(log) = self.logs.get_mut(&author) else {
            return;
        };
        if matches!(log.standing, Standing::Forked(_)) {
            return;
        }
        self.held_bytes -= log.drop_held();
        if let Some(due) = log.due.take() {
            self.due.remove(&(due, author));
        }
        self.recap.remove(&author);
        self.fresh.retain(|fresh| fresh.tip.author != author);
        self.keep_evidence(Arc::new(evidence.clone()));
        self.out.push_back(Output::Fork(evidence));
        let others: Vec<_> = self.near.keys().copied().collect();
        for to in others {
            if Some(to) != from {
                self.show_fork(to, author);
            }
        }
    }

    /// Shows a neighbour one of the proofs that had no room before; `true` when more wait.
    pub(super) fn show_due_fork(&mut self, to: Neighbour) -> bool {
        let Some(near) = self.near.get_mut(&to).filter(|near| !near.blocked) else {
            return false;
        };
        let Some(author) = near.forks_due.pop_first() else {
            return false;
        };
        let more = !near.forks_due.is_empty();
        self.show_fork(to, author);
        more
    }

    /// Shows a neighbour the evidence against an author, once; later when its queue is full.
    pub(super) fn show_fork(&mut self, to: Neighbour, author: Author) {
        let Some(Standing::Forked(Some(evidence))) =
            self.logs.get(&author).map(|log| &log.standing)
        else {
            return;
        };
        let Some(near) = self.near.get_mut(&to) else {
            return;
        };
        if near.forks_told.contains_key(&author) {
            return;
        }
        if near.blocked {
            near.forks_due.insert(author);
        } else {
            near.forks_told.insert(author, Some(self.bursts));
            let segments = evidence.segments.clone().map(|bytes| bytes.to_vec());
            debug_assert!(segments.iter().all(|s| s.len() <= segment::MAX_BYTES));
            self.send(to, &Message::Fork { segments });
        }
    }
}
