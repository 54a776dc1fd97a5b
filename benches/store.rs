//! How fast the store takes reports in, beside bare bulk inserts of the same rows in the same run,
//! and how fast a start reads them back: `cargo bench --bench store [-- ROWS [RUNS]]`.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use slips_p2p::{
    domain::{
        Author, Confidence, Content, Done, Neighbour, Opinion, PeerId, ReceivedReport, Reliability,
        Score, Subject, Timestamp, Trust,
    },
    store::{Batch, PeerConduct, Reader, Retention, Settings, Store},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// Peers that report and addresses they report on.
const PEERS: u8 = 100;
const ADDRESSES: u32 = 10_000;
/// Rows in one statement of the bare inserts; the fastest of 64 to 2,048 here.
const BARE_ROWS: usize = 512;

type Row = (ReceivedReport, Content);

#[tokio::main]
async fn main() {
    let mut words = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse::<usize>().ok());
    let rows = words.next().unwrap_or(200_000);
    let runs = words.next().unwrap_or(5);
    let all = made_up(rows, 1);
    println!(
        "{rows} reports, each with an outbox row of {} bytes, FULL sync, {runs} runs in turn",
        body_bytes(&all)
    );
    println!(
        "{:>6} {:>14} {:>14} {:>7}",
        "batch", "commit()/s", "bare/s", "ratio"
    );
    for batch in [512, 1024, 4096] {
        let mut figures = Vec::new();
        for _ in 0..runs {
            figures.push((intake(&all, batch).await, bare(&all, batch).await));
        }
        let (ours, theirs) = (
            median(figures.iter().map(|f| f.0)),
            median(figures.iter().map(|f| f.1)),
        );
        println!(
            "{batch:>6} {ours:>14.0} {theirs:>14.0} {:>7.2}",
            ours / theirs
        );
    }
    one_by_one(&all[..all.len().min(2_000)]).await;
    repetitions(&all).await;
    whole_node(&all).await;
    start(rows.max(1_000_000)).await;
}

/// Reports by many peers on many addresses, scores and all from one seed.
fn made_up(rows: usize, seed: u64) -> Vec<Row> {
    let mut random = StdRng::seed_from_u64(seed);
    let peers: Vec<PeerId> = (0..PEERS).map(|n| peer(n, &mut random)).collect();
    (0..rows)
        .map(|n| {
            let author = peers[random.random_range(0..peers.len())];
            let address = 0x0A00_0000 + random.random_range(0..ADDRESSES);
            let received_at = Timestamp::from_micros(1_795_132_800_000_000 + n as i64 * 50);
            let report = ReceivedReport {
                author: Author(author),
                heard_from: Neighbour(author),
                subject: Subject::from_ip(std::net::Ipv4Addr::from(address).into()),
                score: Score::clamped(random.random_range(0..=1_000) as f64 / 1_000.0),
                confidence: Confidence::clamped(random.random()),
                received_at,
            };
            (
                report,
                Content::Publish(go_data(&author, received_at, &mut random)),
            )
        })
        .collect()
}

fn peer(n: u8, random: &mut StdRng) -> PeerId {
    let mut bytes = vec![0x12, 0x20, n];
    bytes.extend((0..31).map(|_| random.random::<u8>()));
    PeerId::from_bytes(&bytes).expect("34 bytes are a peer id")
}

fn go_data(author: &PeerId, at: Timestamp, random: &mut StdRng) -> String {
    let message: String = (0..200)
        .map(|_| char::from(b'a' + random.random_range(0..26)))
        .collect();
    format!(
        r#"{{"message_type":"go_data","message_contents":{{"reporter":"{author}","report_time":{},"message":"{message}"}}}}"#,
        at.as_secs()
    )
}

fn body_bytes(rows: &[Row]) -> usize {
    match rows.first() {
        Some((_, Content::Publish(body) | Content::WriteBack(_, body))) => body.len(),
        Some((_, Content::Withdraw(_))) | None => 0,
    }
}

fn settings(directory: &Path) -> Settings {
    Settings {
        path: directory.join("slips-p2p.db"),
        max_batch_rows: 4096,
        retention: Retention {
            max_age: Duration::from_secs(1 << 30),
            max_reports: 1 << 40,
            max_bytes: 1 << 40,
        },
        outbox_max_age: Duration::from_secs(1 << 30),
        outbox_max_rows: 1 << 40,
    }
}

