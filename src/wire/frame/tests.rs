//! Frames come back as they were written, however the bytes are cut; anything else has its fault.

use proptest::prelude::*;

use super::*;
use crate::domain::Status;

const LINE: usize = 100;
const BODY: usize = LINE + ENVELOPE_BYTES;

fn written(push: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out);
    out
}

fn body(bytes: &[u8]) -> &[u8] {
    match split(bytes, BODY).expect("a frame") {
        Split::Whole { body, taken } if taken == bytes.len() => body,
        other => panic!("not one whole frame: {other:?}"),
    }
}

fn read(json: &str) -> Result<Frame<'_>, Fault> {
    decode(json.as_bytes(), LINE)
}

#[test]
fn the_bytes_are_these() {
    let bytes = written(|out| assert!(push_message(out, "eyJ9", BODY)));
    assert_eq!(bytes, b"\0\0\0\x20{\"type\":\"message\",\"text\":\"eyJ9\"}");
    let bytes = written(|out| push_ack(out, 1024));
    assert_eq!(bytes, b"\0\0\0\x1b{\"type\":\"ack\",\"count\":1024}");
    let bytes = written(|out| push_error(out, Code::UnknownType, "a \"b\""));
    assert_eq!(
        body(&bytes),
        b"{\"type\":\"error\",\"code\":\"unknown_type\",\"text\":\"a \\\"b\\\"\"}"
    );
}

#[test]
fn keys_and_types_to_come_are_let_through() {
    assert_eq!(
        read(r#"{"later":[1,{"a":2}],"type":"ack","count":3}"#),
        Ok(Frame::Ack { count: 3 })
    );
    assert_eq!(
        read(r#"{"type":"tips","tips":[]}"#),
        Ok(Frame::Unknown {
            kind: "tips".into()
        })
    );
}

#[test]
fn what_is_no_frame_has_its_fault() {
    use Fault::{LongText, Misfit, NotACount, NotALine};
    use json::Misfit::{Missing, NotAnObject, NotJson, WrongKind};
    type Is = fn(&Fault) -> bool;
    let cases: [(&str, Is); 16] = [
        ("", |f| matches!(f, Misfit(NotJson(_)))),
        ("garbage", |f| matches!(f, Misfit(NotJson(_)))),
        (r#"{"type":"ack","type":"ack","count":1}"#, |f| {
            matches!(f, Misfit(NotJson(json::Fault::DuplicateKey { .. })))
        }),
        (r#"{"type":"ack","count":NaN}"#, |f| {
            matches!(f, Misfit(NotJson(_)))
        }),
        (r#"{"type":"x","a":[[[[1]]]]}"#, |f| {
            matches!(f, Misfit(NotJson(json::Fault::TooDeep { .. })))
        }),
        ("[]", |f| *f == Misfit(NotAnObject("an array"))),
        ("{}", |f| *f == Misfit(Missing("type"))),
        (r#"{"type":1}"#, |f| {
            matches!(f, Misfit(WrongKind { key: "type", .. }))
        }),
        (r#"{"type":"message"}"#, |f| *f == Misfit(Missing("text"))),
        (r#"{"type":"message","text":"a\nb"}"#, |f| *f == NotALine),
        (r#"{"type":"message","text":" \t"}"#, |f| *f == NotALine),
        (r#"{"type":"ack","count":"1"}"#, |f| {
            matches!(f, Misfit(WrongKind { key: "count", .. }))
        }),
        (r#"{"type":"ack","count":-1}"#, |f| {
            matches!(f, NotACount(_))
        }),
        (r#"{"type":"ack","count":0.5}"#, |f| {
            matches!(f, NotACount(_))
        }),
        (r#"{"type":"ack","count":9007199254740993000}"#, |f| {
            matches!(f, NotACount(_))
        }),
        (
            r#"{"type":"error","code":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","text":""}"#,
            |f| {
                matches!(
                    f,
                    LongText {
                        key: "code",
                        bytes: 33,
                        limit: 32
                    }
                )
            },
        ),
    ];
    for (json, is) in cases {
        let fault = read(json).expect_err(json);
        assert!(is(&fault), "{json}: {fault:?}");
    }
    let long = format!(r#"{{"type":"message","text":"{}"}}"#, "x".repeat(LINE + 1));
    assert!(matches!(read(&long), Err(LongText { key: "text", .. })));
}

