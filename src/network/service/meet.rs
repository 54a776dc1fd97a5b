//! Connections come and go: which is kept, who counts as connected, what is learned of a peer.

use std::{net::IpAddr, sync::Arc, time::Duration};

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, multiaddr::Protocol},
    identify,
    swarm::ConnectionId,
};

use super::{Service, presence::OTHER_NETWORK, talk::NO_COMMON_PROTOCOL};
use crate::{
    domain::Reachability,
    network::{
        Event,
        book::{Now, Target, split},
        guard::ip_of,
        link::{Connection, Link},
        pigeon::Control,
    },
};

/// Of two that find each other at once the one with the greater id waits so long, so that not both dial.
const LET_THE_OTHER_DIAL: Duration = Duration::from_millis(300);

impl Service {
    pub(super) fn connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let now = Now::read();
        let via = self.dials.remove(&id);
        let address = split(endpoint.get_remote_address()).0;
        let ip = ip_of(&address).unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let outgoing = endpoint.is_dialer();
        let new = Connection {
            id,
            outgoing,
            address: address.clone(),
            ip,
            since: now.steady,
        };
        self.book.connected(peer, via.as_ref(), now.steady);
        if outgoing {
            self.book.learn(peer, address);
        }
        let local = *self.swarm.local_peer_id();
        match self.links.get_mut(&peer) {
            Some(link) => {
                if let Some(goes) = link.add(new, local, peer) {
                    self.swarm.close_connection(goes);
                }
            }
            None => {
                let link = Link::new(new, self.pace, &mut self.rng);
                self.links.insert(peer, link);
            }
        }
        self.farewells.remove(&peer);
        self.make_room_for_pinned();
        if matches!(&via, Some(Target::Address(_))) {
            // Whoever answers at an address of the configuration is no stranger.
            self.standings.admit(peer);
            self.swarm.behaviour_mut().limits.bypass_peer_id(&peer);
        }
        if outgoing && self.leaving.is_none() {
            self.first_word(peer, id);
        }
    }

    /// Whoever dials says hello, or pings if the peer has heard our hello before.
    fn first_word(&mut self, peer: PeerId, connection: ConnectionId) {
        let control = if self.book.greeted(peer) {
            Control::Ping
        } else {
            Control::Hello
        };
        self.swarm
            .behaviour_mut()
            .pigeon
            .say(peer, connection, control);
        if let Some(link) = self.links.get_mut(&peer) {
            link.asked();
        }
    }

    /// A peer has shown that it speaks our protocol: from now on it counts as connected.
    pub(super) fn activate(&mut self, peer: PeerId) {
        if self.links.get(&peer).is_none_or(|link| link.active) || !self.lets_in(peer) {
            return;
        }
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        let Some(connection) = link.current() else {
            return;
        };
        let (address, ip, outgoing) = (
            connection.address.clone(),
            connection.ip,
            connection.outgoing,
        );
        link.active = true;
        // First, so that whoever hears of the connection can use it.
        self.publish_queues();
        tracing::info!(%peer, %address, "connected");
        self.outbox.tell(Event::Connected {
            peer,
            address: address.clone(),
            ip,
        });
        self.outbox.tell(Event::Reachability {
            peer,
            state: Reachability::Connected,
        });
        if outgoing {
            self.outbox.tell(Event::Address { peer, address, ip });
        }
    }

    fn publish_queues(&mut self) {
        let pigeon = &self.swarm.behaviour().pigeon;
        let active = self.links.iter().filter(|(_, link)| link.active);
        let queues = active
            .filter_map(|(peer, _)| Some((*peer, pigeon.queue(peer)?)))
            .collect();
        self.queues.send_replace(Arc::new(queues));
    }

    pub(super) fn disconnected(&mut self, peer: PeerId, id: ConnectionId, cause: String) {
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        if !link.remove(id) {
            return self.make_room_for_pinned();
        }
        let Some(link) = self.links.remove(&peer) else {
            return;
        };
        if link.active {
            self.publish_queues();
        }
        self.make_room_for_pinned();
        self.goodbye_over(&peer);
        let reason = link.closing.unwrap_or(cause);
        tracing::info!(%peer, "disconnected: {reason}");
        let now = Now::read();
        let state = if self.is_barred(peer) {
            self.book.rest(peer);
            Some(Reachability::Unreachable {
                reason,
                next_try: None,
            })
        } else if reason == NO_COMMON_PROTOCOL || reason.starts_with(OTHER_NETWORK) {
            self.book.useless(peer, &reason, now)
        } else {
            self.book.failed(&Target::Peer(peer), &reason, now)
        };
        if let Some(state) = state.filter(|_| !link.parked) {
            self.outbox.tell(Event::Reachability { peer, state });
        }
    }

    pub(super) fn identified(&mut self, peer: PeerId, info: &identify::Info) {
        let speaks = info
            .protocols
            .iter()
            .any(|protocol| protocol.as_ref() == self.settings.protocol);
        if !speaks {
            return self.give_up(peer, NO_COMMON_PROTOCOL);
        }
        self.activate(peer);
        let Some(ip) = self
            .links
            .get(&peer)
            .and_then(Link::current)
            .map(|connection| connection.ip)
        else {
            return;
        };
        // Only addresses at the IP it really has: nobody sends us dialling elsewhere.
        for address in info
            .listen_addrs
            .iter()
            .filter(|address| ip_of(address) == Some(ip))
            // Without QUIC it could not be dialled, and its failure would hide the real reason.
            .filter(|address| {
                self.settings.quic || !address.iter().any(|part| part == Protocol::QuicV1)
            })
        {
            let address = split(address).0;
            if self.book.learn(peer, address.clone()) && self.counts(&peer) {
                self.outbox.tell(Event::Address { peer, address, ip });
            }
        }
    }

    /// Closes the connection to a peer, for a reason its state will name.
    pub(super) fn close(&mut self, peer: PeerId, reason: &str) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.closing.get_or_insert_with(|| reason.into());
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    pub(super) fn give_up(&mut self, peer: PeerId, reason: &str) {
        if self.links.get(&peer).is_some_and(|link| !link.active) {
            self.close(peer, reason);
        }
    }

    /// A peer was found at an address, by whatever kind of multicast DNS.
    pub(super) fn found(&mut self, peer: PeerId, address: &Multiaddr) {
        let local = *self.swarm.local_peer_id();
        if peer == local || self.is_barred(peer) || self.leaving.is_some() {
            return;
        }
        let wait = if local.to_bytes() > peer.to_bytes() {
            LET_THE_OTHER_DIAL
        } else {
            Duration::ZERO
        };
        let address = split(address).0;
        if self
            .book
            .found(peer, address.clone(), wait, Now::read().steady)
        {
            self.outbox.tell(Event::Discovered { peer, address });
        }
    }
}
