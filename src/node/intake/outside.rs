//! What leaves the node of its opinions: told to Slips, or kept inside and taken back by a guard.

use super::{Intake, MAX_WRITTEN, Step, make_room};
use crate::domain::{Content, Opinion, Subject, Timestamp};
use crate::reputation::{TrustModel, guards::Guard};
use crate::wire::slips;

/// What became of an opinion.
pub(super) struct Written {
    pub(super) opinion: Opinion,
    /// Whether Slips was told.
    pub(super) outside: bool,
}

impl Intake {
    /// The guard that keeps an opinion inside.
    fn guard(&self, subject: Subject, now: Timestamp) -> Option<Guard> {
        let peer = self.peers.at(subject.ip(), now);
        self.settings.guards.of(subject, peer, now)
    }

    pub(super) fn opine(&mut self, subject: Subject, step: &mut Step) {
        let Some(opinion) = self.engine.opinion(subject, step.now) else {
            return;
        };
        let outside = self.guard(subject, step.now).is_none();
        let known = self.written.get(&subject);
        let is_same = known.is_some_and(|last| !self.has_changed(&last.opinion, &opinion));
        let was_outside = known.map(|last| last.outside);
        if outside && !(is_same && was_outside == Some(true)) {
            self.tell_slips(&opinion, step);
        } else if !outside && was_outside == Some(true) {
            self.withdraw(subject, step);
        }
        if is_same && was_outside == Some(outside) {
            return;
        }
        if !is_same {
            step.outcome.batch.opinions.push(opinion.clone());
        }
        make_room(&mut self.written, MAX_WRITTEN);
        self.written.insert(subject, Written { opinion, outside });
    }

    /// After something on the address no longer counts: where nothing is left, the opinion goes.
    pub(super) fn opine_anew(&mut self, subject: Subject, step: &mut Step) {
        if self.engine.opinion(subject, step.now).is_some() {
            return self.opine(subject, step);
        }
        self.written.remove(&subject);
        self.withdraw(subject, step);
        step.outcome.batch.unjudged.push(subject);
    }

    /// Whether it says something else than what was written last, or that is about to expire.
    fn has_changed(&self, last: &Opinion, opinion: &Opinion) -> bool {
        let age = opinion.computed_at.since(last.computed_at);
        let limit = self.settings.write_again_after;
        !last.says_the_same(opinion) || limit.is_some_and(|limit| age >= limit)
    }

    /// A guard may hold now for what Slips was told, or no longer for what it was not.
    pub(super) fn guard_anew(&mut self, subject: Subject, step: &mut Step) {
        let outside = self.guard(subject, step.now).is_none();
        let Some(known) = self.written.get_mut(&subject) else {
            // Nothing since the start; what an earlier run told is taken back when it is guarded.
            if !outside && self.engine.opinion(subject, step.now).is_some() {
                self.withdraw(subject, step);
            }
            return;
        };
        if std::mem::replace(&mut known.outside, outside) == outside {
            return;
        }
        let opinion = known.opinion.clone();
        if outside {
            self.tell_slips(&opinion, step);
        } else {
            self.withdraw(subject, step);
        }
    }

    fn tell_slips(&self, opinion: &Opinion, step: &mut Step) {
        if self.settings.write_back {
            self.counters.opinions.add(1);
            let content = Content::WriteBack(opinion.subject, slips::p2p4slips(opinion));
            step.outcome.batch.outbox.push((step.now, content));
        }
    }

    fn withdraw(&self, subject: Subject, step: &mut Step) {
        self.counters.guarded.add(1);
        if self.settings.write_back {
            let content = Content::Withdraw(subject);
            step.outcome.batch.outbox.push((step.now, content));
        }
    }
}
