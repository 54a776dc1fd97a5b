//! A segment comes in: known, refused, kept for later, or taken.

use std::sync::Arc;

use super::{
    super::{
        check::{self, Blame, Checked, Refusal},
        output::{Arrived, Output},
        settings::{MAX_HELD, MAX_HELD_BYTES, PRUNE_AGAIN},
    },
    Mesh, Standing,
    authors::Heard,
    log::{Held, mark},
    spread::Fresh,
};
use crate::{
    domain::{Author, Neighbour, Timestamp},
    wire::segment::Segment,
};

/// Why a segment comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Unasked.
    Push,
    /// For an open want of ours.
    Answer(u64),
}

/// A checked segment that came.
struct Came {
    from: Neighbour,
    checked: Checked,
    /// The end of its signature.
    mark: [u8; 16],
    how: How,
}

impl Mesh {
    /// A segment came, perhaps said to answer a want.
    pub(super) fn take(
        &mut self,
        from: Neighbour,
        bytes: Arc<[u8]>,
        answer: Option<u64>,
        now: Timestamp,
    ) {
        let segment = match Segment::decode(&bytes) {
            Ok(segment) => segment,
            Err(fault) => return self.bad(from, Refusal::from(fault).to_string()),
        };
        let author = segment.author();
        let heard = || Heard::Segment {
            bytes: Arc::clone(&bytes),
            answer,
        };
        if !self.at_hand(author, from, heard, now) {
            return;
        }
        let log = &self.logs[&author];
        if !log.is_good() {
            return self.show_fork(from, author);
        }
        let how = self.how(from, answer, &segment, now);
        let log = &self.logs[&author];
        // The same bytes again: known without hashing.
        let mark = mark(segment.signature);
        let last = segment.last();
        let known = |head: &&super::log::Head| head.seq == last && head.mark == mark;
        if last <= log.tip.seq && log.recent.iter().rev().any(|head| known(&head)) {
            return self.repeated(from, author, last, how, now);
        }
        if how == How::Push && self.is_shed(from, &segment, now) {
            return;
        }
        self.charge_verifying(from, check::cost(segment.key()), now);
        self.counters.verified += 1;
        match check::checked(&self.network, &segment, &bytes) {
            Ok(checked) => {
                let came = Came {
                    from,
                    checked,
                    mark,
                    how,
                };
                self.place(came, now);
            }
            Err(refusal) => {
                let why = refusal.to_string();
                if refusal.blame() == Blame::Both
                    && let Some(log) = self.logs.get_mut(&author)
                {
                    log.standing = Standing::Broken;
                    self.held_bytes -= log.drop_held();
                }
                self.bad(from, why);
            }
        }
    }

    /// Whether a push is beyond the budgets of its author or its neighbour, or there is no room. Then
    /// it is asked for when there is.
    fn is_shed(&mut self, from: Neighbour, segment: &Segment<'_>, now: Timestamp) -> bool {
        let author = segment.author();
        let mut opens = self.verifies_at(from, now);
        let Some(log) = self.logs.get_mut(&author) else {
            return true;
        };
        for bucket in [&mut log.entries, &mut log.bytes] {
            opens = opens.max(bucket.opens_at(now));
        }
        if self.shares.is_full_of(from) {
            opens = opens.max(now.plus(self.settings.lazy_delay));
        }
        if opens <= now {
            return false;
        }
        self.counters.shed += 1;
        // Its claim is as good as any other; the signature is verified when it comes again.
        let last = segment.last();
        self.note_has(from, author, last);
        self.ask_at(author, opens);
        true
    }

    /// Takes a segment that follows what is held, keeps one that will, compares one that does not.
    fn place(&mut self, came: Came, now: Timestamp) {
        let (from, how, checked) = (came.from, came.how, &came.checked);
        let author = checked.tip.author;
        self.note_has(from, author, checked.tip.seq);
        let log = &self.logs[&author];
        let held = log.tip.seq;
        if checked.first > held + 1 {
            let skips = log
                .skip_to
                .is_some_and(|to| checked.first <= to && to <= checked.tip.seq);
            // Somebody who has what is missing may have come meanwhile.
            let gone = skips && self.first_offered(author, held) > held + 1;
            if gone && matches!(how, How::Answer(_)) {
                return self.append(came, now);
            }
            return self.hold(from, came.checked, now);
        }
        if checked.tip.seq > held {
            if checked.digest_at(held) == Some(log.tip.digest) {
                self.append(came, now);
            } else {
                self.compare(from, came.checked.bytes, held, held, now);
            }
            return;
        }
        let (first, last) = (checked.first, checked.tip.seq);
        let heads = log.recent.iter().rev();
        let mut common = heads.filter_map(|head| Some((head, checked.digest_at(head.seq)?)));
        match common.next() {
            // Chains that agree at one entry agree on all before it.
            Some((head, digest)) if head.digest == digest && head.seq == last => {
                self.repeated(from, author, last, how, now);
            }
            Some((head, digest)) if head.digest != digest => {
                let seq = head.seq;
                self.compare(from, came.checked.bytes, seq, seq, now);
            }
            _ => self.compare(from, came.checked.bytes, first, last, now),
        }
    }

