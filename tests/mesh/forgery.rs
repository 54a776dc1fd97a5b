//! Nothing signed for another purpose passes as a log, and nothing made up is ever credited.

use libp2p::identity::Keypair;
use proptest::prelude::*;
use slips_p2p::{
    domain::{Author, Digest, Timestamp, Tip},
    mesh::{Blame, OwnLog, Refusal, check},
    wire::{
        nothing_known,
        segment::{self, Entry, Kind, Segment},
        sync::Message,
    },
};

use crate::world::{NETWORK, STEADY, World, author, key, millis, report};

/// A segment of these entries with any signature.
fn with_signature(key: &Keypair, contents: &[String], signature: &[u8]) -> Vec<u8> {
    let me = Author(key.public().to_peer_id());
    let entries: Vec<_> = contents
        .iter()
        .map(|content| Entry {
            at: Timestamp::from_micros(3),
            kind: Kind::Message,
            content: content.as_bytes(),
        })
        .collect();
    let previous = segment::genesis(NETWORK, me);
    segment::encode(&key.public(), 1, previous, &entries, signature).expect("in bounds")
}

fn valid() -> Vec<u8> {
    let mut log = OwnLog::new(key(1), NETWORK, None).expect("a key that signs");
    let said: Vec<_> = (0..3)
        .map(|n| (Timestamp::from_micros(3), report(n)))
        .collect();
    let unsent = log.append(&said).expect("reports");
    unsent
        .segments()
        .map(|(bytes, ..)| bytes.to_vec())
        .next()
        .expect("one")
}

