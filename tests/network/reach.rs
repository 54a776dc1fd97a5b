//! Who can be reached: reconnecting, giving up, bans, one connection a peer, where we listen.

use std::time::Duration;

use libp2p::{Multiaddr, identity::Keypair};
use slips_p2p::{
    domain::{Conduct, Reachability, Timestamp},
    network::{self, Event, Settings, StartError},
};

use crate::{
    node::{Start, calling, eventually, hasty, node, settings},
    raw::{Manner, Raw, RawListener},
};

#[tokio::test]
async fn a_peer_that_restarts_is_dialled_again() {
    let key = Keypair::generate_ed25519();
    let mut b = Start {
        key: key.clone(),
        ..Start::new(settings())
    }
    .start()
    .await;
    let mut a = node(hasty(calling(&b.address))).await;
    a.connected().await;
    b.connected().await;
    let mut where_it_was = b.address.clone();
    where_it_was.pop();
    b.handle.goodbye(Duration::from_secs(5)).await;
    a.lost().await;
    let again = Settings {
        listen: vec![where_it_was],
        ..settings()
    };
    let mut b = Start {
        key,
        ..Start::new(again)
    }
    .start()
    .await;
    assert_eq!(a.connected().await, b.id);
    b.connected().await;
    a.handle
        .send(b.id, "still there?".into(), 0)
        .await
        .expect("queued");
    assert_eq!(b.line().await.text, "still there?");
}

/// What the peer's node did not take before it went is sent again when it is back.
#[tokio::test]
async fn lines_nobody_took_outlive_a_restart_of_the_peer() {
    let key = Keypair::generate_ed25519();
    let mut b = Start {
        key: key.clone(),
        ..Start::new(settings())
    }
    .start()
    .await;
    let mut a = node(Settings {
        backoff_max: Duration::from_millis(200),
        ..calling(&b.address)
    })
    .await;
    a.connected().await;
    b.connected().await;
    b.lines.close();
    for number in 0..5 {
        let line = format!("line {number}");
        a.handle.send(b.id, line, 0).await.expect("queued");
    }
    a.handle.flush(Duration::from_millis(200)).await;
    let mut where_it_was = b.address.clone();
    where_it_was.pop();
    b.handle.goodbye(Duration::from_secs(5)).await;
    a.lost().await;
    let again = Settings {
        listen: vec![where_it_was],
        ..settings()
    };
    let mut b = Start {
        key,
        ..Start::new(again)
    }
    .start()
    .await;
    for number in 0..5 {
        assert_eq!(b.line().await.text, format!("line {number}"));
    }
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_retried_then_unreachable() {
    let nobody = RawListener::new(&Keypair::generate_ed25519()).await;
    let address = nobody
        .address
        .clone()
        .with_p2p(nobody.id)
        .expect("an address");
    let id = nobody.id;
    drop(nobody);
    let mut a = node(Settings {
        unreachable_after: 3,
        ..hasty(calling(&address))
    })
    .await;
    a.conduct(id, Conduct::Unreachable).await;
    let state = a.lost().await;
    assert!(
        matches!(&state, Reachability::Retrying { reason, .. } if reason.contains("refused")),
        "{state:?}"
    );
    let state = a
        .until("it counts as unreachable", |event| match event {
            Event::Reachability {
                state: state @ Reachability::Unreachable { .. },
                ..
            } => Some(state),
            _ => None,
        })
        .await;
    assert!(
        matches!(
            state,
            Reachability::Unreachable {
                next_try: Some(_),
                ..
            }
        ),
        "{state:?}"
    );
}

#[tokio::test]
async fn another_peer_in_its_place_is_told() {
    let somebody = RawListener::new(&Keypair::generate_ed25519()).await;
    let expected = Keypair::generate_ed25519().public().to_peer_id();
    let b = node(settings()).await;
    let mut address = b.address.clone();
    address.pop();
    let mut a = node(hasty(calling(
        &address.with_p2p(expected).expect("an address"),
    )))
    .await;
    let state = a.lost().await;
    assert!(format!("{state:?}").contains("another peer"), "{state:?}");
    drop(somebody);
}

#[tokio::test]
async fn a_peer_without_our_protocol_is_sent_away() {
    let mut foreign = RawListener::new(&Keypair::generate_ed25519()).await;
    let mut a = node(calling(&foreign.address)).await;
    let raw = foreign.accept(Manner::Foreign).await;
    let state = a.lost().await;
    assert!(
        matches!(&state, Reachability::Unreachable { reason, next_try: Some(_) } if reason == "no common protocol"),
        "{state:?}"
    );
    raw.gone.cancelled().await;
}

#[tokio::test]
async fn whoever_says_nothing_is_sent_away() {
    let a = node(Settings {
        idle_timeout: Duration::from_millis(100),
        ..settings()
    })
    .await;
    let raw = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Foreign).await;
    raw.gone.cancelled().await;
}