    /// Keeps a segment that comes before what it follows, or drops it to be asked for later.
    fn hold(&mut self, from: Neighbour, checked: Checked, now: Timestamp) {
        let author = checked.tip.author;
        let wait = self.graft_wait(from);
        let Some(log) = self.logs.get_mut(&author) else {
            return;
        };
        let bytes = checked.bytes.len();
        let room = log.held.len() < MAX_HELD && self.held_bytes + bytes <= MAX_HELD_BYTES;
        if room && !log.held.contains_key(&checked.first) {
            self.held_bytes += bytes;
            log.held.insert(checked.first, Held { checked, from });
        } else {
            self.counters.shed += 1;
        }
        let patience = if log.orphan {
            std::time::Duration::ZERO
        } else {
            wait
        };
        self.ask_at(author, now.plus(patience));
    }

    /// Takes a segment in: to the disk, and to the others.
    fn append(&mut self, came: Came, now: Timestamp) {
        let Came {
            from,
            checked,
            mark,
            how,
        } = came;
        let author = checked.tip.author;
        let Some(log) = self.logs.get_mut(&author) else {
            return;
        };
        let Checked {
            bytes,
            tip,
            first,
            mut said,
            ..
        } = checked;
        let held = log.tip.seq;
        let skipped = first > held + 1;
        said.retain(|said| said.seq > held);
        log.entries.charge(said.len() as u64, now);
        log.bytes.charge(bytes.len() as u64, now);
        log.tip = tip;
        log.remember(tip, mark);
        log.unstored.push_back((tip, from, bytes.len()));
        log.tries = 0;
        log.urgent = false;
        log.skip_to = None;
        log.gone_since = None;
        log.parent = Some(from);
        log.orphan = false;
        log.since.get_or_insert(now);
        log.until = now;
        self.shares.hand_out(from, bytes.len());
        if author == self.me {
            self.own_claims.kept(from, now);
        }
        self.counters.taken += said.len() as u64;
        if let Some(near) = self.near.get_mut(&from) {
            near.score.firsts += 1;
            near.avoid.remove(&author);
            if let How::Answer(id) = how
                && let Some(want) = near.wants.get_mut(&id)
            {
                want.useful = true;
            }
        }
        self.fresh.push(Fresh {
            first: first.max(held + 1).min(tip.seq),
            tip,
            bytes: Arc::clone(&bytes),
            from: Some(from),
        });
        self.out.push_back(Output::Store(Arrived {
            tip,
            first,
            bytes,
            said,
            heard_from: from,
            skipped,
        }));
        self.take_held(author, now);
    }

    /// Takes what was held back and now follows.
    fn take_held(&mut self, author: Author, now: Timestamp) {
        let Some(log) = self.logs.get_mut(&author) else {
            return;
        };
        if let Some(entry) = log.held.first_entry()
            && *entry.key() <= log.tip.seq + 1
        {
            let Held { checked, from } = entry.remove();
            self.held_bytes -= checked.bytes.len();
            let mark = mark(super::signature_of(&checked.bytes));
            if checked.tip.seq > log.tip.seq {
                let how = How::Push;
                let came = Came {
                    from,
                    checked,
                    mark,
                    how,
                };
                self.place(came, now);
            } else {
                self.take_held(author, now);
            }
        }
    }

    /// A segment held already. The neighbour is asked not to push this author's, unless it was first
    /// with the last one.
    pub(super) fn repeated(
        &mut self,
        from: Neighbour,
        author: Author,
        last: u64,
        how: How,
        now: Timestamp,
    ) {
        self.counters.repeated += 1;
        self.note_has(from, author, last);
        let parent = self.logs.get(&author).and_then(|log| log.parent);
        let Some(near) = self.near.get_mut(&from) else {
            return;
        };
        near.score.repeated += 1;
        if how != How::Push || parent == Some(from) {
            return;
        }
        let again = near.pruned.get(&author);
        if again.is_none_or(|at| now.since(*at) >= PRUNE_AGAIN) {
            near.pruned.insert(author, now);
            near.to_graft.remove(&author);
            near.to_prune.insert(author);
        }
    }
}
