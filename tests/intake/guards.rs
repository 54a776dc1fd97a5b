//! What a guard keeps inside, and what our own Slips repeats.

use slips_p2p::{
    domain::{
        AddressBook, Ban, Change, Confidence, Contact, Decision, OwnStatement, PeerId, Score,
        Timestamp,
    },
    network::Event,
    node::{Ordered, Peers},
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

fn contact(peer: PeerId, addresses: &[&str]) -> Contact {
    let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
    Contact {
        addresses,
        ..Contact::new(peer, Timestamp::ZERO)
    }
}

/// Somebody whose signed log alone reaches us has no connection to tell its address by.
#[test]
fn an_author_that_was_never_here_is_guarded_where_the_operator_says_it_is() {
    let mut bench = Bench::guarded(Guards::default());
    let (reporter, author) = (PeerId::random(), PeerId::random());
    let (first, second) = ("198.51.100.7", "2001:db8::7");
    for target in [first, second] {
        let outcome = bench.hear(&[(reporter, &report(target, 0.9, 0.9))]);
        let told = format!("p2p4slips {target}");
        assert_eq!(kinds(&outcome).last(), Some(&told));
    }
    let mut seconds = 2_000;
    let mut order = |change: Change| {
        seconds += 1;
        let now = Timestamp::from_micros(seconds * 1_000_000);
        let orders = vec![Ordered::Change(Box::new(change))];
        let outcome = bench
            .intake
            .take_all(orders, vec![], vec![], vec![], vec![], now);
        let mut kinds = kinds(&outcome);
        kinds.sort();
        kinds
    };
    let written = |addresses: &[&str]| Change {
        contact: Some(contact(author, addresses)),
        ..Change::default()
    };
    let both = ["/ip4/198.51.100.7/tcp/4001", "/ip6/2001:db8::7/tcp/4001"];
    assert_eq!(
        order(written(&both)),
        ["withdraw 198.51.100.7", "withdraw 2001:db8::7"]
    );
    assert_eq!(order(written(&both[..1])), ["p2p4slips 2001:db8::7"]);
    // Whoever is cut off guards nothing, and does so again afterwards.
    let ban = Ban {
        peer: author,
        since: Timestamp::ZERO,
        until: Timestamp::from_micros(9_000_000_000),
        reason: String::new(),
    };
    let banned = Change {
        ban: Some(ban),
        ..Change::default()
    };
    assert_eq!(order(banned), ["p2p4slips 198.51.100.7"]);
    let unbanned = Change {
        unbanned: Some(author),
        ..Change::default()
    };
    assert_eq!(order(unbanned), ["withdraw 198.51.100.7"]);
    // A name says no address; a stranger that was turned away guards none.
    let mut rejected = contact(author, &["/dns4/sensor.example/tcp/4001", both[1]]);
    rejected.decision = Some((Decision::Rejected, Timestamp::ZERO));
    let rejected = Change {
        contact: Some(rejected),
        ..Change::default()
    };
    assert_eq!(order(rejected), ["p2p4slips 198.51.100.7"]);
    assert_eq!(order(written(&both[1..])), ["withdraw 2001:db8::7"]);
    let removed = Change {
        removed: vec![author],
        ..Change::default()
    };
    assert_eq!(order(removed), ["p2p4slips 2001:db8::7"]);
}

#[test]
fn after_a_start_the_address_book_guards_as_before() {
    let (here, away) = (PeerId::random(), PeerId::random());
    let book = [
        contact(here, &["/ip4/198.51.100.7/tcp/4001"]),
        contact(
            away,
            &["/ip4/198.51.100.7/tcp/4001", "/ip4/198.51.100.8/tcp/1"],
        ),
    ];
    let now = Timestamp::from_micros(1);
    let mut peers = Peers::from_records(&[]).with_contacts(&book);
    let at = |peers: &Peers, ip: &str| peers.at(ip.parse().unwrap(), now);
    assert_eq!(at(&peers, "::ffff:198.51.100.8"), Some(away));
    assert_eq!(at(&peers, "198.51.100.9"), None);
    assert_eq!(at(&peers, "198.51.100.7"), Some(here.min(away)));
    // Who was seen there is named before who is said to be there.
    peers.seen(away, "198.51.100.7".parse().unwrap(), now);
    assert_eq!(at(&peers, "198.51.100.7"), Some(away));
}

/// What the commands say without a node is what the node says.
#[test]
fn the_address_book_tells_who_is_at_an_address() {
    let (one, two) = (PeerId::random(), PeerId::random());
    let place = "/ip4/198.51.100.7/tcp/4001";
    let ban = Ban {
        peer: one.min(two),
        since: Timestamp::ZERO,
        until: Timestamp::from_micros(10),
        reason: String::new(),
    };
    let contacts = vec![contact(one, &[place]), contact(two, &[place])];
    let book = AddressBook::of(contacts, &[ban]);
    let at = |ip: &str, micros| book.at(ip.parse().unwrap(), Timestamp::from_micros(micros));
    assert_eq!(at("198.51.100.7", 9), Some(one.max(two)));
    assert_eq!(at("198.51.100.7", 10), Some(one.min(two)));
    assert_eq!(at("198.51.100.8", 10), None);
}
