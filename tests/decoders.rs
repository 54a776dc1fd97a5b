//! The decoders against other readers: Python (vectors written by `decoders/python.py`), `serde_json`,
//! and properties that hold for any input.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::{prelude::*, test_runner::RngSeed};
use serde::Deserialize;
use slips_p2p::{
    domain::{Confidence, PeerId, Recipient, Reliability, Score, Subject, Timestamp},
    wire::{
        json::{self, Limits, Value},
        message::{self, Message},
        pigeon,
        slips::{self, Accept, FromSlips},
    },
};

const PEER: &str = "QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2";
const ROOMY: Limits = Limits {
    max_bytes: 1 << 20,
    max_depth: 64,
    max_values: 1 << 16,
};

// ---- Python as the judge -----------------------------------------------------------------------

#[derive(Deserialize)]
struct Vector {
    message: String,
    honest: bool,
    python: Python,
}

/// What Python made of a message: a kind with its values, or an exception.
#[derive(Deserialize, Debug)]
struct Python {
    kind: Option<String>,
    key: Option<serde_json::Value>,
    canonical: Option<String>,
    score: Option<String>,
    confidence: Option<String>,
}

fn vectors() -> Vec<Vector> {
    include_str!("decoders/python.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a vector"))
        .collect()
}

/// Whether the double with these bits, in hexadecimal, is this number; adding 0.0 makes -0.0 a 0.0.
fn is_number(bits: Option<&str>, number: f64) -> bool {
    let bits = bits
        .and_then(|bits| u64::from_str_radix(bits, 16).ok())
        .map(f64::from_bits);
    bits.is_some_and(|python| (python + 0.0).to_bits() == number.to_bits())
}

fn means_the_same(ours: &Message, python: &Python) -> bool {
    let same_subject = |subject: &Subject| {
        let text = subject.to_string();
        python.canonical.as_ref() == Some(&text) && python.key == Some(text.into())
    };
    let kind = python.kind.as_deref();
    match ours {
        Message::Report {
            subject,
            score,
            confidence,
        } => {
            kind == Some("report")
                && same_subject(subject)
                && is_number(python.score.as_deref(), score.get())
                && is_number(python.confidence.as_deref(), confidence.get())
        }
        Message::NothingKnown { subject } => {
            kind == Some("report") && same_subject(subject) && python.score.is_none()
        }
        Message::Request { subject } => kind == Some("request") && same_subject(subject),
        Message::Blame => kind == Some("blame"),
    }
}

#[test]
fn what_is_accepted_means_the_same_to_python() {
    let vectors = vectors();
    assert!(vectors.len() > 500, "only {} vectors", vectors.len());
    for Vector {
        message, python, ..
    } in &vectors
    {
        if let Ok(ours) = message::decode(message) {
            assert!(
                means_the_same(&ours, python),
                "{message}: {ours:?}, but to Python {python:?}"
            );
        }
    }
}

#[test]
fn what_python_writes_from_values_in_range_is_accepted() {
    for Vector { message, .. } in vectors().iter().filter(|vector| vector.honest) {
        assert!(
            message::decode(message).is_ok(),
            "{message}: {:?}",
            message::decode(message)
        );
    }
}

// ---- any input ---------------------------------------------------------------------------------

/// JSON-like text: pieces that a JSON reader trips over, in any order.
fn json_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just(" ".to_owned()),
        Just("null".to_owned()),
        Just("NaN".to_owned()),
        "-?[0-9]{1,3}(\\.[0-9]{1,2})?([eE][+-]?[0-9]{1,3})?",
        "\"(a|b|\\\\u00[46]1|\\\\n|\\\\ud83d\\\\ude00|\\\\ud800|é){0,3}\"",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A well-formed value as `serde_json` holds it.
fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        (-1e9..1e9).prop_map(|number: f64| number.into()),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Our value as `serde_json` would hold it; numbers as floats.
fn as_serde(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => (*number).into(),
        Value::Text(text) => text.as_ref().into(),
        Value::Array(items) => items.iter().map(as_serde).collect(),
        Value::Object(object) => object
            .members
            .iter()
            .map(|m| (m.key.to_string(), as_serde(&m.value)))
            .collect(),
    }
}

