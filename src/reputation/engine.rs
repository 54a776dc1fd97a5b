//! The models there are, their parameters and limits, and the one chosen at run time.

use std::{collections::HashSet, fmt, str::FromStr};

use crate::domain::{Author, Opinion, PeerId, Subject, Timestamp};

use super::{
    Account, Explanation, Fact, Held, Parameters, Touched, TrustModel,
    fides::Fides,
    robust::Robust,
    slips::Slips,
    slips_compat::SlipsCompat,
    yardstick::{Middle, Yardstick},
};

/// The models that can be chosen by `[reputation] model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// The Anchored Trust Filter: liars cannot turn it.
    Robust,
    /// The base model of Slips as it was meant: the newest report of each reporter.
    Slips,
    /// What Slips 1.1.21 computes, with its quirks.
    SlipsCompat,
    /// The model of Fides.
    Fides,
    /// The mean of what is said, weighted by confidence: a yardstick.
    Mean,
    /// The median of what is said: a yardstick.
    Median,
}

/// A word that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no trust model; write robust, slips, slips-compat, fides, mean or median")]
pub struct ModelParseError(pub String);

/// What it takes to tell a model again what it was told: which repetitions of a report (the same
/// author saying the same of the same address within [`crate::store::REPEATS_WITHIN`]) may be kept
/// as no more than their number and the time of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetitions {
    /// Those the model took no notice of ([`Touched::Nothing`]): they left no trace.
    Unnoticed,
    /// Those said from the address the first one was said from: only the newest report of an
    /// author counts, with the address its author had then.
    SameAddress,
    /// None: each counts, at its time, and takes a row of the database, within its retention.
    None,
}

impl ModelKind {
    /// Which repetitions of a report need not be told again one by one.
    #[must_use]
    pub fn repetitions(self) -> Repetitions {
        match self {
            Self::Robust => Repetitions::Unnoticed,
            Self::Slips | Self::Mean | Self::Median => Repetitions::SameAddress,
            Self::SlipsCompat | Self::Fides => Repetitions::None,
        }
    }

    /// Every model.
    pub const ALL: [Self; 6] = [
        Self::Robust,
        Self::Slips,
        Self::SlipsCompat,
        Self::Fides,
        Self::Mean,
        Self::Median,
    ];

    /// The word for it in the config and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Robust => "robust",
            Self::Slips => "slips",
            Self::SlipsCompat => "slips-compat",
            Self::Fides => "fides",
            Self::Mean => "mean",
            Self::Median => "median",
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

/// The model chosen at run time. Whoever signed two things as one has no weight in any of them.
#[derive(Debug)]
pub struct Engine {
    model: Model,
    forked: HashSet<PeerId>,
}

#[derive(Debug)]
enum Model {
    Robust(Box<Robust>),
    Slips(Slips),
    SlipsCompat(SlipsCompat),
    Fides(Box<Fides>),
    /// The mean or the median.
    Yardstick(Yardstick),
}

impl Engine {
    /// An engine that knows nothing yet.
    #[must_use]
    pub fn new(kind: ModelKind, parameters: Parameters) -> Self {
        let model = match kind {
            ModelKind::Slips => Model::Slips(Slips::new(parameters)),
            ModelKind::SlipsCompat => Model::SlipsCompat(SlipsCompat::new(parameters)),
            ModelKind::Robust => Model::Robust(Box::new(Robust::new(parameters))),
            ModelKind::Fides => Model::Fides(Box::new(Fides::new(parameters))),
            ModelKind::Mean => Model::Yardstick(Yardstick::new(Middle::Mean, parameters)),
            ModelKind::Median => Model::Yardstick(Yardstick::new(Middle::Median, parameters)),
        };
        Self {
            model,
            forked: HashSet::new(),
        }
    }

    /// Which model it is.
    #[must_use]
    pub fn kind(&self) -> ModelKind {
        match &self.model {
            Model::Slips(_) => ModelKind::Slips,
            Model::SlipsCompat(_) => ModelKind::SlipsCompat,
            Model::Robust(_) => ModelKind::Robust,
            Model::Fides(_) => ModelKind::Fides,
            Model::Yardstick(model) => match model.middle() {
                Middle::Mean => ModelKind::Mean,
                Middle::Median => ModelKind::Median,
            },
        }
    }

    fn model(&self) -> &dyn TrustModel {
        match &self.model {
            Model::Slips(model) => model,
            Model::SlipsCompat(model) => model,
            Model::Robust(model) => model.as_ref(),
            Model::Fides(model) => model.as_ref(),
            Model::Yardstick(model) => model,
        }
    }

    fn model_mut(&mut self) -> &mut dyn TrustModel {
        match &mut self.model {
            Model::Slips(model) => model,
            Model::SlipsCompat(model) => model,
            Model::Robust(model) => model.as_mut(),
            Model::Fides(model) => model.as_mut(),
            Model::Yardstick(model) => model,
        }
    }
}

impl Engine {
    /// Whether a fact says nothing because of who forked; a fork is noted.
    fn is_void(&mut self, fact: &Fact) -> bool {
        match *fact {
            Fact::Report { author, .. } => self.forked.contains(&author.0),
            Fact::Anchor { peer, .. } => self.forked.contains(&peer),
            Fact::Forked { author } => !self.forked.insert(author.0),
            _ => false,
        }
    }
}

impl TrustModel for Engine {
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        if self.is_void(fact) {
            return Touched::Nothing;
        }
        self.model_mut().learn(fact, now)
    }

    fn learn_repeated(&mut self, fact: &Fact, times: u32, now: Timestamp) -> Touched {
        if self.is_void(fact) {
            return Touched::Nothing;
        }
        self.model_mut().learn_repeated(fact, times, now)
    }

    fn prepare(&mut self, subject: Subject, now: Timestamp) {
        self.model_mut().prepare(subject, now);
    }

    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        self.model().opinion(subject, now)
    }

    fn verdict(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        self.model().verdict(subject, now)
    }

    fn without(&self, subject: Subject, author: Author, now: Timestamp) -> Option<Opinion> {
        self.model().without(subject, author, now)
    }

    fn account(&self, peer: PeerId, now: Timestamp) -> Option<Account> {
        let account = self.model().account(peer, now)?;
        if !self.forked.contains(&peer) {
            return Some(account);
        }
        Some(Account {
            trust: 0.0,
            parts: vec![("forked", 1.0)],
            ..account
        })
    }

    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation {
        self.model().explain(subject, now)
    }

    fn reported_by(&self, author: Author) -> Vec<Subject> {
        self.model().reported_by(author)
    }

    fn forget_before(&mut self, oldest: Timestamp) -> u64 {
        self.model_mut().forget_before(oldest)
    }

    fn held(&self) -> Held {
        self.model().held()
    }
}
