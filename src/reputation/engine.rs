//! The models there are, their parameters and limits, and the one chosen at run time.

use std::{fmt, str::FromStr};

use crate::domain::{Confidence, Opinion, Score, Subject, Timestamp};

use super::{
    Explanation, Fact, Held, Touched, TrustModel, slips::Slips, slips_compat::SlipsCompat,
};

/// The models that can be chosen by `[reputation] model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// The base model of Slips as it was meant: the newest report of each reporter.
    Slips,
    /// What Slips 1.1.21 computes, with its quirks.
    SlipsCompat,
}

/// A word that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no trust model; write slips or slips-compat")]
pub struct ModelParseError(pub String);

impl ModelKind {
    /// Every model.
    pub const ALL: [Self; 2] = [Self::Slips, Self::SlipsCompat];

    /// The word for it in the config and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Slips => "slips",
            Self::SlipsCompat => "slips-compat",
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for ModelKind {
    type Err = ModelParseError;

    fn from_str(word: &str) -> Result<Self, ModelParseError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == word)
            .ok_or_else(|| ModelParseError(word.chars().take(64).collect()))
    }
}

/// What the models can be told. The default is the node's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parameters {
    /// Of `slips` and `slips-compat`.
    pub slips: SlipsParameters,
    /// How much a model may hold.
    pub limits: Limits,
}

/// Parameters of `slips` and `slips-compat`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlipsParameters {
    /// What our own Slips is taken to think of a reporter's address it never mentioned.
    /// `None`: such a reporter is left out, as the bare model does.
    pub unknown_reporter: Option<(Score, Confidence)>,
}

impl Default for SlipsParameters {
    /// (0, 0.05): what Slips 1.1.21 stores when it first sees an address (contract 9.1).
    fn default() -> Self {
        Self {
            unknown_reporter: Some((Score::clamped(0.0), Confidence::clamped(0.05))),
        }
    }
}

/// How much a model may hold; what is beyond is pushed out and counted. With the defaults, full
/// tables take 84 MiB (`cargo bench --bench opinion`): a node under attack stays below 128 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Peers; least recently heard of first.
    pub peers: usize,
    /// Addresses with reports; least recently reported first.
    pub addresses: usize,
    /// Reports in all; the addresses least recently reported give way.
    pub reports: usize,
    /// Reporters an address (`slips`); least reliable first, then the oldest report.
    pub reporters_per_address: usize,
    /// Reports an address where every report counts (`slips-compat`); oldest first.
    pub reports_per_address: usize,
    /// Addresses our own Slips spoke of; least recently spoken of first.
    pub statements: usize,
    /// Former and present addresses a peer; oldest first.
    pub addresses_per_peer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A guess: far beyond any federation of sensors; an entry is about 800 bytes.
            peers: 16_384,
            // A guess: an address with one report takes about 150 bytes.
            addresses: 262_144,
            // The size the performance goal names; 32 bytes each.
            reports: 1_000_000,
            // The trust model's hard limit; also keeps an opinion within 100 us.
            reporters_per_address: 512,
            // Measured: an opinion on that many takes about 80 us.
            reports_per_address: 2_048,
            // A guess: what one sensor judges in weeks; an entry is about 120 bytes.
            statements: 65_536,
            // A guess: a peer that moves daily for two weeks.
            addresses_per_peer: 16,
        }
    }
}

/// The model chosen at run time.
#[derive(Debug)]
pub enum Engine {
    /// See [`ModelKind::Slips`].
    Slips(Slips),
    /// See [`ModelKind::SlipsCompat`].
    SlipsCompat(SlipsCompat),
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(kind: ModelKind, parameters: Parameters) -> Self {
        match kind {
            ModelKind::Slips => Self::Slips(Slips::new(parameters)),
            ModelKind::SlipsCompat => Self::SlipsCompat(SlipsCompat::new(parameters)),
        }
    }

    /// Which model it is.
    #[must_use]
    pub fn kind(&self) -> ModelKind {
        match self {
            Self::Slips(_) => ModelKind::Slips,
            Self::SlipsCompat(_) => ModelKind::SlipsCompat,
        }
    }

    fn model(&self) -> &dyn TrustModel {
        match self {
            Self::Slips(model) => model,
            Self::SlipsCompat(model) => model,
        }
    }

    fn model_mut(&mut self) -> &mut dyn TrustModel {
        match self {
            Self::Slips(model) => model,
            Self::SlipsCompat(model) => model,
        }
    }
}

impl TrustModel for Engine {
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        self.model_mut().learn(fact, now)
    }

    fn learn_repeated(&mut self, fact: &Fact, times: u32, now: Timestamp) -> Touched {
        self.model_mut().learn_repeated(fact, times, now)
    }

    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        self.model().opinion(subject, now)
    }

    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation {
        self.model().explain(subject, now)
    }

    fn forget_before(&mut self, oldest: Timestamp) -> u64 {
        self.model_mut().forget_before(oldest)
    }

    fn held(&self) -> Held {
        self.model().held()
    }
}
