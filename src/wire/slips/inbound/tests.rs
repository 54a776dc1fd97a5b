//! Tests of what Slips says: as recorded from Slips 1.1.21 and the Go pigeon (contract 2.1, appendix A).

use super::*;

const PEER: &str = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

fn read(payload: &str, accept: Accept) -> Result<FromSlips, String> {
    parse_from_slips(payload.as_bytes(), accept).map_err(|fault| fault.to_string())
}

fn to_all(message: &str, version: Option<&str>) -> Result<FromSlips, String> {
    Ok(FromSlips::Send {
        recipient: Recipient::All,
        message: message.into(),
        version: version.map(Into::into),
    })
}

#[test]
fn what_slips_publishes_is_read() {
    let payload =
        format!(r#"{{"message": "eyJtIjogMX0=", "recipient": "{PEER}", "version": "1.1.21"}}"#);
    let expected = FromSlips::Send {
        recipient: Recipient::One(PEER.parse().expect("a peer id")),
        message: "eyJtIjogMX0=".into(),
        version: Some("1.1.21".into()),
    };
    assert_eq!(read(&payload, Accept::Base64), Ok(expected));
    assert_eq!(
        read(r#"{"message": "e30=", "recipient": "*"}"#, Accept::Base64),
        to_all("e30=", None)
    );
}

#[test]
fn ed25519_peers_can_be_named() {
    let id = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X";
    let read = read(
        &format!(r#"{{"message":"e30=","recipient":"{id}"}}"#),
        Accept::Base64,
    );
    assert!(
        matches!(read, Ok(FromSlips::Send { recipient: Recipient::One(peer), .. }) if peer.to_string() == id)
    );
}

#[test]
fn keys_are_read_as_the_pigeon_does() {
    let any_case =
        r#"{"MESSAGE": "case", "Recipient": "*", "foo": 3, "bar": {"x": [1e999, "\ud800"]}}"#;
    assert_eq!(read(any_case, Accept::AnyLine), to_all("case", None));
    assert_eq!(
        read(
            r#"{"message":"x","Message":"e30=","recipient":"*"}"#,
            Accept::Base64
        ),
        to_all("e30=", None)
    );
    assert_eq!(
        read(
            r#"{"message":"e30=\n","recipient":"*","version":null}"#,
            Accept::Base64
        ),
        to_all("e30=", None)
    );
}

#[test]
fn what_is_nothing_to_send_is_refused_with_the_reason() {
    for (payload, reason) in [
        ("not json", "not JSON: 'o' at byte 1 where null belongs"),
        ("", "not JSON: ends where a value belongs"),
        ("[]", "the payload is an array, not an object"),
        ("{}", "`message` is missing or empty"),
        (
            r#"{"message": "x"}"#,
            "message `x` is not standard base64 with padding: Invalid input length: 1",
        ),
        (r#"{"message": "e30="}"#, "`recipient` is missing or empty"),
        (r#"{"recipient": "*"}"#, "`message` is missing or empty"),
        (
            r#"{"message": "", "recipient": "*"}"#,
            "`message` is missing or empty",
        ),
        (
            r#"{"message": null, "recipient": "*"}"#,
            "`message` is missing or empty",
        ),
        (
            r#"{"message": "e30=", "recipient": ""}"#,
            "`recipient` is missing or empty",
        ),
        (
            r#"{"message": ["e30="], "recipient": "*"}"#,
            "`message` is an array, not a text",
        ),
        (
            r#"{"message": "e30=", "recipient": 7}"#,
            "`recipient` is a number, not a text",
        ),
        (
            r#"{"message": "e30=", "recipient": "** "}"#,
            "recipient `** ` is neither * nor a peer id",
        ),
        (
            r#"{"message": "e30=", "recipient": "Qm"}"#,
            "recipient `Qm` is neither * nor a peer id",
        ),
        (
            r#"{"message": "l1\nl2", "recipient": "*"}"#,
            "message `l1\\nl2` has more than one line",
        ),
        (
            r#"{"message": " ", "recipient": "*"}"#,
            "message ` ` is blank or a command of the protocol between peers",
        ),
        (
            r#"{"message": "ping", "recipient": "*"}"#,
            "message `ping` is blank or a command of the protocol between peers",
        ),
        (
            r#"{"message": "ping\n", "recipient": "*"}"#,
            "message `ping` is blank or a command of the protocol between peers",
        ),
        (
            r#"{"message": "goodbye", "recipient": "*"}"#,
            "message `goodbye` is blank or a command of the protocol between peers",
        ),
        (
            r#"{"message": "hello", "recipient": "*"}"#,
            "message `hello` is blank or a command of the protocol between peers",
        ),
        (
            r#"{"message": "hello x", "recipient": "*"}"#,
            "message `hello x` is blank or a command of the protocol between peers",
        ),
        (
            r#"{"message": "case", "recipient": "*"} x"#,
            "not JSON: 'x' at byte 38 where the end belongs",
        ),
        (
            r#"{"message": "hi there", "recipient": "*"}"#,
            "message `hi there` is not standard base64 with padding: Invalid symbol 32, offset 2.",
        ),
    ] {
        assert_eq!(
            read(payload, Accept::Base64),
            Err(reason.into()),
            "{payload}"
        );
    }
}

#[test]
fn a_long_recipient_costs_no_decoding() {
    let payload = format!(
        r#"{{"message":"e30=","recipient":"{}"}}"#,
        "Q".repeat(500_000)
    );
    let expected = format!("recipient `{}…` is neither * nor a peer id", "Q".repeat(64));
    assert_eq!(read(&payload, Accept::Base64), Err(expected));
}

#[test]
fn any_line_goes_out_verbatim_when_asked_for() {
    let verbatim = r#"{"message": "hi there <&> \u00e9", "recipient": "*"}"#;
    assert_eq!(
        read(verbatim, Accept::AnyLine),
        to_all("hi there <&> é", None)
    );
    assert!(read(r#"{"message": "ping", "recipient": "*"}"#, Accept::AnyLine).is_err());
    assert!(read(r#"{"message": "a\nb", "recipient": "*"}"#, Accept::AnyLine).is_err());
}

#[test]
fn stop_process_is_heard_bare_and_wrapped() {
    assert_eq!(
        read("stop_process", Accept::Base64),
        Ok(FromSlips::StopProcess)
    );
    assert_eq!(
        read(
            r#"{"text": "stop_process", "version": "1.1.21"}"#,
            Accept::Base64
        ),
        Ok(FromSlips::StopProcess)
    );
    assert!(read("stop_process ", Accept::Base64).is_err());
    assert!(read(r#""stop_process""#, Accept::Base64).is_err());
}

#[test]
fn own_messages_on_a_shared_channel_are_known_by_their_shape() {
    use crate::{
        domain::{Reliability, Timestamp},
        wire::slips::{go_data, peer_update, with_version},
    };
    let peer: PeerId = PEER.parse().expect("a peer id");
    let now = Timestamp::from_micros(1_795_178_431_289_788);
    for own in [
        go_data(peer, now, "e30="),
        peer_update(peer, None, Some(Reliability::MIN), now),
        peer_update(peer, Some([192, 0, 2, 1].into()), None, now),
    ] {
        for version in [None, Some("1.1.21")] {
            assert_eq!(
                read(&with_version(&own, version), Accept::Base64),
                Ok(FromSlips::Own)
            );
        }
    }
    for foreign in [
        r#"{"message_type":"go_data"}"#,
        r#"{"message_type":"go_data","message_contents":[]}"#,
    ] {
        assert_eq!(
            read(foreign, Accept::Base64),
            Err("`message` is missing or empty".into())
        );
    }
}
