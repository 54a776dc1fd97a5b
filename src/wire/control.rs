//! What goes over the control socket: one JSON object a line, requests of the operator and answers of
//! the running node.
//!
//! ```json
//! {"id":1,"type":"ban","input":{"peer":"12D3KooW...","until":"2027-01-31T12:00:00Z","reason":"floods"}}
//! {"id":1,"type":"ban","result":{"done":true}}
//! {"id":2,"type":"trust","input":{"peer":"12D3KooW...","trust":0.9}}
//! {"id":2,"type":"trust","msg":"..."}
//! ```
//!
//! `type` is `ping`, `score` (see `judgement`) or the word of an [`Act`]; `input` holds `peer` and what the act needs: `address`,
//! `alias`, `note`, `tags`, `pin` for `add`; `alias` (null takes it away) for `rename`; `note` for
//! `note`; `tags` for `tags`; `until` (RFC 3339; null or left out: without end) and `reason` for `ban`;
//! `trust`, `organisation` and `until` for `trust`. Strict: a key that is not known is a fault, so that
//! a misspelt one is not silently left out.

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::{
    json::{self, Limits, Object, Value},
    quoted,
};
use crate::domain::{Act, Ban, GivenTrust, Order, OutOfRange, PeerId, Subject, Timestamp, Trust};

mod judgement;
mod line;

pub use judgement::{MAX_JUDGEMENT_BYTES, answer_judgement, decode_judgement, encode_question};
use line::Line;

/// The longest line in either direction, without its newline: the longest note and sixteen tags with
/// every character escaped fit four times.
pub const MAX_LINE_BYTES: usize = 16_384;

/// A request has a depth of 3 (its tags) and under 40 values.
const LIMITS: Limits = Limits {
    max_bytes: MAX_LINE_BYTES,
    max_depth: 4,
    max_values: 64,
};

/// The longest id of a request, in bytes as it stands in the line.
const MAX_ID_BYTES: usize = 128;

/// A request as far as it can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its id as it stood in the line, to stand in the answer; `null` where there was none.
    pub id: String,
    /// Its type, to stand in the answer; `error` where there was none.
    pub kind: String,
    /// What is asked.
    pub ask: Result<Ask, Fault>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Whether the node answers.
    Ping,
    /// What it thinks of an address now.
    Judge(Subject),
    /// Do something about a peer.
    Order(Order),
}

/// Why a line is no request, or no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not JSON, or beyond its limits.
    #[error("{0}; write one JSON object a line")]
    Json(#[from] json::Fault),
    /// Something else than an object.
    #[error("{0} where an object belongs; write {{\"id\":1,\"type\":\"ping\"}}")]
    NotAnObject(&'static str),
    /// A key is missing.
    #[error("`{0}` is missing; add it")]
    Missing(&'static str),
    /// A value is not of its kind.
    #[error("`{key}` is {found}; write {wanted}")]
    Wrong {
        /// Of which key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What belongs there.
        wanted: &'static str,
    },
    /// A key that means nothing here.
    #[error("`{0}` means nothing here; leave it out")]
    UnknownKey(String),
    /// A type that is none.
    #[error(
        "`{0}` is no type; it is ping, score, add, rm, rename, pin, unpin, note, tags, ban, unban, trust, untrust, accept or reject"
    )]
    UnknownType(String),
}

/// Reads one line of a client, without its newline.
#[must_use]
pub fn decode(line: &[u8]) -> Request {
    let mut request = Request {
        id: "null".into(),
        kind: "error".into(),
        ask: Err(Fault::Missing("type")),
    };
    request.ask = match json::parse(line, LIMITS) {
        Ok(Value::Object(object)) => read(line, &object, &mut request),
        Ok(other) => Err(Fault::NotAnObject(other.kind())),
        Err(fault) => Err(fault.into()),
    };
    request
}

