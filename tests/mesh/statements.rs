//! "Looked, know nothing": believed of the neighbour itself, told us, just now; all else costs it.

use slips_p2p::{
    domain::{Neighbour, Subject, Timestamp},
    mesh::OwnLog,
    wire::{nothing_known, sync::Message},
};

use crate::world::{NETWORK, STEADY, World, author, key, millis};

type Make = fn(Timestamp) -> Vec<u8>;

const HOUR: i64 = 3_600_000_000;

fn subject() -> Subject {
    "192.0.2.1".parse().expect("an address")
}

/// What the owner of a key tells an asker in a network.
fn statement(of: u64, network: &str, asker: u64, at: Timestamp) -> Vec<u8> {
    let log = OwnLog::new(key(of), network, None).expect("a key that signs");
    log.nothing_known(author(asker).0, subject(), at)
        .expect("signs")
}

/// What node 1 makes of a statement that node 0 hands it.
fn handed_over(make: impl Fn(Timestamp) -> Vec<u8>) -> World {
    let mut world = World::new(2, STEADY, 31);
    world.connect(0, 1);
    world.run(millis(300));
    let statement = make(world.now);
    let frame = Message::NothingKnown { statement }.encode();
    world.send(0, 1, frame.into());
    world.run(millis(300));
    world
}

#[test]
fn a_neighbours_own_word_to_us_is_taken_and_verified_once() {
    for skew in [0, HOUR - 1_000_000, 1_000_000 - HOUR] {
        let at = |now: Timestamp| Timestamp::from_micros(now.as_micros() + skew);
        let world = handed_over(|now| statement(0, NETWORK, 1, at(now)));
        let node = &world.nodes[1];
        assert_eq!(node.unknown, [(world.nodes[0].me, subject())], "{skew}");
        assert!(node.conduct.is_empty(), "{:?}", node.conduct);
        assert_eq!(node.mesh.counters().verified, 1);
    }
}

#[test]
fn a_foreign_or_forged_statement_costs_who_hands_it_over() {
    let cases: [(&str, Make); 7] = [
        ("of another author", |now| statement(2, NETWORK, 1, now)),
        ("to another asker", |now| statement(0, NETWORK, 2, now)),
        ("in another network", |now| statement(0, "other", 1, now)),
        ("old", |now| {
            let at = Timestamp::from_micros(now.as_micros() - HOUR - 1_000_000);
            statement(0, NETWORK, 1, at)
        }),
        ("of the future", |now| {
            let at = Timestamp::from_micros(now.as_micros() + HOUR + 1_000_000);
            statement(0, NETWORK, 1, at)
        }),
        ("signed by another", |now| {
            let body = nothing_known::body(&key(0).public(), author(1).0, subject(), now);
            let signed = nothing_known::signed(NETWORK, &body);
            let signature = key(2).sign(&signed).expect("signs");
            nothing_known::encode(body, &signature)
        }),
        ("cut short", |now| {
            let mut whole = statement(0, NETWORK, 1, now);
            whole.pop();
            whole
        }),
    ];
    for (what, make) in cases {
        let world = handed_over(make);
        let node = &world.nodes[1];
        assert!(node.unknown.is_empty(), "{what}");
        let [(who, why)] = &node.conduct[..] else {
            panic!("{what}: {:?}", node.conduct)
        };
        assert_eq!(*who, Neighbour(author(0).0), "{what}");
        assert!(why.starts_with("malformed_message"), "{what}: {why}");
    }
}

#[test]
fn a_flood_of_statements_is_verified_within_the_neighbours_budget() {
    let mut world = World::new(3, STEADY, 32);
    world.connect(0, 1);
    world.connect(2, 1);
    world.run(millis(300));
    let flood = Message::NothingKnown {
        statement: statement(0, NETWORK, 1, world.now),
    };
    for _ in 0..2_000 {
        world.send(0, 1, flood.encode().into());
    }
    let honest = Message::NothingKnown {
        statement: statement(2, NETWORK, 1, world.now),
    };
    world.send(2, 1, honest.encode().into());
    world.run(millis(300));
    let node = &world.nodes[1];
    let of = |who: u64| {
        let said = node.unknown.iter().map(|(said, _)| said.0);
        said.filter(|said| *said == author(who).0).count()
    };
    // Four seconds of 2,000 verifications at 8 each, and what has flowed in meanwhile.
    assert!((1_000..1_100).contains(&of(0)), "{}", of(0));
    assert_eq!(of(2), 1);
    assert!(node.mesh.counters().shed >= 900);
    assert!(node.conduct.is_empty(), "{:?}", node.conduct);
}