#[test]
fn a_length_over_the_limit_is_refused_before_its_body_is_there() {
    let limit = BODY;
    for bytes in [BODY + 1, u32::MAX as usize] {
        let header = u32::try_from(bytes).expect("a length").to_be_bytes();
        assert_eq!(split(&header, BODY), Err(Fault::TooLong { bytes, limit }));
    }
    let header = u32::try_from(BODY).expect("a length").to_be_bytes();
    assert_eq!(split(&header, BODY), Ok(Split::Partial { missing: BODY }));
}

#[test]
fn a_message_that_does_not_fit_is_not_written() {
    let mut out = b"before".to_vec();
    assert!(!push_message(&mut out, &"\u{1}".repeat(LINE * 3), BODY));
    assert_eq!(out, b"before");
}

#[test]
fn a_long_error_is_cut_at_a_character() {
    let bytes = written(|out| push_error(out, Code::Malformed, &"é".repeat(1000)));
    let Ok(Frame::Error { text, .. }) = decode(body(&bytes), LINE) else {
        panic!("no error");
    };
    assert_eq!(text, "é".repeat(MAX_ERROR_BYTES / 2));
}

fn frame() -> impl Strategy<Value = Frame<'static>> {
    prop_oneof![
        "[^\n]{1,25}"
            .prop_filter("a line", |text| !text.trim().is_empty())
            .prop_map(|text| Frame::Message { text: text.into() }),
        (0..=9_007_199_254_740_992_u64).prop_map(|count| Frame::Ack { count }),
        "\\PC{0,60}".prop_map(|text| Frame::Error {
            code: Code::Unexpected.word().into(),
            text: text.into(),
        }),
        ("\\PC{0,60}", "\\PC{0,60}").prop_map(|(alias, message)| {
            let hello = Hello {
                alias,
                presence: Presence::new(Status::Degraded, &message, None),
                ..Hello::default()
            };
            Frame::Hello(Box::new(hello.cleaned()))
        }),
        "\\PC{0,60}".prop_map(|text| Frame::Goodbye(Farewell::new("stopping", &text))),
    ]
}

fn push_any(out: &mut Vec<u8>, frame: &Frame<'_>) {
    match frame {
        Frame::Message { text } => assert!(push_message(out, text, BODY)),
        Frame::Ack { count } => push_ack(out, *count),
        Frame::Error { text, .. } => push_error(out, Code::Unexpected, text),
        Frame::Hello(hello) => push_hello(out, hello),
        Frame::Goodbye(farewell) => push_goodbye(out, farewell),
        Frame::Status(_) | Frame::Unknown { .. } => unreachable!("none is written"),
    }
}

proptest! {
    #[test]
    fn frames_come_back_however_the_bytes_are_cut(
        frames in prop::collection::vec(frame(), 0..8),
        cuts in prop::collection::vec(1_usize..50, 1..20),
    ) {
        let bytes = written(|out| frames.iter().for_each(|frame| push_any(out, frame)));
        let (mut have, mut read) = (Vec::new(), Vec::new());
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            while let Ok(Split::Whole { body, taken }) = split(&have, BODY) {
                let frame = match decode(body, LINE).expect("a frame") {
                    Frame::Message { text } => Frame::Message { text: text.into_owned().into() },
                    Frame::Ack { count } => Frame::Ack { count },
                    Frame::Error { code, text } => Frame::Error {
                        code: code.into_owned().into(),
                        text: text.into_owned().into(),
                    },
                    Frame::Hello(hello) => Frame::Hello(hello),
                    Frame::Goodbye(farewell) => Frame::Goodbye(farewell),
                    Frame::Status(presence) => Frame::Status(presence),
                    Frame::Unknown { kind } => Frame::Unknown { kind },
                };
                read.push(frame);
                have.drain(..taken);
            }
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            have.extend_from_slice(now);
            rest = later;
        }
        prop_assert_eq!(read, frames);
        prop_assert!(have.is_empty());
    }

    #[test]
    fn any_bytes_are_a_frame_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Split::Whole { body, taken }) = split(&bytes, BODY) {
            prop_assert_eq!(taken, body.len() + HEADER_BYTES);
        }
        let _ = decode(&bytes, LINE);
    }
}
