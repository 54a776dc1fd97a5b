//! Opinions worked out anew from a database: what the model thought of an address at a time.

use std::{collections::HashSet, net::IpAddr};

use super::{context::Database, replay::Progress};
use crate::{
    app::{self, Recall},
    domain::{Opinion, Subject, Timestamp, Voice},
    reputation::{Engine, ModelKind, guards::Guard},
    store::{Reader, ReportRow, StatementRow, StoredFact},
};

/// Two opinions nearer than this are one: what the node stored is recomputed to the bit, and the
/// last bits are left to other processors.
pub(super) const SAME: f64 = 1e-12;

/// A question to the model: of which address, as of when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub subject: Subject,
    pub at: Timestamp,
}

/// Puts the questions to a model at their times, in one pass over the database; the answers stand
/// in the order of the questions.
pub(super) async fn ask<T: Send>(
    database: &Database,
    kind: ModelKind,
    questions: &[Question],
    mut answer: impl FnMut(&Engine, Question) -> T + Send,
) -> anyhow::Result<Vec<T>> {
    if is_local(kind) {
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let mut recall = Recall::of(kind, &database.config);
            for (at, fact) in database.reader.facts_about(question.subject).await? {
                if at <= question.at {
                    recall.recall(at, fact);
                }
            }
            answers.push(answer(&recall.at(question.at), *question));
        }
        return Ok(answers);
    }
    let mut waiting: Vec<(usize, Question)> = questions.iter().copied().enumerate().collect();
    waiting.sort_by_key(|(_, question)| std::cmp::Reverse(question.at));
    let mut answers: Vec<(usize, T)> = Vec::with_capacity(questions.len());
    let mut recall = Recall::of(kind, &database.config);
    let (mut progress, mut facts) = (Progress::new("facts", None), 0);
    let pass = |at: Timestamp, fact: StoredFact| {
        while let Some((place, question)) = waiting.pop_if(|(_, question)| question.at < at) {
            answers.push((place, answer(recall.as_of(question.at), question)));
        }
        if !waiting.is_empty() {
            recall.recall(at, fact);
        }
        facts += 1;
        progress.at(facts, 0);
    };
    database.reader.facts(pass).await?;
    progress.end();
    for (place, question) in waiting.into_iter().rev() {
        answers.push((place, answer(recall.as_of(question.at), question)));
    }
    answers.sort_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// Whether the reports on an address and what belongs to their authors are all a model looks at.
fn is_local(kind: ModelKind) -> bool {
    match kind {
        ModelKind::Slips | ModelKind::SlipsCompat | ModelKind::Mean | ModelKind::Median => true,
        ModelKind::Robust | ModelKind::Fides => false,
    }
}

/// Whether two opinions say the same, whenever they were computed.
pub(super) fn same(one: &Opinion, other: &Opinion) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= SAME;
    near(one.score.get(), other.score.get())
        && near(one.confidence.get(), other.confidence.get())
        && near(one.network_score.get(), other.network_score.get())
}

/// What the database holds on an address beside what the model makes of it.
pub(super) struct Record {
    pub subject: Subject,
    /// What the node stored last.
    pub stored: Option<Opinion>,
    /// What our own Slips said last.
    pub own: Option<StatementRow>,
    /// Why no opinion of it leaves the node.
    pub guard: Option<Guard>,
    reports: Vec<ReportRow>,
}

impl Record {
    pub(super) async fn of(
        database: &Database,
        subject: Subject,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let reader = &database.reader;
        Ok(Self {
            subject,
            stored: reader.opinion(subject).await?,
            own: reader.statements(subject).await?.pop(),
            guard: guard(database, subject, now).await?,
            reports: reports(reader, subject.ip()).await?,
        })
    }

    /// How often a report was said.
    pub(super) fn times(&self, voice: &Voice) -> u64 {
        let said = |row: &&ReportRow| {
            row.author == voice.author.0
                && (row.first_at..=row.last_at).contains(&voice.said_at)
                && row.score == voice.score
                && row.confidence == voice.confidence
        };
        let row = self.reports.iter().rev().find(said);
        row.map_or(1, |row| u64::from(row.repeats) + 1)
    }
}

/// The guard that holds for an address, as far as configuration, database and this host say.
pub(super) async fn guard(
    database: &Database,
    subject: Subject,
    now: Timestamp,
) -> anyhow::Result<Option<Guard>> {
    let own: HashSet<IpAddr> = app::own_addresses(&database.config.network.listen);
    let mut peer = database.reader.peer_at(subject.ip(), now).await?;
    if peer.is_none() {
        peer = (database.reader.address_book().await?).at(subject.ip(), now);
    }
    Ok(app::guards(&database.config, own).of(subject, peer, now))
}

/// The newest reports on an address; a number of repetitions beyond these is not shown.
async fn reports(reader: &Reader, ip: IpAddr) -> anyhow::Result<Vec<ReportRow>> {
    const MOST: usize = 65_536;
    let filter = crate::store::ReportFilter {
        ip: Some(ip),
        limit: MOST,
        ..Default::default()
    };
    Ok(reader.reports(filter).await?)
}

/// Puts a question to a model that has been told everything up to its time.
pub(super) async fn ask_of_everything<T: Send>(
    database: &Database,
    kind: ModelKind,
    at: Timestamp,
    answer: impl FnOnce(&Engine, Timestamp) -> T,
) -> anyhow::Result<T> {
    let mut recall = Recall::of(kind, &database.config);
    let (mut progress, mut facts) = (Progress::new("facts", None), 0);
    let pass = |then: Timestamp, fact: StoredFact| {
        if then <= at {
            recall.recall(then, fact);
        }
        facts += 1;
        progress.at(facts, 0);
    };
    database.reader.facts(pass).await?;
    progress.end();
    Ok(answer(recall.as_of(at), at))
}
