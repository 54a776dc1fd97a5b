//! The trust model as configuration and database make it: what a node starts with, and what the
//! commands explain. Both go through here, so that they cannot differ.
//!
//! What is worked out again is what the node thought then, but where the past is gone: what retention
//! removed or the model forgot for its age (within an hour of that age either may be first), what a
//! full table pushed out, and what was stored while the clock stood wrong by more than a minute.

use crate::config::Config;
use crate::domain::{Author, OwnStatement, ReceivedReport, Timestamp, TrustChange};
use crate::reputation::{
    Engine, Fact, ModelKind, TrustModel,
    anchors::{Anchors, Vouched},
};
use crate::store::{REPEATS_WITHIN, Store, StoreError, StoredFact};

/// Facts between two words about how far a rebuild is: about a second's work.
const REBUILD_WORD: u64 = 250_000;

/// A model that is being told what the database knows.
#[derive(Debug)]
pub struct Recall {
    engine: Engine,
    /// Whom the operator trusts.
    anchors: Anchors,
}

/// What a node starts with.
#[derive(Debug)]
pub struct Rebuilt {
    /// The model.
    pub engine: Engine,
    /// Whom the operator trusts from now on.
    pub anchors: Anchors,
    /// What our own Slips said so lately that it may be repeated.
    pub statements: Vec<OwnStatement>,
    /// The time of the last thing the model was told; what comes next must be later.
    pub latest: Timestamp,
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

    /// What a node starts with: the model of the configuration told all that the database knows, as
    /// it is at `now`.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn rebuild(
        store: &Store,
        config: &Config,
        now: Timestamp,
    ) -> Result<Rebuilt, StoreError> {
        let mut recall = Self::new(config);
        let recent = now.minus(REPEATS_WITHIN);
        let (mut statements, mut latest) = (Vec::new(), Timestamp::ZERO);
        let mut read = 0_u64;
        let told = store.facts(|at, stored| {
            read += 1;
            if read.is_multiple_of(REBUILD_WORD) {
                tracing::info!(facts = read, "rebuilding the trust model from the database");
            }
            if let StoredFact::OwnStatement(own) = &stored
                && at > recent
            {
                statements.push(own.clone());
            }
            latest = latest.max(at);
            recall.recall(at, stored);
        });
        let facts = told.await?;
        let model = config.reputation.model.word();
        tracing::info!(facts, model, "trust model rebuilt from the database");
        let (engine, anchors) = recall.whole_at(now);
        Ok(Rebuilt {
            engine,
            anchors,
            statements,
            latest,
        })
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
        while let Some((end, _, fact)) = self.anchors.end(now) {
            self.engine.learn(&fact, end);
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
    };
    Some(fact)
}
