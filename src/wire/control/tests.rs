//! Requests and answers: what is written is read back, what is strange is named.

use super::*;
use crate::domain::{Author, Confidence, Judgement, Opinion, Score, Voice};

const PEER: &str = "12D3KooWHFd1gyNYFqxt7ke9FY2VoVVWY2XSPhvL9vg2pB6wQGfa";

fn peer() -> PeerId {
    PeerId::from_bytes(&[0x00, 0x03, 1, 2, 3]).unwrap()
}

#[test]
fn every_order_survives_the_way() {
    let until = Timestamp::from_micros(1_800_000_000_123_456);
    let text = || "a \"quoted\"\\ \u{1b}[31m\n\u{202e}é東".to_owned();
    let acts = [
        Act::Add {
            address: Some("/ip4/192.0.2.7/tcp/4001".parse().unwrap()),
            alias: Some(text()),
            note: Some(String::new()),
            tags: vec![text(), "b".into()],
            pin: true,
        },
        Act::Add {
            address: None,
            alias: None,
            note: None,
            tags: Vec::new(),
            pin: false,
        },
        Act::Remove,
        Act::Rename(Some(text())),
        Act::Rename(None),
        Act::Pin,
        Act::Unpin,
        Act::Note(text()),
        Act::Tags(vec![text()]),
        Act::Ban {
            until,
            reason: text(),
        },
        Act::Ban {
            until: Ban::FOR_EVER,
            reason: String::new(),
        },
        Act::Unban,
        Act::Trust(GivenTrust {
            trust: Trust::clamped(0.1 + 0.2),
            organisation: Some(text()),
            until: Some(until),
        }),
        Act::Trust(GivenTrust {
            trust: Trust::MAX,
            organisation: None,
            until: None,
        }),
        Act::Untrust,
        Act::Accept,
        Act::Reject,
    ];
    for act in acts {
        let order = Order { peer: peer(), act };
        let line = encode(7, &order);
        assert!(!line.contains('\n'), "{line}");
        let read = decode(line.as_bytes());
        assert_eq!(
            (read.id.as_str(), read.kind.as_str()),
            ("7", order.act.word())
        );
        assert_eq!(read.ask, Ok(Ask::Order(order)), "{line}");
    }
}

#[test]
fn an_answer_carries_the_id_as_it_came() {
    for id in ["1", "\"a\\u0041\"", "1.50"] {
        let read = decode(format!("{{\"id\":{id},\"type\":\"ping\"}}").as_bytes());
        assert_eq!((read.id.as_str(), &read.ask), (id, &Ok(Ask::Ping)));
        let done = answer(&read.id, &read.kind, Ok(()));
        assert_eq!(
            done,
            format!("{{\"id\":{id},\"type\":\"ping\",\"result\":{{\"done\":true}}}}")
        );
        assert_eq!(decode_answer(done.as_bytes()), Ok(Ok(())));
        let not = answer(&read.id, &read.kind, Err("no \"way\"\n"));
        assert_eq!(
            decode_answer(not.as_bytes()),
            Ok(Err("no \"way\"\n".into()))
        );
    }
}