fn read(line: &[u8], object: &Object<'_>, request: &mut Request) -> Result<Ask, Fault> {
    if let Some(member) = object.members.iter().find(|member| member.key == "id") {
        request.id = id(line.get(member.span.clone()), &member.value)?;
    }
    let kind = match object.get("type") {
        Some(Value::Text(kind)) => kind.as_ref(),
        Some(other) => return Err(wrong("type", other, "a text such as \"ping\"")),
        None => return Err(Fault::Missing("type")),
    };
    request.kind = kind.chars().take(super::QUOTED_CHARS).collect();
    only(object, &["id", "type", "input"])?;
    let none = Object::default();
    let input = match object.get("input") {
        Some(Value::Object(input)) => input,
        Some(Value::Null) | None => &none,
        Some(other) => return Err(wrong("input", other, "an object")),
    };
    if kind == "ping" {
        only(input, &[])?;
        return Ok(Ask::Ping);
    }
    let input = Input(input);
    if kind == "score" {
        only(input.0, &["address"])?;
        return Ok(Ask::Judge(judgement::question(&input)?));
    }
    let act = input.act(kind)?;
    let peer = input.must("peer", PEER, |text| text.parse::<PeerId>().ok())?;
    Ok(Ask::Order(Order { peer, act }))
}

/// An id is a text or a number, given back as it came.
fn id(raw: Option<&[u8]>, value: &Value<'_>) -> Result<String, Fault> {
    let wanted = "a number or a text of at most 100 characters";
    match (value, raw) {
        (Value::Number(_) | Value::Text(_), Some(raw)) if raw.len() <= MAX_ID_BYTES => {
            Ok(String::from_utf8_lossy(raw).into_owned())
        }
        (other, _) => Err(wrong("id", other, wanted)),
    }
}

fn only(object: &Object<'_>, keys: &[&str]) -> Result<(), Fault> {
    match object.members.iter().find(|it| !keys.contains(&&*it.key)) {
        Some(stranger) => Err(Fault::UnknownKey(quoted(&stranger.key))),
        None => Ok(()),
    }
}

fn wrong(key: &'static str, found: &Value<'_>, wanted: &'static str) -> Fault {
    let found = match found {
        Value::Text(text) => format!("\"{}\"", quoted(text)),
        other => other.kind().to_owned(),
    };
    Fault::Wrong { key, found, wanted }
}

/// The input of a request.
struct Input<'a>(&'a Object<'a>);

impl Input<'_> {
    fn act(&self, kind: &str) -> Result<Act, Fault> {
        let (keys, act): (&[&str], Act) = match kind {
            "add" => (
                &["peer", "address", "alias", "note", "tags", "pin"],
                Act::Add {
                    address: self.may("address", ADDRESS, address)?,
                    alias: self.may("alias", TEXT, owned)?,
                    note: self.may("note", TEXT, owned)?,
                    tags: self.texts()?,
                    pin: self.truth("pin")?,
                },
            ),
            "rm" => (&["peer"], Act::Remove),
            "rename" => (
                &["peer", "alias"],
                Act::Rename(self.may("alias", TEXT, owned)?),
            ),
            "pin" => (&["peer"], Act::Pin),
            "unpin" => (&["peer"], Act::Unpin),
            "note" => (
                &["peer", "note"],
                Act::Note(self.must("note", TEXT, owned)?),
            ),
            "tags" => (&["peer", "tags"], Act::Tags(self.texts()?)),
            "ban" => (
                &["peer", "until", "reason"],
                Act::Ban {
                    until: self.may("until", TIME, time)?.unwrap_or(Ban::FOR_EVER),
                    reason: self.may("reason", TEXT, owned)?.unwrap_or_default(),
                },
            ),
            "unban" => (&["peer"], Act::Unban),
            "trust" => (
                &["peer", "trust", "organisation", "until"],
                Act::Trust(GivenTrust {
                    trust: self.number("trust", "a number above 0, at most 1", Trust::new)?,
                    organisation: self.may("organisation", TEXT, owned)?,
                    until: self.may("until", TIME, time)?,
                }),
            ),
            "untrust" => (&["peer"], Act::Untrust),
            "accept" => (&["peer"], Act::Accept),
            "reject" => (&["peer"], Act::Reject),
            other => return Err(Fault::UnknownType(quoted(other))),
        };
        only(self.0, keys)?;
        Ok(act)
    }

    fn may<T>(
        &self,
        key: &'static str,
        wanted: &'static str,
        make: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value @ Value::Text(text)) => match make(text) {
                Some(made) => Ok(Some(made)),
                None => Err(wrong(key, value, wanted)),
            },
            Some(other) => Err(wrong(key, other, wanted)),
        }
    }

    fn must<T>(
        &self,
        key: &'static str,
        wanted: &'static str,
        make: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Fault> {
        self.may(key, wanted, make)?.ok_or(Fault::Missing(key))
    }

    fn truth(&self, key: &'static str) -> Result<bool, Fault> {
        match self.0.get(key) {
            None => Ok(false),
            Some(Value::Bool(yes)) => Ok(*yes),
            Some(other) => Err(wrong(key, other, "true or false")),
        }
    }

    fn number<T>(
        &self,
        key: &'static str,
        wanted: &'static str,
        make: impl Fn(f64) -> Result<T, OutOfRange>,
    ) -> Result<T, Fault> {
        match self.0.get(key) {
            None => Err(Fault::Missing(key)),
            Some(value @ Value::Number(number)) => {
                make(*number).map_err(|_| wrong(key, value, wanted))
            }
            Some(other) => Err(wrong(key, other, wanted)),
        }
    }

    fn texts(&self) -> Result<Vec<String>, Fault> {
        let wanted = "a list of texts";
        let text = |value: &Value<'_>| match value {
            Value::Text(text) => Ok(text.clone().into_owned()),
            other => Err(wrong("tags", other, wanted)),
        };
        match self.0.get("tags") {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(text).collect(),
            Some(other) => Err(wrong("tags", other, wanted)),
        }
    }
}

