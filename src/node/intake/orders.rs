//! What the operator orders of a running node, as far as it bears on judging.

use super::{Intake, Step};
use crate::domain::{Change, Judgement, PeerId, Subject, Timestamp};
use crate::reputation::{TrustModel as _, anchors::Vouched};

/// Something the operator's orders make of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Ordered {
    /// The address book or a ban changes.
    Change(Box<Change>),
    /// The opinions of these addresses follow trust that changed before; with the last of them the
    /// peer whose trust it was.
    Recompute {
        /// The addresses.
        subjects: Vec<Subject>,
        /// Whose trust changed, once all addresses have had their turn.
        applied: Option<PeerId>,
    },
}

impl Intake {
    /// What is thought of an address now, and by whose words.
    #[must_use]
    pub fn judgement(&self, subject: Subject, now: Timestamp) -> Judgement {
        let model = self.engine.kind().word();
        self.engine.explain(subject, now).judgement(model)
    }

    pub(super) fn obey(&mut self, ordered: Ordered, step: &mut Step) {
        match ordered {
            Ordered::Change(change) => self.change(*change, step),
            Ordered::Recompute { subjects, applied } => {
                step.subjects.extend(subjects);
                step.outcome.batch.applied.extend(applied);
            }
        }
    }

    fn change(&mut self, mut change: Change, step: &mut Step) {
        if let Some(trust) = &mut change.trust {
            // The time the model learns it is the time the database tells it again.
            trust.since = step.now;
            let given = trust.given.as_ref().map(|given| Vouched {
                trust: given.trust,
                until: given.until,
            });
            let fact = (self.settings.anchors).give(trust.peer, given, step.now);
            self.engine.learn(&fact, step.now);
        }
        if let Some(peer) = change.unbanned {
            self.peers.cut_off(peer, step.now, step.now);
            self.guards_changed(peer, step);
        }
        if let Some(ban) = change.ban.take() {
            self.peers.cut_off(ban.peer, ban.until, step.now);
            self.guards_changed(ban.peer, step);
            step.outcome.bans.push(ban);
        }
        for peer in &change.removed {
            let left = self.peers.unlist(*peer);
            step.moved.extend(left.into_iter().map(Subject::from_ip));
        }
        if let Some(contact) = &change.contact {
            let changed = self.peers.list(contact);
            step.moved.extend(changed.into_iter().map(Subject::from_ip));
        }
        step.outcome.batch.take_in(change);
    }

    /// A peer guards its addresses only while it is not cut off.
    fn guards_changed(&self, peer: PeerId, step: &mut Step) {
        let addresses =
            (self.peers.address(peer).into_iter()).chain(self.peers.listed(peer).iter().copied());
        step.moved.extend(addresses.map(Subject::from_ip));
    }
}
