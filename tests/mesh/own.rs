//! The own log: whatever crashes, no two entries with one number are ever sent.

use std::collections::BTreeMap;

use libp2p::identity::Keypair;
use proptest::prelude::*;
use slips_p2p::{
    domain::{Subject, Timestamp, Tip},
    mesh::{AppendError, OwnLog, Said, check},
    wire::nothing_known,
};

use crate::world::{NETWORK, author, key, report};

/// What becomes of one append.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Stored and sent.
    Fine,
    /// The host dies before anything is stored.
    CrashBefore,
    /// The host dies after it was stored, before it was sent.
    CrashAfter,
    /// The store says no.
    Refused,
    /// The store says no, and yet it was written: the head must be read anew.
    Unclear,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Fine),
        1 => Just(Fate::CrashBefore),
        1 => Just(Fate::CrashAfter),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Unclear),
    ]
}

fn open(stored: Option<Tip>) -> OwnLog {
    OwnLog::new(key(1), NETWORK, stored).expect("a key that signs")
}

proptest! {
    #[test]
    fn no_crash_lets_two_entries_with_one_number_out(
        fates in prop::collection::vec((fate(), 1..90_u64), 1..30),
    ) {
        let mut stored: BTreeMap<u64, (Vec<u8>, Tip)> = BTreeMap::new();
        let mut sent: BTreeMap<u64, Vec<Said>> = BTreeMap::new();
        let mut log = open(None);
        let mut said = 0;
        for (fate, many) in fates {
            let messages: Vec<_> = (said..said + many)
                .map(|n| (Timestamp::from_micros(7), report(n)))
                .collect();
            said += many;
            let unsent = log.append(&messages).expect("reports");
            prop_assert!(matches!(log.append(&messages), Err(AppendError::Pending)));
            if matches!(fate, Fate::Fine | Fate::CrashAfter | Fate::Unclear) {
                for (bytes, first, tip) in unsent.segments() {
                    // The table's key is the number: what stands there is never replaced.
                    prop_assert!(stored.keys().all(|last| *last < first));
                    stored.insert(tip.seq, (bytes.to_vec(), tip));
                }
            }
            let head = stored.values().last().map(|(_, tip)| *tip);
            match fate {
                Fate::Fine => {
                    let bytes: Vec<Vec<u8>> =
                        unsent.segments().map(|(bytes, ..)| bytes.to_vec()).collect();
                    let own = log.persisted(unsent);
                    prop_assert_eq!(own.len(), bytes.len());
                    for bytes in bytes {
                        let checked = check(NETWORK, &bytes.into()).expect("our own");
                        for entry in checked.said {
                            sent.entry(entry.seq).or_default().push(entry);
                        }
                    }
                }
                Fate::Refused => log.given_up(unsent),
                Fate::CrashBefore | Fate::CrashAfter | Fate::Unclear => {
                    drop(unsent);
                    log = open(head);
                }
            }
            prop_assert_eq!(log.head(), head);
        }
        for (seq, entries) in &sent {
            prop_assert_eq!(entries.len(), 1, "number {} was sent twice", seq);
        }
        // What is stored is one chain from the first entry.
        let mut next = 1;
        let mut previous = None;
        for (bytes, tip) in stored.into_values() {
            let checked = check(NETWORK, &bytes.into()).expect("our own");
            prop_assert_eq!(checked.first, next);
            if let Some(previous) = previous {
                prop_assert_eq!(checked.previous, previous);
            }
            previous = Some(tip.digest);
            next = tip.seq + 1;
        }
    }
}

#[test]
fn entries_fill_segments_and_the_largest_still_fit() {
    let mut log = open(None);
    let many: Vec<_> = (0..130)
        .map(|n| (Timestamp::from_micros(7), report(n)))
        .collect();
    let unsent = log.append(&many).expect("reports");
    let sizes: Vec<_> = unsent
        .segments()
        .map(|(_, first, tip)| tip.seq + 1 - first)
        .collect();
    assert_eq!(sizes, [64, 64, 2]);
    assert_eq!(log.persisted(unsent).len(), 3);

    // Blames may be as long as any message.
    let text = format!(
        "{{\"message_type\": \"blame\", \"x\": \"{}\"}}",
        "y".repeat(6105)
    );
    let blame = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    assert!(blame.len() > 8100 && blame.len() <= 8192, "{}", blame.len());
    let long = vec![(Timestamp::from_micros(7), blame); 5];
    let unsent = log.append(&long).expect("blames");
    assert!(unsent.segments().count() >= 2);
    let _ = log.persisted(unsent);
    assert_eq!(log.head().map(|tip| tip.seq), Some(135));
}

#[test]
fn nothing_is_signed_that_neighbours_would_refuse() {
    let mut log = open(None);
    let request = slips_p2p::wire::message::encode_request("10.0.0.1".parse().expect("an address"));
    for bad in ["", "nonsense", &request] {
        let said = [(Timestamp::from_micros(1), bad)];
        assert!(matches!(
            log.append(&said),
            Err(AppendError::NotAMessage { at: 0, .. })
        ));
    }
    let none: [(Timestamp, String); 0] = [];
    assert!(matches!(log.append(&none), Err(AppendError::Empty)));
    assert_eq!(log.head(), None);
}

#[test]
fn an_rsa_author_signs_and_is_believed() {
    // What a pigeon left.
    let file = include_bytes!("../../fuzz/corpus/key_file/rsa");
    let key = Keypair::from_protobuf_encoding(file).expect("an RSA key");
    let me = key.public().to_peer_id();
    let mut log = OwnLog::new(key, NETWORK, None).expect("a key that signs");
    let said: Vec<_> = (0..70)
        .map(|n| (Timestamp::from_micros(7), report(n)))
        .collect();
    let unsent = log.append(&said).expect("reports");
    let mut first = 1;
    for (bytes, begins, tip) in unsent.segments() {
        let checked = check(NETWORK, &bytes.into()).expect("our own");
        assert_eq!((checked.first, checked.tip), (begins, tip));
        assert_eq!(begins, first);
        assert_eq!(tip.author.0, me);
        first = tip.seq + 1;
    }
    assert_eq!(log.persisted(unsent).len(), 2);
    let subject: Subject = "10.0.0.1".parse().expect("an address");
    let at = Timestamp::from_micros(9);
    let statement = log.nothing_known(author(3).0, subject, at).expect("signs");
    let told = nothing_known::decode(NETWORK, &statement).expect("a statement");
    assert_eq!(
        (told.author.0, told.asker, told.subject, told.at),
        (me, author(3).0, subject, at)
    );
}

#[test]
fn the_seed_of_the_fuzzer_is_a_signed_segment() {
    // Ed25519 signs alike each time; should the format change, the seed must be written anew.
    let mut log = open(None);
    let said: Vec<_> = (0..2)
        .map(|n| (Timestamp::from_micros(7), report(n)))
        .collect();
    let unsent = log.append(&said).expect("reports");
    let (bytes, ..) = unsent.segments().next().expect("one");
    let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/segment/signed");
    if std::env::var_os("WRITE_SEEDS").is_some() {
        std::fs::write(seed, bytes).expect("written");
    }
    let stored = std::fs::read(seed).expect("the seed is there");
    assert!(
        stored == bytes,
        "run this test with WRITE_SEEDS=1 to write {seed}"
    );
}
