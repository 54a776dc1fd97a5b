//! What every trust model does: learn facts, answer for an address, say why.

use std::{cmp::Ordering, net::IpAddr};

use crate::domain::{
    Author, Confidence, Judgement, Opinion, PeerId, Reliability, Score, Subject, Timestamp, Trust,
    Voice,
};

/// One thing the node learned, at a time. Models see the world only through these.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A peer has this address (from its connection).
    PeerAddress {
        /// Who.
        peer: PeerId,
        /// Its address; an IPv4-mapped one is folded by the model.
        ip: IpAddr,
    },
    /// A peer's conduct on the wire is worth this much.
    PeerReliability {
        /// Who.
        peer: PeerId,
        /// What it is worth now.
        reliability: Reliability,
    },
    /// A peer said this of an address.
    Report {
        /// Who says it.
        author: Author,
        /// Of which address.
        subject: Subject,
        /// How malicious, in -1..=1.
        score: Score,
        /// How sure, in 0..=1.
        confidence: Confidence,
    },
    /// The operator trusts a peer this much.
    Anchor {
        /// Whom.
        peer: PeerId,
        /// How far; 0 is no trust, as if it were lifted.
        trust: Trust,
    },
    /// The operator no longer vouches for a peer.
    AnchorLifted {
        /// For whom.
        peer: PeerId,
    },
    /// A peer signed two things as one: nothing it ever said counts, nor what it will say.
    Forked {
        /// Who.
        author: Author,
    },
    /// Our own Slips said this of an address: first-hand evidence no peer can have planted.
    OwnStatement {
        /// Of which address.
        subject: Subject,
        /// How malicious, in -1..=1.
        score: Score,
        /// How sure, in 0..=1.
        confidence: Confidence,
    },
}

/// Whose opinions a fact may change, as far as that is cheap to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// Nothing changed: a repetition, or older than what is known.
    Nothing,
    /// The opinion of this address.
    Subject(Subject),
    /// Opinions of addresses on which the peer concerned has reported; which, is not listed:
    /// they follow when next a report on them comes in or somebody asks.
    Unlisted,
}

impl Touched {
    /// The address whose opinion is worth computing again now.
    #[must_use]
    pub fn subject(self) -> Option<Subject> {
        match self {
            Self::Subject(subject) => Some(subject),
            Self::Nothing | Self::Unlisted => None,
        }
    }
}

/// One report's part in an opinion.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Who.
    pub author: Author,
    /// The address it had when it said so, if that is known.
    pub address: Option<IpAddr>,
    /// What it said of the subject, in -1..=1.
    pub score: Score,
    /// How sure it was, in 0..=1.
    pub confidence: Confidence,
    /// When.
    pub said_at: Timestamp,
    /// How far the model believes it, on the model's own scale (`slips`: -0.5..=0.85).
    pub trust: f64,
    /// Its weight in the score, in 0..=1; the weights of an opinion add up to 1.
    pub weight: f64,
    /// The named numbers the trust was made of, in the order of the model's formula.
    pub parts: Vec<(&'static str, f64)>,
    /// Why it does not count, if it does not; its weight is 0 then.
    pub left_out: Option<&'static str>,
}

impl Share {
    /// The order for people: strongest first, those left out last, then newest first, then by author.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        (self.left_out.is_some().cmp(&other.left_out.is_some()))
            .then(other.weight.total_cmp(&self.weight))
            .then(other.said_at.cmp(&self.said_at))
            .then(self.author.cmp(&other.author))
    }
}

/// An opinion with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The network's opinion; `None` where no report counts.
    pub opinion: Option<Opinion>,
    /// The opinion with what our own Slips says, as [`TrustModel::verdict`].
    pub verdict: Option<Opinion>,
    /// Every report the model looked at, strongest first, those left out last.
    pub shares: Vec<Share>,
    /// The named numbers the verdict was made of, for models that have such: they add up to its
    /// log-odds.
    pub totals: Vec<(&'static str, f64)>,
    /// Why the model fails on this address, where it can (`slips-compat` copies a crash of Slips).
    pub failed: Option<&'static str>,
}

