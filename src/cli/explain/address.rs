//! Why an address is judged as it is.

use super::draw::{bar, span};
use crate::{
    cli::{
        context::Context,
        exit::Exit,
        judging::{self, Question, Record, same},
        output::{Cell, Column, Format, Tone, column, detail, remark},
    },
    domain::{Opinion, Subject, Timestamp},
    reputation::{Engine, Explanation, ModelKind, Share, TrustModel as _},
};

/// The columns of the explanation, for programs.
const EXPLAINED: &[Column] = &[
    detail("address"),
    detail("model"),
    detail("as_of"),
    detail("score"),
    detail("confidence"),
    detail("network_score"),
    detail("reporters"),
    detail("with_own_score"),
    detail("with_own_confidence"),
    detail("guard"),
    detail("guard_reason"),
    detail("stored_score"),
    detail("stored_confidence"),
    detail("stored_network_score"),
    detail("stored_at"),
    detail("recomputed_equal"),
    detail("now_score"),
    detail("now_confidence"),
    detail("own_score"),
    detail("own_confidence"),
    detail("own_said_at"),
    detail("failed"),
    detail("log_odds"),
    detail("reports"),
];

const NUMBER: &[Column] = &[detail("name"), detail("value")];

/// The columns of a report, for programs.
const REPORT: &[Column] = &[
    detail("peer"),
    detail("peer_ip"),
    detail("score"),
    detail("confidence"),
    detail("said_at"),
    detail("times"),
    detail("age_s"),
    detail("kept"),
    detail("trust"),
    detail("weight"),
    detail("left_out"),
    detail("without_score"),
    detail("without_confidence"),
    detail("without_network_score"),
    detail("parts"),
];

/// The columns of a report, for people.
const WHO: &[Column] = &[
    column("peer", "PEER"),
    column("peer_ip", "AT"),
    column("score", "SAYS"),
    column("confidence", "CONFIDENCE"),
    column("age", "AGE"),
    column("kept", "KEPT"),
    column("trust", "TRUST"),
    column("weight", "WEIGHT"),
    remark(""),
    column("without", "WITHOUT IT"),
    column("left_out", "LEFT OUT BECAUSE"),
];

/// The model's answer as of a time, with what it would be without the strongest.
struct Answer {
    explanation: Explanation,
    without: Vec<(Share, Option<Opinion>)>,
}

impl Answer {
    fn of(engine: &Engine, question: Question, strongest: usize) -> Self {
        let Question { subject, at } = question;
        let mut explanation = engine.explain(subject, at);
        let shares = std::mem::take(&mut explanation.shares);
        let without = shares.into_iter().enumerate().map(|(place, share)| {
            let counts = share.left_out.is_none() && place < strongest;
            let opinion = counts.then(|| engine.without(subject, share.author, at));
            (share, opinion.flatten())
        });
        Self {
            without: without.collect(),
            explanation,
        }
    }
}

pub(super) async fn explain(
    subject: Subject,
    model: Option<ModelKind>,
    strongest: usize,
    context: &mut Context<'_>,
) -> anyhow::Result<Exit> {
    let database = context.database().await?;
    let kind = model.unwrap_or(database.config.reputation.model);
    let now = Timestamp::now();
    let record = Record::of(&database, subject, now).await?;
    let then = record
        .stored
        .as_ref()
        .map_or(now, |stored| stored.computed_at);
    let questions = [then, now].map(|at| Question { subject, at });
    let answers = judging::ask(&database, kind, &questions, |engine, question| {
        Answer::of(engine, question, strongest)
    });
    let mut answers = answers.await?.into_iter();
    let (Some(then_says), Some(now_says)) = (answers.next(), answers.next()) else {
        return Err(Exit::Error.because("the model gave no answer; report this as a fault"));
    };
    let told = Told {
        record,
        kind,
        then,
        now,
        says: then_says,
        now_says: now_says.explanation.opinion,
        strongest,
    };
    match context.format() {
        Format::Human => told.for_people(context)?,
        Format::Json | Format::Jsonl => context.record(EXPLAINED, told.cells())?,
        Format::Csv => {
            let mut printer = context.printer(REPORT)?;
            for cells in told.reports() {
                printer.row(cells)?;
            }
            printer.end()?;
        }
    }
    Ok(if told.is_known() {
        Exit::Ok
    } else {
        Exit::NotFound
    })
}

