//! Peers nobody has decided about: parked, on probation, and how they leave either.

use libp2p::PeerId;
use tokio::time::Instant;

use super::Service;
use crate::network::{
    Event,
    book::Now,
    pigeon::{Bye, Control},
    standing::Standing,
};

/// The reason in the state of a peer the operator does not want.
pub(super) const REJECTED: &str = "rejected: it is not wanted here";

impl Service {
    /// Whether a peer that speaks our protocol may count as connected; if not, it is dealt with.
    pub(super) fn lets_in(&mut self, peer: PeerId) -> bool {
        match self.standings.of(&peer) {
            Standing::Admitted => true,
            Standing::Probation => {
                let on_probation = |other: &&PeerId| self.is_on_probation(other);
                let newcomers = self.links.keys().filter(on_probation).count();
                let crowded = newcomers >= self.settings.probation_connections;
                if crowded {
                    self.close(peer, "too many newcomers at once");
                }
                !crowded
            }
            Standing::Parked => {
                self.park(peer);
                false
            }
            Standing::Refused => {
                self.close(peer, REJECTED);
                false
            }
        }
    }

    fn is_on_probation(&self, peer: &PeerId) -> bool {
        self.links.get(peer).is_some_and(|link| link.active)
            && self.standings.of(peer) == Standing::Probation
    }

    /// Whether what a peer does is anybody's business but the operator's.
    pub(super) fn counts(&self, peer: &PeerId) -> bool {
        self.standings.of(peer) >= Standing::Probation
    }

    fn park(&mut self, peer: PeerId) {
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        let Some(connection) = link.current().cloned() else {
            return;
        };
        if std::mem::replace(&mut link.parked, true) {
            return;
        }
        tracing::info!(%peer, address = %connection.address, "a stranger waits for a decision (peers accept, peers reject)");
        self.outbox.tell(Event::Parked {
            peer,
            address: connection.address,
            dialled: connection.outgoing,
        });
        let parked = self.links.iter().filter(|(_, link)| link.parked);
        if parked.clone().count() > self.settings.max_parked {
            let since = |link: &crate::network::link::Link| link.current().map(|it| it.since);
            let longest = parked.min_by_key(|(_, link)| since(link));
            if let Some((&longest, _)) = longest {
                self.close(longest, "others wait for a decision too");
            }
        }
    }

    /// The operator knows this peer.
    pub(super) fn let_in(&mut self, peer: PeerId) {
        self.standings.admit(peer);
        self.look_again(peer);
    }

    /// The operator does not want this peer.
    pub(super) fn turn_away(&mut self, peer: PeerId) {
        self.standings.refuse(peer);
        self.book.rest(peer);
        self.send_away(peer, Bye::Rejected, REJECTED);
    }

    /// Nothing is decided about this peer any more.
    pub(super) fn undecided(&mut self, peer: PeerId) {
        self.standings.forget(peer);
        if self.standings.of(&peer) == Standing::Refused {
            self.send_away(peer, Bye::Rejected, REJECTED);
        }
    }

    /// What was decided about a peer may let it in now.
    pub(super) fn look_again(&mut self, peer: PeerId) {
        if self.is_barred(peer) {
            return;
        }
        let Some(link) = self.links.get_mut(&peer) else {
            return self.book.retry(peer, Now::read().steady);
        };
        let was_parked = std::mem::replace(&mut link.parked, false);
        if let Some(connection) = link.current() {
            let connection = connection.id;
            let pigeon = &mut self.swarm.behaviour_mut().pigeon;
            pigeon.say(peer, connection, Control::Look);
        }
        if was_parked {
            self.activate(peer);
        }
    }

    /// A peer did something amiss: its time of good conduct begins anew.
    pub(super) fn misbehaved(&mut self, peer: PeerId) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.behaved_since = Instant::now();
        }
    }

    /// Whoever has behaved for long enough is on probation no longer.
    pub(super) fn prove_due(&mut self, now: Now) {
        let long = self.settings.probation_for;
        let due: Vec<PeerId> = (self.links.iter())
            .filter(|(_, link)| now.steady.duration_since(link.behaved_since) >= long)
            .map(|(peer, _)| *peer)
            .filter(|peer| self.is_on_probation(peer))
            .collect();
        for peer in due {
            tracing::info!(%peer, "no longer on probation: it has behaved");
            self.standings.prove(peer);
        }
    }
}
