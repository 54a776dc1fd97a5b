//! What comes back: a ring of nodes with a pigeon in it that repeats all it hears to everybody.

use std::collections::BTreeMap;

use libp2p::identity::Keypair;
use testkit::{
    raw::{Manner, Raw},
    sensor::{Sensor, Setup},
    slips::report,
    wait,
};

use crate::scene;

const REPORTS: u32 = 50;

/// Everything a Slips heard of peers until it has heard `last` from each of `from`: how often it heard
/// which message from whom.
fn heard(sensor: &Sensor, from: &[String], last: &[String]) -> BTreeMap<(String, String), u32> {
    let mut heard = BTreeMap::new();
    let mut missing: Vec<_> = from.iter().zip(last).collect();
    while !missing.is_empty() {
        let (reporter, message) = sensor.slips.hear_data();
        missing.retain(|(peer, last)| (*peer, *last) != (&reporter, &message));
        *heard.entry((reporter, message)).or_default() += 1;
    }
    heard
}

/// Adversary V11: our own reports come back from a neighbour that repeats everything to everybody,
/// among them one about the address we all have. Nothing goes round: each node hears each report once
/// from its author and once from whoever repeats it, and says nothing of it to anybody; of an address
/// of ours or the reporter's Slips hears no opinion.
#[test]
fn an_echo_in_a_ring_goes_round_nowhere() {
    let runtime = scene::runtime();
    let mut a = Sensor::start(&Setup::default());
    let to = |peers| Setup {
        peers,
        ..Setup::default()
    };
    let mut b = Sensor::start(&to(vec![a.address()]));
    let mut c = Sensor::start(&to(vec![a.address(), b.address()]));
    let ids = [a.peer_id(), b.peer_id(), c.peer_id()];
    a.meet(&ids[1]);
    a.meet(&ids[2]);
    b.meet(&ids[2]);
    let addresses = [a.address(), b.address(), c.address()];
    let key = Keypair::generate_ed25519();
    let echo = key.public().to_peer_id().to_string();
    let mut raws: Vec<Raw> = runtime.block_on(async {
        let mut raws = Vec::new();
        for address in &addresses {
            let raw = Raw::dial(&key, address, Manner::Polite).await;
            assert_eq!(raw.say("hello version1\n").await, "hello version1\n");
            raws.push(raw);
        }
        raws
    });
    for sensor in [&a, &b, &c] {
        sensor.meet(&echo);
    }

    let own_address = report("127.0.0.1", 0.9, 0.9);
    let said: Vec<String> = (0..REPORTS)
        .map(scene::message)
        .chain([own_address.clone()])
        .collect();
    scene::publish(&a, "*", said.iter().cloned());
    // The pigeon hears them all from A, and repeats each to all three.
    runtime.block_on(async {
        for _ in 0..said.len() {
            let line = raws[0].line().await;
            for raw in &raws {
                assert_eq!(raw.say(format!("{line}\n")).await, "");
            }
        }
    });
    // What every node says after all that is the last that is heard of it.
    let lasts: Vec<String> = (0..4).map(|n| scene::message(1000 + n)).collect();
    for (sensor, last) in [&a, &b, &c].into_iter().zip(&lasts) {
        scene::publish(sensor, "*", [last.clone()].into_iter());
    }
    runtime.block_on(async {
        for (raw, last) in raws.iter_mut().zip(&lasts) {
            // From A and B and C the pigeon hears nothing but what their own Slips said.
            assert_eq!(&raw.line().await, last);
            raw.say(format!("{}\n", lasts[3])).await;
        }
    });
    let all = [ids.to_vec(), vec![echo.clone()]].concat();
    for (number, sensor) in [&a, &b, &c].into_iter().enumerate() {
        let others = |list: &[String]| {
            let mut list = list.to_vec();
            list.remove(number);
            list
        };
        let heard = heard(sensor, &others(&all), &others(&lasts));
        let mut expected = BTreeMap::new();
        for (peer, last) in others(&all).into_iter().zip(others(&lasts)) {
            expected.insert((peer, last), 1);
        }
        for message in &said {
            expected.insert((echo.clone(), message.clone()), 1);
            if number > 0 {
                expected.insert((ids[0].clone(), message.clone()), 1);
            }
        }
        assert_eq!(heard, expected, "sensor {number}");
    }
    for sensor in [&mut a, &mut b, &mut c] {
        wait::until("an opinion of an ordinary address", wait::LIMIT, || {
            let ip = testkit::chatter::address(0).to_string();
            sensor.slips.cached("IPsInfo:p2p4slips", &ip)
        });
        let of_ours = sensor.slips.cached("IPsInfo:p2p4slips", "127.0.0.1");
        assert_eq!(of_ours, None, "an address of the reporter and of ourselves");
    }
}
