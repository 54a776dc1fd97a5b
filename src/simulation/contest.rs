//! The models that hear a story, and their answers.

use std::{fmt, str::FromStr};

use crate::reputation::{
    Engine, ModelKind, ModelParseError, ParameterError, Parameters, TrustModel as _,
};

use super::{
    figures::Answer,
    story::{Story, What},
};

/// A trust model with its parameters: `robust`, or `robust:kappa=0:pi0=0.05`.
#[derive(Debug, Clone, PartialEq)]
pub struct Contestant {
    name: String,
    kind: ModelKind,
    parameters: Parameters,
}

/// Why a text names no contestant.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ContestantParseError {
    /// No model has the name.
    #[error(transparent)]
    Model(#[from] ModelParseError),
    /// What follows the name is no setting.
    #[error("`{0}` sets nothing; write a model and its settings like robust:kappa=0")]
    NoSetting(String),
    /// The setting cannot be made.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

impl Contestant {
    /// Every model with its defaults, and the default one without reading liars backwards: the
    /// conservative choice of the trust model.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let mut all: Vec<Self> = ModelKind::ALL.into_iter().map(Self::plain).collect();
        let mut parameters = Parameters::default();
        parameters.robust.kappa = 0.0;
        let cautious = Self {
            name: "robust:kappa=0".into(),
            kind: ModelKind::Robust,
            parameters,
        };
        all.insert(1, cautious);
        all
    }

    /// A model with its defaults.
    #[must_use]
    pub fn plain(kind: ModelKind) -> Self {
        Self {
            name: kind.word().into(),
            kind,
            parameters: Parameters::default(),
        }
    }

    /// What it is called in tables.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which model it is.
    #[must_use]
    pub fn kind(&self) -> ModelKind {
        self.kind
    }

    /// Hears a story from the beginning and answers its questions, in order.
    #[must_use]
    pub fn hear(&self, story: &Story) -> Vec<Answer> {
        let mut engine = Engine::new(self.kind, self.parameters);
        let mut answers = Vec::new();
        for event in &story.events {
            match &event.what {
                What::Fact(fact) => {
                    engine.learn(fact, event.at);
                }
                What::Query(query) => {
                    engine.prepare(query.subject, event.at);
                    let opinion = engine.verdict(query.subject, event.at);
                    answers.push(Answer {
                        malicious: query.malicious,
                        opinion: opinion.map(|said| (said.score.get(), said.confidence.get())),
                    });
                }
            }
        }
        answers
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl FromStr for Contestant {
    type Err = ContestantParseError;

    fn from_str(text: &str) -> Result<Self, ContestantParseError> {
        let mut words = text.split(':');
        let mut contestant = Self::plain(words.next().unwrap_or_default().trim().parse()?);
        for setting in words {
            let (key, value) = setting.split_once('=').ok_or_else(|| {
                ContestantParseError::NoSetting(setting.chars().take(64).collect())
            })?;
            contestant.parameters.set(key.trim(), value)?;
        }
        contestant.name = text.trim().into();
        Ok(contestant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contestant_is_a_model_with_settings() {
        let said: Contestant = "robust:kappa=0".parse().unwrap();
        assert!(Contestant::usual().contains(&said));
        assert_eq!("median".parse(), Ok(Contestant::plain(ModelKind::Median)));
        for wrong in ["", "robus", "robust:kappa", "robust:kappa=2", "robust:x=1"] {
            assert!(wrong.parse::<Contestant>().is_err(), "{wrong}");
        }
    }
}
