//! More than anybody can take at once: it waits, and nothing is lost.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use libp2p::{PeerId, identity::Keypair};

use testkit::{
    pigeon_peer::{PIGEON_A, PIGEON_B, Pigeon, Settings},
    raw::{Manner, Raw},
    sensor::{Sensor, Setup},
};

use crate::scene;

const MESSAGES: u32 = 20_000;

/// Takes lines until the pigeon has heard them all.
fn hear_all(pigeon: &Pigeon, from: PeerId, mut missing: BTreeSet<String>) {
    while !missing.is_empty() {
        missing.remove(&pigeon.hear_data(from));
    }
}

fn messages() -> BTreeSet<String> {
    (0..MESSAGES).map(scene::message).collect()
}

#[test]
fn twenty_thousand_messages_at_once_to_one_peer_all_arrive() {
    let mut sensor = Sensor::start(&Setup::default());
    let node = sensor.peer_id().parse().expect("a peer id");
    let pigeon = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    scene::publish(&sensor, PIGEON_A.peer_id, (0..MESSAGES).map(scene::message));
    let started = Instant::now();
    hear_all(&pigeon, node, messages());
    println!("{MESSAGES} messages to one peer: {:?}", started.elapsed());
    scene::weigh("twenty thousand messages to one peer", &sensor);
}

#[test]
fn twenty_thousand_messages_at_once_to_three_peers_all_arrive() {
    let runtime = scene::runtime();
    let mut sensor = Sensor::start(&Setup::default());
    let node = sensor.peer_id().parse().expect("a peer id");
    let a = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    let b = scene::met(Pigeon::start(Settings::local(PIGEON_B)), &mut sensor);
    let key = Keypair::generate_ed25519();
    let mut c = runtime.block_on(Raw::dial(&key, &sensor.address(), Manner::Polite));
    assert_eq!(runtime.block_on(c.say("hello v\n")), "hello version1\n");
    sensor.meet(&c.id.to_string());

    scene::publish(&sensor, "*", (0..MESSAGES).map(scene::message));
    let started = Instant::now();
    hear_all(&a, node, messages());
    hear_all(&b, node, messages());
    let mut missing = messages();
    while !missing.is_empty() {
        missing.remove(&runtime.block_on(c.line()));
    }
    println!(
        "{MESSAGES} messages to three peers: {:?}",
        started.elapsed()
    );
    scene::weigh("twenty thousand messages to three peers", &sensor);
}

#[test]
fn a_peer_beyond_its_rate_and_its_share_of_lines_is_held_back_and_loses_nothing() {
    const LINES: u32 = 300;
    let limits = "messages_per_second = 100\nburst = 50\nlines_reading = 2\nlines_reading_per_connection = 1";
    let mut sensor = Sensor::start(&Setup {
        more: vec![("limits", limits.into())],
        ..Setup::default()
    });
    let node = sensor.peer_id().parse().expect("a peer id");
    let fast = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    let other = scene::met(Pigeon::start(Settings::local(PIGEON_B)), &mut sensor);
    let started = Instant::now();
    for n in 0..LINES {
        fast.send(node, &scene::message(n));
    }
    other.send(node, &scene::message(LINES));
    let mut missing: BTreeSet<_> = (0..=LINES).map(scene::message).collect();
    let mut waited = Duration::MAX;
    while !missing.is_empty() {
        let (reporter, message) = sensor.slips.hear_data();
        if reporter == PIGEON_B.peer_id {
            waited = started.elapsed();
        }
        missing.remove(&message);
    }
    let took = started.elapsed();
    println!("held back for {took:?}; the other peer waited {waited:?}");
    assert!(
        took >= Duration::from_millis(2400),
        "250 lines beyond the burst: {took:?}"
    );
    assert!(waited < took, "only the one that is too fast waits");
    let row = scene::row(&sensor, PIGEON_A.peer_id);
    assert_eq!(row["state"], "connected", "{row}");
    assert_eq!(scene::banned(&sensor), Vec::<serde_json::Value>::new());
}