/// The same with every number as a float; `serde_json` itself reads floats to within one bit.
fn same(ours: &serde_json::Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (ours, theirs) {
        (Number(a), Number(b)) => a
            .as_f64()
            .zip(b.as_f64())
            .is_some_and(|(a, b)| (a - b).abs() <= a.abs() * 1e-15),
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Whether a reader may take what ours refuses for this reason: JSON, but read differently by some.
fn is_stricter_than_json(fault: &json::Fault) -> bool {
    matches!(fault, json::Fault::DuplicateKey { .. })
}

fn any_ip() -> impl Strategy<Value = IpAddr> {
    let v6 = prop::array::uniform8(prop_oneof![Just(0_u16), Just(1), any::<u16>()])
        .prop_map(|groups| Ipv6Addr::from(groups).into());
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into()),
        v6
    ]
}

fn any_subject() -> impl Strategy<Value = Subject> {
    any_ip().prop_map(Subject::from_ip)
}

/// A message of Slips with a byte replaced, removed or repeated here and there.
fn mutated_message() -> impl Strategy<Value = String> {
    let text = any_subject()
        .prop_map(|subject| message::encode_report(subject, Score::MAX, Confidence::clamped(0.25)));
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 0..4);
    (text, edits).prop_map(|(text, edits)| {
        let mut bytes = STANDARD.decode(text).expect("our own base64");
        for (place, edit, byte) in edits {
            let at = place.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        STANDARD.encode(bytes)
    })
}

