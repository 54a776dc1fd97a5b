//! The trust model as configuration and database make it: what a node starts with, and what the
//! commands explain. Both go through here, so that they cannot differ.

use crate::config::Config;
use crate::domain::{OwnStatement, ReceivedReport, Timestamp, TrustChange};
use crate::reputation::{
    Engine, Fact, ModelKind, TrustModel,
    anchors::{Anchors, Vouched},
};
use crate::store::StoredFact;

/// A model that is being told what the database knows.
#[derive(Debug)]
pub struct Recall {
    engine: Engine,
    /// Whom the operator trusts.
    anchors: Anchors,
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
        let anchors = configured(config);
        for fact in anchors.facts() {
            engine.learn(&fact, Timestamp::ZERO);
        }
        Self { engine, anchors }
    }

    /// Takes in a fact that was said so many times, the last time at `at`.
    pub fn learn(&mut self, fact: &Fact, times: u32, at: Timestamp) {
        self.lift_until(at);
        self.engine.learn_repeated(fact, times, at);
    }

    /// Takes in what the database kept.
    pub fn recall(&mut self, at: Timestamp, stored: StoredFact) {
        if let StoredFact::Trust(change) = stored {
            return self.trust(&change);
        }
        if let Some((fact, times)) = from_stored(stored) {
            self.learn(&fact, times, at);
        }
    }

    /// The operator's trust in a peer changed.
    fn trust(&mut self, change: &TrustChange) {
        self.lift_until(change.since);
        let given = change.given.as_ref().map(|given| Vouched {
            trust: given.trust,
            until: given.until,
        });
        let fact = self.anchors.give(change.peer, given, change.since);
        self.engine.learn(&fact, change.since);
    }

    /// The model as it is at `now`.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Engine {
        self.whole_at(now).0
    }

    /// The model as it is at `now`, and whom the operator trusts from then on.
    #[must_use]
    pub fn whole_at(mut self, now: Timestamp) -> (Engine, Anchors) {
        self.lift_until(now);
        (self.engine, self.anchors)
    }

    /// The model as it is at `now`, to be told more later.
    pub fn as_of(&mut self, now: Timestamp) -> &Engine {
        self.lift_until(now);
        &self.engine
    }

    fn lift_until(&mut self, now: Timestamp) {
        while let Some((_, _, fact)) = self.anchors.end(now) {
            self.engine.learn(&fact, now);
        }
    }
}

/// Whom the configuration trusts.
fn configured(config: &Config) -> Anchors {
    let vouched = |anchor: &crate::config::Anchor| {
        let (trust, until) = (anchor.trust, anchor.expires);
        (anchor.peer, Vouched { trust, until })
    };
    Anchors::configured(config.anchors.iter().map(vouched))
}

/// A stored fact as the models know it, and how often it was said; trust goes its own way.
fn from_stored(stored: StoredFact) -> Option<(Fact, u32)> {
    let fact = match stored {
        StoredFact::Trust(_) => return None,
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
    };
    Some(fact)
}
