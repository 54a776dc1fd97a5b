//! Listening, and saying which address cannot be listened on.

use std::{collections::HashMap, io, net::SocketAddr, time::Duration};

use futures::{FutureExt, StreamExt};
use libp2p::{
    Multiaddr, Swarm, TransportError,
    core::{multiaddr::Protocol, transport::ListenerId},
    swarm::SwarmEvent,
};
use socket2::{Domain, Socket, Type};

use super::{
    StartError,
    behaviour::{Behaviour, BehaviourEvent},
    compact::Compact,
    guard::ip_of,
};

/// A listener reports its address within a moment of being bound.
const LISTEN_LIMIT: Duration = Duration::from_secs(5);

/// What listening has led to.
#[derive(Default)]
pub(super) struct Listening {
    pub(super) listeners: Vec<ListenerId>,
    pub(super) addresses: Vec<Multiaddr>,
    /// What else happened meanwhile; the loop begins with it.
    pub(super) early: Vec<SwarmEvent<BehaviourEvent>>,
}

/// Listens on all addresses; each has reported where it really listens when this returns.
///
/// # Errors
/// [`StartError`], naming the first address that cannot be listened on.
pub(super) async fn listen(
    swarm: &mut Swarm<Compact<Behaviour>>,
    addresses: &[Multiaddr],
) -> Result<Listening, StartError> {
    addresses.iter().try_for_each(probe)?;
    let mut waiting = HashMap::new();
    for address in addresses {
        let id = swarm
            .listen_on(address.clone())
            .map_err(|error| match error {
                TransportError::MultiaddrNotSupported(_) => StartError::Unsupported {
                    address: address.clone(),
                },
                TransportError::Other(source) => listen_error(address, source),
            })?;
        waiting.insert(id, address.clone());
    }
    let mut listening = Listening {
        listeners: waiting.keys().copied().collect(),
        ..Listening::default()
    };
    let all_report = async {
        while !waiting.is_empty() {
            let event = swarm.select_next_some().await;
            listening.take(event, &mut waiting)?;
        }
        Ok(())
    };
    let reported = tokio::time::timeout(LISTEN_LIMIT, all_report).await;
    reported.unwrap_or_else(|_| Err(too_late(&waiting)))?;
    // A wildcard reports each interface by itself, in one go.
    while let Some(Some(event)) = swarm.next().now_or_never() {
        listening.take(event, &mut waiting)?;
    }
    Ok(listening)
}

impl Listening {
    fn take(
        &mut self,
        event: SwarmEvent<BehaviourEvent>,
        waiting: &mut HashMap<ListenerId, Multiaddr>,
    ) -> Result<(), StartError> {
        match event {
            SwarmEvent::NewListenAddr {
                listener_id,
                address,
            } => {
                waiting.remove(&listener_id);
                self.addresses.push(address);
            }
            SwarmEvent::ListenerClosed {
                listener_id,
                reason,
                ..
            } => {
                if let Some(address) = waiting.remove(&listener_id) {
                    let source = reason
                        .err()
                        .unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into());
                    return Err(listen_error(&address, source));
                }
            }
            other => self.early.push(other),
        }
        Ok(())
    }
}

fn too_late(waiting: &HashMap<ListenerId, Multiaddr>) -> StartError {
    let address = waiting
        .values()
        .next()
        .cloned()
        .unwrap_or_else(Multiaddr::empty);
    StartError::Listen {
        address,
        source: io::ErrorKind::TimedOut.into(),
    }
}

/// The transport shares ports, so that dials come from the listening port; two nodes of one user
/// would then share theirs without noticing. A socket that shares nothing finds out.
fn probe(address: &Multiaddr) -> Result<(), StartError> {
    let mut parts = address.iter();
    let (Some(Protocol::Ip4(_) | Protocol::Ip6(_)), Some(Protocol::Tcp(port))) =
        (parts.next(), parts.next())
    else {
        return Ok(());
    };
    let Some(ip) = ip_of(address).filter(|_| port != 0) else {
        return Ok(());
    };
    bind_alone(SocketAddr::new(ip, port)).map_err(|source| listen_error(address, source))
}

fn bind_alone(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}

fn listen_error(address: &Multiaddr, source: io::Error) -> StartError {
    let address = address.clone();
    match (source.kind(), ip_of(&address)) {
        (io::ErrorKind::AddrInUse, _) => StartError::PortInUse { address },
        (io::ErrorKind::AddrNotAvailable, Some(ip)) => StartError::NotLocal { address, ip },
        _ => StartError::Listen { address, source },
    }
}
