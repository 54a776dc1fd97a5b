//! The frames by which nodes speak of themselves.
//!
//! ```text
//! {"type":"hello","protocol":"/slips/2.0","alias":"north","status":"busy","status_message":"","retry_after":10,
//!  "software":"slips-p2p/0.1.0","time":1785000000000000,"network":"slips","tip":{"seq":7,"hash":"<64 hex digits>"}}
//! {"type":"status","status":"available","status_message":"well again"}
//! {"type":"goodbye","reason":"stopping","text":"SIGTERM","status":"offline"}
//! ```
//!
//! `retry_after` is in seconds, `time` in microseconds since 1970. Nothing in them is evidence, so
//! nothing in them is a fault: a key that is missing, of another kind or out of range says nothing,
//! and a long text is cut.

use std::time::Duration;

use super::{json, push};
use crate::domain::{Farewell, Hello, OwnTip, Presence, Status, Timestamp};
use crate::wire::json::{Object, Value};

/// The longest of these frames that is read, in bytes: its texts in four bytes a character, escaped,
/// and as much again for keys to come.
pub const MAX_PRESENCE_BYTES: usize = 4096;
/// The latest time taken, in microseconds: the year 2255, where a JSON number is still exact.
const MAX_MICROS: f64 = 9_007_199_254_740_992.0;

fn text<'o>(object: &'o Object<'_>, key: &str) -> Option<&'o str> {
    match object.get(key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn whole(object: &Object<'_>, key: &str) -> Option<u64> {
    match object.get(key) {
        Some(Value::Number(number)) if (0.0..=MAX_MICROS).contains(number) =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "within a float's exact range"
            )]
            Some(*number as u64)
        }
        _ => None,
    }
}

/// How the sender is; a hello and a status have the same keys for it.
pub(super) fn presence(object: &Object<'_>) -> Presence {
    Presence::new(
        text(object, "status").map_or(Status::default(), Status::of),
        text(object, "status_message").unwrap_or_default(),
        whole(object, "retry_after").map(Duration::from_secs),
    )
}

pub(super) fn hello(object: &Object<'_>) -> Hello {
    let owned = |key| text(object, key).unwrap_or_default().to_owned();
    let time = whole(object, "time").and_then(|micros| i64::try_from(micros).ok());
    let hello = Hello {
        protocol: owned("protocol"),
        alias: owned("alias"),
        presence: presence(object),
        software: owned("software"),
        time: time.map(Timestamp::from_micros),
        network: text(object, "network").map(str::to_owned),
        tip: tip(object),
    };
    hello.cleaned()
}

fn tip(object: &Object<'_>) -> Option<OwnTip> {
    let Some(Value::Object(tip)) = object.get("tip") else {
        return None;
    };
    let (seq, hash) = (whole(tip, "seq")?, text(tip, "hash")?.as_bytes());
    let mut digest = [0; 32];
    if seq == 0 || hash.len() != 2 * digest.len() {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16);
    for (byte, pair) in digest.iter_mut().zip(hash.chunks_exact(2)) {
        *byte = u8::try_from(value(pair[0])? * 16 + value(pair[1])?).ok()?;
    }
    Some(OwnTip { seq, digest })
}

pub(super) fn goodbye(object: &Object<'_>) -> Farewell {
    Farewell::new(
        text(object, "reason").unwrap_or_default(),
        text(object, "text").unwrap_or_default(),
    )
}

/// Appends the frame of a hello to `out`; its texts are cut to what is allowed.
pub fn push_hello(out: &mut Vec<u8>, hello: &Hello) {
    let hello = hello.clone().cleaned();
    let mut body = String::from("{\"type\":\"hello\"");
    key_text(&mut body, "protocol", &hello.protocol);
    key_text(&mut body, "alias", &hello.alias);
    key_presence(&mut body, &hello.presence);
    key_text(&mut body, "software", &hello.software);
    if let Some(time) = hello.time {
        body.push_str(&format!(",\"time\":{}", time.as_micros()));
    }
    if let Some(network) = &hello.network {
        key_text(&mut body, "network", network);
    }
    if let Some(tip) = hello.tip {
        let digits: String = tip
            .digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        body.push_str(&format!(
            ",\"tip\":{{\"seq\":{},\"hash\":\"{digits}\"}}",
            tip.seq
        ));
    }
    finish(out, body);
}

/// Appends the frame of a status to `out`.
pub fn push_status(out: &mut Vec<u8>, presence: &Presence) {
    let mut body = String::from("{\"type\":\"status\"");
    key_presence(&mut body, presence);
    finish(out, body);
}

/// Appends the frame of a goodbye to `out`.
pub fn push_goodbye(out: &mut Vec<u8>, farewell: &Farewell) {
    let farewell = Farewell::new(&farewell.reason, &farewell.text);
    let mut body = String::from("{\"type\":\"goodbye\"");
    key_text(&mut body, "reason", &farewell.reason);
    key_text(&mut body, "text", &farewell.text);
    key_text(&mut body, "status", Status::Offline.word());
    finish(out, body);
}