/// Everything there is to say of an address.
struct Told {
    record: Record,
    kind: ModelKind,
    then: Timestamp,
    now: Timestamp,
    says: Answer,
    now_says: Option<Opinion>,
    strongest: usize,
}

impl Told {
    fn is_known(&self) -> bool {
        let Record { stored, own, .. } = &self.record;
        stored.is_some() || own.is_some() || !self.says.without.is_empty()
    }

    /// Whether what was worked out is what the node stored; `None` where it stored nothing.
    fn is_equal(&self) -> Option<bool> {
        let stored = self.record.stored.as_ref()?;
        let opinion = self.says.explanation.opinion.as_ref();
        Some(opinion.is_some_and(|opinion| same(opinion, stored)))
    }

    fn cells(&self) -> Vec<Cell> {
        let Explanation {
            opinion,
            verdict,
            totals,
            failed,
            ..
        } = &self.says.explanation;
        let Record {
            stored, own, guard, ..
        } = &self.record;
        let score = |it: &Option<Opinion>| it.as_ref().map(|it| it.score.get()).into();
        let sure = |it: &Option<Opinion>| it.as_ref().map(|it| it.confidence.get()).into();
        let trust = |it: &Option<Opinion>| it.as_ref().map(|it| it.network_score.get()).into();
        let mut cells: Vec<Cell> = vec![
            self.record.subject.to_string().into(),
            self.kind.word().into(),
            self.then.into(),
        ];
        cells.extend([score(opinion), sure(opinion), trust(opinion)]);
        cells.push(opinion.as_ref().map(|it| it.reporters).into());
        cells.extend([score(verdict), sure(verdict)]);
        cells.push(guard.as_ref().map(|it| it.word()).into());
        cells.push(guard.as_ref().map(ToString::to_string).into());
        cells.extend([score(stored), sure(stored), trust(stored)]);
        cells.push(stored.as_ref().map(|it| it.computed_at).into());
        cells.push(self.is_equal().into());
        cells.extend([score(&self.now_says), sure(&self.now_says)]);
        cells.push(own.as_ref().map(|it| it.score.get()).into());
        cells.push(own.as_ref().map(|it| it.confidence.get()).into());
        cells.push(own.as_ref().map(|it| it.last_at).into());
        cells.push((*failed).into());
        cells.push(numbers(totals));
        cells.push(Cell::Rows(REPORT, self.reports()));
        cells
    }

    /// The cells of [`REPORT`], a row for each report.
    fn reports(&self) -> Vec<Vec<Cell>> {
        let row = |(share, without): &(Share, Option<Opinion>)| {
            let without = without.as_ref();
            vec![
                share.author.0.into(),
                share.address.map(|ip| ip.to_string()).into(),
                share.score.get().into(),
                share.confidence.get().into(),
                share.said_at.into(),
                Cell::count(self.record.times(&share.clone().into())),
                self.then.since(share.said_at).as_secs_f64().into(),
                kept(share).into(),
                share.trust.into(),
                share.weight.into(),
                share.left_out.into(),
                without.map(|it| it.score.get()).into(),
                without.map(|it| it.confidence.get()).into(),
                without.map(|it| it.network_score.get()).into(),
                numbers(&share.parts),
            ]
        };
        self.says.without.iter().map(row).collect()
    }

