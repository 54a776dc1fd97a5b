//! Every message is read as it was written, and what is out of bounds is refused.

use super::*;
use crate::domain::PeerId;

fn author() -> Author {
    Author(PeerId::random())
}

#[test]
fn every_message_is_read_as_it_was_written() {
    let author = author();
    let tip = Tip {
        author,
        seq: segment::MAX_SEQ,
        digest: Digest([7; 32]),
    };
    let span = Span {
        author,
        from: 1,
        to: 9,
    };
    let big = vec![7; segment::MAX_BYTES];
    for message in [
        Message::Tips {
            fresh: true,
            tips: vec![tip; MAX_TIPS],
        },
        Message::Tips {
            fresh: false,
            tips: Vec::new(),
        },
        Message::Want {
            id: 3,
            spans: vec![span; MAX_SPANS],
        },
        Message::Segments {
            answer: Some(3),
            segments: vec![vec![1], vec![2, 3]],
        },
        Message::Segments {
            answer: None,
            segments: vec![big.clone()],
        },
        Message::Pruned { author, before: 4 },
        Message::Done { id: 3 },
        Message::Prune {
            authors: vec![author; MAX_AUTHORS],
        },
        Message::Graft {
            authors: vec![author],
        },
        Message::Fork {
            segments: [big.clone(), big],
        },
        Message::NothingKnown { statement: vec![1] },
        Message::error(Code::Unexpected, &"\"ä".repeat(500)),
    ] {
        let body = message.encode();
        assert!(
            body.len() <= MAX_BYTES,
            "{}: {}",
            message.kind(),
            body.len()
        );
        assert_eq!(decode(&body), Ok(message));
    }
}

#[test]
fn a_full_message_of_segments_fits() {
    let segment = vec![9; 1000];
    let count = SEGMENTS_ROOM / in_message(segment.len());
    let message = Message::Segments {
        answer: Some(segment::MAX_SEQ),
        segments: vec![segment; count],
    };
    assert!(message.encode().len() <= MAX_BYTES);
    assert_eq!(decode(&message.encode()), Ok(message));
}

#[test]
fn what_is_out_of_bounds_is_refused_and_an_unknown_type_is_not() {
    let id = author();
    for body in [
        String::new(),
        "[]".into(),
        "{}".into(),
        r#"{"type":"tips","fresh":true}"#.into(),
        r#"{"type":"want","id":-1,"spans":[]}"#.into(),
        format!(r#"{{"type":"want","id":1,"spans":[["{id}",0,1]]}}"#),
        format!(r#"{{"type":"want","id":1,"spans":[["{id}",3,2]]}}"#),
        format!(r#"{{"type":"want","id":1,"spans":[["{id}",1.5,2]]}}"#),
        format!(r#"{{"type":"want","id":1,"spans":[["{id}",1,9007199254740992]]}}"#),
        r#"{"type":"want","id":1,"spans":[["nobody",1,2]]}"#.into(),
        format!(r#"{{"type":"tips","fresh":false,"tips":[["{id}",1,"AAAA"]]}}"#),
        r#"{"type":"segments","segments":["A"]}"#.into(),
        r#"{"type":"fork","segments":["AAAA"]}"#.into(),
        r#"{"type":"done","id":"1"}"#.into(),
    ] {
        assert!(decode(body.as_bytes()).is_err(), "{body}");
    }
    assert_eq!(
        decode(br#"{"type":"dance","step":[[1]]}"#),
        Ok(Message::Unknown {
            kind: "dance".into()
        })
    );
}
