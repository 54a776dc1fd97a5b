//! The behaviours of the swarm, side by side.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::{Inlets, Settings, guard, pigeon, standing::Standings, sync};
use crate::domain::Hello;
use libp2p::{
    PeerId, StreamProtocol, connection_limits, identify,
    identity::Keypair,
    mdns, memory_connection_limits, ping,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
};
use tokio::sync::watch;

/// Two during the moment in which both sides have dialled; the service then closes one.
const MAX_CONNECTIONS_PER_PEER: u32 = 2;
/// libp2p's own ping only keeps middle boxes awake: `/slips/1.0` has its own.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How often identify repeats itself; nothing in it changes.
const IDENTIFY_INTERVAL: Duration = Duration::from_secs(3600);
/// What go-libp2p calls itself to identify, and old nodes expect.
const IDENTIFY_PROTOCOL: &str = "ipfs/0.1.0";

/// What the behaviours share with the rest of this room.
pub(crate) struct Shared<'a> {
    /// Where what peers send goes.
    pub(crate) inlets: Inlets,
    /// Who speaks `/slips/sync/1`.
    pub(crate) sessions: &'a Arc<sync::Sessions>,
    /// How far each peer is let in.
    pub(crate) standings: &'a Arc<Standings>,
    /// What we say of ourselves.
    pub(crate) own: watch::Receiver<Arc<Hello>>,
}

/// Everything the swarm does, first the ones that can say no.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// Bans and connections from one place.
    pub(crate) guard: guard::Behaviour,
    /// Connections in total, by direction and by peer.
    pub(crate) limits: connection_limits::Behaviour,
    /// No new connections when memory is short.
    pub(crate) memory: memory_connection_limits::Behaviour,
    /// `/slips/1.0`.
    pub(crate) pigeon: pigeon::Behaviour,
    /// `/slips/sync/1`, if wanted.
    pub(crate) sync: Toggle<sync::Behaviour>,
    /// Who the other side is and what it speaks.
    pub(crate) identify: identify::Behaviour,
    /// `/ipfs/ping/1.0.0`, which others may want of us.
    pub(crate) ping: ping::Behaviour,
    /// libp2p's multicast DNS, if wanted.
    pub(crate) mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    /// # Errors
    /// When the multicast sockets of libp2p's mDNS cannot be watched.
    pub(crate) fn new(
        settings: &Arc<Settings>,
        protocol: StreamProtocol,
        keypair: &Keypair,
        fixed: &HashSet<PeerId>,
        banned: HashSet<PeerId>,
        shared: Shared<'_>,
    ) -> std::io::Result<Self> {
        let key = keypair.public();
        let identify = identify::Config::new(IDENTIFY_PROTOCOL.into(), key.clone())
            .with_agent_version(settings.agent.clone())
            .with_interval(IDENTIFY_INTERVAL)
            .with_cache_size(0);
        let mdns = if settings.mdns {
            Some(mdns::tokio::Behaviour::new(
                mdns::Config::default(),
                key.to_peer_id(),
            )?)
        } else {
            None
        };
        Ok(Self {
            guard: guard::Behaviour::new(
                settings.max_connections_per_network,
                fixed.clone(),
                banned,
                Arc::clone(shared.standings),
            ),
            limits: limits(settings, fixed),
            memory: memory_connection_limits::Behaviour::with_max_bytes(settings.max_memory_bytes),
            pigeon: pigeon::Behaviour::new(
                Arc::clone(settings),
                protocol,
                shared.inlets.lines,
                Arc::clone(shared.standings),
                shared.own,
            ),
            sync: shared
                .inlets
                .sync
                .map(|inlet| {
                    let (sessions, standings) = (shared.sessions, shared.standings);
                    let (sessions, standings) = (Arc::clone(sessions), Arc::clone(standings));
                    sync::Behaviour::new(settings, sessions, standings, inlet)
                })
                .into(),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL)),
            mdns: mdns.into(),
        })
    }
}

/// Half-open connections of others are not counted here: `admission` sees to them.
fn limits(settings: &Settings, fixed: &HashSet<PeerId>) -> connection_limits::Behaviour {
    let mut behaviour = connection_limits::Behaviour::new(limits_beside(settings, 0, 0));
    fixed.iter().for_each(|peer| behaviour.bypass_peer_id(peer));
    behaviour
}

/// The limits of the settings, beside so many connections that do not count.
pub(crate) fn limits_beside(
    settings: &Settings,
    all: u32,
    incoming: u32,
) -> connection_limits::ConnectionLimits {
    connection_limits::ConnectionLimits::default()
        .with_max_pending_outgoing(u32::try_from(settings.max_pending_dials).ok())
        .with_max_established(Some(settings.max_connections.saturating_add(all)))
        .with_max_established_incoming(Some(
            settings.max_connections_incoming.saturating_add(incoming),
        ))
        .with_max_established_per_peer(Some(MAX_CONNECTIONS_PER_PEER))
}
