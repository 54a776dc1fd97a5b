//! How an address is judged, and by whose words.

use std::{borrow::Cow, net::IpAddr};

use super::{Author, Confidence, Opinion, Score, Timestamp};

/// What a trust model makes of an address at a time, and who made it so.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The word for the model.
    pub model: Cow<'static, str>,
    /// The network's opinion; `None` where no report counts.
    pub opinion: Option<Opinion>,
    /// Every report the model looked at.
    pub voices: Vec<Voice>,
    /// Why the model fails on this address, if it does.
    pub failed: Option<Cow<'static, str>>,
}

/// One report's part in a judgement.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    /// Who.
    pub author: Author,
    /// The address it had when it said so, if that is known.
    pub address: Option<IpAddr>,
    /// What it said, in -1..=1.
    pub score: Score,
    /// How sure it was, in 0..=1.
    pub confidence: Confidence,
    /// When.
    pub said_at: Timestamp,
    /// How far the model believes it, on the model's own scale.
    pub trust: f64,
    /// Its weight in the score, in 0..=1; the weights of a judgement add up to 1.
    pub weight: f64,
    /// Why it does not count, if it does not; its weight is 0 then.
    pub left_out: Option<Cow<'static, str>>,
}
