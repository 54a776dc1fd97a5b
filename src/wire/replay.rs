//! Replay lines: what reporters, our own Slips and the operator said, and questions about it, as
//! JSON lines. `slips-p2p replay` reads them; simulations and tests write them.
//!
//! ```json
//! {"t":0,"type":"peer_update","peerid":"p1","ip":"1.2.3.4","reliability":0.9}
//! {"t":1,"type":"report","reporter":"p1","key_type":"ip","key":"5.6.7.8","evaluation_type":"score_confidence","evaluation":{"score":0.9,"confidence":0.6}}
//! {"t":2,"type":"local","key":"5.6.7.8","evaluation":{"score":0.8,"confidence":0.9}}
//! {"t":3,"type":"anchor","peerid":"p2","trust":0.95}
//! {"t":4,"type":"query","id":17,"key":"5.6.7.8"}
//! ```
//!
//! Strict about what a line means, open to what it may carry besides: keys it does not know are
//! ignored, a known one of the wrong kind or out of range is a fault. An address may be written in
//! any spelling, for these lines never reach Slips.

use std::{collections::HashMap, net::IpAddr};

use sha2::{Digest as _, Sha256};

use super::{
    json::{self, Limits, Misfit, Object, Value},
    quoted,
};
use crate::domain::{
    Author, Confidence, OutOfRange, PeerId, Reliability, Score, Subject, Timestamp, Trust,
};

/// The longest line, in bytes. Lines are under 300; the bound is there for files that are no
/// replay at all.
pub const MAX_LINE_BYTES: usize = 65_536;

/// A line has 10 values and a depth of 2; the rest is room for keys that are ignored.
const LIMITS: Limits = Limits {
    max_bytes: MAX_LINE_BYTES,
    max_depth: 8,
    max_values: 512,
};

/// Times further from 1970 than this do not fit the clock of this program (microseconds in 64
/// bits), in seconds.
const MAX_SECONDS: f64 = 9e12;

/// Names of peers that are remembered with their ids; past that they are worked out again.
const NAMES: usize = 65_536;

/// What one line says, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// The time of the line. Need not ascend.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry<'a>,
}

/// What one line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// A peer's address, what its conduct is worth, or both.
    PeerUpdate {
        /// Who.
        peer: PeerId,
        /// Its address.
        ip: Option<IpAddr>,
        /// What its conduct on the wire is worth.
        reliability: Option<Reliability>,
    },
    /// What a peer says of an address.
    Report {
        /// Who.
        author: Author,
        /// Of which address.
        subject: Subject,
        /// How malicious.
        score: Score,
        /// How sure it is.
        confidence: Confidence,
    },
    /// What our own Slips says of an address.
    Local {
        /// Of which address.
        subject: Subject,
        /// How malicious.
        score: Score,
        /// How sure it is.
        confidence: Confidence,
    },
    /// The operator trusts a peer so far; 0 takes that back.
    Anchor {
        /// Whom.
        peer: PeerId,
        /// How far.
        trust: Trust,
    },
    /// What is to be thought of an address?
    Query {
        /// The JSON text of its id, a number or a text, to be repeated in the answer; `null` where
        /// it has none.
        id: &'a str,
        /// Of which address.
        subject: Subject,
    },
}

