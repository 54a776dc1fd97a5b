//! A flood of what is no message: none of it gets to Redis, and whoever sends it is cut off.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use libp2p::{Multiaddr, identity::Keypair};
use tokio::{runtime::Runtime, time::timeout};

use testkit::{
    pigeon_peer::{PIGEON_A, Pigeon, Settings},
    raw::{Manner, Raw},
    sensor::{Sensor, Setup},
    wait,
};

use crate::scene::{self, Monitor};

/// Within so many messages a sender is cut off.
const PATIENCE: usize = 50;
/// The address all the lies are about.
const LIE: &str = "203.0.113.66";

/// A report in which one piece is replaced.
fn twisted(old: &str, new: &str) -> Vec<u8> {
    let report = format!(
        r#"{{"message_type": "report", "key_type": "ip", "key": "{LIE}", "evaluation_type": "score_confidence", "evaluation": {{"score": 0.8, "confidence": 0.9}}}}"#
    );
    assert!(report.contains(old), "{old}");
    encoded(report.replacen(old, new, 1))
}

fn encoded(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut line = BASE64_STANDARD.encode(bytes).into_bytes();
    line.push(b'\n');
    line
}

/// Every way not to be a message, each as the bytes of a stream.
fn lies() -> Vec<(&'static str, Vec<u8>)> {
    let score = r#""score": 0.8"#;
    let honest = twisted("", "");
    let url_safe = [BASE64_STANDARD.encode(LIE).replace('=', ""), "-_\n".into()].concat();
    let mut bad_utf8 = twisted("", "");
    bad_utf8[7] = 0xFF;
    let mut with_nul = honest.clone();
    with_nul.insert(9, 0);
    vec![
        ("no base64", format!("{LIE} is bad\n").into_bytes()),
        ("another alphabet", url_safe.into_bytes()),
        ("base64 of no JSON", encoded(LIE)),
        (
            "plain JSON",
            format!("{{\"key\": \"{LIE}\"}}\n").into_bytes(),
        ),
        ("JSON and more", encoded(format!("{{}} {LIE}"))),
        ("no object", encoded(format!("[\"{LIE}\"]"))),
        ("an empty object", encoded("{}")),
        ("too deep", encoded("[".repeat(10_000))),
        (
            "bytes that are no UTF-8",
            encoded([b"{\"key\": \"", &[0xC3, 0x28][..], b"\"}"].concat()),
        ),
        ("a line that is no UTF-8", bad_utf8),
        ("a lone surrogate", twisted(LIE, "\\ud800")),
        ("NaN", twisted(score, r#""score": NaN"#)),
        ("infinity", twisted(score, r#""score": -Infinity"#)),
        (
            "a number beyond numbers",
            twisted(score, r#""score": 1e999"#),
        ),
        ("a score out of range", twisted(score, r#""score": 1.5"#)),
        ("a confidence out of range", twisted("0.9", "-0.1")),
        ("a score as text", twisted(score, r#""score": "0.8""#)),
        ("a score that is true", twisted(score, r#""score": true"#)),
        (
            "a key twice",
            twisted(score, r#""score": 0.8, "score": -1"#),
        ),
        ("an IPv6 zone", twisted(LIE, "fe80::66%eth0")),
        ("a NUL in the address", twisted(LIE, "203.0.113.66\\u0000")),
        ("a NUL in the line", with_nul),
        ("NULs alone", b"\0\0\0\0\0\0\0\0\n".to_vec()),
        ("a network", twisted(LIE, "203.0.113.66/24")),
        ("leading zeros", twisted(LIE, "203.000.113.066")),
        ("a name", twisted(LIE, "203.0.113.66.example.org")),
        (
            "another kind of key",
            twisted(r#""key_type": "ip""#, r#""key_type": "domain""#),
        ),
        (
            "a type nobody knows",
            twisted(r#""report""#, r#""go_data""#),
        ),
        ("a list of types", twisted(r#""report""#, r#"["report"]"#)),
        ("blanks", b" \t \n".to_vec()),
        ("no newline", honest[..honest.len() - 1].to_vec()),
        (
            "huge",
            encoded(format!(
                "{{\"key\": \"{LIE}\", \"x\": \"{}\"}}",
                "x".repeat(60_000)
            )),
        ),
        ("endless", vec![b'A'; 200_000]),
    ]
}

/// Says it again and again until it is cut off; how many times that took.
async fn insist(raw: &Raw, line: &[u8]) -> usize {
    let mut said = 0;
    while said < PATIENCE && raw.try_say(line).await.is_some() {
        said += 1;
    }
    timeout(wait::LIMIT, raw.gone.cancelled())
        .await
        .unwrap_or_else(|_| panic!("not cut off after {said} messages"));
    said
}

/// Whether the node still listens to whoever has this key.
fn is_served(runtime: &Runtime, key: &Keypair, address: &Multiaddr) -> bool {
    runtime.block_on(async {
        let Some(raw) = Raw::try_dial(key, address, Manner::Polite).await else {
            return false;
        };
        let answer = raw.try_say("ping\n").await;
        answer.is_some_and(|answer| answer == "pong\n")
    })
}

fn without_peer(address: &Multiaddr) -> Multiaddr {
    address.iter().take(2).collect()
}

/// Adversary V1: 0 bytes of it reach Redis, and its sender is cut off within 50 messages. What each costs,
/// `intake/flood.rs` counts.
#[test]
fn malformed_messages_reach_nobody_and_their_senders_are_cut_off() {
    let runtime = scene::runtime();
    let mut sensor = Sensor::start(&Setup::default());
    let honest = Pigeon::start(Settings::local(PIGEON_A));
    let honest = scene::met(honest, &mut sensor);
    let node = sensor.peer_id().parse().expect("a peer id");
    let address = without_peer(&sensor.address());
    let monitor = Monitor::of(&sensor);

    let mut liars = Vec::new();
    for (n, (kind, line)) in (0..).zip(lies()) {
        let key = Keypair::generate_ed25519();
        let raw = runtime.block_on(Raw::dial(&key, &address, Manner::Polite));
        println!(
            "{kind}: cut off after {}",
            runtime.block_on(insist(&raw, &line))
        );
        honest.send(node, &scene::message(n));
        let heard = sensor.slips.hear_data();
        assert_eq!(
            heard,
            (honest.peer_id.to_string(), scene::message(n)),
            "after {kind}"
        );
        liars.push((kind, line, key));
    }

    // What was said before it was heard before: the outbox keeps its order.
    let commands = monitor.so_far(&mut sensor);
    for (kind, line, key) in &liars {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        let leaked = |command: &&String| {
            (!text.is_empty() && command.contains(text)) || command.contains(LIE)
        };
        assert_eq!(commands.iter().find(leaked), None, "{kind}");

        let row = scene::row(&sensor, &key.public().to_peer_id().to_string());
        let reason = row["ban_reason"].as_str().unwrap_or_default();
        assert!(reason.contains("malformed"), "{kind}: {row}");
        let time = |field: &str| -> Timestamp {
            let text = row[field].as_str().unwrap_or_default();
            text.parse()
                .unwrap_or_else(|error| panic!("{field}: {error} in {row}"))
        };
        let lasts = time("banned_until").duration_since(time("banned_since"));
        assert_eq!(lasts, SignedDuration::from_hours(1), "{kind}: {row}");
    }
    assert_eq!(scene::banned(&sensor).len(), liars.len(), "and nobody else");

    let before = scene::banned(&sensor);
    sensor.node.kill();
    scene::forget_address(&sensor);
    sensor.restart(&Setup::default());
    assert_eq!(scene::banned(&sensor), before, "kept across a restart");
    let address = without_peer(&sensor.address());
    let (_, _, liar) = &liars[0];
    assert!(!is_served(&runtime, liar, &address), "still cut off");
    assert!(is_served(&runtime, &Keypair::generate_ed25519(), &address));
    scene::weigh("after the flood", &sensor);
}
