//! What Slips publishes or has stored: what goes out to peers is one line of data, and an opinion
//! merged into a stored object leaves an object.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use slips_p2p::wire::{
    json::{self, Limits, Value},
    pigeon,
    slips::{self, Accept, FromSlips},
};

const ROOMY: Limits = Limits {
    max_bytes: 1 << 21,
    max_depth: 200,
    max_values: 1 << 20,
};

fuzz_target!(|payload: &[u8]| {
    if let Ok(FromSlips::Send { message, .. }) = slips::parse_from_slips(payload, Accept::AnyLine) {
        assert!(!message.contains('\n'));
        assert!(matches!(pigeon::parse(&message), pigeon::Line::Data(data) if data == message));
    }
    if let Ok(FromSlips::Send { message, .. }) = slips::parse_from_slips(payload, Accept::Base64) {
        assert!(STANDARD.decode(message).is_ok());
    }
    let Ok(text) = std::str::from_utf8(payload) else {
        return;
    };
    if let Ok(merged) = slips::merge_p2p4slips(Some(payload), "{}") {
        let read = json::parse_leniently(merged.as_bytes(), ROOMY);
        assert!(matches!(read, Ok(Value::Object(object)) if object.get("p2p4slips").is_some()));
        let payload = slips::with_version(&merged, Some(text));
        let read = json::parse_leniently(payload.as_bytes(), ROOMY);
        assert!(
            matches!(read, Ok(Value::Object(object)) if object.get("version") == Some(&Value::Text(text.into())))
        );
    }
});