/// A fixed seed, so that every run tries the same inputs; other inputs are the fuzz targets' matter.
fn properties() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(20_261_120),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(properties())]

    #[test]
    fn the_strict_reader_agrees_with_serde_json(text in json_like()) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match (json::parse(text.as_bytes(), ROOMY), theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&as_serde(&ours), &theirs), "{text}: {ours:?}, {theirs:?}"),
            (Ok(ours), Err(error)) => prop_assert!(false, "{text}: {ours:?}, but {error}"),
            (Err(fault), Ok(_)) => prop_assert!(is_stricter_than_json(&fault), "{text}: {fault}"),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn whatever_serde_json_writes_is_read_the_same(value in json_value()) {
        let text = value.to_string();
        let ours = json::parse(text.as_bytes(), ROOMY);
        prop_assert!(ours.as_ref().is_ok_and(|ours| same(&as_serde(ours), &value)), "{text}: {ours:?}");
    }

    #[test]
    fn the_lenient_reader_takes_whatever_the_strict_one_takes(text in json_like()) {
        if let Ok(strict) = json::parse(text.as_bytes(), ROOMY) {
            prop_assert_eq!(json::parse_leniently(text.as_bytes(), ROOMY), Ok(strict));
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        let _ = json::parse(&bytes, ROOMY);
        let _ = json::parse_leniently(&bytes, ROOMY);
        let _ = message::decode(&STANDARD.encode(&bytes));
        let _ = message::decode(&text);
        let _ = slips::parse_from_slips(&bytes, Accept::AnyLine);
        let _ = slips::parse_from_slips(text.as_bytes(), Accept::Base64);
        let _ = slips::merge_p2p4slips(Some(&bytes), "{}");
        let _ = slips::merge_p2p4slips(Some(text.as_bytes()), "{}");
        let _ = slips::with_version(&text, Some(&text));
        let _ = pigeon::parse(&text);
    }

    #[test]
    fn a_report_comes_back_as_it_was(subject in any_subject(), score in -1.0..=1.0_f64, confidence in 0.0..=1.0_f64) {
        let (score, confidence) = (Score::clamped(score), Confidence::clamped(confidence));
        let line = message::encode_report(subject, score, confidence);
        prop_assert_eq!(message::decode(&line), Ok(Message::Report { subject, score, confidence }));
        prop_assert!(matches!(pigeon::parse(&line), pigeon::Line::Data(data) if data == line));
    }

    #[test]
    fn a_request_comes_back_as_it_was(subject in any_subject()) {
        prop_assert_eq!(message::decode(&message::encode_request(subject)), Ok(Message::Request { subject }));
    }

    #[test]
    fn whatever_is_accepted_means_the_same_when_written_anew(line in mutated_message()) {
        if let Ok(Message::Report { subject, score, confidence }) = message::decode(&line) {
            let anew = message::encode_report(subject, score, confidence);
            prop_assert_eq!(message::decode(&anew), message::decode(&line));
            let text = STANDARD.decode(&line).expect("accepted");
            let theirs: serde_json::Value = serde_json::from_slice(&text).expect("accepted");
            prop_assert_eq!(theirs["key"].as_str(), Some(&*subject.to_string()));
            prop_assert!(same(&score.get().into(), &theirs["evaluation"]["score"]));
            prop_assert!(same(&confidence.get().into(), &theirs["evaluation"]["confidence"]));
        }
    }

    #[test]
    fn an_address_has_one_spelling(ip in any_ip()) {
        let subject = Subject::from_ip(ip);
        let spellings = [ip.to_string(), ip.to_string().to_uppercase(), match ip {
            IpAddr::V4(v4) => format!("::ffff:{v4}"),
            IpAddr::V6(v6) => v6.segments().map(|group| format!("{group:x}")).join(":"),
        }];
        let request = |key: &str| STANDARD.encode(format!(
            r#"{{"message_type":"request","key_type":"ip","key":"{key}","evaluation_type":"score_confidence"}}"#
        ));
        for spelling in spellings {
            prop_assert_eq!(message::decode(&request(&spelling)).is_ok(), spelling == subject.to_string());
        }
    }

    #[test]
    fn go_data_carries_any_line_unchanged(line in any::<String>(), micros in 0..4_102_444_800_000_000_i64, version in any::<String>()) {
        let peer: PeerId = PEER.parse().expect("a peer id");
        let payload = slips::with_version(&slips::go_data(peer, Timestamp::from_micros(micros), &line), Some(&version));
        let read: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
        prop_assert_eq!(&read["message_contents"]["message"], &line);
        prop_assert_eq!(&read["message_contents"]["reporter"], PEER);
        prop_assert_eq!(read["message_contents"]["report_time"].as_i64(), Some(micros / 1_000_000));
        prop_assert_eq!(&read["version"], &version);
        prop_assert_eq!(slips::parse_from_slips(payload.as_bytes(), Accept::Base64), Ok(FromSlips::Own));
    }

    #[test]
    fn peer_update_is_read_by_others(ip in prop::option::of(any_ip()), reliability in prop::option::of(0.0..=1.0_f64)) {
        let peer: PeerId = PEER.parse().expect("a peer id");
        let payload = slips::peer_update(peer, ip, reliability.map(Reliability::clamped), Timestamp::ZERO);
        let read: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
        let contents = &read["message_contents"];
        prop_assert_eq!(contents.get("ip").is_some(), ip.is_some());
        let text = contents.get("reliability").map(|text| text.as_str().expect("a text").parse());
        prop_assert_eq!(text, reliability.map(Ok::<f64, std::num::ParseFloatError>));
    }

    #[test]
    fn what_slips_sends_comes_out_unchanged(bytes in prop::collection::vec(any::<u8>(), 1..60), version in prop::option::of("[0-9.]{1,8}")) {
        let message = STANDARD.encode(&bytes);
        let payload = serde_json::json!({"message": message, "recipient": "*", "version": version}).to_string();
        let expected = FromSlips::Send { recipient: Recipient::All, message: message.clone(), version };
        match pigeon::parse(&message) {
            pigeon::Line::Data(_) => prop_assert_eq!(slips::parse_from_slips(payload.as_bytes(), Accept::Base64), Ok(expected)),
            _ => prop_assert!(slips::parse_from_slips(payload.as_bytes(), Accept::Base64).is_err()),
        }
    }

    #[test]
    fn what_goes_out_is_one_line_of_data(message in any::<String>()) {
        let payload = serde_json::json!({"message": message, "recipient": "*"}).to_string();
        if let Ok(FromSlips::Send { message: line, .. }) = slips::parse_from_slips(payload.as_bytes(), Accept::AnyLine) {
            prop_assert!(matches!(pigeon::parse(&line), pigeon::Line::Data(data) if data == line));
            prop_assert!(!line.contains('\n'));
        }
    }

    #[test]
    fn merging_keeps_all_else_in_its_order(members in prop::collection::vec(("[a-z]{1,3}", json_value()), 0..5), ours in 0..6_usize) {
        let inner = r#"{"score":1.0}"#;
        let mut texts: Vec<String> = members.iter().map(|(key, value)| format!(r#""{key}": {value}"#)).collect();
        if ours < texts.len() {
            texts.insert(ours, r#""p2p4slips": {"score": 0.1}"#.to_owned());
        }
        let merged = slips::merge_p2p4slips(Some(format!("{{{}}}", texts.join(", ")).as_bytes()), inner).expect("an object");
        for (place, text) in texts.iter_mut().enumerate() {
            if place == ours {
                *text = format!(r#""p2p4slips": {inner}"#);
            }
        }
        let mut expected = format!("{{{}}}", texts.join(", "));
        if ours >= members.len() {
            let comma = if texts.is_empty() { "" } else { "," };
            expected = format!(r#"{}{comma}"p2p4slips":{inner}}}"#, &expected[..expected.len() - 1]);
        }
        prop_assert_eq!(merged, expected);
    }
}
