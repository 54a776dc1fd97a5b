//! The tables of statements: `report` (what peers said) and `own_statement` (what our Slips said).

use std::collections::HashMap;

use sqlx::Row;

use super::{
    Accepted, REPEATS_WITHIN,
    runs::{Run, Said, fold},
    sql::ManyRows,
    transaction::Transaction,
};
use crate::domain::{OwnStatement, Subject, Timestamp};

const INSERT_REPORTS: ManyRows = ManyRows {
    head: "INSERT INTO report (author, heard_from, subject, score, confidence, first_at, last_at, repeats)",
    columns: 8,
    tail: "",
};

/// An object's keys are subjects, its values authors: one text in, one row out for each pair that is known.
const NEWEST_REPORTS: &str = "SELECT asked.value AS author, asked.key AS subject, r.id, r.score, r.confidence, r.first_at
     FROM json_each(?) AS asked JOIN report AS r ON r.id = (
         SELECT id FROM report WHERE subject = asked.key AND author = asked.value ORDER BY id DESC LIMIT 1)";

const REFRESH_REPORTS: &str = "UPDATE report
     SET last_at = max(last_at, again.value ->> 1), repeats = min(repeats + (again.value ->> 2), 4294967295)
     FROM json_each(?) AS again WHERE report.id = again.value ->> 0";

const INSERT_STATEMENTS: ManyRows = ManyRows {
    head: "INSERT INTO own_statement (subject, score, confidence, first_at, last_at, repeats)",
    columns: 6,
    tail: "",
};

const NEWEST_STATEMENTS: &str =
    "SELECT 0 AS author, asked.value AS subject, s.id, s.score, s.confidence, s.first_at
     FROM json_each(?) AS asked JOIN own_statement AS s ON s.id = (
         SELECT id FROM own_statement WHERE subject = asked.value ORDER BY id DESC LIMIT 1)";

const REFRESH_STATEMENTS: &str = "UPDATE own_statement
     SET last_at = max(last_at, again.value ->> 1), repeats = min(repeats + (again.value ->> 2), 4294967295)
     FROM json_each(?) AS again WHERE own_statement.id = again.value ->> 0";

/// Who said it (0: our own Slips) of which address.
type Key = (i64, Subject);

/// Stores reports; `id_of` gives the short ids of author and neighbour.
pub(super) async fn write_reports<'a>(
    transaction: &mut Transaction<'_>,
    reports: impl Iterator<Item = (&'a Accepted, i64, i64)>,
) -> Result<(), sqlx::Error> {
    let said = reports.map(|(accepted, author, heard_from)| {
        let report = &accepted.report;
        let said = Said {
            score: report.score,
            confidence: report.confidence,
            at: report.received_at,
            heard_from: (heard_from != author).then_some(heard_from),
            joins_since: accepted.joins_since,
        };
        ((author, report.subject), said)
    });
    let mut runs = fold(said);
    let asked = pairs(&runs);
    take_up(
        transaction,
        &mut runs,
        &asked,
        NEWEST_REPORTS,
        REFRESH_REPORTS,
    )
    .await?;
    INSERT_REPORTS
        .write(transaction, &runs, |statement, run| {
            statement
                .bind(run.key.0)
                .bind(run.heard_from)
                .bind(run.key.1.to_string())
                .bind(run.score.get())
                .bind(run.confidence.get())
                .bind(run.first_at.as_micros())
                .bind(run.last_at.as_micros())
                .bind(i64::from(run.repeats))
        })
        .await
}

/// Stores what our own Slips said.
pub(super) async fn write_statements<'a>(
    transaction: &mut Transaction<'_>,
    statements: impl Iterator<Item = &'a OwnStatement>,
) -> Result<(), sqlx::Error> {
    let mut runs = fold(statements.map(|own| {
        let said = Said {
            score: own.score,
            confidence: own.confidence,
            at: own.said_at,
            heard_from: None,
            joins_since: Timestamp::from_micros(i64::MIN),
        };
        ((0, own.subject), said)
    }));
    let subjects: Vec<String> = runs
        .iter()
        .filter(|run| run.opens)
        .map(|run| run.key.1.to_string())
        .collect();
    let asked = serde_json::json!(subjects).to_string();
    take_up(
        transaction,
        &mut runs,
        &asked,
        NEWEST_STATEMENTS,
        REFRESH_STATEMENTS,
    )
    .await?;
    INSERT_STATEMENTS
        .write(transaction, &runs, |statement, run| {
            statement
                .bind(run.key.1.to_string())
                .bind(run.score.get())
                .bind(run.confidence.get())
                .bind(run.first_at.as_micros())
                .bind(run.last_at.as_micros())
                .bind(i64::from(run.repeats))
        })
        .await
}

/// Refreshes the newest rows that say what a run says, and leaves the runs that need a row of their own.
async fn take_up(
    transaction: &mut Transaction<'_>,
    runs: &mut Vec<Run<Key>>,
    asked: &str,
    newest: &'static str,
    refresh: &'static str,
) -> Result<(), sqlx::Error> {
    let mut known: HashMap<Key, (i64, f64, f64, i64)> = HashMap::new();
    transaction.add(newest, |row| row.bind(asked.to_owned()));
    for row in transaction.rows().await? {
        let subject: &str = row.try_get("subject")?;
        if let Ok(subject) = subject.parse() {
            let what = (
                row.try_get("id")?,
                row.try_get("score")?,
                row.try_get("confidence")?,
                row.try_get("first_at")?,
            );
            known.insert((row.try_get("author")?, subject), what);
        }
    }
    let mut again: Vec<(i64, i64, i64)> = Vec::new();
    runs.retain(|run| {
        let same = known.get(&run.key).filter(|(_, score, confidence, first)| {
            run.opens
                && *score == run.score.get()
                && *confidence == run.confidence.get()
                && run.first_at.since(Timestamp::from_micros(*first)) < REPEATS_WITHIN
                && Timestamp::from_micros(*first) >= run.joins_since
        });
        if let Some((id, ..)) = same {
            again.push((*id, run.last_at.as_micros(), i64::from(run.repeats) + 1));
        }
        same.is_none()
    });
    if again.is_empty() {
        return Ok(());
    }
    let again = serde_json::json!(again).to_string();
    transaction.add(refresh, |row| row.bind(again));
    Ok(())
}

/// The runs that may go on from a row in the database, as a JSON object whose keys may repeat.
fn pairs(runs: &[Run<Key>]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(runs.len() * 24 + 2);
    text.push('{');
    for run in runs.iter().filter(|run| run.opens) {
        let comma = if text.len() == 1 { "" } else { "," };
        // An address needs no escaping in JSON.
        let _ = write!(text, "{comma}\"{}\":{}", run.key.1, run.key.0);
    }
    text.push('}');
    text
}
