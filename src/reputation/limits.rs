//! How much a model may hold, and what `slips` and `slips-compat` can be told.

use crate::domain::{Confidence, Score};

use super::{
    Parameter, Value,
    parameters::{Range, parameters},
};

parameters! {
    /// How much a model may hold; what is beyond is pushed out and counted. With the defaults, full
    /// tables take 78 MiB with `robust` (`FULL=1 cargo bench --bench opinion`), so that a process stays
    /// below 128 MiB.
    Limits, "limits";
    numbers {}
    wholes {
        "max_peers" peers = 16_384 in 1 to 10_000_000,
            "Peers; least recently heard of first. `robust` pushes out unproven ones first.",
            "a guess: far beyond any federation of sensors; an entry is about 800 bytes, 1,700 with `robust`";
        "max_addresses" addresses = 262_144 in 1 to 100_000_000,
            "Addresses with reports; least recently reported first. `robust` pushes out those first on which only unproven peers speak.",
            "a guess: an address with one report takes about 150 bytes";
        "max_reports" reports = 1_000_000 in 1 to 100_000_000,
            "Reports in all; the addresses least recently reported give way.",
            "the size the performance goal names";
        "max_reporters" reporters_per_address = 512 in 1 to 100_000,
            "Reporters an address, one report each; least reliable first (`robust`: least proven, then newest peer), then the oldest report.",
            "the trust model's hard limit; also keeps an opinion within 100 us";
        "max_reports_per_address" reports_per_address = 2_048 in 1 to 100_000,
            "Reports an address where every report counts (`slips-compat`); oldest first.",
            "measured: an opinion on that many takes about 80 us";
        "max_statements" statements = 65_536 in 1 to 100_000_000,
            "Addresses our own Slips spoke of; least recently spoken of first.",
            "a guess: what one sensor judges in weeks; an entry is about 120 bytes";
        "max_addresses_per_peer" addresses_per_peer = 16 in 1 to 10_000,
            "Former and present addresses a peer; oldest first.",
            "a guess: a peer that moves daily for two weeks";
    }
    words {}
}

/// Parameters of `slips` and `slips-compat`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlipsParameters {
    /// What our own Slips is taken to think of a reporter's address it never mentioned.
    /// `None`: such a reporter is left out, as the bare model does.
    pub unknown_reporter: Option<(Score, Confidence)>,
}

/// Where the view on an address nobody judged comes from.
const NEW_PROFILE: &str =
    "what Slips 1.1.21 stores when it first sees an address (contract, section 9.1)";

impl Default for SlipsParameters {
    /// (0, 0.05): what Slips 1.1.21 stores when it first sees an address (contract 9.1).
    fn default() -> Self {
        Self {
            unknown_reporter: Some((Score::clamped(0.0), Confidence::clamped(0.05))),
        }
    }
}

impl SlipsParameters {
    /// Every parameter of this table.
    pub const TABLE: &'static [Parameter] = &[
        Parameter {
            group: "slips",
            key: "count_unknown_reporters",
            default: Value::Switch(true),
            range: Range::Switch,
            meaning: "Whether reports count whose reporter's own address Slips never judged.",
            origin: "Slips has judged every address it saw; the bare model leaves them out",
        },
        Parameter {
            group: "slips",
            key: "unknown_reporter_score",
            default: Value::Number(0.0),
            range: Range::Number(-1.0, 1.0),
            meaning: "What Slips is taken to think of such an address.",
            origin: NEW_PROFILE,
        },
        Parameter {
            group: "slips",
            key: "unknown_reporter_confidence",
            default: Value::Number(0.05),
            range: Range::Number(0.0, 1.0),
            meaning: "How sure Slips is then taken to be.",
            origin: NEW_PROFILE,
        },
    ];

    /// The value a parameter of this table has now.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value> {
        let view = self.unknown_reporter;
        match key {
            "count_unknown_reporters" => Some(Value::Switch(view.is_some())),
            "unknown_reporter_score" => view.map(|(score, _)| Value::Number(score.get())),
            "unknown_reporter_confidence" => view.map(|(_, sure)| Value::Number(sure.get())),
            _ => None,
        }
    }

    /// Sets a parameter of this table to a value of its range; whether there is one.
    pub(super) fn put(&mut self, key: &str, value: Value) -> bool {
        let usual = Self::default().unknown_reporter;
        let view = self.unknown_reporter.or(usual);
        self.unknown_reporter = match (key, value) {
            ("count_unknown_reporters", Value::Switch(true)) => view,
            ("count_unknown_reporters", Value::Switch(false)) => None,
            ("unknown_reporter_score", Value::Number(number)) => {
                view.map(|(_, sure)| (Score::clamped(number), sure))
            }
            ("unknown_reporter_confidence", Value::Number(number)) => {
                view.map(|(score, _)| (score, Confidence::clamped(number)))
            }
            _ => return false,
        };
        true
    }
}
