//! What is known of one address, as the running node tells it or worked out anew from the database.

use std::{borrow::Cow, time::Duration};

use super::REPORT;
use crate::{
    app,
    cli::{
        context::Database,
        judging::{self, Question, Record, same},
        output::{Cell, Tone},
    },
    domain::{Judgement, Opinion, Subject, Timestamp, Voice},
    reputation::{Engine, TrustModel as _, guards::Guard},
    store::StatementRow,
};

/// From this score on an address is pointed out on a terminal: clearly on the malicious side.
const MALICIOUS: f64 = 0.5;

/// How long the running node may take for an answer: it gives one after the batch it is at.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What is known of one address.
pub(super) struct Verdict {
    /// Which.
    pub subject: Subject,
    /// As the model computes it now.
    now: Option<Opinion>,
    /// As the model computes it as of the time of the stored one; the running node cannot look back.
    then: Option<Opinion>,
    /// As the node last stored it and told Slips.
    stored: Option<Opinion>,
    own: Option<StatementRow>,
    /// Why no opinion of it leaves the node.
    guard: Option<Guard>,
    model: Cow<'static, str>,
    /// Why the model fails on it, if it does.
    failed: Option<Cow<'static, str>>,
    /// Newest first.
    pub said: Vec<Said>,
    by: By,
}

/// Who worked a verdict out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The running node told what it thinks.
    Node,
    /// This command, anew from the database.
    Database,
}

impl By {
    fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Database => "database",
        }
    }
}

/// One report and its part in the opinion.
pub(super) struct Said {
    /// What was said, and its weight.
    pub voice: Voice,
    times: u64,
}

impl Said {
    /// The cells of [`REPORT`].
    pub fn cells(&self) -> Vec<Cell> {
        let voice = &self.voice;
        vec![
            voice.author.0.into(),
            voice.address.map(|ip| ip.to_string()).into(),
            voice.score.get().into(),
            voice.confidence.get().into(),
            voice.said_at.into(),
            Cell::count(self.times),
            voice.trust.into(),
            voice.weight.into(),
            voice.left_out.as_deref().into(),
        ]
    }
}

/// Worked out by the running node.
///
/// # Errors
/// It does not answer, or the database cannot be read.
pub(super) async fn by_node(
    database: &Database,
    subjects: &[Subject],
    now: Timestamp,
) -> anyhow::Result<Vec<Verdict>> {
    let socket = app::control_socket(&database.config);
    let mut verdicts = Vec::with_capacity(subjects.len());
    for &subject in subjects {
        let judgement = app::judged_by_running_node(&socket, subject, ANSWER_LIMIT).await?;
        let record = Record::of(database, subject, now).await?;
        verdicts.push(Verdict::new(record, None, judgement, By::Node));
    }
    Ok(verdicts)
}

/// Worked out anew from the database, in one pass over it.
///
/// # Errors
/// It cannot be read.
pub(super) async fn by_database(
    database: &Database,
    subjects: &[Subject],
    now: Timestamp,
) -> anyhow::Result<Vec<Verdict>> {
    let kind = database.config.reputation.model;
    let (mut records, mut questions) = (Vec::new(), Vec::new());
    for &subject in subjects {
        let record = Record::of(database, subject, now).await?;
        let stored = record.stored.as_ref();
        let then = stored.map_or(now, |stored| stored.computed_at);
        questions.extend([then, now].map(|at| Question { subject, at }));
        records.push(record);
    }
    let judge = |engine: &Engine, Question { subject, at }| {
        engine.explain(subject, at).judgement(kind.word())
    };
    let mut answers = judging::ask(database, kind, &questions, judge)
        .await?
        .into_iter();
    let mut verdicts = Vec::with_capacity(subjects.len());
    for record in records {
        let (Some(then), Some(judgement)) = (answers.next(), answers.next()) else {
            anyhow::bail!("the model gave no answer; report this as a fault");
        };
        verdicts.push(Verdict::new(record, then.opinion, judgement, By::Database));
    }
    Ok(verdicts)
}

