//! What is told: the recorded session of Slips, and a short story of an attacker, two honest reporters and a liar.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a real Slips (and a person trying edge cases) published, line by line.
const SESSION: &str = include_str!("../../../samples/slips-session.jsonl");
/// The other side of the recorded session; node B takes its place.
const RECORDED_PEER: &str = "QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2";
/// The version of the recorded Slips, which it puts into every message and expects in every message.
pub const VERSION: &str = "1.1.21";

/// The address on which they speak before B knows any of them.
pub const FIRST: &str = "203.0.113.65";
/// Addresses that B's own Slips judges after its peers did, and how malicious they are.
const LESSONS: [(&str, f64); 4] = [
    ("203.0.113.11", 1.0),
    ("198.51.100.31", 0.0),
    ("203.0.113.12", 1.0),
    ("198.51.100.32", 0.0),
];
/// The address that attacks.
pub const ATTACKER: &str = "203.0.113.66";
/// The address that the liar wants blocked.
pub const INNOCENT: &str = "198.51.100.20";
/// The address of the recorded session of which B's Slips holds an opinion of its own.
pub const ASKED_ABOUT: &str = "198.51.100.7";

/// Who speaks: A and C are honest, D is the liar; B is the one the demo watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// Honest.
    A,
    /// The one that is watched.
    B,
    /// Honest.
    C,
    /// The liar.
    D,
}

impl Who {
    /// Everybody.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];
    /// Everybody whom B hears.
    pub const REPORTERS: [Self; 3] = [Self::A, Self::C, Self::D];

    /// The name of the node and its directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "liar",
        }
    }

    /// Where it listens: an address of loopback for each, so that B can tell them apart.
    pub fn ip(self) -> &'static str {
        match self {
            Self::A => "127.0.0.2",
            Self::B => "127.0.0.3",
            Self::C => "127.0.0.4",
            Self::D => "127.0.0.5",
        }
    }
}

/// One thing a Slips publishes.
#[derive(Debug, Clone)]
pub struct Saying {
    /// At whose node.
    pub who: Who,
    /// The payload as it is published.
    pub payload: String,
    /// What must arrive at B's Slips; `None`: nothing may.
    pub arrives: Option<String>,
    /// What it is, for people.
    pub told: String,
}

#[derive(Deserialize)]
struct Line {
    from: String,
    payload: String,
}

/// The recorded session: what Slips itself said is said at A, the edge cases at the liar's node.
///
/// # Errors
/// The sample is not what it should be.
pub fn session(id_of_b: &str) -> anyhow::Result<Vec<Saying>> {
    SESSION
        .lines()
        .map(|line| {
            let line: Line = serde_json::from_str(line).context("samples/slips-session.jsonl")?;
            let payload = line.payload.replace(RECORDED_PEER, id_of_b);
            let who = if line.from.starts_with("slips") {
                Who::A
            } else {
                Who::D
            };
            let parsed: Value = serde_json::from_str(&payload).unwrap_or_default();
            let for_b = parsed["recipient"] == "*" || parsed["recipient"] == id_of_b;
            let message = parsed["message"].as_str().unwrap_or_default();
            let content = decode(message);
            let told = match &content {
                Some(content) if for_b => describe(content),
                Some(content) => format!("{}: to a peer that is not here", describe(content)),
                None => format!(
                    "publishes what is no message: {}",
                    payload.chars().take(60).collect::<String>()
                ),
            };
            Ok(Saying {
                who,
                arrives: content.filter(|_| for_b).map(|_| message.to_owned()),
                payload,
                told,
            })
        })
        .collect()
}

/// On an address nobody knows, the liar contradicts the others before B can tell who is right.
pub fn strangers() -> Vec<Saying> {
    dispute(FIRST, 1.0)
}

/// B learns whom to believe: it hears of addresses, and then its own Slips sees what they are.
pub fn lessons() -> Vec<Saying> {
    let lesson = |(ip, score): (&str, f64)| {
        let mut sayings = dispute(ip, score);
        sayings.push(report(Who::B, ip, score, 0.9));
        sayings
    };
    LESSONS.into_iter().flat_map(lesson).collect()
}

/// The story, in the order it is told: score and confidence are numbers real Slips sends.
pub fn story() -> Vec<Saying> {
    let mut sayings = dispute(ATTACKER, 1.0);
    sayings.extend(dispute(INNOCENT, 0.0));
    sayings.push(report(Who::C, "2001:db8::bad", 0.8, 0.7));
    sayings
}

/// What A says while C is away.
pub fn missed() -> Vec<Saying> {
    let missed = [
        ("203.0.113.80", 0.9, 0.8),
        ("203.0.113.81", 0.7, 0.9),
        ("2001:db8::80", 1.0, 0.6),
    ];
    let report = |(ip, score, confidence)| report(Who::A, ip, score, confidence);
    missed.map(report).into()
}

/// A and C say what is true of an address, the liar the opposite.
fn dispute(ip: &str, score: f64) -> Vec<Saying> {
    vec![
        report(Who::A, ip, score, 0.9),
        report(Who::D, ip, 1.0 - score, 1.0),
        report(Who::C, ip, (score - 0.2_f64).max(0.0), 0.8),
    ]
}

/// A report as Slips publishes it: Python's separators, the keys in Slips' order.
pub fn report(who: Who, ip: &str, score: f64, confidence: f64) -> Saying {
    let content = format!(
        r#"{{"message_type": "report", "key_type": "ip", "key": "{ip}", "evaluation_type": "score_confidence", "evaluation": {{"score": {score:?}, "confidence": {confidence:?}}}}}"#
    );
    let message = STANDARD.encode(&content);
    let payload =
        format!(r#"{{"message": "{message}", "recipient": "*", "version": "{VERSION}"}}"#);
    let told = describe(
        &json!({"message_type": "report", "key": ip, "evaluation": {"score": score, "confidence": confidence}}),
    );
    Saying {
        who,
        payload,
        arrives: Some(message),
        told,
    }
}

/// The object in a message between peers.
pub fn decode(message: &str) -> Option<Value> {
    let bytes = STANDARD.decode(message).ok()?;
    serde_json::from_slice::<Value>(&bytes)
        .ok()
        .filter(Value::is_object)
}

/// The address that a message reports on, when it is a report.
pub fn reported(message: &str) -> Option<String> {
    let content = decode(message).filter(|content| content["message_type"] == "report")?;
    Some(content["key"].as_str()?.to_owned())
}

fn describe(content: &Value) -> String {
    let key = content["key"].as_str().unwrap_or("?");
    let evaluation = &content["evaluation"];
    match (
        content["message_type"].as_str(),
        evaluation["score"].as_f64(),
        evaluation["confidence"].as_f64(),
    ) {
        (Some("report"), Some(score), Some(confidence)) => {
            format!("{key} has score {score} (confidence {confidence})")
        }
        (Some("request"), ..) => format!("what do you know of {key}?"),
        _ => content.to_string(),
    }
}
