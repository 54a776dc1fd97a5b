//! Nodes and pigeons find each other by multicast DNS, on loopback and a port of the test's own; the
//! real port on a network of its own is in `tests/pigeon/discovery.rs`.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use libp2p::{PeerId, identity::Keypair};
use slips_p2p::network::{Event, Settings};
use socket2::{Domain, Socket, Type};

use crate::node::{LIMIT, node, settings};

/// The question of a pigeon.
const QUERY: &[u8] = b"\x35\x58\0\0\0\x01\0\0\0\0\0\0\x05slips\x05local\0\0\x0c\0\x01";

fn multicast(port: u16) -> Settings {
    Settings {
        legacy_mdns: true,
        legacy_mdns_port: port,
        ..settings()
    }
}

#[tokio::test]
async fn two_nodes_find_each_other() {
    let mut a = node(multicast(15_353)).await;
    let mut b = node(multicast(15_353)).await;
    let found = b.until("a find", |event| match event {
        Event::Discovered { peer, .. } => Some(peer),
        _ => None,
    });
    assert_eq!(found.await, a.id);
    assert_eq!(a.connected().await, b.id);
    assert_eq!(b.connected().await, a.id);
}

#[tokio::test]
async fn a_pigeon_that_asks_is_answered_where_it_asked_from() {
    let a = node(multicast(15_354)).await;
    let id = a.id.to_base58();
    let answer = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
        socket2::SockRef::from(&socket)
            .set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            .expect("an interface");
        socket
            .set_read_timeout(Some(Duration::from_millis(500)))
            .expect("a limit");
        let mut answer = [0_u8; 1500];
        for _ in 0..20 {
            socket.send_to(QUERY, "224.0.0.251:15354").expect("sends");
            if let Ok((length, from)) = socket.recv_from(&mut answer) {
                assert_eq!(from.port(), 15_354);
                return answer[..length].to_vec();
            }
        }
        panic!("no answer");
    });
    let answer = answer.await.expect("an answer");
    assert_eq!(
        answer[..12],
        [0, 0, 0x84, 0, 0, 0, 0, 4, 0, 0, 0, 0],
        "id 0, an answer, four records"
    );
    // The text alone, at the very end, is the peer id.
    assert_eq!(&answer[answer.len() - id.len()..], id.as_bytes());
}

/// Somebody answers with a peer that is not there; the next one found is still dialled.
#[tokio::test]
async fn one_failed_dial_does_not_end_discovery() {
    let ghost = PeerId::random();
    let port = 15_355;
    let liar = tokio::task::spawn_blocking(move || answer_once(port, ghost, 9));
    let mut a = node(multicast(port)).await;
    let state = a.lost().await;
    assert!(format!("{state:?}").contains("refused"), "{state:?}");
    liar.await.expect("the liar ends");
    let mut b = node(multicast(port)).await;
    assert_eq!(b.connected().await, a.id);
    a.until("the real one", |event| {
        matches!(event, Event::Connected { peer, .. } if peer == b.id).then_some(())
    })
    .await;
}

/// What a pigeon on loopback answers, with the record's layout as recorded.
fn answer_once(port: u16, peer: PeerId, at_port: u16) {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("shares");
    socket.set_reuse_port(true).expect("shares");
    socket
        .bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())
        .expect("binds");
    socket
        .join_multicast_v4(&Ipv4Addr::new(224, 0, 0, 251), &Ipv4Addr::LOCALHOST)
        .expect("joins");
    let socket: UdpSocket = socket.into();
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    let mut query = [0_u8; 1500];
    let (_, from) = socket.recv_from(&mut query).expect("a question");
    socket
        .send_to(&answer(&peer.to_base58(), at_port), from)
        .expect("sends");
}

fn answer(peer: &str, port: u16) -> Vec<u8> {
    let id = u8::try_from(peer.len()).expect("short");
    let mut packet =
        b"\0\0\x84\0\0\0\0\x04\0\0\0\0\x05slips\x05local\0\0\x0c\0\x01\0\0\0\x78\0".to_vec();
    packet.extend([id + 3, id]);
    packet.extend(peer.bytes());
    packet.extend(b"\xc0\x0c\xc0\x23\0\x21\0\x01\0\0\0\x78\0\x0a\0\x0a\0\x01");
    packet.extend(port.to_be_bytes());
    let host_at = 12 + 13 + 10 + usize::from(id) + 3 + 12 + 6;
    packet.extend(b"\x02vm\0");
    packet.extend([0xc0, u8::try_from(host_at).expect("near")]);
    packet.extend(b"\0\x01\0\x01\0\0\0\x78\0\x04\x7f\0\0\x01\xc0\x23\0\x10\0\x01\0\0\0\x78\0");
    packet.extend([id + 1, id]);
    packet.extend(peer.bytes());
    packet
}

#[tokio::test]
async fn a_find_is_not_ourselves() {
    let key = Keypair::generate_ed25519();
    let port = 15_356;
    let own = key.public().to_peer_id();
    let echo = tokio::task::spawn_blocking(move || answer_once(port, own, 9));
    let mut a = crate::node::Start {
        key,
        ..crate::node::Start::new(multicast(port))
    }
    .start()
    .await;
    echo.await.expect("the echo ends");
    let mut b = node(multicast(port)).await;
    assert_eq!(a.connected().await, b.id);
    b.connected().await;
}
