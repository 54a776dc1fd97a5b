//! Tests of what Slips is told, byte by byte (contract 2.2, 2.4, appendix A).

use super::*;
use crate::domain::{Confidence, Score, Subject, Trust};

const PEER: &str = "QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2";

fn peer() -> PeerId {
    PEER.parse().expect("a peer id")
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

#[test]
fn go_data_is_what_the_pigeon_publishes() {
    assert_eq!(
        go_data(peer(), at(1_795_178_431_999_999), "eyJtZXNzYWdl"),
        format!(
            r#"{{"message_type":"go_data","message_contents":{{"reporter":"{PEER}","report_time":1795178431,"message":"eyJtZXNzYWdl"}}}}"#
        )
    );
}

#[test]
fn peer_update_names_what_is_new() {
    let ip = Some(IpAddr::from([10, 77, 0, 1]));
    let head = format!(r#"{{"message_type":"peer_update","message_contents":{{"peerid":"{PEER}""#);
    let tail = r#","timestamp":1795178243}}"#;
    for (ip, reliability, expected) in [
        (ip, Some(0.3), r#","ip":"10.77.0.1","reliability":"0.3""#),
        (ip, None, r#","ip":"10.77.0.1""#),
        (None, Some(0.0), r#","reliability":"0""#),
        (None, Some(1.0), r#","reliability":"1""#),
        (
            None,
            Some(0.916_666_666_666_666_6),
            r#","reliability":"0.9166666666666666""#,
        ),
        (None, Some(1e-9), r#","reliability":"0.000000001""#),
        (
            "::ffff:10.77.0.1".parse().ok(),
            None,
            r#","ip":"10.77.0.1""#,
        ),
        ("2001:DB8:0::1".parse().ok(), None, r#","ip":"2001:db8::1""#),
    ] {
        let reliability = reliability.map(Reliability::clamped);
        assert_eq!(
            peer_update(peer(), ip, reliability, at(1_795_178_243_991_889)),
            format!("{head}{expected}{tail}")
        );
    }
}

#[test]
fn p2p4slips_holds_floats() {
    let opinion = Opinion {
        subject: Subject::from_ip([192, 0, 2, 7].into()),
        score: Score::MAX,
        confidence: Confidence::clamped(0.5445),
        network_score: Trust::MIN,
        computed_at: at(1_795_178_243_500_000),
        reporters: 1,
    };
    assert_eq!(
        p2p4slips(&opinion),
        r#"{"score":1.0,"confidence":0.5445,"network_score":0.0,"timestamp":1795178243.5}"#
    );
}

#[test]
fn the_version_is_put_at_the_end() {
    for (payload, version, expected) in [
        (
            r#"{"a":{"b":1}}"#,
            Some("1.1.21"),
            r#"{"a":{"b":1},"version":"1.1.21"}"#,
        ),
        (r#"{"a":{"b":1}}"#, None, r#"{"a":{"b":1}}"#),
        ("{}", Some("1"), r#"{"version":"1"}"#),
        ("{ } ", Some("1"), r#"{ "version":"1"}"#),
        (r#"{"a":1}"#, Some("1\"\n"), r#"{"a":1,"version":"1\"\n"}"#),
        ("[]", Some("1"), "[]"),
    ] {
        assert_eq!(with_version(payload, version), expected);
    }
}

#[test]
fn an_opinion_joins_what_slips_has_stored() {
    let inner = r#"{"score":1.0}"#;
    for (old, expected) in [
        (None, r#"{"p2p4slips":{"score":1.0}}"#),
        (Some("{}"), r#"{"p2p4slips":{"score":1.0}}"#),
        (Some(" { } \n"), r#" { "p2p4slips":{"score":1.0}}"#),
        (
            Some(r#"{"b": 1, "a": {"c": "}"}}"#),
            r#"{"b": 1, "a": {"c": "}"},"p2p4slips":{"score":1.0}}"#,
        ),
        (
            Some(r#"{"b": 1e999, "p2p4slips": {"score": 0.1}, "a": "\ud800"}"#),
            r#"{"b": 1e999, "p2p4slips": {"score":1.0}, "a": "\ud800"}"#,
        ),
        (
            Some(r#"{"p2p4slips": null}"#),
            r#"{"p2p4slips": {"score":1.0}}"#,
        ),
        (
            Some(r#"{"x": {"p2p4slips": 1}}"#),
            r#"{"x": {"p2p4slips": 1},"p2p4slips":{"score":1.0}}"#,
        ),
        (
            Some(r#"{"p2p4slips": 1, "p2p4slips": 2}"#),
            r#"{"p2p4slips": 1, "p2p4slips": {"score":1.0}}"#,
        ),
    ] {
        assert_eq!(
            merge_p2p4slips(old.map(str::as_bytes), inner).as_deref(),
            Ok(expected),
            "{old:?}"
        );
    }
}

#[test]
fn what_is_no_object_is_left_alone() {
    assert_eq!(
        merge_p2p4slips(Some(b"[]"), "{}"),
        Err(MergeFault::NotAnObject("an array"))
    );
    assert_eq!(
        merge_p2p4slips(Some(b""), "{}")
            .expect_err("refused")
            .to_string(),
        "what Slips has stored of the address is not JSON: ends where a value belongs; nothing was changed"
    );
    assert!(merge_p2p4slips(Some(b"{\"a\": \"\xff\"}"), "{}").is_err());
}