const PEER: &str = "a peer id such as 12D3KooW...";
const TEXT: &str = "a text";
const TIME: &str = "a time such as \"2027-01-31T12:00:00Z\"";
const ADDRESS: &str = "where it can be dialled, such as \"/ip4/192.0.2.7/tcp/4001\", without /p2p/";

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

fn address(text: &str) -> Option<Multiaddr> {
    let address: Multiaddr = text.parse().ok()?;
    let names_peer = address.iter().any(|part| matches!(part, Protocol::P2p(_)));
    (!names_peer && address.iter().next().is_some()).then_some(address)
}

/// An order as a line, without its newline.
#[must_use]
pub fn encode(id: u64, order: &Order) -> String {
    let mut line = Line::new(&id.to_string(), order.act.word());
    line.open("input");
    line.text("peer", &order.peer.to_string());
    match &order.act {
        Act::Add {
            address,
            alias,
            note,
            tags,
            pin,
        } => {
            let address = address.as_ref().map(ToString::to_string);
            line.some("address", address.as_deref());
            line.some("alias", alias.as_deref());
            line.some("note", note.as_deref());
            line.texts("tags", tags);
            line.raw("pin", if *pin { "true" } else { "false" });
        }
        Act::Rename(alias) => line.some("alias", alias.as_deref()),
        Act::Note(note) => line.text("note", note),
        Act::Tags(tags) => line.texts("tags", tags),
        Act::Ban { until, reason } => {
            let ends = Some(*until).filter(|until| *until < Ban::FOR_EVER);
            line.time("until", ends);
            line.text("reason", reason);
        }
        Act::Trust(given) => {
            line.number("trust", given.trust.get());
            line.some("organisation", given.organisation.as_deref());
            line.time("until", given.until);
        }
        Act::Remove
        | Act::Pin
        | Act::Unpin
        | Act::Unban
        | Act::Untrust
        | Act::Accept
        | Act::Reject => {}
    }
    line.close();
    line.end()
}

/// The answer to a request, without its newline.
#[must_use]
pub fn answer(id: &str, kind: &str, done: Result<(), &str>) -> String {
    let mut line = Line::new(id, kind);
    match done {
        Ok(()) => line.raw("result", "{\"done\":true}"),
        Err(msg) => line.text("msg", msg),
    }
    line.end()
}

/// Reads an answer: done, or why not.
///
/// # Errors
/// The line is no answer.
pub fn decode_answer(line: &[u8]) -> Result<Result<(), String>, Fault> {
    let answer = json::parse(line, LIMITS)?;
    Ok(result(&answer)?.map(drop))
}

/// The result of an answer, or why there is none.
fn result<'v, 'a>(answer: &'v Value<'a>) -> Result<Result<&'v Object<'a>, String>, Fault> {
    let Value::Object(object) = answer else {
        return Err(Fault::NotAnObject(answer.kind()));
    };
    match (object.get("result"), object.get("msg")) {
        (_, Some(Value::Text(msg))) => Ok(Err(msg.clone().into_owned())),
        (_, Some(other)) => Err(wrong("msg", other, TEXT)),
        (Some(Value::Object(result)), None) => Ok(Ok(result)),
        (Some(other), None) => Err(wrong("result", other, "an object")),
        (None, None) => Err(Fault::Missing("result")),
    }
}

#[cfg(test)]
mod tests;
