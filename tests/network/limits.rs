//! What strangers cannot do: flood, crowd out, lock out, fill the memory.

use std::time::{Duration, Instant};

use futures::future::join_all;
use libp2p::identity::Keypair;
use slips_p2p::{
    domain::{Conduct, Neighbour},
    network::{Event, Settings},
};
use tokio::net::TcpStream;

use crate::{
    node::{calling, node, settings},
    raw::{Manner, Raw},
};

#[tokio::test]
async fn a_flood_is_held_back_and_told_not_dropped() {
    let mut a = node(Settings {
        lines_per_second: 200,
        lines_burst: 20,
        ..settings()
    })
    .await;
    let raw = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    let started = Instant::now();
    let flood = join_all((0..420).map(|number| raw.say(format!("line {number}\n"))));
    let taken = async {
        for _ in 0..420 {
            a.line().await;
        }
    };
    tokio::join!(flood, taken);
    assert!(
        started.elapsed() >= Duration::from_millis(1_900),
        "400 lines beyond the burst take 2 s"
    );
    a.conduct(raw.id, Conduct::Flooding).await;
    let flooding = Event::Conduct {
        peer: Neighbour(raw.id),
        conduct: Conduct::Flooding,
    };
    assert!(
        a.told().iter().filter(|event| **event == flooding).count() <= 2,
        "at most one a second"
    );
}

#[tokio::test]
async fn one_address_cannot_take_every_place() {
    let a = node(Settings {
        max_connections_per_network: 3,
        ..settings()
    })
    .await;
    let mut inside = Vec::new();
    for _ in 0..3 {
        let raw = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
        assert_eq!(raw.say("ping\n").await, "pong\n");
        inside.push(raw);
    }
    let one_more = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    one_more.gone.cancelled().await;
    inside[0].hang_up();
    crate::node::eventually("a place is free again", || {
        !a.handle.connected().contains(&inside[0].id)
    })
    .await;
    let next = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    assert_eq!(next.say("ping\n").await, "pong\n");
}

#[tokio::test]
async fn a_peer_of_the_settings_always_finds_room() {
    let friend = Keypair::generate_ed25519();
    let nowhere = "/ip4/127.0.0.1/tcp/1"
        .parse::<libp2p::Multiaddr>()
        .expect("an address");
    let fixed = nowhere
        .with_p2p(friend.public().to_peer_id())
        .expect("an address");
    let a = node(Settings {
        max_connections_incoming: 1,
        max_connections_per_network: 1,
        ..calling(&fixed)
    })
    .await;
    let stranger = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    assert_eq!(stranger.say("ping\n").await, "pong\n");
    let another = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    another.gone.cancelled().await;
    let friend = Raw::dial(&friend, &a.address, Manner::Polite).await;
    assert_eq!(friend.say("ping\n").await, "pong\n");
}

/// Adversary V2: with 1,000 half-open sockets an honest peer connects within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_half_open_connections_lock_nobody_out() {
    let mut a = node(settings()).await;
    let to = tcp_address(&a.address);
    let mut half_open = Vec::new();
    for _ in 0..1000 {
        half_open.push(TcpStream::connect(&to).await.expect("connects"));
    }
    let started = Instant::now();
    let honest = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    honest.say("a line\n").await;
    assert_eq!(a.line().await.text, "a line");
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "it took {:?}",
        started.elapsed()
    );
}

fn tcp_address(address: &libp2p::Multiaddr) -> String {
    let text = address.to_string();
    let parts: Vec<_> = text.split('/').collect();
    format!("{}:{}", parts[2], parts[4])
}