impl Verdict {
    fn new(record: Record, then: Option<Opinion>, judgement: Judgement, by: By) -> Self {
        let mut said: Vec<Said> = (judgement.voices.into_iter())
            .map(|voice| Said {
                times: record.times(&voice),
                voice,
            })
            .collect();
        said.sort_by_key(|said| std::cmp::Reverse(said.voice.said_at));
        Self {
            subject: record.subject,
            now: judgement.opinion,
            then,
            stored: record.stored,
            own: record.own,
            guard: record.guard,
            model: judgement.model,
            failed: judgement.failed,
            said,
            by,
        }
    }

    /// Whether anybody ever said anything of it.
    pub fn is_known(&self) -> bool {
        self.shown().is_some() || self.own.is_some() || !self.said.is_empty()
    }

    /// What the node told Slips, as long as the model is found to stand by it; else the opinion of now.
    /// The stored one, too, where its reports are no longer kept.
    fn shown(&self) -> Option<&Opinion> {
        match (&self.now, &self.stored) {
            (Some(_), Some(stored)) if self.differs() == Some(false) => Some(stored),
            (Some(now), _) => Some(now),
            (None, stored) => stored.as_ref(),
        }
    }

    /// Whether the model says another thing of that time than what was stored; `None` where it was not
    /// asked of that time.
    fn differs(&self) -> Option<bool> {
        let recomputed = self.by == By::Database;
        recomputed.then(|| match (&self.then, &self.stored) {
            (Some(then), Some(stored)) => !same(then, stored),
            (None, None) => false,
            _ => true,
        })
    }

    pub fn tone(&self) -> Tone {
        match self.shown() {
            None => Tone::Faint,
            Some(opinion) if opinion.score.get() >= MALICIOUS => Tone::Bad,
            Some(_) => Tone::Plain,
        }
    }

    fn remark(&self) -> Option<String> {
        if let Some(failed) = &self.failed {
            return Some(failed.clone().into_owned());
        }
        if let Some(guard) = &self.guard {
            return Some(format!("guarded: {guard}; nothing leaves this node"));
        }
        match (&self.now, &self.stored) {
            (Some(now), Some(stored)) if self.differs() == Some(false) => is_aged(now, stored)
                .then(|| {
                    format!(
                        "now {:.3}, confidence {:.3}",
                        now.score.get(),
                        now.confidence.get()
                    )
                }),
            (Some(now), Some(stored)) => {
                let is_told = self.by == By::Database || is_aged(now, stored);
                is_told.then(|| {
                    format!(
                        "Slips was told {:.3}, confidence {:.3}, at {}",
                        stored.score.get(),
                        stored.confidence.get(),
                        stored.computed_at
                    )
                })
            }
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
            (&*self.model).into(),
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

    /// The word for the guard that holds, if one does, and for who worked this out.
    pub fn sources(&self) -> [Cell; 2] {
        let guard = self.guard.as_ref().map(|guard| guard.word());
        [guard.into(), self.by.word().into()]
    }

    /// A row for each report, or one without.
    pub fn flat(&self) -> Vec<Vec<Cell>> {
        let with = |report: Vec<Cell>| {
            let mut cells = self.cells();
            cells.extend(report);
            cells.extend(self.sources());
            cells
        };
        if self.said.is_empty() {
            return vec![with(vec![Cell::Null; REPORT.len()])];
        }
        self.said.iter().map(|said| with(said.cells())).collect()
    }
}

/// Whether an opinion shows other digits than when it was told.
fn is_aged(now: &Opinion, stored: &Opinion) -> bool {
    let moved = |a: f64, b: f64| (a - b).abs() >= 0.0005;
    moved(now.score.get(), stored.score.get())
        || moved(now.confidence.get(), stored.confidence.get())
}
