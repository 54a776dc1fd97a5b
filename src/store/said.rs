//! The tables of statements: `report` (what peers said) and `own_statement` (what our Slips said).

use std::collections::HashMap;

use sqlx::Row;

use super::{
    Accepted, REPEATS_WITHIN,
    runs::{Run, Said, fold},
    sql::{ManyRows, ROWS},
    transaction::{Parameters, Transaction},
};
use crate::domain::{OwnStatement, Subject, Timestamp};

/// How a table of statements is written.
struct Table {
    /// Adds the runs that are rows of their own.
    insert: ManyRows,
    /// Adds the runs that do not go on from the newest row on their subject, of their author.
    insert_new: ManyRows,
    /// Lets the newest rows go on, where a run goes on from them.
    go_on: ManyRows,
    /// An object's keys are subjects, its values authors: one text in, one row out for each pair that
    /// is known.
    newest: &'static str,
    refresh: &'static str,
}

/// So many runs at most are sorted out by the database itself, in the same piece in which they are
/// written; with more than that asking first is cheaper.
const FEW: usize = 64;

/// Of a run: author, subject, score, confidence, beginning, end, repetitions, the earliest beginning of a
/// row it may join, whether it may join one, neighbour.
const COLUMNS: usize = 10;

macro_rules! newest {
    (report) => {
        "(SELECT id FROM report AS r WHERE r.subject = column2 AND r.author = column1 ORDER BY id DESC LIMIT 1)"
    };
    (own_statement) => {
        "(SELECT id FROM own_statement AS r WHERE r.subject = column2 ORDER BY id DESC LIMIT 1)"
    };
}

/// Whether a run goes on from a row: [`REPEATS_WITHIN`] is 24 hours.
macro_rules! goes_on {
    ($table:ident) => {
        concat!(
            "column9 AND old.id = ",
            newest!($table),
            " AND old.score = column3 AND old.confidence = column4
              AND column5 - old.first_at < 86400000000 AND old.first_at >= column8"
        )
    };
}

macro_rules! table {
    ($table:ident, $columns:literal, $values:literal, $asked:literal) => {
        Table {
            insert: ManyRows {
                head: concat!("INSERT INTO ", stringify!($table), " (", $columns, ") SELECT ", $values, " FROM"),
                columns: COLUMNS,
                tail: ROWS,
            },
            insert_new: ManyRows {
                head: concat!("INSERT INTO ", stringify!($table), " (", $columns, ") SELECT ", $values, " FROM"),
                columns: COLUMNS,
                tail: concat!(
                    "WHERE column1 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ", stringify!($table),
                    " AS old WHERE ", goes_on!($table), ")"
                ),
            },
            go_on: ManyRows {
                head: concat!(
                    "UPDATE ", stringify!($table), " AS old
                     SET last_at = max(last_at, column6), repeats = min(repeats + column7 + 1, 4294967295) FROM"
                ),
                columns: COLUMNS,
                tail: concat!("WHERE ", goes_on!($table)),
            },
            newest: $asked,
            refresh: concat!(
                "UPDATE ", stringify!($table), "
                 SET last_at = max(last_at, again.value ->> 1), repeats = min(repeats + (again.value ->> 2), 4294967295)
                 FROM json_each(?) AS again WHERE ", stringify!($table), ".id = again.value ->> 0"
            ),
        }
    };
}

const REPORTS: Table = table!(
    report,
    "author, heard_from, subject, score, confidence, first_at, last_at, repeats",
    "column1, column10, column2, column3, column4, column5, column6, column7",
    "SELECT asked.value AS author, asked.key AS subject, r.id, r.score, r.confidence, r.first_at
     FROM json_each(?) AS asked JOIN report AS r ON r.id = (
         SELECT id FROM report WHERE subject = asked.key AND author = asked.value ORDER BY id DESC LIMIT 1)"
);

const STATEMENTS: Table = table!(
    own_statement,
    "subject, score, confidence, first_at, last_at, repeats",
    "column2, column3, column4, column5, column6, column7",
    "SELECT asked.value AS author, asked.key AS subject, s.id, s.score, s.confidence, s.first_at
     FROM json_each(?) AS asked JOIN own_statement AS s ON s.id = (
         SELECT id FROM own_statement WHERE subject = asked.key ORDER BY id DESC LIMIT 1)"
);

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
    write(transaction, fold(said), &REPORTS).await
}

/// Stores what our own Slips said.
pub(super) async fn write_statements<'a>(
    transaction: &mut Transaction<'_>,
    statements: impl Iterator<Item = &'a OwnStatement>,
) -> Result<(), sqlx::Error> {
    let said = statements.map(|own| {
        let said = Said {
            score: own.score,
            confidence: own.confidence,
            at: own.said_at,
            heard_from: None,
            joins_since: Timestamp::from_micros(i64::MIN),
        };
        ((0, own.subject), said)
    });
    write(transaction, fold(said), &STATEMENTS).await
}

async fn write(
    transaction: &mut Transaction<'_>,
    mut runs: Vec<Run<Key>>,
    table: &Table,
) -> Result<(), sqlx::Error> {
    if runs.len() <= FEW {
        // In this order: what goes on is found by what stays as it is.
        table.go_on.write(transaction, &runs, bind).await?;
        return table.insert_new.write(transaction, &runs, bind).await;
    }
    take_up(transaction, &mut runs, table).await?;
    table.insert.write(transaction, &runs, bind).await
}

/// The parameters of a run.
fn bind(row: Parameters, run: &Run<Key>) -> Parameters {
    row.bind(run.key.0)
        .bind(run.key.1.to_string())
        .bind(run.score.get())
        .bind(run.confidence.get())
        .bind(run.first_at.as_micros())
        .bind(run.last_at.as_micros())
        .bind(i64::from(run.repeats))
        .bind(run.joins_since.as_micros())
        .bind(run.opens)
        .bind(run.heard_from)
}

/// Refreshes the newest rows that say what a run says, and leaves the runs that need a row of their own.
async fn take_up(
    transaction: &mut Transaction<'_>,
    runs: &mut Vec<Run<Key>>,
    table: &Table,
) -> Result<(), sqlx::Error> {
    let mut known: HashMap<Key, (i64, f64, f64, i64)> = HashMap::new();
    transaction.add(table.newest, |row| row.bind(pairs(runs)));
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
    transaction.add(table.refresh, |row| row.bind(again));
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
