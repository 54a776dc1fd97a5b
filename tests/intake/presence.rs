//! What peers say of themselves is kept for people and changes nothing.

use std::time::Duration;

use proptest::prelude::*;
use slips_p2p::domain::{Farewell, Hello, OwnTip, Presence, Status, Timestamp};

use super::*;

fn presence() -> impl Strategy<Value = Presence> {
    (0..6_usize, "\\PC{0,40}", prop::option::of(0..100_u64)).prop_map(|(at, message, retry)| {
        let status = Status::ALL.get(at).copied().unwrap_or(Status::Other);
        Presence::new(status, &message, retry.map(Duration::from_secs))
    })
}

fn saying() -> impl Strategy<Value = Event> {
    let peer = peer(1);
    prop_oneof![
        (
            "\\PC{0,60}",
            presence(),
            prop::option::of(any::<i64>()),
            prop::option::of("\\PC{0,80}"),
            prop::option::of((1..u64::MAX, any::<[u8; 32]>())),
        )
            .prop_map(move |(text, presence, time, network, tip)| {
                let hello = Hello {
                    protocol: text.clone(),
                    alias: text.clone(),
                    presence,
                    software: text,
                    time: time.map(Timestamp::from_micros),
                    network,
                    tip: tip.map(|(seq, digest)| OwnTip { seq, digest }),
                };
                let hello = Box::new(hello);
                Event::Hello { peer, hello }
            }),
        presence().prop_map(move |presence| Event::Status { peer, presence }),
        "\\PC{0,60}".prop_map(move |text| Event::Farewell {
            peer,
            farewell: Farewell::new("stopping", &text),
        }),
    ]
}

fn peer(seed: u8) -> PeerId {
    let key = libp2p::identity::Keypair::ed25519_from_bytes([seed; 32]).expect("a key");
    key.public().to_peer_id()
}

fn story() -> Vec<Event> {
    let neighbour = Neighbour(peer(1));
    let conduct = [Conduct::Greeted, Conduct::NoAnswer, Conduct::Alive];
    conduct
        .map(|conduct| Event::Conduct {
            peer: neighbour,
            conduct,
        })
        .into()
}

/// Everything of an outcome but what was said, to the last bit.
fn rest(mut outcome: Outcome) -> (String, usize) {
    let said = std::mem::take(&mut outcome.batch.sayings).len();
    (format!("{:?}{:?}", outcome.batch, outcome.bans), said)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_121), failure_persistence: None, ..ProptestConfig::default() })]

    /// Scores, reliability, bans and what goes to Slips are the same bit for bit, whatever is said.
    #[test]
    fn no_hello_status_or_goodbye_changes_a_score(sayings in prop::collection::vec(saying(), 1..8)) {
        let lines = || {
            let text = report("203.0.113.9", 0.9, 0.8);
            vec![Line {
                from: Neighbour(peer(1)),
                ip: IP.parse().expect("an ip"),
                text,
                received_at: Timestamp::from_micros(2_000_000),
                receipt: Receipt::default(),
            }]
        };
        let (mut silent, mut talking) = (Bench::sanitizing(), Bench::sanitizing());
        for second in 1..4_i64 {
            let now = Timestamp::from_micros(second * 1_000_000);
            let without = silent.intake.take(story(), Vec::new(), lines(), now);
            let mut events = sayings.clone();
            events.extend(story());
            events.extend(sayings.clone());
            let with = talking.intake.take(events, Vec::new(), lines(), now);
            let (without, nothing) = rest(without);
            let (with, said) = rest(with);
            prop_assert_eq!((nothing, said), (0, 2 * sayings.len()));
            prop_assert_eq!(with, without);
        }
    }
}

/// Who waits for the operator: listed, and nothing of it goes to Slips.
#[test]
fn a_parked_peer_causes_nothing_but_its_entry() {
    let mut bench = Bench::sanitizing();
    let events = vec![
        Event::Parked {
            peer: peer(1),
            address: "/ip4/192.0.2.10/tcp/1".parse().expect("an address"),
            dialled: false,
        },
        Event::Hello {
            peer: peer(1),
            hello: Box::default(),
        },
    ];
    let now = Timestamp::from_micros(5_000_000);
    let outcome = bench.intake.take(events, Vec::new(), Vec::new(), now);
    assert!(outcome.batch.outbox.is_empty() && outcome.batch.conduct.is_empty());
    assert_eq!(outcome.batch.parked.len(), 1);
    assert_eq!(outcome.batch.sayings.len(), 1);
}
