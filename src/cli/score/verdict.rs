//! What is known of one address, worked out anew from the facts in the database.

use std::collections::HashMap;

use super::REPORT;
use crate::{
    cli::output::{Cell, Tone},
    domain::{Opinion, Subject, Timestamp},
    reputation::{Engine, Explanation, Fact, ModelKind, Share, TrustModel as _},
    store::{Reader, StatementRow, StoredFact},
};

/// Two opinions nearer than this say the same: the tolerance the models are held to.
const SAME: f64 = 1e-9;
/// From this score on an address is pointed out on a terminal: clearly on the malicious side.
const MALICIOUS: f64 = 0.5;

/// What is known of one address.
pub(super) struct Verdict {
    /// Which.
    pub subject: Subject,
    /// As the model computes it now.
    now: Option<Opinion>,
    /// As the node last stored it and told Slips.
    stored: Option<Opinion>,
    own: Option<StatementRow>,
    model: ModelKind,
    /// Why the model fails on it, if it does.
    failed: Option<&'static str>,
    /// Newest first.
    pub said: Vec<Said>,
}

/// One report and its part in the opinion.
pub(super) struct Said {
    /// What was said, and its weight.
    pub share: Share,
    times: u64,
}

impl Said {
    /// The cells of [`REPORT`].
    pub fn cells(&self) -> Vec<Cell> {
        let share = &self.share;
        vec![
            share.author.0.into(),
            share.address.map(|ip| ip.to_string()).into(),
            share.score.get().into(),
            share.confidence.get().into(),
            share.said_at.into(),
            Cell::count(self.times),
            share.trust.into(),
            share.weight.into(),
            share.left_out.into(),
        ]
    }
}

impl Verdict {
    pub async fn of(
        reader: &Reader,
        mut engine: Engine,
        subject: Subject,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let facts = reader.facts_about(subject).await?;
        let mut times = HashMap::new();
        for (at, fact) in facts {
            let (fact, said) = learnable(fact);
            if let Fact::Report { author, .. } = &fact {
                *times.entry((*author, at)).or_insert(0) += u64::from(said);
            }
            engine.learn_repeated(&fact, said, at);
        }
        let Explanation {
            opinion,
            shares,
            failed,
            ..
        } = engine.explain(subject, now);
        let mut said: Vec<Said> = shares
            .into_iter()
            .map(|share| Said {
                times: times
                    .get(&(share.author, share.said_at))
                    .copied()
                    .unwrap_or(1),
                share,
            })
            .collect();
        said.sort_by_key(|said| std::cmp::Reverse(said.share.said_at));
        Ok(Self {
            subject,
            now: opinion,
            stored: reader.opinion(subject).await?,
            own: reader.statements(subject).await?.pop(),
            model: engine.kind(),
            failed,
            said,
        })
    }

    /// Whether anybody ever said anything of it.
    pub fn is_known(&self) -> bool {
        self.shown().is_some() || self.own.is_some() || !self.said.is_empty()
    }

    /// The opinion as it is now; the stored one where its reports are no longer kept.
    fn shown(&self) -> Option<&Opinion> {
        match (&self.now, &self.stored) {
            // The same opinion keeps the time it was computed at.
            (Some(now), Some(stored)) if same(now, stored) => Some(stored),
            (Some(now), _) => Some(now),
            (None, stored) => stored.as_ref(),
        }
    }

    fn differs(&self) -> bool {
        match (&self.now, &self.stored) {
            (Some(now), Some(stored)) => !same(now, stored),
            (None, None) => false,
            _ => true,
        }
    }

    pub fn tone(&self) -> Tone {
        match self.shown() {
            None => Tone::Faint,
            Some(opinion) if opinion.score.get() >= MALICIOUS => Tone::Bad,
            Some(_) => Tone::Plain,
        }
    }

    fn remark(&self) -> Option<String> {
        if let Some(failed) = self.failed {
            return Some(failed.into());
        }
        match (&self.now, &self.stored) {
            (Some(now), Some(stored)) if !same(now, stored) => Some(format!(
                "Slips was told {:.3}, confidence {:.3}, at {}",
                stored.score.get(),
                stored.confidence.get(),
                stored.computed_at
            )),
            (Some(_), None) => Some("Slips was told nothing yet".into()),
            (None, Some(_)) => Some("the reports behind it are no longer kept".into()),
            (None, None) if !self.said.is_empty() => Some("no report counts".into()),
            _ => None,
        }
    }

    /// The cells of [`super::ADDRESS`].
    pub fn cells(&self) -> Vec<Cell> {
        let shown = self.shown();
        let own = self.own.as_ref();
        let stored = self.stored.as_ref();
        vec![
            self.subject.to_string().into(),
            shown.map(|opinion| opinion.score.get()).into(),
            shown.map(|opinion| opinion.confidence.get()).into(),
            shown.map(|opinion| opinion.network_score.get()).into(),
            shown.map(|opinion| opinion.reporters).into(),
            shown.map(|opinion| opinion.computed_at).into(),
            self.model.word().into(),
            own.map(|own| own.score.get()).into(),
            own.map(|own| own.confidence.get()).into(),
            own.map(|own| own.last_at).into(),
            stored.map(|opinion| opinion.score.get()).into(),
            stored.map(|opinion| opinion.confidence.get()).into(),
            stored.map(|opinion| opinion.network_score.get()).into(),
            stored.map(|opinion| opinion.computed_at).into(),
            self.differs().into(),
            self.remark().into(),
        ]
    }

    /// A row for each report, or one without.
    pub fn flat(&self) -> Vec<Vec<Cell>> {
        let with = |report: Vec<Cell>| {
            let mut cells = self.cells();
            cells.extend(report);
            cells
        };
        if self.said.is_empty() {
            return vec![with(vec![Cell::Null; REPORT.len()])];
        }
        self.said.iter().map(|said| with(said.cells())).collect()
    }
}

/// Whether two opinions say the same, whenever they were computed.
fn same(one: &Opinion, other: &Opinion) -> bool {
    (one.score.get() - other.score.get()).abs() < SAME
        && (one.confidence.get() - other.confidence.get()).abs() < SAME
        && (one.network_score.get() - other.network_score.get()).abs() < SAME
}

/// A stored fact as the models learn it, and how often it was said.
fn learnable(fact: StoredFact) -> (Fact, u32) {
    match fact {
        StoredFact::PeerAddress { peer, ip } => (Fact::PeerAddress { peer, ip }, 1),
        StoredFact::PeerReliability { peer, reliability } => {
            (Fact::PeerReliability { peer, reliability }, 1)
        }
        StoredFact::Report(report, repeats) => (
            Fact::Report {
                author: report.author,
                subject: report.subject,
                score: report.score,
                confidence: report.confidence,
            },
            repeats.saturating_add(1),
        ),
        StoredFact::OwnStatement(own) => (
            Fact::OwnStatement {
                subject: own.subject,
                score: own.score,
                confidence: own.confidence,
            },
            1,
        ),
    }
}