    fn for_people(&self, context: &mut Context<'_>) -> anyhow::Result<()> {
        let bars = context.draws();
        for (tone, line) in self.lines() {
            context.line(tone, &line)?;
        }
        if self.says.without.is_empty() {
            return Ok(());
        }
        context.line(Tone::Plain, "")?;
        let mut printer = context.printer(WHO)?;
        for (place, (share, without)) in self.says.without.iter().enumerate() {
            let drawn = if bars {
                bar(share.weight)
            } else {
                String::new()
            };
            let without = match (share.left_out, without) {
                (None, Some(it)) => Some(in_short(it)),
                (None, None) if place < self.strongest => Some("no opinion".into()),
                _ => None,
            };
            let cells = vec![
                share.author.0.into(),
                share.address.map(|ip| ip.to_string()).into(),
                share.score.get().into(),
                share.confidence.get().into(),
                span(self.then.since(share.said_at)).into(),
                kept(share).into(),
                share.trust.into(),
                share.weight.into(),
                drawn.into(),
                without.into(),
                share.left_out.into(),
            ];
            printer.toned(tone(share), cells)?;
        }
        printer.end()?;
        let totals = &self.says.explanation.totals;
        if !totals.is_empty() {
            let sum: f64 = totals.iter().map(|(_, value)| value).sum();
            let parts: Vec<_> = (totals.iter())
                .map(|(name, value)| format!("{name} {value:+.3}"))
                .collect();
            let line = format!("\nlog-odds: {} = {sum:+.3}", parts.join(", "));
            context.line(Tone::Plain, &line)?;
        }
        Ok(())
    }

    /// What stands above the table.
    fn lines(&self) -> Vec<(Tone, String)> {
        let Explanation {
            opinion,
            verdict,
            failed,
            ..
        } = &self.says.explanation;
        let (subject, model) = (self.record.subject, self.kind.word());
        let mut lines = vec![match opinion {
            Some(it) => {
                let tone = if it.score.get() >= 0.5 {
                    Tone::Bad
                } else {
                    Tone::Good
                };
                let trust = it.network_score.get();
                let what = in_short(it);
                let by = it.reporters;
                let at = self.then;
                (
                    tone,
                    format!(
                        "{subject}: {what}, network score {trust:.3}; by {model} from {by} reporters at {at}"
                    ),
                )
            }
            None => (
                Tone::Plain,
                format!("{subject}: no opinion, by {model} at {}", self.then),
            ),
        }];
        let mut say = |tone, line: String| lines.push((tone, line));
        if let Some(failed) = failed {
            say(Tone::Warn, format!("the model fails: {failed}"));
        }
        if let Some(guard) = &self.record.guard {
            say(
                Tone::Warn,
                format!("guarded: {guard}; no opinion leaves this node"),
            );
        }
        match (self.is_equal(), &self.record.stored) {
            (Some(true), _) => say(
                Tone::Faint,
                "worked out anew from the database: what the node stored".into(),
            ),
            (Some(false), Some(stored)) => say(
                Tone::Warn,
                format!(
                    "the node stored {}: by another model or other settings, or from reports no longer kept",
                    in_short(stored)
                ),
            ),
            _ => say(Tone::Faint, "the node stored no opinion".into()),
        }
        if let (Some(own), Some(verdict)) = (&self.record.own, verdict) {
            let (score, sure) = (own.score.get(), own.confidence.get());
            say(
                Tone::Plain,
                format!(
                    "our own Slips said {score:.3} ({sure:.3}) {} ago; with that: {}",
                    span(self.now.since(own.last_at)),
                    in_short(verdict)
                ),
            );
        }
        if let Some(it) = &self.now_says
            && self.now > self.then
        {
            let later = span(self.now.since(self.then));
            say(Tone::Plain, format!("now, {later} later: {}", in_short(it)));
        }
        lines
    }
}

fn in_short(opinion: &Opinion) -> String {
    let (score, sure) = (opinion.score.get(), opinion.confidence.get());
    format!("{score:.3} ({sure:.3})")
}

/// What age has left of a report, where the model lets reports age.
fn kept(share: &Share) -> Option<f64> {
    let part = share.parts.iter().find(|(name, _)| *name == "kept");
    part.map(|(_, value)| *value)
}

fn numbers(parts: &[(&'static str, f64)]) -> Cell {
    let row = |(name, value): &(&'static str, f64)| vec![(*name).into(), (*value).into()];
    Cell::Rows(NUMBER, parts.iter().map(row).collect())
}

/// Believed, doubted, or of no weight.
fn tone(share: &Share) -> Tone {
    const DOUBTED: f64 = 0.45;
    match share.trust {
        _ if share.left_out.is_some() => Tone::Faint,
        trust if trust < DOUBTED => Tone::Warn,
        _ => Tone::Plain,
    }
}
