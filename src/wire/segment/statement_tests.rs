//! A statement counts for one asker, address, time and network.

use libp2p::identity::Keypair;

use super::*;

#[test]
fn a_statement_is_read_as_signed_and_nothing_else_passes() {
    let key = Keypair::generate_ed25519();
    let asker = Keypair::generate_ed25519().public().to_peer_id();
    let subject: Subject = "2001:db8::1".parse().expect("an address");
    let at = Timestamp::from_micros(77);
    let body = body(&key.public(), asker, subject, at);
    let signature = key.sign(&signed("slips", &body)).expect("signs");
    let bytes = encode(body, &signature);
    let told = NothingKnown {
        author: Author(key.public().to_peer_id()),
        asker,
        subject,
        at,
    };
    assert_eq!(decode("slips", &bytes), Ok(told));
    assert_eq!(decode("other", &bytes), Err(Fault::Signature));
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 1;
        assert!(decode("slips", &broken).is_err(), "byte {at}");
        assert!(decode("slips", &bytes[..at]).is_err(), "cut at {at}");
    }
}
