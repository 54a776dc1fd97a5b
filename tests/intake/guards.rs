//! What a guard keeps inside, and what our own Slips repeats.

use slips_p2p::{
    domain::{Confidence, OwnStatement, PeerId, Score, Timestamp},
    network::Event,
    reputation::guards::{Guards, NeverBlock},
};

use crate::{Bench, kinds, report};

#[test]
fn a_guarded_address_is_judged_inside_and_nothing_leaves() {
    let own = "198.51.100.1";
    let guards = Guards {
        own: [own.parse().unwrap()].into(),
        never_block: vec![NeverBlock {
            network: "198.51.100.64/26".parse().unwrap(),
            comment: None,
            expires: Some(Timestamp::from_micros(1_010_000_000)),
        }],
        ..Guards::default()
    };
    let mut bench = Bench::guarded(guards);
    let peer = PeerId::random();
    for guarded in [
        own,
        "198.51.100.65",
        "192.168.1.7",
        "127.0.0.1",
        "ff02::1",
        "fe80::1",
    ] {
        let outcome = bench.hear(&[(peer, &report(guarded, 0.9, 0.9))]);
        let kinds = kinds(&outcome);
        assert!(
            kinds
                .iter()
                .all(|kind| ["peer_update", "go_data"].contains(&&**kind)),
            "{guarded}: {kinds:?}"
        );
        assert_eq!(outcome.batch.opinions.len(), 1, "{guarded}");
    }
    bench.now = 1_010;
    let expired = bench.hear(&[(peer, &report("198.51.100.65", 0.9, 0.8))]);
    assert_eq!(kinds(&expired), ["go_data", "p2p4slips 198.51.100.65"]);
}

#[test]
fn a_peer_guards_the_address_it_has_and_no_longer_one_it_left() {
    let mut bench = Bench::guarded(Guards::default());
    let (one, two) = (PeerId::random(), PeerId::random());
    let target = "198.51.100.7";
    let outcome = bench.hear(&[(one, &report(target, 0.9, 0.9))]);
    assert_eq!(kinds(&outcome).last().unwrap(), "p2p4slips 198.51.100.7");
    let arrives = |ip: &str| Event::Address {
        peer: two,
        address: format!("/ip4/{ip}/tcp/4001").parse().unwrap(),
        ip: ip.parse().unwrap(),
    };
    let mut take = |ip: &str, seconds: i64| {
        let now = Timestamp::from_micros(seconds * 1_000_000);
        kinds(&bench.intake.take(vec![arrives(ip)], vec![], vec![], now))
    };
    assert_eq!(
        take(target, 2_000),
        ["peer_update", "withdraw 198.51.100.7"]
    );
    assert_eq!(
        take("192.0.2.99", 2_001),
        ["peer_update", "p2p4slips 198.51.100.7"]
    );
}

#[test]
fn what_our_slips_repeats_within_a_day_is_no_news_to_the_model() {
    let mut bench = Bench::guarded(Guards::default());
    let peer = PeerId::random();
    let own = |seconds: i64| OwnStatement {
        subject: "198.51.100.7".parse().unwrap(),
        score: Score::new(0.9).unwrap(),
        confidence: Confidence::new(0.9).unwrap(),
        said_at: Timestamp::from_micros(seconds * 1_000_000),
    };
    bench.hear(&[(peer, &report("198.51.100.7", 0.9, 0.9))]);
    for seconds in [2_000, 3_000, 4_000] {
        let now = Timestamp::from_micros(seconds * 1_000_000);
        let outcome = bench.intake.take(vec![], vec![own(seconds)], vec![], now);
        assert_eq!(outcome.batch.statements.len(), 1, "the database counts it");
    }
}
