//! The trust model as configuration and database make it: what a node starts with, and what the
//! commands explain. Both go through here, so that they cannot differ.

use crate::config::Config;
use crate::domain::{Author, OwnStatement, PeerId, ReceivedReport, Timestamp};
use crate::reputation::{Engine, Fact, ModelKind, TrustModel};
use crate::store::StoredFact;

/// A model that is being told what the database knows.
#[derive(Debug)]
pub struct Recall {
    engine: Engine,
    /// When the operator's trust in a peer ends, the next one last.
    ends: Vec<(Timestamp, PeerId)>,
}

impl Recall {
    /// The model of the configuration, knowing only whom the operator trusts.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self::of(config.reputation.model, config)
    }

    /// Another model, told the same.
    #[must_use]
    pub fn of(kind: ModelKind, config: &Config) -> Self {
        let mut engine = Engine::new(kind, config.models);
        for anchor in &config.anchors {
            let (peer, trust) = (anchor.peer, anchor.trust);
            engine.learn(&Fact::Anchor { peer, trust }, Timestamp::ZERO);
        }
        Self {
            engine,
            ends: anchor_ends(config),
        }
    }

    /// Takes in a fact that was said so many times, the last time at `at`.
    pub fn learn(&mut self, fact: &Fact, times: u32, at: Timestamp) {
        self.lift_until(at);
        self.engine.learn_repeated(fact, times, at);
    }

    /// Takes in what the database kept.
    pub fn recall(&mut self, at: Timestamp, stored: StoredFact) {
        let (fact, times) = from_stored(stored);
        self.learn(&fact, times, at);
    }

    /// The model as it is at `now`.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Engine {
        self.lift_until(now);
        self.engine
    }

    /// The model as it is at `now`, to be told more later.
    pub fn as_of(&mut self, now: Timestamp) -> &Engine {
        self.lift_until(now);
        &self.engine
    }

    fn lift_until(&mut self, now: Timestamp) {
        while let Some((_, peer)) = self.ends.pop_if(|(end, _)| *end <= now) {
            self.engine.learn(&Fact::AnchorLifted { peer }, now);
        }
    }
}

/// When the operator's trust in each peer ends, where it does; the next one last.
pub(super) fn anchor_ends(config: &Config) -> Vec<(Timestamp, PeerId)> {
    let mut ends: Vec<_> = (config.anchors.iter())
        .filter_map(|anchor| Some((anchor.expires?, anchor.peer)))
        .collect();
    ends.sort_unstable_by(|a, b| b.cmp(a));
    ends
}

/// A stored fact as the models know it, and how often it was said.
fn from_stored(stored: StoredFact) -> (Fact, u32) {
    match stored {
        StoredFact::PeerAddress { peer, ip } => (Fact::PeerAddress { peer, ip }, 1),
        StoredFact::PeerReliability { peer, reliability } => {
            (Fact::PeerReliability { peer, reliability }, 1)
        }
        StoredFact::Report(
            ReceivedReport {
                author,
                subject,
                score,
                confidence,
                ..
            },
            repeats,
        ) => {
            let fact = Fact::Report {
                author,
                subject,
                score,
                confidence,
            };
            (fact, repeats.saturating_add(1))
        }
        StoredFact::Forked(author) => {
            let author = Author(author);
            (Fact::Forked { author }, 1)
        }
        StoredFact::OwnStatement(OwnStatement {
            subject,
            score,
            confidence,
            ..
        }) => (
            Fact::OwnStatement {
                subject,
                score,
                confidence,
            },
            1,
        ),
    }
}
