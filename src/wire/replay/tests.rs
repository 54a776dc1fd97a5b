//! Replay lines: what each type says, and what is refused with which words.

use super::*;

fn decoded(line: &str) -> Result<(i64, String), String> {
    let mut decoder = Decoder::default();
    match decoder.decode(line.as_bytes()) {
        Ok(Line { at, entry }) => Ok((at.as_micros(), format!("{entry:?}"))),
        Err(fault) => Err(fault.to_string()),
    }
}

const EVALUATION: &str = r#""key":"5.6.7.8","evaluation":{"score":0.9,"confidence":0.6}"#;

#[test]
fn every_type_says_what_it_says() {
    let mut decoder = Decoder::default();
    let mut entry = |line: &'static str| decoder.decode(line.as_bytes()).unwrap().entry;
    let (peer, subject) = (peer_of("p1"), "5.6.7.8".parse().unwrap());
    let (score, confidence) = (Score::new(0.9).unwrap(), Confidence::new(0.6).unwrap());
    assert_eq!(
        entry(r#"{"t":0,"type":"peer_update","peerid":"p1","ip":"1.2.3.4","reliability":0.9}"#),
        Entry::PeerUpdate {
            peer,
            ip: Some([1, 2, 3, 4].into()),
            reliability: Some(Reliability::new(0.9).unwrap()),
        }
    );
    let whole = r#"{"t":1,"type":"report","reporter":"p1","key_type":"ip","key":"5.6.7.8","evaluation_type":"score_confidence","evaluation":{"score":0.9,"confidence":0.6},"later":[{}]}"#;
    let author = Author(peer);
    assert_eq!(
        entry(whole),
        Entry::Report {
            author,
            subject,
            score,
            confidence
        }
    );
    let local =
        r#"{"t":2,"type":"local","key":"5.6.7.8","evaluation":{"score":0.9,"confidence":0.6}}"#;
    assert_eq!(
        entry(local),
        Entry::Local {
            subject,
            score,
            confidence
        }
    );
    let trust = Trust::new(0.95).unwrap();
    let anchor = r#"{"t":3,"type":"anchor","peerid":"p1","trust":0.95}"#;
    assert_eq!(entry(anchor), Entry::Anchor { peer, trust });
    let query = r#"{"t":4,"type":"query","id": 17 ,"key":"::ffff:5.6.7.8"}"#;
    assert_eq!(entry(query), Entry::Query { id: "17", subject });
}

#[test]
fn ids_come_back_as_they_were_written() {
    for (written, expected) in [
        (r#""id":123456789012345678901,"#, "123456789012345678901"),
        (r#""id":"a\u0062",  "#, r#""a\u0062""#),
        ("\"id\":null,", "null"),
        ("", "null"),
    ] {
        let line = format!(r#"{{"t":0,"type":"query",{written}"key":"5.6.7.8"}}"#);
        let mut decoder = Decoder::default();
        match decoder.decode(line.as_bytes()).unwrap().entry {
            Entry::Query { id, .. } => assert_eq!(id, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn times_are_seconds_with_a_fraction_in_any_order() {
    let at =
        |t: &str| decoded(&format!(r#"{{"t":{t},"type":"query","key":"::1"}}"#)).map(|it| it.0);
    assert_eq!(at("1.5"), Ok(1_500_000));
    assert_eq!(at("-2"), Ok(-2_000_000));
    assert_eq!(at("1750000000.25"), Ok(1_750_000_000_250_000));
    assert!(at("1e13").unwrap_err().contains("is no time"));
    assert!(at("\"1\"").unwrap_err().contains("`t` is a text"));
}

#[test]
fn a_peer_id_is_itself_and_any_other_name_always_the_same_peer() {
    let id = PeerId::random();
    assert_eq!(peer_of(&id.to_string()), id);
    assert_eq!(peer_of("p1"), peer_of("p1"));
    let names = ["p1", "p2", "A", " ", "\u{1f600}", "x".repeat(5000).leak()];
    let peers: std::collections::BTreeSet<_> = names.map(peer_of).into();
    assert_eq!(peers.len(), names.len());
}

#[test]
fn what_is_refused_is_named() {
    let report = |rest: &str| format!(r#"{{"t":1,"type":"report","reporter":"p",{rest}}}"#);
    let update = |rest: &str| format!(r#"{{"t":1,"type":"peer_update","peerid":"p"{rest}}}"#);
    for (line, expected) in [
        ("nonsense".into(), "not strict JSON"),
        ("[]".into(), "it is an array"),
        ("{}".into(), "`t` is missing"),
        (r#"{"t":1}"#.into(), "`type` is missing"),
        (r#"{"t":1,"t":2,"type":"query"}"#.into(), "more than once"),
        (r#"{"t":1,"type":"gossip"}"#.into(), "type `gossip` is not"),
        (
            r#"{"t":1,"type":"query","key":"x"}"#.into(),
            "`key` is `x`, not an IP",
        ),
        (
            r#"{"t":1,"type":"query","id":[],"key":"::1"}"#.into(),
            "`id` is an array",
        ),
        (
            r#"{"t":1,"type":"query","key":"fe80::1%lo"}"#.into(),
            "not an IP",
        ),
        (
            r#"{"t":1,"type":"anchor","peerid":"p","trust":1.1}"#.into(),
            "trust 1.1 is not",
        ),
        (
            r#"{"t":1,"type":"anchor","peerid":"","trust":1}"#.into(),
            "`peerid` is empty",
        ),
        (report(r#""key":"::1""#), "`evaluation` is missing"),
        (
            report(r#""key":"::1","evaluation":null"#),
            "`evaluation` is null",
        ),
        (
            report(r#""key":"::1","evaluation":{"score":2,"confidence":1}"#),
            "score 2 is not",
        ),
        (
            report(r#""key":"::1","evaluation":{"score":1,"confidence":-1}"#),
            "confidence -1",
        ),
        (
            report(r#""key":"::1","evaluation":{"score":NaN,"confidence":1}"#),
            "not strict JSON",
        ),
        (
            report(&format!(r#""key_type":"domain",{EVALUATION}"#)),
            "key_type `domain`",
        ),
        (
            report(&format!(r#""evaluation_type":"x",{EVALUATION}"#)),
            "evaluation_type `x`",
        ),
        (update(""), "neither ip nor reliability"),
        (update(r#","ip":null"#), "neither ip nor reliability"),
        (update(r#","ip":"1.2.3""#), "`ip` is `1.2.3`, not an IP"),
        (update(r#","reliability":7"#), "reliability 7 is not"),
    ] {
        let fault = decoded(&line).expect_err(&line);
        assert!(fault.contains(expected), "{line}: {fault}");
    }
}
