//! Puts the swarm together and makes it listen.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, Swarm, Transport,
    core::{
        multiaddr::Protocol,
        muxing::StreamMuxerBox,
        transport::{Boxed, ListenerId},
        upgrade::Version,
    },
    identity::Keypair,
    noise,
    swarm::{self, SwarmEvent},
    tcp,
};
use socket2::{Domain, Socket, Type};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Event, Events, Handle, Known, Line, Settings,
    admission::Admission,
    behaviour::Behaviour,
    book::split,
    mdns,
    muxer::{self, Pool},
    service::{Ends, Service},
    settings::{COMMAND_QUEUE, EVENT_QUEUE, FOUND_QUEUE, MAX_INBOUND_STREAMS},
};

/// A listener reports its address within a moment of being bound.
const LISTEN_LIMIT: Duration = Duration::from_secs(5);

/// What a QUIC peer may have under way, a stream (a line) and a connection.
#[cfg(feature = "quic")]
const QUIC_STREAM_BYTES: u32 = 128 * 1024;
#[cfg(feature = "quic")]
const QUIC_CONNECTION_BYTES: u32 = 1024 * 1024;

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

/// Starts the network: everything listens when this returns. Lines of peers go into `lines`, which
/// holds peers back while it is full. Returns the handle, the events, and where it really listens,
/// with `/p2p/<own id>`.
///
/// # Errors
/// [`StartError`], naming the address that could not be listened on.
pub async fn start(
    settings: Settings,
    keypair: Keypair,
    known: Vec<Known>,
    banned: Vec<PeerId>,
    lines: mpsc::Sender<Line>,
) -> Result<(Handle, Events, Vec<Multiaddr>), StartError> {
    let settings = Arc::new(settings);
    let fixed: HashSet<PeerId> = settings
        .static_peers
        .iter()
        .filter_map(|address| split(address).1)
        .collect();
    let mut swarm = build(
        &settings,
        &keypair,
        &fixed,
        banned.iter().copied().collect(),
        lines,
    )?;
    let (listeners, listening) = listen(&mut swarm, &settings.listen).await?;

    let local = *swarm.local_peer_id();
    let (events_in, events): (mpsc::Sender<Event>, Events) = mpsc::channel(EVENT_QUEUE);
    let (commands, commands_out) = mpsc::channel(COMMAND_QUEUE);
    let (queues_in, queues) = watch::channel(Arc::new(HashMap::new()));
    let (found_in, found) = mpsc::channel(FOUND_QUEUE);
    let (addresses_in, addresses) = watch::channel(listening.clone());
    if settings.legacy_mdns {
        let config = mdns::Config {
            rendezvous: settings.rendezvous.clone(),
            port: settings.legacy_mdns_port,
            interval: settings.legacy_mdns_interval,
            local,
        };
        tokio::spawn(mdns::run(config, addresses, found_in));
    }
    let deaf = CancellationToken::new();
    let ends = Ends {
        events: events_in,
        commands: commands_out,
        found,
        queues: queues_in,
        addresses: addresses_in,
        deaf: deaf.clone(),
    };
    let service =
        Service::new(Arc::clone(&settings), swarm, listeners, ends).with_peers(known, banned);
    tokio::spawn(service.run());

    let handle = Handle {
        local,
        queues,
        commands,
        deaf,
        max_line_bytes: settings.max_line_bytes,
        write_timeout: settings.write_timeout,
    };
    let own = Protocol::P2p(local);
    let listening = listening
        .into_iter()
        .map(|address| address.with(own.clone()))
        .collect();
    Ok((handle, events, listening))
}

fn build(
    settings: &Arc<Settings>,
    keypair: &Keypair,
    fixed: &HashSet<PeerId>,
    banned: HashSet<PeerId>,
    lines: mpsc::Sender<Line>,
) -> Result<Swarm<Behaviour>, StartError> {
    let protocol = libp2p::StreamProtocol::try_from_owned(settings.protocol.clone())
        .map_err(|_| StartError::Protocol(settings.protocol.clone()))?;
    let transport = transport(settings, keypair)?;
    let behaviour = Behaviour::new(settings, protocol, keypair, fixed, banned, lines)
        .map_err(StartError::Mdns)?;
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(settings.idle_timeout)
        .with_max_negotiating_inbound_streams(MAX_INBOUND_STREAMS)
        // The protocol's name and the line go in one flight, as pigeons send them.
        .with_substream_upgrade_protocol_override(Version::V1Lazy);
    Ok(Swarm::new(
        transport,
        behaviour,
        keypair.public().to_peer_id(),
        config,
    ))
}

