//! What peers say, as a line and as the bytes behind its base64: accepted messages can be written
//! anew with the same meaning, and make an envelope that is strict JSON.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use slips_p2p::{
    domain::Timestamp,
    wire::{
        json::{self, Limits},
        message::{self, Message},
        slips,
    },
};

const ENVELOPE: Limits = Limits {
    max_bytes: 1 << 20,
    max_depth: 2,
    max_values: 6,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(line) = std::str::from_utf8(bytes) {
        check(line);
    }
    check(&STANDARD.encode(bytes));
});

fn check(line: &str) {
    let Ok(message) = message::decode(line) else {
        return;
    };
    let anew = match message {
        Message::Report {
            subject,
            score,
            confidence,
        } => message::encode_report(subject, score, confidence),
        Message::Request { subject } => message::encode_request(subject),
        Message::NothingKnown { .. } | Message::Blame => line.to_owned(),
    };
    assert_eq!(message::decode(&anew), Ok(message));
    let peer = "QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2"
        .parse()
        .expect("a peer id");
    let payload = slips::go_data(peer, Timestamp::ZERO, line);
    assert!(json::parse(payload.as_bytes(), ENVELOPE).is_ok());
}