fn batch_of(rows: &[Row]) -> Batch {
    Batch {
        reports: rows
            .iter()
            .map(|(report, _)| report.clone().into())
            .collect(),
        outbox: rows
            .iter()
            .map(|(report, content)| (report.received_at, content.clone()))
            .collect(),
        ..Batch::default()
    }
}

fn rate(rows: usize, since: Instant) -> f64 {
    rows as f64 / since.elapsed().as_secs_f64()
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Reports a second through `commit`, from the making of each batch to its being on disk.
async fn intake(rows: &[Row], batch: usize) -> f64 {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, _) = Store::open(settings(directory.path()))
        .await
        .expect("a new database opens");
    let begun = Instant::now();
    for chunk in rows.chunks(batch) {
        store.commit(batch_of(chunk)).await.expect("a commit");
    }
    let rate = rate(rows.len(), begun);
    store.close().await;
    rate
}

/// The same rows into the same tables by plain statements on one connection: no looking for
/// repetitions, no short ids to find, no queue.
async fn bare(rows: &[Row], batch: usize) -> f64 {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let (store, _) = Store::open(settings.clone())
        .await
        .expect("a new database opens");
    // The short ids are there beforehand.
    store
        .commit(batch_of(&rows[..rows.len().min(10_000)]))
        .await
        .expect("a commit");
    store.close().await;
    let mut conn = writing(&settings.path).await;
    sqlx::raw_sql("DELETE FROM report; DELETE FROM outbox; PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut conn)
        .await
        .expect("emptied");
    let ids: std::collections::HashMap<String, i64> =
        sqlx::query_as("SELECT peer_id, id FROM peer")
            .fetch_all(&mut conn)
            .await
            .expect("peers")
            .into_iter()
            .collect();
    let ids: std::collections::HashMap<PeerId, i64> = ids
        .into_iter()
        .map(|(peer, id)| (peer.parse().expect("a peer id"), id))
        .collect();
    let begun = Instant::now();
    let mut parcel = 1_000_000_i64;
    for chunk in rows.chunks(batch) {
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut conn)
            .await
            .expect("begin");
        for part in chunk.chunks(BARE_ROWS) {
            insert_reports(&mut conn, part, &ids).await;
        }
        for part in chunk.chunks(BARE_ROWS) {
            insert_parcels(&mut conn, part, &mut parcel).await;
        }
        sqlx::query("COMMIT")
            .execute(&mut conn)
            .await
            .expect("commit");
    }
    let rate = rate(rows.len(), begun);
    conn.close().await.expect("closed");
    rate
}

async fn writing(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "16384")
        .pragma("mmap_size", "268435456")
        .disable_statement_logging()
        .connect()
        .await
        .expect("a connection")
}

async fn insert_reports(
    conn: &mut SqliteConnection,
    rows: &[Row],
    ids: &std::collections::HashMap<PeerId, i64>,
) {
    let marks = vec!["(?,NULL,?,?,?,?,?,0)"; rows.len()].join(",");
    let sql = format!(
        "INSERT INTO report (author, heard_from, subject, score, confidence, first_at, last_at, repeats) VALUES {marks}"
    );
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for (report, _) in rows {
        insert = insert
            .bind(ids[&report.author.0])
            .bind(report.subject.to_string())
            .bind(report.score.get())
            .bind(report.confidence.get())
            .bind(report.received_at.as_micros())
            .bind(report.received_at.as_micros());
    }
    insert.execute(conn).await.expect("inserted");
}

async fn insert_parcels(conn: &mut SqliteConnection, rows: &[Row], parcel: &mut i64) {
    let marks = vec!["(?,?,NULL,?)"; rows.len()].join(",");
    let mut insert = sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO outbox (id, created_at, subject, body) VALUES {marks}"
    )));
    for (report, content) in rows {
        let body = match content {
            Content::Publish(body) | Content::WriteBack(_, body) => body.as_str(),
            Content::Withdraw(_) => "",
        };
        *parcel += 1;
        insert = insert
            .bind(*parcel)
            .bind(report.received_at.as_micros())
            .bind(body.to_owned());
    }
    insert.execute(conn).await.expect("inserted");
}

/// What one caller that waits for each report sees.
async fn one_by_one(rows: &[Row]) {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, _) = Store::open(settings(directory.path()))
        .await
        .expect("a new database opens");
    let mut times = Vec::with_capacity(rows.len());
    for row in rows {
        let begun = Instant::now();
        store
            .commit(batch_of(std::slice::from_ref(row)))
            .await
            .expect("a commit");
        times.push(begun.elapsed());
    }
    times.sort();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "one report a commit: p50 {:.0?}, p99 {:.0?}",
        at(50),
        at(99)
    );
    store.close().await;
}

