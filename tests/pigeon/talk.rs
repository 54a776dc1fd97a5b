//! What is said between the node and a pigeon, and between the node and Slips.

use std::time::Duration;

use testkit::{
    pigeon_peer::{Heard, PIGEON_A, PIGEON_B, Pigeon, Settings},
    slips::report,
    wait,
};

use super::Sensor;

#[test]
fn a_pigeon_that_calls_is_greeted_and_rates_the_node_as_it_rates_a_pigeon() {
    let mut sensor = Sensor::start();
    let pigeon = sensor.met_by(Settings::local(PIGEON_A));
    let node = sensor.peer_id();
    let standing = pigeon.standing(node).expect("met");
    assert_eq!(
        (standing.ratings, standing.version.as_str()),
        (vec![1], "version1")
    );
    assert_eq!(pigeon.ask(node, "ping").as_deref(), Ok("pong"));
    // What a pigeon punishes, it answers; so does the node.
    assert_eq!(pigeon.ask(node, "ping").as_deref(), Ok("pong"));
    assert_eq!(
        pigeon.ask(node, "hello version1").as_deref(),
        Ok("hello version1")
    );
    assert!(
        pigeon.ask(node, "hello").is_err(),
        "a hello without a version gets no answer"
    );
}

#[test]
fn reports_go_both_ways() {
    let mut sensor = Sensor::start();
    let pigeon = sensor.met_by(Settings::local(PIGEON_A));
    let node = sensor.peer_id();

    let from_pigeon = report("203.0.113.9", 0.8, 0.6);
    pigeon.send(node, &from_pigeon);
    assert_eq!(
        sensor.slips.hear_data(),
        (pigeon.peer_id.to_string(), from_pigeon)
    );

    let to_all = report("198.51.100.7", 1.0, 0.9);
    sensor.slips.send("*", &to_all);
    assert_eq!(pigeon.hear_data(node), to_all);
    let to_one = report("2001:db8::7", 0.2, 0.5);
    sensor.slips.send(&pigeon.peer_id.to_string(), &to_one);
    assert_eq!(pigeon.hear_data(node), to_one);
}

#[test]
fn a_burst_from_a_pigeon_arrives_whole() {
    let mut sensor = Sensor::start();
    let pigeon = sensor.met_by(Settings::local(PIGEON_A));
    let node = sensor.peer_id();
    let mut sent: Vec<String> = (0..250)
        .map(|n| report(&format!("192.0.2.{n}"), 0.8, 0.6))
        .collect();
    for message in &sent {
        pigeon.send(node, message);
    }
    // A stream for each: they overtake one another.
    let mut came: Vec<String> = sent.iter().map(|_| sensor.slips.hear_data().1).collect();
    came.sort();
    sent.sort();
    assert_eq!(came, sent);
}

#[test]
fn nothing_for_peers_goes_to_one_that_said_goodbye_until_it_calls_again() {
    let mut sensor = Sensor::start();
    let leaver = sensor.met_by(Settings::local(PIGEON_A));
    let stayer = sensor.met_by(Settings::local(PIGEON_B));
    let node = sensor.peer_id();

    // No answer is due; the node closes the stream once it has taken the line in.
    assert!(leaver.ask(node, "goodbye").is_err());
    sensor.node.wait_for_line("said goodbye");
    let unheard = report("203.0.113.1", 1.0, 1.0);
    sensor.slips.send("*", &unheard);
    assert_eq!(stayer.hear_data(node), unheard);

    assert_eq!(leaver.ask(node, "ping").as_deref(), Ok("pong"));
    let first = first_to_reach(&leaver, &mut sensor);
    assert_ne!(first, unheard);
}

#[test]
fn rubbish_never_reaches_slips_and_costs_its_sender() {
    let mut sensor = Sensor::start();
    let pigeon = sensor.met_by(Settings::local(PIGEON_A));
    let node = sensor.peer_id();
    let rubbish: [&[u8]; 9] = [
        b"\n",
        b" \n",
        b"no newline",
        b"not base64\n",
        b"eA==\n",
        b"W10=\n",
        b"bnVsbA==\n",
        b"\xff\xfe\n",
        b"eyJtZXNzYWdlX3R5cGUiOiAicmVwb3J0In0=\n",
    ];
    for bytes in rubbish {
        pigeon.send_raw(node, bytes);
    }
    let fell = |json: &serde_json::Value| {
        json["message_contents"]["reliability"]
            .as_str()?
            .parse::<f64>()
            .ok()
            .filter(|now| *now < 0.2)
    };
    sensor.slips.hear("the pigeon's reliability to fall", fell);
    let good = report("203.0.113.9", 0.8, 0.6);
    let honest = sensor.met_by(Settings::local(PIGEON_B));
    honest.send(node, &good);
    assert_eq!(
        sensor.slips.hear_data().1,
        good,
        "the first data Slips hears of"
    );
}

#[test]
fn the_node_pings_at_intervals_that_a_pigeon_rates_well() {
    let mut sensor = Sensor::with(|program| {
        program
            .env("SLIPS_P2P__NETWORK__PING_AFTER_MIN", "6s")
            .env("SLIPS_P2P__NETWORK__PING_AFTER_MAX", "7s")
    });
    let pigeon = sensor.met_by(Settings::local(PIGEON_A));
    let node = sensor.peer_id();
    for _ in 0..2 {
        pigeon.hear("a ping", wait::LIMIT, |heard| {
            (*heard == Heard::Ping(node)).then_some(())
        });
    }
    assert_eq!(pigeon.standing(node).expect("met").ratings, [1, 1, 1]);
}

#[test]
fn a_pigeon_that_was_killed_is_called_again_when_it_is_back() {
    let mut sensor = Sensor::start();
    let pigeon = sensor.met_by(Settings::local(PIGEON_A));
    let node = sensor.peer_id();
    let port = pigeon
        .address
        .to_string()
        .split('/')
        .nth(4)
        .and_then(|port| port.parse().ok())
        .expect("a port");
    // A pigeon that never dials cannot be called back at the port it came from; this one listens there.
    assert!(port > 0);
    drop(pigeon);

    let back = Pigeon::start(Settings {
        port,
        ..Settings::local(PIGEON_A)
    });
    back.hear("the node", Duration::from_secs(60), |heard| match heard {
        Heard::Ping(peer) | Heard::Hello(peer, _) if *peer == node => Some(()),
        _ => None,
    });
    first_to_reach(&back, &mut sensor);
    assert!(
        back.standing(node)
            .expect("called")
            .ratings
            .iter()
            .all(|rating| *rating == 1)
    );
}

/// Slips reports to everybody until a pigeon, which the node is just taking in, hears of it; the first it hears.
fn first_to_reach(pigeon: &Pigeon, sensor: &mut Sensor) -> String {
    let mut number = 0;
    wait::until(
        "a report for everybody to reach the pigeon",
        wait::LIMIT,
        || {
            number += 1;
            sensor
                .slips
                .send("*", &report(&format!("2001:db8::{number:x}"), 1.0, 1.0));
            pigeon
                .heard_so_far()
                .into_iter()
                .find_map(|heard| match heard {
                    Heard::Data(_, line) => Some(line),
                    _ => None,
                })
        },
    )
}
