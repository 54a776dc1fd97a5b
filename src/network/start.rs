//! Puts the swarm together, makes it listen, and starts its tasks.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::IpAddr,
    sync::Arc,
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm,
    core::{multiaddr::Protocol, upgrade::Version},
    identity::Keypair,
    noise, swarm,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::Hello;

use super::{
    Event, Events, Handle, Known, LinesIn, Settings, SyncIn,
    behaviour::{Behaviour, Shared},
    book::split,
    compact::Compact,
    frames,
    listen::listen,
    mdns,
    service::{Ends, Service},
    settings::{COMMAND_QUEUE, EVENT_QUEUE, FOUND_QUEUE, MAX_INBOUND_STREAMS},
    standing::Standings,
    sync::Sessions,
    transport::transport,
};

/// Why the network did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error(
        "can't listen on {address}: the port is in use (stop the other program or choose another port)"
    )]
    PortInUse {
        /// Where.
        address: Multiaddr,
    },
    /// The IP is none of this host's.
    #[error("can't listen on {address}: {ip} is no address of this host")]
    NotLocal {
        /// Where.
        address: Multiaddr,
        /// The IP in it.
        ip: IpAddr,
    },
    /// Nothing we can listen on.
    #[error(
        "can't listen on {address}: expected /ip4/<ip>/tcp/<port> or /ip6/<ip>/tcp/<port>, or the same with \
         /udp/<port>/quic-v1 if built with QUIC"
    )]
    Unsupported {
        /// Where.
        address: Multiaddr,
    },
    /// The system refused.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// Where.
        address: Multiaddr,
        /// Why.
        source: io::Error,
    },
    /// The protocol is not of the form `/name/version`.
    #[error("the protocol `{0}` must begin with a slash, as /slips/1.0 does")]
    Protocol(String),
    /// The noise handshake cannot be set up with this key.
    #[error("this key cannot be used for connections: {0}")]
    Key(#[from] noise::Error),
    /// Multicast DNS could not be set up.
    #[error("multicast DNS cannot be set up: {0} (turn it off in the settings)")]
    Mdns(#[source] io::Error),
}

/// Where what peers send goes; each holds peers back while it is full.
#[derive(Clone)]
pub struct Inlets {
    /// Their lines.
    pub lines: LinesIn,
    /// Their sync frames; `None`: `/slips/sync/1` is not spoken. A frame has at most 64 KiB.
    pub sync: Option<SyncIn>,
}

impl From<LinesIn> for Inlets {
    fn from(lines: LinesIn) -> Self {
        Self { lines, sync: None }
    }
}

/// Starts the network: everything listens when this returns. What peers send goes into the inlets. Returns the handle, the events, and where it really listens,
/// with `/p2p/<own id>`.
///
/// # Errors
/// [`StartError`], naming the address that could not be listened on.
pub async fn start(
    settings: Settings,
    keypair: Keypair,
    known: Vec<Known>,
    banned: Vec<PeerId>,
    inlets: impl Into<Inlets>,
) -> Result<(Handle, Events, Vec<Multiaddr>), StartError> {
    let settings = Arc::new(settings);
    let sessions = Arc::new(Sessions::default());
    let standings = standings(&settings);
    let (own, said) = watch::channel(Arc::new(hello(&settings)));
    let barred = banned.iter().copied().collect();
    let shared = Shared {
        inlets: inlets.into(),
        sessions: &sessions,
        standings: &standings,
        own: said,
    };
    let mut swarm = build(&settings, &keypair, barred, shared)?;
    let listening = listen(&mut swarm, &settings.listen).await?;
    let local = *swarm.local_peer_id();
    let addresses = listening.addresses.clone();
    let (ends, handle, events) = ends(
        &settings,
        local,
        addresses.clone(),
        sessions,
        (standings, own),
    );
    let service = Service::new(settings, swarm, listening, ends).with_peers(known, banned);
    tokio::spawn(service.run());
    let own = Protocol::P2p(local);
    let addresses = addresses
        .into_iter()
        .map(|address| address.with(own.clone()))
        .collect();
    Ok((handle, events, addresses))
}

/// Makes what joins the loop to its users, and starts the finder of pigeons.
fn ends(
    settings: &Settings,
    local: PeerId,
    listening: Vec<Multiaddr>,
    sessions: Arc<Sessions>,
    (standings, own): (Arc<Standings>, watch::Sender<Arc<Hello>>),
) -> (Ends, Handle, Events) {
    let (events_in, events): (mpsc::Sender<Event>, Events) = mpsc::channel(EVENT_QUEUE);
    let (commands_in, commands) = mpsc::channel(COMMAND_QUEUE);
    let (queues_in, queues) = watch::channel(Arc::new(HashMap::new()));
    let (found_in, found) = mpsc::channel(FOUND_QUEUE);
    let (addresses_in, addresses) = watch::channel(listening);
    let deaf = CancellationToken::new();
    if settings.legacy_mdns {
        let config = mdns::Config {
            rendezvous: settings.rendezvous.clone(),
            port: settings.legacy_mdns_port,
            interval: settings.legacy_mdns_interval,
            local,
        };
        tokio::spawn(mdns::run(config, addresses, found_in));
    }
    let handle = Handle {
        local,
        queues,
        sessions,
        commands: commands_in,
        deaf: deaf.clone(),
        max_line_bytes: settings.max_line_bytes,
        write_timeout: settings.write_timeout,
        quic: settings.quic && cfg!(feature = "quic"),
    };
    let ends = Ends {
        events: events_in,
        commands,
        found,
        queues: queues_in,
        addresses: addresses_in,
        deaf,
        standings,
        own,
    };
    (ends, handle, events)
}

/// Peers of the settings are no strangers.
fn standings(settings: &Settings) -> Arc<Standings> {
    let fixed = (settings.static_peers.iter()).filter_map(|address| split(address).1);
    let pinned = settings.pinned.iter().map(|(peer, _)| peer);
    let chosen = settings.acquainted.iter().chain(&settings.accepted);
    let admitted = chosen.chain(pinned).copied().chain(fixed);
    let standings = Standings::new(settings.unknown_peers, admitted, settings.max_known_peers);
    (settings.proven.iter()).for_each(|peer| standings.prove(*peer));
    Arc::new(standings)
}

/// What we say of ourselves at first.
fn hello(settings: &Settings) -> Hello {
    let hello = Hello {
        protocol: frames::PROTOCOL.as_ref().to_owned(),
        alias: settings.alias.clone(),
        software: settings.agent.clone(),
        network: Some(settings.rendezvous.clone()),
        ..Hello::default()
    };
    hello.cleaned()
}

fn build(
    settings: &Arc<Settings>,
    keypair: &Keypair,
    banned: HashSet<PeerId>,
    shared: Shared<'_>,
) -> Result<Swarm<Compact<Behaviour>>, StartError> {
    let protocol = StreamProtocol::try_from_owned(settings.protocol.clone())
        .map_err(|_| StartError::Protocol(settings.protocol.clone()))?;
    let fixed: HashSet<PeerId> = settings
        .static_peers
        .iter()
        .filter_map(|address| split(address).1)
        .collect();
    let transport = transport(settings, keypair, shared.standings)?;
    let behaviour = Behaviour::new(settings, protocol, keypair, &fixed, banned, shared)
        .map_err(StartError::Mdns)?;
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(settings.idle_timeout)
        .with_max_negotiating_inbound_streams(MAX_INBOUND_STREAMS)
        // The protocol's name and the line go in one flight, as pigeons send them.
        .with_substream_upgrade_protocol_override(Version::V1Lazy);
    Ok(Swarm::new(
        transport,
        Compact(behaviour),
        keypair.public().to_peer_id(),
        config,
    ))
}
