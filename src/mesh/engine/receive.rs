//! What neighbours say: each message to its place.

use super::{
    super::{
        output::Output,
        settings::{LOOK_UP_BYTES, MAX_SERVING, STATEMENT_COST, STATEMENT_SKEW},
    },
    Mesh, Near,
    authors::Heard,
    take::How,
};
use crate::{
    domain::{Author, Conduct, Neighbour, Span, Timestamp, Tip},
    wire::{
        frame::Code,
        nothing_known,
        segment::Segment,
        sync::{self, Message},
    },
};

impl Mesh {
    /// A neighbour sent a message: the body of a frame of `/slips/sync/1`.
    pub fn received(&mut self, from: Neighbour, body: &[u8], now: Timestamp) {
        if !self.near.contains_key(&from) {
            return;
        }
        match sync::decode(body) {
            Ok(message) => {
                self.heard(from, message, now);
                self.note_own_claim(from, now);
            }
            Err(fault) => {
                let why = fault.to_string();
                self.send(from, &Message::error(Code::Malformed, &why));
                self.bad(from, format!("no message of sync: {why}"));
            }
        }
        self.push(now);
        self.plan(now);
    }

    fn heard(&mut self, from: Neighbour, message: Message, now: Timestamp) {
        match message {
            Message::Tips { fresh, tips } => {
                for tip in tips {
                    self.told(from, tip, fresh, now);
                }
                if let Some(near) = self.near.get_mut(&from)
                    && !fresh
                {
                    near.greeted = true;
                }
            }
            Message::Want { id, spans } => self.wanted(from, id, &spans, now),
            Message::Segments { answer, segments } => {
                if let Some(id) = answer.filter(|id| *id >= self.next_want) {
                    self.bad(from, format!("answers want {id}, which was never sent"));
                }
                for bytes in segments {
                    self.take(from, bytes.into(), answer, now);
                }
            }
            Message::Pruned { author, before } => self.pruned(from, author, before),
            Message::Done { id } => self.done(from, id, now),
            Message::Prune { authors } => {
                self.of_known(from, &authors, |near, author| {
                    near.lazy.insert(author);
                });
            }
            Message::Graft { authors } => {
                self.of_known(from, &authors, |near, author| {
                    near.lazy.remove(&author);
                });
            }
            Message::Fork { segments } => self.accused(from, segments, now),
            Message::NothingKnown { statement } => self.knows_nothing(from, &statement, now),
            Message::Unknown { kind } => {
                self.send(from, &Message::error(Code::UnknownType, &kind));
            }
            Message::Error { .. } => {}
        }
    }

    /// Only authors we know take room in the tables of a neighbour.
    fn of_known(
        &mut self,
        from: Neighbour,
        authors: &[Author],
        mut apply: impl FnMut(&mut Near, Author),
    ) {
        if let Some(near) = self.near.get_mut(&from) {
            for author in authors {
                if self.logs.contains_key(author) {
                    apply(near, *author);
                }
            }
        }
    }

    /// A neighbour says that it has a log up to `tip`.
    pub(super) fn told(&mut self, from: Neighbour, tip: Tip, fresh: bool, now: Timestamp) {
        let heard = || Heard::Tip { tip, fresh };
        if tip.seq == 0 || !self.at_hand(tip.author, from, heard, now) {
            return;
        }
        let log = &self.logs[&tip.author];
        if !log.is_good() {
            self.show_fork(from, tip.author);
            return;
        }
        let suspect = log
            .digest_at(tip.seq)
            .is_some_and(|digest| digest != tip.digest);
        let missing = tip.seq > log.tip.seq;
        // Its push may be on the way by another neighbour, unless that one is gone or slow.
        let wait = fresh && !log.orphan && log.tries == 0;
        self.note_has(from, tip.author, tip.seq);
        if suspect {
            self.suspect(from, tip, now);
        } else if missing {
            if let Some(log) = self.logs.get_mut(&tip.author) {
                log.urgent |= fresh;
            }
            let patience = if wait {
                self.graft_wait(from)
            } else {
                std::time::Duration::ZERO
            };
            self.ask_at(tip.author, now.plus(patience));
        }
    }

    pub(super) fn note_has(&mut self, from: Neighbour, author: Author, seq: u64) {
        if let Some(near) = self.near.get_mut(&from) {
            let has = near.has.entry(author).or_default();
            *has = seq.max(*has);
        }
    }

    /// Whether a segment answers the want it is said to answer: one of ours to this neighbour that
    /// is open, asks for some of it, and has not had more than it asked for. All else was pushed.
    pub(super) fn how(
        &mut self,
        from: Neighbour,
        answer: Option<u64>,
        segment: &Segment<'_>,
        now: Timestamp,
    ) -> How {
        let near = self.near.get(&from);
        let want = answer.and_then(|id| Some((id, near?.wants.get(&id)?)));
        match want {
            Some((id, want)) if want.asks_for(segment) => {
                self.answering(from, id, now);
                How::Answer(id)
            }
            _ => How::Push,
        }
    }

    /// A neighbour wants entries.
    fn wanted(&mut self, from: Neighbour, id: u64, spans: &[Span], now: Timestamp) {
        let (mut held, mut looks) = (Vec::new(), 0);
        for span in spans {
            let Some(log) = self.logs.get(&span.author) else {
                // What stands on disk alone is read for the asking, and charged.
                if self.may_be_asleep(span.author) {
                    looks += 1;
                    held.push(*span);
                }
                continue;
            };
            if !log.is_good() {
                self.show_fork(from, span.author);
                continue;
            }
            let stored = log.stored.seq;
            // It asks for what follows what it has.
            self.note_has(from, span.author, (span.from - 1).min(stored));
            if span.from <= stored {
                held.push(Span {
                    to: span.to.min(stored),
                    ..*span
                });
            }
        }
        let Some(near) = self.near.get_mut(&from) else {
            return;
        };
        if near.serving.len() >= MAX_SERVING {
            self.send(from, &Message::Done { id });
            let why = format!("more than {MAX_SERVING} wants wait");
            self.conduct(from, Conduct::Flooding, why);
            return;
        }
        near.serving.push_back((id, held));
        near.served.charge(looks * LOOK_UP_BYTES, now);
        self.serve(from, now);
    }

    /// A neighbour says that it has looked for us and knows nothing. Only its own word counts.
    fn knows_nothing(&mut self, from: Neighbour, statement: &[u8], now: Timestamp) {
        if self.verifies_at(from, now) > now {
            self.counters.shed += 1;
            return;
        }
        self.charge_verifying(from, STATEMENT_COST, now);
        self.counters.verified += 1;
        let told = match nothing_known::decode(&self.network, statement) {
            Ok(told) => told,
            Err(fault) => return self.bad(from, format!("says that it knows nothing: {fault}")),
        };
        if told.author.0 != from.0 || told.asker != self.me.0 {
            let why = format!("hands over what {} told {}", told.author, told.asker);
            return self.bad(from, why);
        }
        if now.since(told.at).max(told.at.since(now)) > STATEMENT_SKEW {
            let why = format!("says that it knew nothing at {}: set the clocks", told.at);
            return self.bad(from, why);
        }
        self.out.push_back(Output::NothingKnown {
            neighbour: from,
            subject: told.subject,
        });
    }

    /// A neighbour sent what it could have seen to be wrong.
    pub(super) fn bad(&mut self, neighbour: Neighbour, why: String) {
        self.counters.refused += 1;
        if let Some(near) = self.near.get_mut(&neighbour) {
            near.score.invalid += 1;
        }
        self.conduct(neighbour, Conduct::MalformedMessage, why);
    }
}
