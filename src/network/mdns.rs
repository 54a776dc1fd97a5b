//! Finds pigeons and is found by them: asks at the start and regularly, answers whoever asks.
//!
//! IPv4 only, as the pigeon itself: it does not start with an IPv6 address. A pigeon asks at its
//! start and then hourly, and never announces itself; so we ask often, and learn the rest from
//! those who call us.

mod packet;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    num::NonZeroU32,
    time::Duration,
};

use futures::future::select_all;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use libp2p::{Multiaddr, PeerId, core::multiaddr::Protocol};
use rand::Rng;
use socket2::{Domain, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use self::packet::Names;

/// Where multicast DNS is spoken.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// Questions asked soon after the start: one packet is easily lost.
const EARLY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// Answers given a second at most: a question of 29 bytes brings 180 to whoever it claims to be from.
const ANSWERS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("not zero");
/// Longest packet read; a pigeon's has 181 bytes, multicast DNS allows 9,000.
const MAX_PACKET: usize = 9000;
/// Pause after a socket failed, so that a dead interface costs nothing.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What the finder needs to know.
pub(super) struct Config {
    pub(super) rendezvous: String,
    pub(super) port: u16,
    pub(super) interval: Duration,
    pub(super) local: PeerId,
}

/// Runs until nobody listens to what it finds. Asks and answers on the interfaces of the addresses
/// the node listens on, as they come and go.
pub(super) async fn run(
    config: Config,
    mut listening: watch::Receiver<Vec<Multiaddr>>,
    found: mpsc::Sender<(PeerId, Multiaddr)>,
) {
    let Some(names) = Names::new(&config.rendezvous, config.local) else {
        tracing::warn!(
            "no multicast DNS: `{}` cannot be part of a DNS name",
            config.rendezvous
        );
        return;
    };
    loop {
        let addresses = tcp_addresses(&listening.borrow_and_update());
        let round = Round::open(&config, &names, addresses);
        tokio::select! {
            () = found.closed() => return,
            changed = listening.changed() => if changed.is_err() { return },
            () = round.run(&found, config.interval) => {}
        }
    }
}

/// Asking and answering while the set of addresses stays the same.
struct Round<'a> {
    names: &'a Names,
    group: SocketAddr,
    addresses: Vec<SocketAddrV4>,
    answerer: Option<UdpSocket>,
    askers: Vec<UdpSocket>,
    answers: DefaultDirectRateLimiter,
}

impl<'a> Round<'a> {
    fn open(config: &Config, names: &'a Names, addresses: Vec<SocketAddrV4>) -> Self {
        let complain =
            |what: &str, error: io::Error| tracing::warn!("multicast DNS: cannot {what}: {error}");
        let mut interfaces: Vec<Ipv4Addr> = addresses.iter().map(|address| *address.ip()).collect();
        interfaces.sort_unstable();
        interfaces.dedup();
        let askers = interfaces.iter().filter_map(|ip| {
            asker(*ip)
                .map_err(|error| complain(&format!("ask from {ip}"), error))
                .ok()
        });
        let askers = askers.collect();
        let answerer = match interfaces.is_empty() {
            true => None,
            false => answerer(config.port, &interfaces)
                .map_err(|error| complain("answer", error))
                .ok(),
        };
        let group = SocketAddr::from((GROUP, config.port));
        let answers = RateLimiter::direct(Quota::per_second(ANSWERS_PER_SECOND));
        Self {
            names,
            group,
            addresses,
            answerer,
            askers,
            answers,
        }
    }

    async fn run(&self, found: &mpsc::Sender<(PeerId, Multiaddr)>, interval: Duration) {
        tokio::join!(self.ask(interval), self.hear(found), self.answer());
    }

    async fn ask(&self, interval: Duration) {
        let start = Instant::now();
        let mut early = EARLY.iter();
        loop {
            let id = rand::rng().random();
            if let Some(query) = self.names.query(id) {
                for socket in &self.askers {
                    if let Err(error) = socket.send_to(&query, self.group).await {
                        tracing::debug!("multicast DNS: a question was not sent: {error}");
                    }
                }
            }
            let next = match early.next() {
                Some(after) => start + *after,
                None => Instant::now() + interval.mul_f64(rand::rng().random_range(0.9..1.1)),
            };
            sleep_until(next).await;
        }
    }