/// Why a line is no replay line.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Not strict JSON, or not an object with the keys and kinds of values that belong there.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// `type` is none of the five.
    #[error("type `{0}` is not peer_update, report, local, anchor or query")]
    UnknownType(String),
    /// `key_type` is another kind of key than an address.
    #[error("key_type `{0}` is not ip")]
    UnknownKeyType(String),
    /// `evaluation_type` is another than the one there is.
    #[error("evaluation_type `{0}` is not score_confidence")]
    UnknownEvaluationType(String),
    /// A text that should be an address.
    #[error("`{key}` is `{found}`, not an IP address without zone or blanks")]
    NotAnAddress {
        /// Of which key.
        key: &'static str,
        /// What it is, quoted.
        found: String,
    },
    /// A peer without a name.
    #[error("`{0}` is empty")]
    Nameless(&'static str),
    /// A `peer_update` that says nothing.
    #[error("a peer_update has neither ip nor reliability")]
    EmptyUpdate,
    /// `t` lies where no clock goes.
    #[error("t {0} is no time: at most {MAX_SECONDS} s from 1970")]
    NoTime(f64),
    /// A number outside its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// Reads lines; remembers which peer a name stands for.
#[derive(Debug, Default)]
pub struct Decoder {
    names: HashMap<String, PeerId>,
}

impl Decoder {
    /// Reads one line, with or without its line end.
    ///
    /// # Errors
    /// A [`Fault`] for everything that is no replay line.
    pub fn decode<'a>(&mut self, line: &'a [u8]) -> Result<Line<'a>, Fault> {
        let object = json::object(line, LIMITS)?;
        let at = time(&object)?;
        let entry = match object.text("type")? {
            "peer_update" => self.peer_update(&object)?,
            "report" => self.report(&object)?,
            "local" => {
                let (subject, score, confidence) = evaluation(&object)?;
                Entry::Local {
                    subject,
                    score,
                    confidence,
                }
            }
            "anchor" => Entry::Anchor {
                peer: self.peer(&object, "peerid")?,
                trust: Trust::new(object.number("trust")?)?,
            },
            "query" => Entry::Query {
                id: id(&object, line)?,
                subject: subject(&object)?,
            },
            other => return Err(Fault::UnknownType(quoted(other))),
        };
        Ok(Line { at, entry })
    }

    fn peer_update<'a>(&mut self, object: &Object<'_>) -> Result<Entry<'a>, Fault> {
        let is_there = |key| !matches!(object.get(key), None | Some(Value::Null));
        let ip = is_there("ip").then(|| address(object, "ip")).transpose()?;
        let reliability = is_there("reliability")
            .then(|| Ok::<_, Fault>(Reliability::new(object.number("reliability")?)?))
            .transpose()?;
        if ip.is_none() && reliability.is_none() {
            return Err(Fault::EmptyUpdate);
        }
        Ok(Entry::PeerUpdate {
            peer: self.peer(object, "peerid")?,
            ip: ip.map(Subject::ip),
            reliability,
        })
    }

    fn report<'a>(&mut self, object: &Object<'_>) -> Result<Entry<'a>, Fault> {
        let (subject, score, confidence) = evaluation(object)?;
        Ok(Entry::Report {
            author: Author(self.peer(object, "reporter")?),
            subject,
            score,
            confidence,
        })
    }

    fn peer(&mut self, object: &Object<'_>, key: &'static str) -> Result<PeerId, Fault> {
        let name = object.text(key)?;
        if name.is_empty() {
            return Err(Fault::Nameless(key));
        }
        if let Some(peer) = self.names.get(name) {
            return Ok(*peer);
        }
        let peer = peer_of(name);
        if self.names.len() >= NAMES {
            self.names.clear();
        }
        self.names.insert(name.to_owned(), peer);
        Ok(peer)
    }
}

/// The peer a name stands for: a peer id is itself, any other name its SHA-256 as an identity
/// multihash, which no real key has (theirs are longer). The same in every run.
#[must_use]
pub fn peer_of(name: &str) -> PeerId {
    if let Ok(peer) = name.parse() {
        return peer;
    }
    let digest = Sha256::digest(name.as_bytes());
    // 0x00: the multihash code of "the bytes themselves"; then their number.
    let multihash = [&[0, 32], digest.as_slice()].concat();
    PeerId::from_bytes(&multihash).expect("32 bytes are within an identity multihash's 42")
}

fn time(object: &Object<'_>) -> Result<Timestamp, Fault> {
    let seconds = object.number("t")?;
    if seconds.abs() > MAX_SECONDS {
        return Err(Fault::NoTime(seconds));
    }
    Ok(Timestamp::from_secs_f64(seconds))
}

/// The address a line is about, and what is said of it. The two types may be left out.
fn evaluation(object: &Object<'_>) -> Result<(Subject, Score, Confidence), Fault> {
    if object.get("evaluation_type").is_some() {
        match object.text("evaluation_type")? {
            "score_confidence" => {}
            other => return Err(Fault::UnknownEvaluationType(quoted(other))),
        }
    }
    let subject = subject(object)?;
    match object.value("evaluation")? {
        Value::Object(evaluation) => Ok((
            subject,
            Score::new(evaluation.number("score")?)?,
            Confidence::new(evaluation.number("confidence")?)?,
        )),
        other => Err(Misfit::wrong("evaluation", "an object", other).into()),
    }
}

fn subject(object: &Object<'_>) -> Result<Subject, Fault> {
    if object.get("key_type").is_some() {
        match object.text("key_type")? {
            "ip" => {}
            other => return Err(Fault::UnknownKeyType(quoted(other))),
        }
    }
    address(object, "key")
}

fn address(object: &Object<'_>, key: &'static str) -> Result<Subject, Fault> {
    let written = object.text(key)?;
    written.parse().map_err(|_| Fault::NotAnAddress {
        key,
        found: quoted(written),
    })
}

/// The id of a query as it was written.
fn id<'a>(object: &Object<'_>, line: &'a [u8]) -> Result<&'a str, Fault> {
    let Some(member) = object.members.iter().find(|member| member.key == "id") else {
        return Ok("null");
    };
    match &member.value {
        Value::Number(_) | Value::Text(_) | Value::Null => {
            let written = line.get(member.span.clone()).unwrap_or_default();
            Ok(std::str::from_utf8(written).unwrap_or("null").trim())
        }
        other => Err(Misfit::wrong("id", "a number or a text", other).into()),
    }
}

#[cfg(test)]
mod tests;