/// Whatever a node may be made to sign or send that is no head of a log.
fn other_purpose() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        // Noise signs its static key under this prefix; a challenge of the network.
        prop::collection::vec(any::<u8>(), 32..33)
            .prop_map(|key| { [b"noise-libp2p-static-key:".as_slice(), &key].concat() }),
        ".{0,80}".prop_map(|alias: String| {
            format!("{{\"type\":\"hello\",\"alias\":{alias:?}}}").into_bytes()
        }),
        any::<(u64, [u8; 32])>().prop_map(|(seq, digest)| {
            let tip = Tip {
                author: author(1),
                seq: seq >> 11,
                digest: Digest(digest),
            };
            Message::Tips {
                fresh: true,
                tips: vec![tip],
            }
            .encode()
        }),
        any::<i64>().prop_map(|at| {
            let subject = "10.0.0.1".parse().expect("an address");
            let body = nothing_known::body(
                &key(1).public(),
                author(2).0,
                subject,
                Timestamp::from_micros(at),
            );
            nothing_known::signed(NETWORK, &body)
        }),
        // The head of the same entries in another network, and under another prefix.
        "[a-z]{1,9}"
            .prop_filter("another network", |name| name != NETWORK)
            .prop_map(|name| {
                let bytes = valid();
                segment::head(&name, Segment::decode(&bytes).expect("valid").tip())
            }),
        (0..21_usize, 1..=255_u8).prop_map(|(at, flip)| {
            let bytes = valid();
            let mut head = segment::head(NETWORK, Segment::decode(&bytes).expect("valid").tip());
            head[at] ^= flip;
            head
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_was_signed_for_another_purpose_is_no_head(signed in other_purpose()) {
        let signature = key(1).sign(&signed).expect("signs");
        let contents: Vec<_> = (0..3).map(report).collect();
        let bytes = with_signature(&key(1), &contents, &signature);
        let refused = check(NETWORK, &bytes.into());
        prop_assert!(matches!(&refused, Err(Refusal::Signature(_))), "{:?}", refused.is_ok());
    }

    #[test]
    fn what_a_relay_changes_is_never_credited_to_the_author(
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut bytes = valid();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let mut world = World::new(3, STEADY, 15);
        world.connect(1, 2);
        world.connect(0, 2);
        let frame = Message::Segments { answer: None, segments: vec![bytes] }.encode();
        world.send(0, 2, frame.into());
        world.run(millis(300));
        let node = &world.nodes[2];
        prop_assert!(node.heard.is_empty(), "{:?}", node.heard);
        prop_assert_eq!(node.conduct.len(), 1);
        prop_assert_eq!(node.conduct[0].0, world.nodes[0].me);
        // The author lost nothing: its own log is taken.
        let said = world.say(1, &[9]);
        world.run(millis(300));
        prop_assert!(world.all_heard(said.author, said.seq) || !world.is_linked(1, 2)
            || world.nodes[2].heard.contains_key(&(said.author, said.seq)));
    }

    #[test]
    fn a_segment_has_one_encoding(
        first in 1..u64::from(u32::MAX),
        previous in any::<[u8; 32]>(),
        entries in prop::collection::vec((any::<i64>(), 1..=255_u8, prop::collection::vec(any::<u8>(), 1..200)), 1..20),
        signature in prop::collection::vec(any::<u8>(), 1..100),
    ) {
        // A first entry's predecessor is checked elsewhere: any digest is well formed.
        let contents: Vec<_> = entries.iter().map(|(at, kind, content)| Entry {
            at: Timestamp::from_micros(*at),
            kind: if *kind == 1 { Kind::Message } else { Kind::Later(*kind) },
            content,
        }).collect();
        let key = key(4).public();
        let bytes = segment::encode(&key, first, Digest(previous), &contents, &signature).expect("in bounds");
        let read = Segment::decode(&bytes).expect("just written");
        prop_assert_eq!(&read.entries, &contents);
        let again = segment::encode(read.key(), read.first, read.previous, &read.entries, read.signature);
        prop_assert_eq!(again.as_ref(), Ok(&bytes));
    }

    #[test]
    fn no_bytes_make_the_engine_panic_or_lose_its_place(
        bodies in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            Just(br#"{"type":"done","id":0}"#.to_vec()),
            Just(br#"{"type":"want","id":9007199254740991,"spans":[["12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",1,9007199254740991]]}"#.to_vec()),
            Just(br#"{"type":"tips","fresh":true,"tips":[["12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",9007199254740991,"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]]}"#.to_vec()),
            Just(br#"{"type":"pruned","author":"12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN","before":9007199254740991}"#.to_vec()),
            Just(br#"{"type":"prune","authors":["12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"]}"#.to_vec()),
            Just(br#"{"type":"dance"}"#.to_vec()),
        ], 1..30),
    ) {
        let mut world = World::new(3, STEADY, 16);
        world.connect(0, 1);
        world.connect(1, 2);
        for body in bodies {
            world.send(0, 1, body.into());
        }
        world.run(millis(3000));
        let said = world.say(2, &[1]);
        world.run(millis(3000));
        prop_assert!(world.all_heard(said.author, said.seq));
    }
}

#[test]
fn whose_fault_a_refusal_is() {
    let key = key(1);
    let me = Author(key.public().to_peer_id());
    let sign = |contents: &[String]| {
        let draft = with_signature(&key, contents, &[1]);
        let tip = Segment::decode(&draft).expect("a segment").tip();
        let signature = key.sign(&segment::head(NETWORK, tip)).expect("signs");
        with_signature(&key, contents, &signature)
    };
    // Signed by its author, and no message: the author's fault, and the neighbour's who saw it.
    let refused = check(NETWORK, &sign(&["nonsense".into()]).into()).expect_err("no message");
    assert!(matches!(refused, Refusal::Content { author, seq: 1, .. } if author == me));
    assert_eq!(refused.blame(), Blame::Both);
    // Not signed: whoever handed it over.
    let unsigned = with_signature(&key, &[report(1)], &[1; 64]);
    let refused = check(NETWORK, &unsigned.into()).expect_err("unsigned");
    assert_eq!(refused, Refusal::Signature(me));
    assert_eq!(refused.blame(), Blame::Neighbour);
    // A first entry after another genesis.
    let other = OwnLog::new(key.clone(), "other", None);
    let mut other = other.expect("a key that signs");
    let unsent = other
        .append(&[(Timestamp::from_micros(1), report(1))])
        .expect("a report");
    let bytes = unsent
        .segments()
        .map(|(bytes, ..)| bytes.to_vec())
        .next()
        .expect("one");
    let refused = check(NETWORK, &bytes.into()).expect_err("another network");
    assert_eq!(refused, Refusal::Genesis(me));
    assert_eq!(refused.blame(), Blame::Neighbour);
    // No segment at all.
    let refused = check(NETWORK, &b"nonsense".to_vec().into()).expect_err("nothing");
    assert_eq!(refused.blame(), Blame::Neighbour);
}

#[test]
fn an_author_that_signed_nonsense_is_heard_no_more_and_its_earlier_entries_stay() {
    let mut world = World::new(3, STEADY, 17);
    world.connect(0, 1);
    world.connect(1, 2);
    world.say(0, &[1]);
    world.run(millis(1000));
    let head = world.nodes[0].own.head().expect("said something");
    let entry = Entry {
        at: world.now,
        kind: Kind::Message,
        content: b"nonsense",
    };
    let tip = Tip {
        seq: 2,
        digest: entry.digest(head.digest, 2),
        ..head
    };
    let signature = key(0).sign(&segment::head(NETWORK, tip)).expect("signs");
    let bytes = segment::encode(&key(0).public(), 2, head.digest, &[entry], &signature);
    let frame = Message::Segments {
        answer: None,
        segments: vec![bytes.expect("in bounds")],
    };
    world.send(0, 1, frame.encode().into());
    world.run(millis(1000));
    world.say(0, &[3]);
    world.run(millis(3000));
    assert_eq!(world.nodes[1].heard.len(), 1);
    assert_eq!(world.nodes[2].heard.len(), 1);
    // 1 refused it, so 2 never saw it and blames nobody.
    assert_eq!(world.nodes[1].conduct.len(), 1);
    assert!(
        world.nodes[2].conduct.is_empty(),
        "{:?}",
        world.nodes[2].conduct
    );
}
