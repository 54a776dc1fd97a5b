//! Peers that are there and do nothing: half-open connections, streams without a line, answers that
//! are never read. Nobody else waits for them.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use futures::AsyncWriteExt;
use libp2p::identity::Keypair;

use testkit::{
    pigeon_peer::{PIGEON_A, Pigeon, Settings},
    raw::{Manner, Raw, taken},
    sensor::{Sensor, Setup},
    wait,
};

use crate::scene;

/// An honest peer must be served within this time; a second is the aim, on a machine of its own.
const SOON: Duration = Duration::from_secs(3);

fn tcp_address(sensor: &mut Sensor) -> String {
    let address = sensor.address().to_string();
    let parts: Vec<_> = address.split('/').collect();
    format!("{}:{}", parts[2], parts[4])
}

/// Adversary V2, with the whole node; with the network alone and its one second, `network/limits.rs`.
#[test]
fn half_open_connections_and_silent_streams_keep_no_honest_peer_out() {
    let runtime = scene::runtime();
    let mut sensor = Sensor::start(&Setup::default());
    let node = sensor.peer_id().parse().expect("a peer id");
    let at = tcp_address(&mut sensor);
    let address = sensor.address();

    let mut half_open = Vec::new();
    for _ in 0..1000 {
        half_open.push(TcpStream::connect(&at).expect("connects"));
    }
    // Eight peers with sixty streams each on which a line begins and never ends.
    let slow: Vec<_> = runtime.block_on(async {
        let mut slow = Vec::new();
        for _ in 0..8 {
            let raw = Raw::dial(&Keypair::generate_ed25519(), &address, Manner::Polite).await;
            for _ in 0..60 {
                let mut stream = raw.open().await;
                stream.write_all(&[b'A'; 1000]).await.expect("writes");
                slow.push(stream);
            }
            taken(slow.last_mut().expect("a stream")).await;
            // The connection lasts as long as its streams are held.
            std::mem::forget(raw);
        }
        slow
    });

    let started = Instant::now();
    let honest = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    honest.send(node, &scene::message(1));
    assert_eq!(sensor.slips.hear_data().1, scene::message(1));
    let took = started.elapsed();
    println!("an honest peer was served after {took:?}");
    assert!(took < SOON, "{took:?}");
    scene::weigh("half-open connections and silent streams", &sensor);
    drop((half_open, slow));
}

/// Adversary V2: peers that never read.
#[test]
fn peers_that_read_nothing_hold_nobody_up() {
    const MESSAGES: u32 = 4000;
    let runtime = scene::runtime();
    let mut sensor = Sensor::start(&Setup {
        // Less than they are sent, and the shortest wait for room there is.
        more: vec![
            ("limits", "send_queue_bytes = 262144".into()),
            ("limits", "write_timeout = \"1s\"".into()),
        ],
        ..Setup::default()
    });
    let address = sensor.address();
    let node = sensor.peer_id().parse().expect("a peer id");
    let deaf: Vec<Raw> = runtime.block_on(async {
        let mut deaf = Vec::new();
        for manner in [Manner::Polite, Manner::Polite, Manner::Silent] {
            let raw = Raw::dial(&Keypair::generate_ed25519(), &address, manner).await;
            assert_eq!(raw.say("ping\n").await, "pong\n");
            if manner == Manner::Polite {
                // Answers pile up that nobody reads.
                for _ in 0..100 {
                    let mut stream = raw.open().await;
                    stream.write_all(b"ping\n").await.expect("writes");
                    std::mem::forget(stream);
                }
                raw.stop_reading();
            }
            sensor.meet(&raw.id.to_string());
            deaf.push(raw);
        }
        deaf
    });
    let honest = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);

    scene::publish(&sensor, "*", (0..MESSAGES).map(scene::message));
    let mut missing: std::collections::BTreeSet<_> = (0..MESSAGES).map(scene::message).collect();
    let started = Instant::now();
    while !missing.is_empty() {
        missing.remove(&honest.hear_data(node));
    }
    let took = started.elapsed();
    println!(
        "{MESSAGES} messages beside {} deaf peers: {took:?}",
        deaf.len()
    );
    assert!(took < wait::LIMIT, "each message waited for them: {took:?}");
    assert_eq!(honest.ask(node, "ping"), Ok("pong".into()));
    scene::weigh("peers that read nothing", &sensor);
}
