//! The sockets of the legacy mDNS: the responder on port 5353, the question from an ephemeral port.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use socket2::{Domain, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::{Notify, mpsc as queue},
    time,
};

use super::super::{
    Settings,
    mdns::{self, Announced},
};

/// How long answers to one question are taken.
const WINDOW: Duration = Duration::from_secs(5);
const HOST_NAME: &str = "pigeon";

type Found = queue::UnboundedSender<Announced>;

/// Starts to answer and asks once; the handle makes it ask again. Without a rendezvous nothing happens.
pub async fn start(
    settings: &Settings,
    own_id: PeerId,
    address: &Multiaddr,
    found: &Found,
) -> Arc<Notify> {
    let again = Arc::new(Notify::new());
    let Some(rendezvous) = settings.rendezvous.clone() else {
        return again;
    };
    let port = address
        .iter()
        .find_map(|part| {
            if let Protocol::Tcp(port) = part {
                Some(port)
            } else {
                None
            }
        })
        .unwrap_or(0);
    let answer = mdns::answer(
        &rendezvous,
        HOST_NAME,
        settings.host,
        port,
        &own_id.to_string(),
    );
    for socket in listeners(settings.host).expect("port 5353 is free in this namespace") {
        tokio::spawn(respond(socket, rendezvous.clone(), answer.clone()));
    }
    again.notify_one();
    let (host, found, asked) = (settings.host, found.clone(), Arc::clone(&again));
    tokio::spawn(async move {
        loop {
            asked.notified().await;
            if let Err(error) = ask(host, &rendezvous, &found).await {
                eprintln!("pigeon: cannot ask the network: {error}");
            }
        }
    });
    again
}

/// The peer and the address in an answer, unless it is our own.
pub fn as_peer(announced: &Announced, own_id: PeerId) -> Option<(PeerId, Multiaddr)> {
    let peer: PeerId = announced.peer.parse().ok()?;
    let address = Multiaddr::from(announced.ip).with(Protocol::Tcp(announced.port));
    (peer != own_id).then_some((peer, address))
}

fn listeners(host: Ipv4Addr) -> io::Result<[UdpSocket; 2]> {
    let v4 = socket(Domain::IPV4)?;
    v4.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, mdns::PORT)).into())?;
    v4.join_multicast_v4(&mdns::GROUP_V4, &host)?;
    let v6 = socket(Domain::IPV6)?;
    v6.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, mdns::PORT)).into())?;
    v6.join_multicast_v6(&mdns::GROUP_V6, 0)?;
    Ok([
        UdpSocket::from_std(v4.into())?,
        UdpSocket::from_std(v6.into())?,
    ])
}

fn socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

async fn respond(socket: UdpSocket, rendezvous: String, answer: Vec<u8>) {
    let mut packet = [0; 9000];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        if mdns::asks_for(&packet[..length], &rendezvous) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// One question to both groups, and every whole answer of the next five seconds.
async fn ask(host: Ipv4Addr, rendezvous: &str, found: &Found) -> io::Result<()> {
    let v4 = socket(Domain::IPV4)?;
    v4.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    v4.set_multicast_if_v4(&host)?;
    v4.set_multicast_ttl_v4(1)?;
    let v6 = socket(Domain::IPV6)?;
    v6.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
    let (v4, v6) = (
        UdpSocket::from_std(v4.into())?,
        UdpSocket::from_std(v6.into())?,
    );

    let question = mdns::query(0x3558, rendezvous);
    v4.send_to(&question, (IpAddr::from(mdns::GROUP_V4), mdns::PORT))
        .await?;
    // A host without IPv6 is asked over IPv4 alone.
    let _ = v6
        .send_to(&question, (IpAddr::from(mdns::GROUP_V6), mdns::PORT))
        .await;
    let _ = time::timeout(WINDOW, async {
        tokio::join!(collect(&v4, found), collect(&v6, found))
    })
    .await;
    Ok(())
}

async fn collect(socket: &UdpSocket, found: &Found) {
    let mut packet = [0; 9000];
    while let Ok((length, _)) = socket.recv_from(&mut packet).await {
        if let Some(announced) = mdns::read_answer(&packet[..length]) {
            let _ = found.send(announced);
        }
    }
}
