//! Nothing that kills or confuses Slips gets past the decoder: the inputs of contract 8.3, each
//! measured with the real module, one named case a row in `sanitizer/cases.txt`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use slips_p2p::{
    domain::{PeerId, Reliability, Timestamp},
    wire::{
        message::{self, Message},
        slips,
    },
};

const REPORT: &str = r#"{"message_type": "report", "key_type": "ip", "key": "198.51.100.7", "evaluation_type": "score_confidence", "evaluation": {"score": 0.8, "confidence": 0.9}}"#;
const REQUEST: &str = r#"{"message_type": "request", "key_type": "ip", "key": "198.51.100.7", "evaluation_type": "score_confidence"}"#;

/// The line a case sends, from the way `cases.txt` writes it.
fn line_of(input: &str) -> String {
    let (kind, rest) = input.split_once(' ').unwrap_or((input, ""));
    let rest = &repeated(rest);
    match kind {
        "raw" => rest.clone(),
        "json" => STANDARD.encode(rest),
        "report" => STANDARD.encode(edited(REPORT, rest)),
        "request" => STANDARD.encode(edited(REQUEST, rest)),
        other => panic!("no input is called {other}"),
    }
}

/// A text with its `OLD -> NEW` done.
fn edited(text: &str, edit: &str) -> String {
    let (old, new) = edit
        .strip_suffix(" ->")
        .map(|old| (old, ""))
        .or_else(|| edit.split_once(" -> "))
        .expect("OLD -> NEW");
    assert!(text.contains(old), "{old} is not in {text}");
    if old.is_empty() {
        text.into()
    } else {
        text.replace(old, new)
    }
}

/// A text with each `<TEXT*N>` written out.
fn repeated(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (inside, after))) = rest
        .split_once('<')
        .and_then(|(b, r)| Some((b, r.split_once('>')?)))
    {
        let (piece, count) = inside.rsplit_once('*').expect("<TEXT*N>");
        out.push_str(before);
        out.push_str(&piece.repeat(count.parse().expect("a number")));
        rest = after;
    }
    out + rest
}

fn verdict(line: &str) -> String {
    match message::decode(line) {
        Ok(Message::Report {
            subject,
            score,
            confidence,
        }) => format!("passes: report {subject} {score} {confidence}"),
        Ok(Message::NothingKnown { subject }) => format!("passes: nothing known {subject}"),
        Ok(Message::Request { subject }) => format!("passes: request {subject}"),
        Ok(Message::Blame) => "passes: blame".into(),
        Err(fault) => format!("refused: {fault}"),
    }
}

#[test]
fn every_case_has_its_verdict() {
    let lines: Vec<&str> = include_str!("sanitizer/cases.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("=="))
        .collect();
    let mut wrong = Vec::new();
    for case in lines.chunks(3) {
        let [name, input, expected] = case else {
            panic!("{case:?} is not three lines")
        };
        let input = input
            .strip_prefix("  ")
            .unwrap_or_else(|| panic!("{name}: its second line is not an input"));
        let (expected, found) = (repeated(expected.trim_start()), verdict(&line_of(input)));
        if found != expected {
            wrong.push(format!("{name}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(lines.len() / 3 > 100, "only {} cases", lines.len() / 3);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a text file cannot hold.
#[test]
fn foreign_encodings_are_refused() {
    for (bytes, fault) in [
        (
            b"{\"a\": \"\xff\"}".as_slice(),
            "not strict JSON: not UTF-8 at byte 7",
        ),
        (b"\xff\xfe{\0}\0", "not strict JSON: not UTF-8 at byte 0"),
        (
            b"{\0}\0",
            "not strict JSON: '\\0' at byte 1 where `\"` belongs",
        ),
        (
            b"\0\0\0{\0\0\0}",
            "not strict JSON: '\\0' at byte 0 where a value belongs",
        ),
        (
            "\u{feff}{}".as_bytes(),
            "not strict JSON: '\\u{feff}' at byte 0 where a value belongs",
        ),
        (
            b"{\"a\0\": 1}",
            "not strict JSON: '\\0' at byte 3 where a character or `\"` belongs",
        ),
        (
            b"{\"a\n\": 1}",
            "not strict JSON: '\\n' at byte 3 where a character or `\"` belongs",
        ),
        (
            b"{}\0",
            "not strict JSON: '\\0' at byte 2 where the end belongs",
        ),
    ] {
        assert_eq!(
            verdict(&STANDARD.encode(bytes)),
            format!("refused: {fault}")
        );
    }
    assert_eq!(
        verdict(&format!("{}\n", STANDARD.encode(REQUEST))),
        "refused: not standard base64 with padding: Invalid symbol 10, offset 144."
    );
}

/// The rows of contract 8.3 about the envelope: what this node publishes is never one of them.
#[test]
fn the_envelope_is_always_one_that_slips_can_digest() {
    let peer: PeerId = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
        .parse()
        .expect("a peer id");
    let now = Timestamp::now();
    let line = STANDARD.encode(REPORT);
    let payloads = [
        slips::go_data(peer, now, &line),
        slips::peer_update(peer, Some([192, 0, 2, 1].into()), None, now),
        slips::peer_update(peer, None, Some(Reliability::MIN), now),
        slips::peer_update(peer, None, Some(Reliability::MAX), now),
    ];
    for payload in payloads {
        let payload = slips::with_version(&payload, Some("1.1.21"));
        let read: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
        let contents = read["message_contents"]
            .as_object()
            .expect("an object, never a list");
        let time = match read["message_type"].as_str() {
            Some("go_data") => {
                assert_eq!(contents["reporter"], peer.to_string());
                assert_eq!(contents["message"], line, "the message is unchanged");
                &contents["report_time"]
            }
            Some("peer_update") => {
                assert_eq!(contents["peerid"], peer.to_string());
                assert!(contents.contains_key("ip") || contents.contains_key("reliability"));
                &contents["timestamp"]
            }
            other => panic!("message_type {other:?}"),
        };
        assert!(
            time.as_i64()
                .is_some_and(|seconds| seconds <= now.as_secs()),
            "whole seconds, not in the future: {time}"
        );
        assert!(
            contents.values().all(|value| !value.is_null()),
            "no null: {payload}"
        );
        if let Some(reliability) = contents.get("reliability") {
            let number: f64 = reliability
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("a decimal text");
            assert!((0.0..=1.0).contains(&number));
        }
        assert_eq!(read["version"], "1.1.21");
    }
}
