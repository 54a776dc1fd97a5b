//! What a node's engine, disk and Slips want done.

use std::{sync::Arc, time::Duration};

use super::{
    super::{
        disk::Kept,
        link::FRAME_BYTES,
        person,
        queue::{Event, Work},
    },
    Failure, World,
};
use crate::{
    domain::{Neighbour, PeerId},
    mesh::Output,
};

impl World<'_> {
    /// Does what a node wants done, until it wants nothing more.
    pub(super) fn settle(&mut self, node: usize) -> Result<(), Failure> {
        while let Some(output) = self.people[node].mesh.poll() {
            match output {
                Output::Send { to, kind, bytes } => self.send(node, to.0, kind, bytes),
                Output::Store(arrived) => {
                    let done_at = self.now.plus(self.plan.disk);
                    if let Some(rounds) = self.rounds.as_mut().filter(|rounds| rounds.who == node) {
                        rounds.taken(arrived.tip.author, arrived.tip.seq, done_at);
                    }
                    let new_from = arrived
                        .said
                        .first()
                        .map_or(arrived.tip.seq, |said| said.seq);
                    let kept = Kept {
                        first: arrived.first,
                        tip: arrived.tip,
                        bytes: arrived.bytes,
                    };
                    self.work(node, Work::Store { kept, new_from });
                }
                Output::Read {
                    id,
                    spans,
                    max_bytes,
                } => {
                    let work = Work::Read {
                        id,
                        spans,
                        max_bytes,
                    };
                    self.work(node, work);
                }
                Output::Recall(author) => self.work(node, Work::Recall(author)),
                Output::OwnAdvanced(tip) => self.people[node].log.adopt(tip),
                // Nobody here forks or makes statements; conduct is counted by the engine.
                Output::Conduct { .. } | Output::Fork(_) | Output::NothingKnown { .. } => {}
            }
        }
        if self.people[node].sign()? {
            self.work(node, Work::Own);
        }
        let person = &mut self.people[node];
        if let Some(next) = person.mesh.next_time(self.now) {
            // What is due already was due before this input: it is done in the next instant.
            let next = next.max(self.now.plus(Duration::from_micros(1)));
            if person.wake.is_none_or(|wake| next < wake) {
                person.wake = Some(next);
                self.queue.plan(next, Event::Wake { node });
            }
        }
        Ok(())
    }

    fn work(&mut self, node: usize, work: Work) {
        self.people[node].works.push_back(work);
        let done_at = self.now.plus(self.plan.disk);
        self.queue.plan(done_at, Event::Disk { node });
    }

    pub(super) fn work_done(&mut self, node: usize) {
        let now = self.now;
        let is_honest = self.people[node].refusal.is_none();
        let person = &mut self.people[node];
        match person.works.pop_front() {
            Some(Work::Store { kept, new_from }) => {
                let tip = kept.tip;
                person.disk.add(kept);
                person.mesh.stored(tip, now);
                if let Some(author) = self.numbers.get(&tip.author.0).filter(|_| is_honest) {
                    self.ledger.came(*author, new_from, tip.seq, now);
                }
                self.note("stored", node, 0, &tip.digest.0);
            }
            Some(Work::Read {
                id,
                spans,
                max_bytes,
            }) => {
                let found = person.disk.find(&spans, max_bytes);
                person.mesh.read(id, found, now);
            }
            Some(Work::Recall(author)) => {
                let stored = person.disk.tip(author).map(|tip| person::stored(tip, now));
                person.mesh.recalled(author, stored, false, now);
            }
            Some(Work::Own) => {
                if let Some((from, reports)) = person.signed(now) {
                    self.ledger.entered(node, from, &reports);
                }
            }
            None => {}
        }
    }

    fn send(&mut self, from: usize, to: PeerId, kind: &str, bytes: Arc<[u8]>) {
        let Some(&link) = self.people[from].ways.get(&to) else {
            return;
        };
        let (Some(session), Some(bytes)) =
            (self.links[link].open, self.people[from].lets_out(bytes))
        else {
            return;
        };
        self.people[from].sent.add(kind, bytes.len() + FRAME_BYTES);
        let chance = &mut self.chance;
        let sent = self.links[link].send(from, bytes.len(), self.plan, chance, self.now);
        if let Some(until) = sent.full_until {
            self.people[from].mesh.blocked(Neighbour(to));
            let event = Event::Room {
                link,
                session,
                node: from,
            };
            self.queue.plan(until, event);
        }
        let to = self.links[link].other(from);
        let rounds = self.rounds.as_ref();
        let event = Event::Frame {
            link,
            session,
            to,
            bytes,
            depth: rounds.map_or(0, |rounds| rounds.sending(from, to, link)),
        };
        self.queue.plan(sent.at, event);
    }
}
