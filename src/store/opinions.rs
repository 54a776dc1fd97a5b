//! The table `opinion`: the network's newest opinion of each address.

use std::collections::HashMap;

use sqlx::SqlitePool;

use super::{
    Batch, StoreError,
    rows::{Place, limit},
    sql::ManyRows,
    transaction::Transaction,
};
use crate::domain::{Opinion, Subject, Timestamp};

const UPSERT: ManyRows = ManyRows {
    head: "INSERT INTO opinion (subject, score, confidence, network_score, computed_at, reporters) SELECT * FROM",
    columns: 6,
    tail: "WHERE column1 IS NOT NULL
           ON CONFLICT (subject) DO UPDATE SET score = excluded.score, confidence = excluded.confidence,
           network_score = excluded.network_score, computed_at = excluded.computed_at, reporters = excluded.reporters",
};

/// Stores the newest of the opinions of each address, and removes those that are taken back.
pub(super) async fn write(
    transaction: &mut Transaction<'_>,
    batches: &[&Batch],
) -> Result<(), sqlx::Error> {
    let mut last: HashMap<Subject, Option<&Opinion>> = HashMap::new();
    for batch in batches {
        last.extend(batch.unjudged.iter().map(|subject| (*subject, None)));
        last.extend((batch.opinions.iter()).map(|opinion| (opinion.subject, Some(opinion))));
    }
    let gone = last.iter().filter(|(_, opinion)| opinion.is_none());
    let gone: Vec<String> = gone.map(|(subject, _)| subject.to_string()).collect();
    if !gone.is_empty() {
        let sql = "DELETE FROM opinion WHERE subject IN (SELECT value FROM json_each(?))";
        transaction.add(sql, |row| row.bind(serde_json::json!(gone).to_string()));
    }
    let newest: Vec<&Opinion> = last.into_values().flatten().collect();
    UPSERT
        .write(transaction, &newest, |statement, opinion| {
            statement
                .bind(opinion.subject.to_string())
                .bind(opinion.score.get())
                .bind(opinion.confidence.get())
                .bind(opinion.network_score.get())
                .bind(opinion.computed_at.as_micros())
                .bind(i64::from(opinion.reporters))
        })
        .await
}

/// Every address that has an opinion.
pub(super) async fn subjects(readers: &SqlitePool) -> Result<Vec<Subject>, StoreError> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT subject FROM opinion ORDER BY subject")
        .fetch_all(readers)
        .await?;
    let subject = |text: &String| {
        let place = Place {
            table: "opinion",
            row: text,
        };
        place.subject("subject", text)
    };
    rows.iter().map(subject).collect()
}

/// At most so many of the opinions computed at a time or later, the newest.
pub(super) async fn newest(
    readers: &SqlitePool,
    since: Timestamp,
    most: usize,
) -> Result<Vec<Opinion>, StoreError> {
    let rows: Vec<OpinionRow> = sqlx::query_as(
        "SELECT subject, score, confidence, network_score, computed_at, reporters FROM opinion
         WHERE computed_at >= ? ORDER BY computed_at DESC, subject LIMIT ?",
    )
    .bind(since.as_micros())
    .bind(limit(most))
    .fetch_all(readers)
    .await?;
    rows.into_iter().map(Opinion::try_from).collect()
}

/// A row of the table.
#[derive(sqlx::FromRow)]
pub(super) struct OpinionRow {
    subject: String,
    score: f64,
    confidence: f64,
    network_score: f64,
    computed_at: i64,
    reporters: i64,
}

impl TryFrom<OpinionRow> for Opinion {
    type Error = StoreError;

    fn try_from(row: OpinionRow) -> Result<Self, StoreError> {
        let place = Place {
            table: "opinion",
            row: &row.subject,
        };
        Ok(Self {
            subject: place.subject("subject", &row.subject)?,
            score: place.score(row.score)?,
            confidence: place.confidence(row.confidence)?,
            network_score: place.trust(row.network_score)?,
            computed_at: Timestamp::from_micros(row.computed_at),
            reporters: place.count32("reporters", row.reporters)?,
        })
    }
}
