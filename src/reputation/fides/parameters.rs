//! What `fides` can be told.

use crate::reputation::parameters::parameters;

/// How opinions of several peers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// Scores weighted by trust, confidence the mean of confidence times trust.
    Average,
    /// Scores and confidences weighted by trust.
    WeightedAverage,
    /// The sum of weighted scores times confidences, as sure as they are alike.
    StdevFromScore,
}

impl Aggregation {
    /// The words for them.
    pub const WORDS: &'static [&'static str] = &["average", "weightedAverage", "stdevFromScore"];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::WeightedAverage => "weightedAverage",
            Self::StdevFromScore => "stdevFromScore",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [Self::Average, Self::WeightedAverage, Self::StdevFromScore]
            .into_iter()
            .find(|one| one.word() == word)
    }
}

/// How satisfied one is with a report once the reports are aggregated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// Fully, always.
    Even,
    /// The nearer to the aggregated opinion the more.
    Distance,
    /// The nearer to our own opinion the more.
    LocalDistance,
    /// Something of both.
    WeighedDistance,
    /// By distance where the aggregated opinion is sure, else fully.
    Threshold,
    /// By distance, our own opinion and even, as far as each is sure.
    MaxConfidence,
}

impl Evaluation {
    /// The words for them.
    pub const WORDS: &'static [&'static str] = &[
        "even",
        "distance",
        "localDistance",
        "weighedDistance",
        "threshold",
        "maxConfidence",
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Distance => "distance",
            Self::LocalDistance => "localDistance",
            Self::WeighedDistance => "weighedDistance",
            Self::Threshold => "threshold",
            Self::MaxConfidence => "maxConfidence",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [
            Self::Even,
            Self::Distance,
            Self::LocalDistance,
            Self::WeighedDistance,
            Self::Threshold,
            Self::MaxConfidence,
        ]
        .into_iter()
        .find(|one| one.word() == word)
    }
}

parameters! {
    /// Parameters of `fides`; the defaults are those of its configuration in Slips.
    FidesParameters, "fides";
    numbers {
        "initial_reputation" initial_reputation = 0.5 in 0.0 to 1.0,
            "What a stranger is worth.", "fides.conf.yml";
        "alert_trust" alert_trust = 0.5 in 0.0 to 1.0,
            "The least an alert's sender is trusted.", "fides.conf.yml, alert.defaultTrust";
        "confidence_threshold" confidence_threshold = 0.7 in 0.0 to 1.0,
            "How sure the aggregated opinion must be to measure reports by it (`threshold`).", "fides.conf.yml";
        "local_weight" local_weight = 0.4 in 0.0 to 1.0,
            "Weight of our own opinion (`weighedDistance`).", "fides.conf.yml";
        "even_satisfaction" even_satisfaction = 1.0 in 0.0 to 1.0,
            "How satisfied one is with everything (`even`).", "fides.conf.yml";
    }
    wholes {
        "sh_max" service_history = 100 in 1 to 10_000,
            "Interactions of a peer that are remembered.", "fides.conf.yml";
        "rh_max" recommendation_history = 100 in 1 to 10_000,
            "Recommendations of a peer that are remembered.", "fides.conf.yml";
        "eta_max" recommenders = 100 in 1 to 10_000,
            "The most peers that are asked for a recommendation.", "fides.conf.yml, peersMaxCount";
    }
    words {
        "aggregation" aggregation: Aggregation = Average,
            "How reports become an opinion.", "fides.conf.yml, tiAggregationStrategy";
        "evaluation" evaluation: Evaluation = Threshold,
            "How reports are measured once aggregated.", "fides.conf.yml";
    }
}
