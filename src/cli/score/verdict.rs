//! What is known of one address, worked out anew from the facts in the database.

use anyhow::Context as _;

use super::REPORT;
use crate::{
    cli::{
        context::Database,
        judging::{self, Question, Record, same},
        output::{Cell, Tone},
    },
    domain::{Opinion, Subject, Timestamp},
    reputation::{Engine, Explanation, ModelKind, Share, TrustModel as _, guards::Guard},
    store::StatementRow,
};

/// From this score on an address is pointed out on a terminal: clearly on the malicious side.
const MALICIOUS: f64 = 0.5;

/// What is known of one address.
pub(super) struct Verdict {
    /// Which.
    pub subject: Subject,
    /// As the model computes it now.
    now: Option<Opinion>,
    /// As the model computes it as of the time of the stored one.
    then: Option<Opinion>,
    /// As the node last stored it and told Slips.
    stored: Option<Opinion>,
    own: Option<StatementRow>,
    /// Why no opinion of it leaves the node.
    guard: Option<Guard>,
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
    pub async fn of(database: &Database, subject: Subject, now: Timestamp) -> anyhow::Result<Self> {
        let kind = database.config.reputation.model;
        let record = Record::of(database, subject, now).await?;
        let then = record
            .stored
            .as_ref()
            .map_or(now, |stored| stored.computed_at);
        let questions = [then, now].map(|at| Question { subject, at });
        let explain = |engine: &Engine, Question { subject, at }| engine.explain(subject, at);
        let mut answers = judging::ask(database, kind, &questions, explain)
            .await?
            .into_iter();
        let then = answers.next().and_then(|it| it.opinion);
        let Explanation {
            opinion,
            shares,
            failed,
            ..
        } = answers.next().context("the model gave no answer")?;
        let mut said: Vec<Said> = shares
            .into_iter()
            .map(|share| Said {
                times: record.times(&share),
                share,
            })
            .collect();
        said.sort_by_key(|said| std::cmp::Reverse(said.share.said_at));
        Ok(Self {
            subject,
            now: opinion,
            then,
            stored: record.stored,
            own: record.own,
            guard: record.guard,
            model: kind,
            failed,
            said,
        })
    }

    /// Whether anybody ever said anything of it.
    pub fn is_known(&self) -> bool {
        self.shown().is_some() || self.own.is_some() || !self.said.is_empty()
    }

    /// What the node told Slips, as long as the model stands by it; else the opinion of now. The
    /// stored one, too, where its reports are no longer kept.
    fn shown(&self) -> Option<&Opinion> {
        match (&self.now, &self.stored) {
            (Some(_), Some(stored)) if !self.differs() => Some(stored),
            (Some(now), _) => Some(now),
            (None, stored) => stored.as_ref(),
        }
    }

    /// Whether the model says another thing of that time than what was stored.
    fn differs(&self) -> bool {
        match (&self.then, &self.stored) {
            (Some(then), Some(stored)) => !same(then, stored),
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
        if let Some(guard) = &self.guard {
            return Some(format!("guarded: {guard}; nothing leaves this node"));
        }
        match (&self.now, &self.stored) {
            (Some(now), Some(stored)) if !self.differs() => aged(now, stored),
            (Some(_), Some(stored)) => Some(format!(
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

    /// The word for the guard that holds, if one does.
    pub fn guarded(&self) -> Cell {
        self.guard.as_ref().map(|guard| guard.word()).into()
    }

    /// A row for each report, or one without.
    pub fn flat(&self) -> Vec<Vec<Cell>> {
        let with = |report: Vec<Cell>| {
            let mut cells = self.cells();
            cells.extend(report);
            cells.push(self.guarded());
            cells
        };
        if self.said.is_empty() {
            return vec![with(vec![Cell::Null; REPORT.len()])];
        }
        self.said.iter().map(|said| with(said.cells())).collect()
    }
}

/// What has become of an opinion since it was told, where that shows in the digits shown.
fn aged(now: &Opinion, stored: &Opinion) -> Option<String> {
    let moved = |a: f64, b: f64| (a - b).abs() >= 0.0005;
    let (score, sure) = (now.score.get(), now.confidence.get());
    (moved(score, stored.score.get()) || moved(sure, stored.confidence.get()))
        .then(|| format!("now {score:.3}, confidence {sure:.3}"))
}