/// Every peer says the same again: rows are refreshed, none added.
async fn repetitions(rows: &[Row]) {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, _) = Store::open(settings(directory.path()))
        .await
        .expect("a new database opens");
    let mut first: std::collections::HashMap<_, Row> = std::collections::HashMap::new();
    for row in rows {
        first
            .entry((row.0.author, row.0.subject))
            .or_insert_with(|| row.clone());
    }
    let first: Vec<Row> = first.into_values().collect();
    for chunk in first.chunks(4096) {
        store.commit(batch_of(chunk)).await.expect("a commit");
    }
    let begun = Instant::now();
    for chunk in first.chunks(4096) {
        store.commit(batch_of(chunk)).await.expect("a commit");
    }
    println!(
        "said again, batches of 4096: {:.0} reports/s",
        rate(first.len(), begun)
    );
    store.close().await;
}

/// What the node commits: reports, their messages, an opinion each, a standing each peer, and the
/// messages of the batch before as delivered.
async fn whole_node(rows: &[Row]) {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, _) = Store::open(settings(directory.path()))
        .await
        .expect("a new database opens");
    let begun = Instant::now();
    let mut delivered: Option<Done> = None;
    for chunk in rows.chunks(1024) {
        let mut batch = batch_of(chunk);
        batch.opinions = chunk.iter().map(|(report, _)| opinion(report)).collect();
        batch.conduct = chunk.iter().map(|(report, _)| standing(report)).collect();
        batch.delivered = delivered;
        let committed = store.commit(batch).await.expect("a commit");
        delivered = committed.parcels.last().map(|parcel| Done {
            all: parcel.id,
            opinions: parcel.id,
        });
    }
    println!(
        "with opinions, standings and delivery, batches of 1024: {:.0} reports/s",
        rate(rows.len(), begun)
    );
    store.close().await;
}

fn opinion(report: &ReceivedReport) -> Opinion {
    Opinion {
        subject: report.subject,
        score: report.score,
        confidence: report.confidence,
        network_score: Trust::clamped(0.5),
        computed_at: report.received_at,
        reporters: 3,
    }
}

fn standing(report: &ReceivedReport) -> PeerConduct {
    let reliability = Reliability::clamped(0.75);
    PeerConduct {
        peer: report.author.0,
        reliability,
        good: 3.0,
        bad: 1.0,
        at: report.received_at,
        last: None,
    }
}

/// A start on a database of many reports, and one question to it.
async fn start(rows: usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let (store, _) = Store::open(settings.clone())
        .await
        .expect("a new database opens");
    let mut last = 0.0;
    for part in 0..rows.div_ceil(100_000) {
        let rows = made_up(100_000, part as u64 + 100);
        let begun = Instant::now();
        for chunk in rows.chunks(4096) {
            let reports = chunk
                .iter()
                .map(|(report, _)| report.clone().into())
                .collect();
            store
                .commit(Batch {
                    reports,
                    ..Batch::default()
                })
                .await
                .expect("a commit");
        }
        last = rate(rows.len(), begun);
    }
    println!("reports alone, batches of 4096, the last 100,000 of {rows}: {last:.0} reports/s");
    store.close().await;
    let begun = Instant::now();
    let (store, _) = Store::open(settings.clone()).await.expect("opens");
    let opened = begun.elapsed();
    let begun = Instant::now();
    let mut sum = 0.0;
    let told = store
        .facts(|_, fact| {
            sum += f64::from(u8::from(matches!(
                fact,
                slips_p2p::store::StoredFact::Report(..)
            )))
        })
        .await;
    println!(
        "open: {opened:.1?}; facts(): {} in {:.2?} ({sum} reports)",
        told.expect("facts"),
        begun.elapsed()
    );
    let reader = Reader::open(&settings.path).await.expect("a reader");
    let begun = Instant::now();
    let facts = reader
        .facts_about("10.0.0.77".parse().expect("an address"))
        .await
        .expect("facts");
    println!(
        "facts_about() one address: {} in {:.2?}",
        facts.len(),
        begun.elapsed()
    );
    let bytes = reader.stats().await.expect("stats").file_bytes;
    println!("file: {} MiB", bytes >> 20);
    store.close().await;
}