fn key_presence(body: &mut String, presence: &Presence) {
    key_text(body, "status", presence.status.word());
    key_text(body, "status_message", &presence.message);
    if let Some(time) = presence.retry_after {
        body.push_str(&format!(",\"retry_after\":{}", time.as_secs()));
    }
}

fn key_text(body: &mut String, key: &str, text: &str) {
    body.push_str(&format!(",\"{key}\":"));
    json::push_text(body, text);
}

fn finish(out: &mut Vec<u8>, mut body: String) {
    body.push('}');
    let fits = push(out, MAX_PRESENCE_BYTES, |out| {
        out.extend_from_slice(body.as_bytes());
    });
    debug_assert!(fits, "clean texts of limited length fit");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Frame, Split, decode, split};
    use super::*;
    use crate::domain::is_plain;

    fn back(push: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out);
        match split(&out, MAX_PRESENCE_BYTES) {
            Ok(Split::Whole { body, taken }) if taken == out.len() => body.to_vec(),
            other => panic!("not one frame: {other:?}"),
        }
    }

    fn read(body: &[u8]) -> Frame<'_> {
        decode(body, 100).expect("a frame")
    }

    #[test]
    fn what_is_said_comes_back() {
        let hello = Hello {
            protocol: "/slips/2.0".into(),
            alias: "north \"é\"".into(),
            presence: Presence::new(Status::Busy, "much to do", Some(Duration::from_secs(10))),
            software: "slips-p2p/0.1.0".into(),
            time: Some(Timestamp::from_micros(1_785_000_000_000_000)),
            network: Some("slips".into()),
            tip: Some(OwnTip {
                seq: 7,
                digest: [0xa5; 32],
            }),
        };
        let body = back(|out| push_hello(out, &hello));
        assert_eq!(read(&body), Frame::Hello(Box::new(hello.clone())));
        let body = back(|out| push_status(out, &hello.presence));
        assert_eq!(read(&body), Frame::Status(hello.presence));
        let farewell = Farewell::new("stopping", "SIGTERM");
        let body = back(|out| push_goodbye(out, &farewell));
        assert_eq!(read(&body), Frame::Goodbye(farewell));
    }

    #[test]
    fn keys_that_say_nothing_are_no_fault() {
        let odd = br#"{"type":"hello","alias":7,"status":"asleep","retry_after":-1,"time":1e300,"network":null,
            "tip":{"seq":0,"hash":"00"},"later":[[]]}"#;
        let hello = Hello {
            presence: Presence {
                status: Status::Other,
                ..Presence::default()
            },
            ..Hello::default()
        };
        assert_eq!(read(odd), Frame::Hello(Box::new(hello)));
        assert_eq!(read(br#"{"type":"hello"}"#), Frame::Hello(Box::default()));
    }

    fn clean(text: &str, most: usize) -> bool {
        text.chars().all(is_plain) && text.chars().count() <= most
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_121), failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is announced, nothing that acts on a terminal gets through, and what is said
        /// anew means the same.
        #[test]
        fn announced_texts_are_clean_and_short(
            texts in prop::array::uniform6("(\\PC|[\\x00-\\x1f\\x7f-\\x9f\u{202a}-\u{202e}\u{2066}-\u{2069}\u{200b}\u{feff}]){0,200}"),
            retry in any::<u32>(),
        ) {
            use crate::domain::{ALIAS_CHARS, MESSAGE_CHARS, NAME_CHARS, MAX_RETRY_AFTER};
            let [protocol, alias, message, software, network, status] = &texts;
            let body = serde_json::json!({
                "type": "hello", "protocol": protocol, "alias": alias, "status": status, "status_message": message,
                "retry_after": retry, "software": software, "network": network,
            }).to_string();
            let Frame::Hello(hello) = read(body.as_bytes()) else {
                panic!("a hello");
            };
            prop_assert!(clean(&hello.protocol, NAME_CHARS) && clean(&hello.software, NAME_CHARS));
            prop_assert!(clean(&hello.alias, ALIAS_CHARS) && clean(&hello.presence.message, MESSAGE_CHARS));
            prop_assert!(hello.network.as_deref().is_none_or(|name| clean(name, NAME_CHARS)));
            prop_assert!(hello.presence.retry_after.is_none_or(|time| time <= MAX_RETRY_AFTER));
            let again = back(|out| push_hello(out, &hello));
            prop_assert_eq!(read(&again), Frame::Hello(hello.clone()));
            let body = serde_json::json!({"type": "goodbye", "reason": alias, "text": message}).to_string();
            let Frame::Goodbye(farewell) = read(body.as_bytes()) else {
                panic!("a goodbye");
            };
            prop_assert!(farewell.to_string().chars().all(is_plain));
        }
    }
}
