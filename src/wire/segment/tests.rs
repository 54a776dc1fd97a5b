//! What a segment is, byte for byte, and what it is not.

use libp2p::identity::Keypair;

use super::*;

fn entry(content: &[u8]) -> Entry<'_> {
    Entry {
        at: Timestamp::from_micros(5),
        kind: Kind::Message,
        content,
    }
}

fn signed(key: &Keypair, network: &str, first: u64, contents: &[&[u8]]) -> Vec<u8> {
    let author = Author(key.public().to_peer_id());
    let previous = genesis(network, author);
    let entries: Vec<_> = contents.iter().map(|content| entry(content)).collect();
    let draft = encode(&key.public(), first, previous, &entries, &[1]).expect("in bounds");
    let tip = Segment::decode(&draft).expect("just written").tip();
    let signature = key.sign(&head(network, tip)).expect("signs");
    encode(&key.public(), first, previous, &entries, &signature).expect("in bounds")
}

#[test]
fn a_segment_is_read_as_it_was_written_and_verifies_in_its_network_alone() {
    let key = Keypair::generate_ed25519();
    let bytes = signed(&key, "slips", 1, &[b"one", b"two"]);
    let segment = Segment::decode(&bytes).expect("a segment");
    assert_eq!(segment.author(), Author(key.public().to_peer_id()));
    assert_eq!((segment.first, segment.last()), (1, 2));
    assert_eq!(segment.entries[1].content, b"two");
    assert!(segment.is_signed_for("slips", segment.tip()));
    assert!(!segment.is_signed_for("slips2", segment.tip()));
    let again = encode(
        segment.key(),
        segment.first,
        segment.previous,
        &segment.entries,
        segment.signature,
    );
    assert_eq!(again, Ok(bytes));
}

#[test]
fn every_flipped_byte_makes_it_no_segment_or_unsigned() {
    let key = Keypair::generate_ed25519();
    let bytes = signed(&key, "slips", 7, &[b"one", b"two"]);
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 1;
        if let Ok(segment) = Segment::decode(&broken) {
            assert!(!segment.is_signed_for("slips", segment.tip()), "byte {at}");
        }
    }
    for at in 0..bytes.len() {
        assert!(Segment::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Segment::decode(&longer), Err(Fault::TooMuch(1)));
}

#[test]
fn bounds_are_kept() {
    let key = Keypair::generate_ed25519().public();
    let previous = Digest([0; 32]);
    let write = |first, entries: &[Entry<'_>], signature: &[u8]| {
        encode(&key, first, previous, entries, signature)
    };
    assert_eq!(write(1, &[], &[1]), Err(Fault::Count(0)));
    assert_eq!(write(1, &[entry(b"a"); 65], &[1]), Err(Fault::Count(65)));
    assert_eq!(
        write(0, &[entry(b"a")], &[1]),
        Err(Fault::Number { first: 0 })
    );
    assert!(write(MAX_SEQ, &[entry(b"a")], &[1]).is_ok());
    assert_eq!(
        write(MAX_SEQ, &[entry(b"a"); 2], &[1]),
        Err(Fault::Number { first: MAX_SEQ })
    );
    assert_eq!(write(1, &[entry(b"")], &[1]), Err(Fault::Content(0)));
    let long = vec![b'a'; MAX_CONTENT_BYTES + 1];
    assert_eq!(
        write(1, &[entry(&long)], &[1]),
        Err(Fault::Content(MAX_CONTENT_BYTES + 1))
    );
    assert_eq!(write(1, &[entry(b"a")], &[]), Err(Fault::Signature(0)));
    let long = &long[..MAX_CONTENT_BYTES];
    assert!(matches!(
        write(1, &[entry(long); 3], &[1]),
        Err(Fault::TooLong(_))
    ));
}