impl Explanation {
    /// The part of it that leaves the node; `model` is the word for who explains.
    #[must_use]
    pub fn judgement(self, model: &'static str) -> Judgement {
        Judgement {
            model: model.into(),
            opinion: self.opinion,
            voices: self.shares.into_iter().map(Voice::from).collect(),
            failed: self.failed.map(Into::into),
        }
    }
}

impl From<Share> for Voice {
    fn from(share: Share) -> Self {
        Self {
            author: share.author,
            address: share.address,
            score: share.score,
            confidence: share.confidence,
            said_at: share.said_at,
            trust: share.trust,
            weight: share.weight,
            left_out: share.left_out.map(Into::into),
        }
    }
}

/// Why a peer is trusted as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Whom this is about.
    pub peer: PeerId,
    /// How far the model believes it, on the model's own scale.
    pub trust: f64,
    /// Its address now, if that is known.
    pub address: Option<IpAddr>,
    /// When the model first heard of it, where the model remembers that.
    pub first_seen: Option<Timestamp>,
    /// The named numbers the trust is made of, in the order of the model's formula.
    pub parts: Vec<(&'static str, f64)>,
    /// Peers it seems to copy, and how surely, in 0..=1.
    pub copies: Vec<(PeerId, f64)>,
}

/// How much a model holds, and what its limits have pushed out since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Peers with an address, a reliability or a report.
    pub peers: u64,
    /// Addresses with at least one report.
    pub addresses: u64,
    /// Reports.
    pub reports: u64,
    /// Addresses our own Slips spoke of.
    pub statements: u64,
    /// What was pushed out.
    pub evicted: Evicted,
}

/// What the limits of a model have pushed out since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Peers; their reports no longer count.
    pub peers: u64,
    /// Addresses with all their reports.
    pub addresses: u64,
    /// Reports on addresses that are still held.
    pub reports: u64,
    /// Statements of our own Slips.
    pub statements: u64,
    /// Former addresses of peers.
    pub former_addresses: u64,
}

/// A trust model: learns facts one by one, answers for one address at the cost of the reports on it.
///
/// The same facts in the same order give the same bits. Times are the caller's: facts may come
/// out of order, and of two facts about the same thing at the same time the later learned counts.
/// A model with periodic work of its own does it inside `learn`, when `now` says that it is due.
pub trait TrustModel {
    /// Takes in one fact that became known at `now`.
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched;

    /// Takes in a fact said `times` times over, the last time at `now`: what the store keeps as
    /// one row. Where repetition adds nothing, this is `learn`.
    fn learn_repeated(&mut self, fact: &Fact, times: u32, now: Timestamp) -> Touched {
        if times == 0 {
            Touched::Nothing
        } else {
            self.learn(fact, now)
        }
    }

    /// Does before a question what is due by then, so that the answer is the one at `now`. Not
    /// needed where facts keep coming in: they do it as well.
    fn prepare(&mut self, subject: Subject, now: Timestamp) {
        let _ = (subject, now);
    }

    /// The network's opinion of `subject` at `now`, without what our own Slips says of it: what is
    /// told to Slips. `None` where no report counts.
    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion>;

    /// The opinion with what our own Slips says of `subject`. The Slips models and `fides` have no
    /// rule for that: it is the network's there.
    fn verdict(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        self.opinion(subject, now)
    }

    /// What the network's opinion would be had one author not spoken.
    fn without(&self, subject: Subject, author: Author, now: Timestamp) -> Option<Opinion>;

    /// Why a peer is trusted as it is; `None` of a peer the model does not hold.
    fn account(&self, peer: PeerId, now: Timestamp) -> Option<Account>;

    /// The opinion with the part of each report.
    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation;

    /// The addresses on which reports of an author are held; looks at every report.
    fn reported_by(&self, author: Author) -> Vec<Subject>;

    /// Forgets reports said before `oldest`; looks at every report. Returns how many went.
    fn forget_before(&mut self, oldest: Timestamp) -> u64;

    /// How much is held and what was pushed out.
    fn held(&self) -> Held;
}