    async fn hear(&self, found: &mpsc::Sender<(PeerId, Multiaddr)>) {
        if self.askers.is_empty() {
            return;
        }
        let mut buffer = vec![0_u8; MAX_PACKET];
        loop {
            let readable = self.askers.iter().map(|socket| Box::pin(socket.readable()));
            let (_, index, _) = select_all(readable).await;
            let Some((length, from)) = receive(&self.askers[index], &mut buffer).await else {
                continue;
            };
            for peer in self.names.found(&buffer[..length], from.ip()) {
                for at in peer.at {
                    // Full: it is found again with the next question.
                    let _ = found.try_send((peer.peer, multiaddr(at)));
                }
            }
        }
    }

    async fn answer(&self) {
        let Some(socket) = &self.answerer else { return };
        let mut buffer = vec![0_u8; MAX_PACKET];
        loop {
            if socket.readable().await.is_err() {
                tokio::time::sleep(AFTER_ERROR).await;
            }
            let Some((length, from)) = receive(socket, &mut buffer).await else {
                continue;
            };
            let Some(asked) = self.names.asked(&buffer[..length]) else {
                continue;
            };
            let Some((port, ips)) = self.addresses_for(from.ip()) else {
                continue;
            };
            if self.answers.check().is_err() {
                continue;
            }
            if let Some(answer) = self.names.answer(asked, port, &ips)
                && let Err(error) = socket.send_to(&answer, from).await
            {
                tracing::debug!("multicast DNS: an answer to {from} was not sent: {error}");
            }
        }
    }

    /// Our addresses an asker can use, the one nearest to it last; an answer has one port.
    fn addresses_for(&self, asker: IpAddr) -> Option<(u16, Vec<IpAddr>)> {
        let IpAddr::V4(asker) = asker else {
            return None;
        };
        let usable = |address: &&SocketAddrV4| address.ip().is_loopback() == asker.is_loopback();
        let all_loopback = self
            .addresses
            .iter()
            .all(|address| address.ip().is_loopback());
        let mut usable: Vec<_> = self
            .addresses
            .iter()
            .filter(|a| all_loopback || usable(a))
            .collect();
        usable.sort_by_key(|address| (address.ip().to_bits() ^ asker.to_bits()).leading_zeros());
        let port = usable.last()?.port();
        Some((
            port,
            usable
                .iter()
                .filter(|a| a.port() == port)
                .map(|a| IpAddr::V4(*a.ip()))
                .collect(),
        ))
    }
}

async fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket.try_recv_from(buffer) {
        Ok(received) => Some(received),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) => {
            tracing::debug!("multicast DNS: {error}");
            tokio::time::sleep(AFTER_ERROR).await;
            None
        }
    }
}

/// A socket on a port of its own: pigeons answer to where the question came from.
fn asker(interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_multicast_if_v4(&interface)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    socket.bind(&SocketAddr::from((interface, 0)).into())?;
    into_tokio(socket)
}

/// The socket questions come to. It is shared with whoever else speaks multicast DNS on this host.
fn answerer(port: u16, interfaces: &[Ipv4Addr]) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    for interface in interfaces {
        if let Err(error) = socket.join_multicast_v4(&GROUP, interface) {
            tracing::warn!("multicast DNS: cannot hear questions on {interface}: {error}");
        }
    }
    into_tokio(socket)
}

fn into_tokio(socket: Socket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

fn tcp_addresses(listening: &[Multiaddr]) -> Vec<SocketAddrV4> {
    let address = |address: &Multiaddr| {
        let mut parts = address.iter();
        match (parts.next(), parts.next()) {
            (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => {
                Some(SocketAddrV4::new(ip, port))
            }
            _ => None,
        }
    };
    listening.iter().filter_map(address).collect()
}

fn multiaddr(at: SocketAddr) -> Multiaddr {
    Multiaddr::from(at.ip()).with(Protocol::Tcp(at.port()))
}
