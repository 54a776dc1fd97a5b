//! Who may connect: nobody who is banned or not wanted, and only so many from one address.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, multiaddr::Protocol, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

use super::standing::{Standing, Standings};

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the peer is banned")]
    Banned,
    #[error("rejected: the peer is not wanted here")]
    Rejected,
    #[error("too many connections from {0}")]
    Crowded(IpAddr),
}

/// The IP an address begins with, v4-mapped folded to v4.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
        _ => None,
    }
}

/// What counts as one place: an IPv4 address, or the /64 a single IPv6 host can choose from.
pub(crate) fn place_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

/// The behaviour: no protocol of its own, only a word at the door.
pub(crate) struct Behaviour {
    max_per_place: u32,
    exempt: HashSet<PeerId>,
    banned: HashSet<PeerId>,
    standings: Arc<Standings>,
    inbound: HashMap<ConnectionId, (PeerId, IpAddr)>,
    places: HashMap<IpAddr, u32>,
}

impl Behaviour {
    pub(crate) fn new(
        max_per_place: u32,
        exempt: HashSet<PeerId>,
        banned: HashSet<PeerId>,
        standings: Arc<Standings>,
    ) -> Self {
        Self {
            standings,
            max_per_place,
            exempt,
            banned,
            inbound: HashMap::new(),
            places: HashMap::new(),
        }
    }

    pub(crate) fn ban(&mut self, peer: PeerId) {
        self.banned.insert(peer);
    }

    pub(crate) fn unban(&mut self, peer: &PeerId) {
        self.banned.remove(peer);
    }

    /// From now on the connections of a peer count for no place, those that stand included.
    pub(crate) fn exempt(&mut self, peer: PeerId) {
        self.exempt.insert(peer);
        let of_it = self.inbound.iter().filter(|(_, (of, _))| *of == peer);
        let of_it: Vec<ConnectionId> = of_it.map(|(connection, _)| *connection).collect();
        of_it
            .into_iter()
            .for_each(|connection| self.left(connection));
    }

    /// New connections of a peer count again.
    pub(crate) fn no_longer_exempt(&mut self, peer: &PeerId) {
        self.exempt.remove(peer);
    }

    fn check(&self, peer: &PeerId, from: Option<IpAddr>) -> Result<(), Refusal> {
        if self.banned.contains(peer) {
            return Err(Refusal::Banned);
        }
        if self.standings.of(peer) == Standing::Refused {
            return Err(Refusal::Rejected);
        }
        let Some(ip) = from.filter(|_| !self.exempt.contains(peer)) else {
            return Ok(());
        };
        match self.places.get(&place_of(ip)) {
            Some(count) if *count >= self.max_per_place => Err(Refusal::Crowded(ip)),
            _ => Ok(()),
        }
    }

    fn left(&mut self, connection: ConnectionId) {
        let Some((_, place)) = self.inbound.remove(&connection) else {
            return;
        };
        if let Some(count) = self.places.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.places.remove(&place);
            }
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(&peer, ip_of(remote))
            .map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if let Some(peer) = peer {
            self.check(&peer, None).map_err(ConnectionDenied::new)?;
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check(&peer, None).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(made)
                if made.endpoint.is_listener() && !self.exempt.contains(&made.peer_id) =>
            {
                if let Some(ip) = ip_of(made.endpoint.get_remote_address()) {
                    let place = place_of(ip);
                    self.inbound
                        .insert(made.connection_id, (made.peer_id, place));
                    *self.places.entry(place).or_default() += 1;
                }
            }
            FromSwarm::ConnectionClosed(closed) => self.left(closed.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an ip")
    }

    #[test]
    fn a_whole_v6_network_is_one_place() {
        assert_eq!(
            place_of(ip("2001:db8:1:2::1")),
            place_of(ip("2001:db8:1:2:ffff::9"))
        );
        assert_ne!(
            place_of(ip("2001:db8:1:2::1")),
            place_of(ip("2001:db8:1:3::1"))
        );
        assert_ne!(place_of(ip("192.0.2.1")), place_of(ip("192.0.2.2")));
    }

    #[test]
    fn a_mapped_address_is_the_v4_one() {
        let address = "/ip6/::ffff:192.0.2.1/tcp/1".parse().expect("an address");
        assert_eq!(ip_of(&address), Some(ip("192.0.2.1")));
    }
}