#[test]
fn a_judgement_survives_the_way_to_the_bit() {
    let subject: Subject = "2001:db8::7".parse().unwrap();
    let read = decode(encode_question(7, subject).as_bytes());
    assert_eq!(
        (read.id.as_str(), &read.ask),
        ("7", &Ok(Ask::Judge(subject)))
    );
    let at = Timestamp::from_micros(1_800_000_000_123_456);
    let voice = Voice {
        author: Author(peer()),
        address: Some("::ffff:192.0.2.1".parse().unwrap()),
        score: Score::new(-0.1).unwrap(),
        confidence: Confidence::new(0.1 + 0.2).unwrap(),
        said_at: at,
        trust: -1.0 / 3.0,
        weight: f64::MIN_POSITIVE,
        left_out: Some("a \"quoted\" reason".into()),
    };
    let nothing = Judgement {
        model: "robust".into(),
        opinion: None,
        voices: Vec::new(),
        failed: Some("a crash".into()),
    };
    // The most that models keep, each as long as it gets.
    let full = Judgement {
        opinion: Some(Opinion {
            subject,
            score: Score::new(2.0 / 3.0).unwrap(),
            confidence: Confidence::MAX,
            network_score: Trust::clamped(1e-300),
            computed_at: at,
            reporters: 512,
        }),
        voices: vec![voice.clone(); 512],
        failed: None,
        ..nothing.clone()
    };
    let more = Judgement {
        voices: vec![voice.clone(); 513],
        ..full.clone()
    };
    let line = answer_judgement("7", subject, &more);
    assert_eq!(decode_judgement(line.as_bytes()), Ok(Ok(full.clone())));
    let bare = Judgement {
        voices: vec![Voice {
            address: None,
            left_out: None,
            ..voice
        }],
        ..full.clone()
    };
    for judgement in [nothing, full, bare] {
        let line = answer_judgement("7", subject, &judgement);
        assert!(
            !line.contains('\n') && line.len() <= MAX_JUDGEMENT_BYTES,
            "{}",
            line.len()
        );
        assert_eq!(decode_judgement(line.as_bytes()), Ok(Ok(judgement)));
    }
    let refused = answer("7", "score", Err("stopping"));
    assert_eq!(
        decode_judgement(refused.as_bytes()),
        Ok(Err("stopping".into()))
    );
    for (line, named) in [
        (r#"{"id":1}"#, "`result`"),
        (r#"{"id":1,"result":{"model":"robust"}}"#, "`reports`"),
        (
            r#"{"id":1,"result":{"model":"robust","reports":[1]}}"#,
            "a list of objects",
        ),
        (r#"{"id":1,"result":{"reports":[]}}"#, "`model`"),
        (
            r#"{"id":1,"result":{"model":"robust","reports":[],"opinion":{"score":2}}}"#,
            "`address`",
        ),
    ] {
        let fault = decode_judgement(line.as_bytes()).unwrap_err().to_string();
        assert!(fault.contains(named), "{line}: {fault}");
    }
    for (line, named) in [
        (r#"{"type":"score"}"#, "`address`"),
        (
            r#"{"type":"score","input":{"address":"nowhere"}}"#,
            "nowhere",
        ),
        (
            r#"{"type":"score","input":{"address":"::1","peer":"x"}}"#,
            "`peer`",
        ),
    ] {
        let fault = decode(line.as_bytes()).ask.unwrap_err().to_string();
        assert!(fault.contains(named), "{line}: {fault}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let with = |kind: &str, more: &str| {
        format!("{{\"type\":\"{kind}\",\"input\":{{\"peer\":\"{PEER}\"{more}}}}}")
    };
    for (line, named) in [
        (String::new(), "ends where"),
        ("[]".into(), "an array"),
        ("{}".into(), "`type`"),
        ("{\"type\":1}".into(), "a number"),
        ("{\"type\":\"dance\",\"input\":{}}".into(), "`dance`"),
        ("{\"id\":[],\"type\":\"ping\"}".into(), "`id`"),
        ("{\"id\":1,\"id\":2,\"type\":\"ping\"}".into(), "`id`"),
        ("{\"type\":\"ping\",\"more\":1}".into(), "`more`"),
        ("{\"type\":\"pin\"}".into(), "`peer`"),
        (
            "{\"type\":\"pin\",\"input\":{\"peer\":\"x\"}}".into(),
            "\"x\"",
        ),
        (with("pin", ",\"until\":null"), "`until`"),
        (with("ban", ",\"until\":\"soon\""), "\"soon\""),
        (with("trust", ""), "`trust`"),
        (with("trust", ",\"trust\":1.5"), "`trust`"),
        (with("add", ",\"address\":\"/p2p/12D3\""), "`address`"),
        (with("add", ",\"tags\":[1]"), "`tags`"),
        (with("add", ",\"pin\":1"), "`pin`"),
        (with("note", ""), "`note`"),
    ] {
        let fault = decode(line.as_bytes()).ask.unwrap_err().to_string();
        assert!(fault.contains(named), "{line}: {fault}");
    }
    let long = format!("\"{}\"", "x".repeat(MAX_LINE_BYTES));
    assert!(matches!(decode(long.as_bytes()).ask, Err(Fault::Json(_))));
}
