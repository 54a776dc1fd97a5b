//! Rows, ready made, by plain bulk statements: what the database alone can take.

use std::collections::HashMap;
use std::time::Instant;

use slips_p2p::domain::{Content, PeerId};
use slips_p2p::store::{Batch, Store};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Sqlite, SqliteConnection};

/// Rows in one statement; the fastest of 64 to 2,048 where the store's bench tried them.
const ROWS: usize = 512;

/// Reports a second on one connection: the batches' reports, messages and opinions.
pub async fn insert(batches: &[Batch]) -> f64 {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("bare.db");
    let (store, _) = Store::open(super::super::store_settings(path.clone()))
        .await
        .expect("a new database");
    store.close().await;
    let mut conn = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "16384")
        .disable_statement_logging()
        .connect()
        .await
        .expect("a connection");
    let ids = peers(&mut conn, batches).await;
    let begun = Instant::now();
    let mut parcel = 0;
    for batch in batches {
        run(&mut conn, "BEGIN IMMEDIATE").await;
        reports(&mut conn, batch, &ids).await;
        parcels(&mut conn, batch, &mut parcel).await;
        opinions(&mut conn, batch).await;
        run(&mut conn, "COMMIT").await;
    }
    let took = begun.elapsed();
    conn.close().await.expect("closed");
    batches
        .iter()
        .map(|batch| batch.reports.len())
        .sum::<usize>() as f64
        / took.as_secs_f64()
}

/// The short ids of the peers, there beforehand.
async fn peers(conn: &mut SqliteConnection, batches: &[Batch]) -> HashMap<PeerId, i64> {
    let mut ids = HashMap::new();
    for accepted in batches.iter().flat_map(|batch| &batch.reports) {
        let id = i64::try_from(ids.len()).expect("few peers") + 1;
        ids.entry(accepted.report.author.0).or_insert(id);
    }
    for (peer, id) in &ids {
        sqlx::query("INSERT INTO peer (id, peer_id, first_seen, last_seen) VALUES (?, ?, 0, 0)")
            .bind(id)
            .bind(peer.to_string())
            .execute(&mut *conn)
            .await
            .expect("a peer");
    }
    ids
}

async fn run(conn: &mut SqliteConnection, sql: &'static str) {
    sqlx::query(sql).execute(conn).await.expect(sql);
}

/// One statement for up to [`ROWS`] rows, each bound by `bind`.
async fn bulk<T>(
    conn: &mut SqliteConnection,
    head: &str,
    (row, tail): (&str, &str),
    rows: &[T],
    mut bind: impl for<'q> FnMut(
        Query<'q, Sqlite, SqliteArguments>,
        &T,
    ) -> Query<'q, Sqlite, SqliteArguments>,
) {
    for part in rows.chunks(ROWS) {
        let sql = format!("{head} VALUES {}{tail}", vec![row; part.len()].join(","));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for one in part {
            query = bind(query, one);
        }
        query.execute(&mut *conn).await.expect(head);
    }
}

async fn reports(conn: &mut SqliteConnection, batch: &Batch, ids: &HashMap<PeerId, i64>) {
    let head = "INSERT INTO report (author, subject, score, confidence, first_at, last_at)";
    bulk(
        conn,
        head,
        ("(?,?,?,?,?,?)", ""),
        &batch.reports,
        |query, accepted| {
            let report = &accepted.report;
            query
                .bind(ids[&report.author.0])
                .bind(report.subject.to_string())
                .bind(report.score.get())
                .bind(report.confidence.get())
                .bind(report.received_at.as_micros())
                .bind(report.received_at.as_micros())
        },
    )
    .await;
}

async fn parcels(conn: &mut SqliteConnection, batch: &Batch, last: &mut i64) {
    let head = "INSERT INTO outbox (id, created_at, subject, body)";
    bulk(
        conn,
        head,
        ("(?,?,?,?)", ""),
        &batch.outbox,
        |query, (at, content)| {
            *last += 1;
            let (subject, body) = match content {
                Content::Publish(body) => (None, body.as_str()),
                Content::WriteBack(subject, body) => (Some(subject.to_string()), body.as_str()),
                Content::Withdraw(subject) => (Some(subject.to_string()), ""),
            };
            query
                .bind(*last)
                .bind(at.as_micros())
                .bind(subject)
                .bind(body.to_owned())
        },
    )
    .await;
}

async fn opinions(conn: &mut SqliteConnection, batch: &Batch) {
    let head =
        "INSERT INTO opinion (subject, score, confidence, network_score, computed_at, reporters)";
    let again = " ON CONFLICT (subject) DO UPDATE SET score = excluded.score, confidence = excluded.confidence, \
                 network_score = excluded.network_score, computed_at = excluded.computed_at, reporters = excluded.reporters";
    bulk(
        conn,
        head,
        ("(?,?,?,?,?,?)", again),
        &batch.opinions,
        |query, opinion| {
            query
                .bind(opinion.subject.to_string())
                .bind(opinion.score.get())
                .bind(opinion.confidence.get())
                .bind(opinion.network_score.get())
                .bind(opinion.computed_at.as_micros())
                .bind(i64::from(opinion.reporters))
        },
    )
    .await;
}
