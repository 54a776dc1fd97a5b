//! What every trust model does, and the models there are.

use std::net::IpAddr;

use crate::domain::{
    Author, Confidence, Opinion, PeerId, Reliability, Score, Subject, Timestamp, Trust,
};

/// One thing the node learned, at a time. Models see the world only through these.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A peer has this address (from its connection).
    PeerAddress { peer: PeerId, ip: IpAddr },
    /// A peer's conduct on the wire is worth this much.
    PeerReliability { peer: PeerId, reliability: Reliability },
    /// A peer said this of an address.
    Report { author: Author, subject: Subject, score: Score, confidence: Confidence },
    /// Our own Slips said this of an address.
    OwnStatement { subject: Subject, score: Score, confidence: Confidence },
}

/// One reporter's part in an opinion.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Who.
    pub author: Author,
    /// What it said last of the address.
    pub score: Score,
    /// How sure it was.
    pub confidence: Confidence,
    /// When.
    pub said_at: Timestamp,
    /// How far the model believes it; the model's own scale.
    pub trust: f64,
    /// Its weight in the score, in 0..=1; the weights of an opinion add up to 1.
    pub weight: f64,
    /// Why it does not count, if it does not.
    pub left_out: Option<&'static str>,
}

/// An opinion with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The opinion; `None` where no report counts.
    pub opinion: Option<Opinion>,
    /// Every reporter on the address, strongest first, those left out last.
    pub shares: Vec<Share>,
}

/// A trust model: learns facts one by one, answers for one address at the cost of the reports on it.
/// The same facts in the same order give the same bits.
pub trait TrustModel {
    /// Takes in one fact that became known at `now`.
    fn learn(&mut self, fact: &Fact, now: Timestamp);
    /// The network's opinion of `subject` at `now`.
    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion>;
    /// The opinion with the part of each reporter.
    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation;
    /// The addresses whose opinion may have changed because of a fact about a peer (not a report).
    fn forget_before(&mut self, oldest: Timestamp);
}

/// The models that can be chosen by `[reputation] model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind { Slips, SlipsCompat }

/// A model chosen at run time.
pub enum Engine { }
