//! Who may connect: nobody who is banned or not wanted, and only so many from one network.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, dummy,
    },
};

use super::standing::{Standing, Standings};
pub(crate) use crate::domain::ip_of;

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the peer is banned")]
    Banned,
    #[error("rejected: the peer is not wanted here")]
    Rejected,
    #[error("too many connections from the network of {0}")]
    Crowded(IpAddr),
}

/// What counts as one network, by its first address: an IPv4 /24, which is what is handed out to one
/// customer, or the /64 a single IPv6 host can choose from. In the private ranges, on the link and on
/// this host it is a single IPv4 address: there a /24 is a whole laboratory of sensors, and whoever
/// has many addresses in it is on the operator's own network.
pub(crate) fn network_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v4.is_private() || v4.is_loopback() || v4.is_link_local() => ip,
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

/// The behaviour: no protocol of its own, only a word at the door.
pub(crate) struct Behaviour {
    max_per_network: u32,
    exempt: HashSet<PeerId>,
    banned: HashSet<PeerId>,
    standings: Arc<Standings>,
    inbound: HashMap<ConnectionId, (PeerId, IpAddr)>,
    networks: HashMap<IpAddr, u32>,
}

impl Behaviour {
    pub(crate) fn new(
        max_per_network: u32,
        exempt: HashSet<PeerId>,
        banned: HashSet<PeerId>,
        standings: Arc<Standings>,
    ) -> Self {
        Self {
            standings,
            max_per_network,
            exempt,
            banned,
            inbound: HashMap::new(),
            networks: HashMap::new(),
        }
    }

    pub(crate) fn ban(&mut self, peer: PeerId) {
        self.banned.insert(peer);
    }

    pub(crate) fn unban(&mut self, peer: &PeerId) {
        self.banned.remove(peer);
    }

    /// From now on the connections of a peer count for no network, those that stand included.
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

    /// Pinned, or known to the operator in another way.
    fn is_exempt(&self, peer: &PeerId) -> bool {
        self.exempt.contains(peer) || self.standings.is_chosen(peer)
    }

    fn check(&self, peer: &PeerId, from: Option<IpAddr>) -> Result<(), Refusal> {
        if self.banned.contains(peer) {
            return Err(Refusal::Banned);
        }
        if self.standings.of(peer) == Standing::Refused {
            return Err(Refusal::Rejected);
        }
        let Some(ip) = from.filter(|_| !self.is_exempt(peer)) else {
            return Ok(());
        };
        match self.networks.get(&network_of(ip)) {
            Some(count) if *count >= self.max_per_network => Err(Refusal::Crowded(ip)),
            _ => Ok(()),
        }
    }

    fn left(&mut self, connection: ConnectionId) {
        let Some((_, network)) = self.inbound.remove(&connection) else {
            return;
        };
        if let Some(count) = self.networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
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
                if made.endpoint.is_listener() && !self.is_exempt(&made.peer_id) =>
            {
                if let Some(ip) = ip_of(made.endpoint.get_remote_address()) {
                    let network = network_of(ip);
                    self.inbound
                        .insert(made.connection_id, (made.peer_id, network));
                    *self.networks.entry(network).or_default() += 1;
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
    fn a_v6_network_is_one_and_a_public_v4_one_too() {
        assert_eq!(
            network_of(ip("2001:db8:1:2::1")),
            network_of(ip("2001:db8:1:2:ffff::9"))
        );
        assert_ne!(
            network_of(ip("2001:db8:1:2::1")),
            network_of(ip("2001:db8:1:3::1"))
        );
        assert_eq!(network_of(ip("192.0.2.1")), network_of(ip("192.0.2.254")));
        assert_ne!(network_of(ip("192.0.2.1")), network_of(ip("192.0.3.1")));
        for (one, other) in [
            ("10.0.0.1", "10.0.0.2"),
            ("192.168.1.1", "192.168.1.2"),
            ("127.0.0.1", "127.0.0.2"),
            ("169.254.0.1", "169.254.0.2"),
        ] {
            assert_ne!(network_of(ip(one)), network_of(ip(other)), "a laboratory");
        }
    }

    #[test]
    fn a_mapped_address_is_the_v4_one() {
        let address = "/ip6/::ffff:192.0.2.1/tcp/1".parse().expect("an address");
        assert_eq!(ip_of(&address), Some(ip("192.0.2.1")));
    }
}