fn transport(
    settings: &Settings,
    keypair: &Keypair,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StartError> {
    let floor = 2 * settings.max_line_bytes as u64;
    let unread = Arc::new(Pool::new(
        settings.max_unread_bytes,
        settings.max_unread_bytes_per_connection,
        floor,
    ));
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex(muxer::Config::new(unread))
        .timeout(settings.handshake_timeout)
        .boxed();
    let tcp = Admission::new(tcp, settings.max_pending_incoming);
    Ok(with_quic(tcp, settings, keypair))
}

#[cfg(feature = "quic")]
fn with_quic<T>(tcp: T, settings: &Settings, keypair: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)>
where
    T: Transport<Output = (PeerId, StreamMuxerBox), Error = io::Error> + Send + Unpin + 'static,
    T::Dial: Send,
    T::ListenerUpgrade: Send,
{
    use libp2p::{core::transport::OrTransport, futures::future::Either, quic};

    let wanted = settings
        .listen
        .iter()
        .chain(&settings.static_peers)
        .any(is_quic);
    if !wanted {
        return tcp.boxed();
    }
    let mut config = quic::Config::new(keypair);
    config.handshake_timeout = settings.handshake_timeout;
    // QUIC holds a peer back by itself, by these windows.
    config.max_stream_data = QUIC_STREAM_BYTES;
    config.max_connection_data = QUIC_CONNECTION_BYTES;
    let quic = quic::tokio::Transport::new(config)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let quic = Admission::new(quic.boxed(), settings.max_pending_incoming);
    OrTransport::new(quic, tcp)
        .map(|either, _| match either {
            Either::Left(output) | Either::Right(output) => output,
        })
        .boxed()
}

#[cfg(not(feature = "quic"))]
fn with_quic<T>(tcp: T, _: &Settings, _: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)>
where
    T: Transport<Output = (PeerId, StreamMuxerBox), Error = io::Error> + Send + Unpin + 'static,
    T::Dial: Send,
    T::ListenerUpgrade: Send,
{
    tcp.boxed()
}

#[cfg(feature = "quic")]
fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::QuicV1))
}

type Listening = (Vec<ListenerId>, Vec<Multiaddr>);

async fn listen(
    swarm: &mut Swarm<Behaviour>,
    addresses: &[Multiaddr],
) -> Result<Listening, StartError> {
    addresses.iter().try_for_each(probe)?;
    let mut waiting = HashMap::new();
    for address in addresses {
        let id = swarm
            .listen_on(address.clone())
            .map_err(|error| match error {
                libp2p::TransportError::MultiaddrNotSupported(_) => StartError::Unsupported {
                    address: address.clone(),
                },
                libp2p::TransportError::Other(source) => listen_error(address, source),
            })?;
        waiting.insert(id, address.clone());
    }
    let listeners = waiting.keys().copied().collect();
    let mut listening = Vec::new();
    let all_report = async {
        while !waiting.is_empty() {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr {
                    listener_id,
                    address,
                } => {
                    waiting.remove(&listener_id);
                    listening.push(address);
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
                _ => {}
            }
        }
        Ok(())
    };
    if let Ok(reported) = tokio::time::timeout(LISTEN_LIMIT, all_report).await {
        reported?;
    } else if let Some(address) = waiting.into_values().next() {
        return Err(StartError::Listen {
            address,
            source: io::ErrorKind::TimedOut.into(),
        });
    }
    // A wildcard reports each interface by itself, in one go.
    while let Some(Some(SwarmEvent::NewListenAddr { address, .. })) = swarm.next().now_or_never() {
        listening.push(address);
    }
    Ok((listeners, listening))
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
    let Some(ip) = super::guard::ip_of(address).filter(|_| port != 0) else {
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
    match (source.kind(), super::guard::ip_of(&address)) {
        (io::ErrorKind::AddrInUse, _) => StartError::PortInUse { address },
        (io::ErrorKind::AddrNotAvailable, Some(ip)) => StartError::NotLocal { address, ip },
        _ => StartError::Listen { address, source },
    }
}