#[tokio::test]
async fn both_dialling_at_once_leaves_one_connection() {
    let first: Vec<_> = (0..2).map(|_| Keypair::generate_ed25519()).collect();
    for _ in 0..8 {
        let a = Start {
            key: first[0].clone(),
            ..Start::new(hasty(settings()))
        }
        .start()
        .await;
        let b_address = free_address();
        let b_settings = Settings {
            listen: vec![b_address.clone()],
            ..hasty(calling(&a.address))
        };
        let a_address = a.address.clone();
        a.handle.goodbye(Duration::from_secs(1)).await;
        let mut listen = a_address;
        listen.pop();
        let b_id = first[1].public().to_peer_id();
        let a_settings = Settings {
            listen: vec![listen],
            ..hasty(calling(&b_address.with_p2p(b_id).expect("an address")))
        };
        let (mut a, mut b) = tokio::join!(
            Start {
                key: first[0].clone(),
                ..Start::new(a_settings)
            }
            .start(),
            Start {
                key: first[1].clone(),
                ..Start::new(b_settings)
            }
            .start(),
        );
        a.connected().await;
        b.connected().await;
        for number in 0..50 {
            send_until_queued(&a.handle, b.id, &format!("a{number}")).await;
            send_until_queued(&b.handle, a.id, &format!("b{number}")).await;
        }
        for number in 0..50 {
            assert_eq!(b.line().await.text, format!("a{number}"));
            assert_eq!(a.line().await.text, format!("b{number}"));
        }
    }
}

/// Two nodes that dial each other may close one connection and find the other closed too.
async fn send_until_queued(handle: &network::Handle, to: libp2p::PeerId, line: &str) {
    eventually("it is connected", || handle.connected().contains(&to)).await;
    handle.send(to, line.into(), 0).await.expect("queued");
}

fn free_address() -> Multiaddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = socket.local_addr().expect("an address").port();
    format!("/ip4/127.0.0.1/tcp/{port}")
        .parse()
        .expect("an address")
}

#[tokio::test]
async fn a_banned_peer_is_cut_off_and_stays_out() {
    let mut a = node(settings()).await;
    let mut b = node(hasty(calling(&a.address))).await;
    a.connected().await;
    b.connected().await;
    a.handle
        .ban(b.id, Timestamp::now().plus(Duration::from_secs(3600)))
        .await;
    let state = a.lost().await;
    assert!(
        matches!(&state, Reachability::Unreachable { reason, .. } if reason.contains("cut off")),
        "{state:?}"
    );
    b.lost().await;
    b.lost().await;
    assert_eq!(a.handle.connected(), []);
    a.handle.unban(b.id).await;
    a.connected().await;
}

#[tokio::test]
async fn a_ban_ends_by_itself() {
    let mut a = node(settings()).await;
    let mut b = node(hasty(calling(&a.address))).await;
    a.connected().await;
    b.connected().await;
    a.handle
        .ban(b.id, Timestamp::now().plus(Duration::from_millis(500)))
        .await;
    a.lost().await;
    a.connected().await;
}

#[tokio::test]
async fn a_peer_banned_in_an_earlier_run_stays_out() {
    let key = Keypair::generate_ed25519();
    let banned = vec![key.public().to_peer_id()];
    let mut a = Start {
        banned,
        ..Start::new(settings())
    }
    .start()
    .await;
    let refused = Raw::dial(&key, &a.address, Manner::Polite).await;
    refused.gone.cancelled().await;
    let welcome = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    welcome.say("ping\n").await;
    assert_eq!(a.connected().await, welcome.id);
}

#[tokio::test]
async fn not_listening_any_more_keeps_who_is_there() {
    let (a, mut b) = crate::node::pair().await;
    a.handle.stop_listening();
    let key = Keypair::generate_ed25519();
    let mut tries = 0;
    while Raw::try_dial(&key, &a.address, Manner::Polite)
        .await
        .is_some()
    {
        tries += 1;
        assert!(tries < 1000, "new connections are still taken");
    }
    a.handle
        .send(b.id, "still here".into(), 0)
        .await
        .expect("queued");
    assert_eq!(b.line().await.text, "still here");
}

async fn start_at(address: &str) -> Result<(), StartError> {
    let listen = vec![address.parse().expect("an address")];
    let started = network::start(
        Settings {
            listen,
            ..settings()
        },
        Keypair::generate_ed25519(),
        Vec::new(),
        Vec::new(),
        network::lines(1).0,
    );
    started.await.map(|_| ())
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let a = node(settings()).await;
    let mut address = a.address.clone();
    address.pop();
    let error = start_at(&address.to_string())
        .await
        .expect_err("it is in use");
    assert!(matches!(error, StartError::PortInUse { .. }), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn an_address_of_another_host_is_named() {
    let error = start_at("/ip4/192.0.2.1/tcp/4001")
        .await
        .expect_err("it is not ours");
    assert!(matches!(error, StartError::NotLocal { .. }), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_listened_on_is_named() {
    let error = start_at("/dns4/localhost/tcp/4001")
        .await
        .expect_err("no name can be listened on");
    assert!(matches!(error, StartError::Unsupported { .. }), "{error:?}");
}

#[cfg(feature = "quic")]
#[tokio::test]
async fn nodes_meet_over_quic_when_told_to() {
    let listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().expect("an address")];
    let untold = start_at("/ip4/127.0.0.1/udp/0/quic-v1").await;
    assert!(
        matches!(untold, Err(StartError::Unsupported { .. })),
        "QUIC is off until it is asked for"
    );
    let mut a = node(Settings {
        quic: true,
        listen: listen.clone(),
        ..settings()
    })
    .await;
    let mut b = node(Settings {
        quic: true,
        listen,
        ..calling(&a.address)
    })
    .await;
    b.connected().await;
    a.connected().await;
    b.handle
        .send(a.id, "over quic".into(), 0)
        .await
        .expect("queued");
    assert_eq!(a.line().await.text, "over quic");
}
