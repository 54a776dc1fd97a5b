//! Figures about the database, for `db stats`.

use std::{fs, path::Path};

use sqlx::SqliteConnection;

use super::{
    LogStats, StoreError,
    open::{SCHEMA, beside},
    rows::count,
};
use crate::domain::{ParcelId, Timestamp};

/// How much of what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The schema.
    pub schema: i64,
    /// The size of the file in bytes.
    pub file_bytes: u64,
    /// The size of the write-ahead log beside it in bytes.
    pub log_bytes: u64,
    /// Bytes of the file in use; the rest is used again before it grows.
    pub used_bytes: u64,
    /// Peers known.
    pub peers: u64,
    /// Addresses of peers over time.
    pub addresses: u64,
    /// Bans, also those that ran out and were not pruned yet.
    pub bans: u64,
    /// Reports kept.
    pub reports: u64,
    /// How often reports were said again beyond those.
    pub repeats: u64,
    /// When the report was last said that was so longest ago.
    pub oldest_report: Option<Timestamp>,
    /// When a report came last.
    pub newest_report: Option<Timestamp>,
    /// What our own Slips said.
    pub statements: u64,
    /// Addresses with an opinion.
    pub opinions: u64,
    /// Messages waiting for Slips.
    pub outbox: u64,
    /// When the oldest of those was made.
    pub oldest_parcel: Option<Timestamp>,
    /// Everything up to here was delivered to Slips or dropped.
    pub last_delivered: ParcelId,
    /// Messages dropped undelivered, ever.
    pub dropped: u64,
    /// Signed logs.
    pub log: LogStats,
}

#[derive(sqlx::FromRow)]
struct StatsRow {
    used_bytes: i64,
    peers: i64,
    addresses: i64,
    bans: i64,
    reports: i64,
    repeats: i64,
    oldest_report: Option<i64>,
    newest_report: Option<i64>,
    statements: i64,
    opinions: i64,
    outbox: i64,
    oldest_parcel: Option<i64>,
    last_delivered: i64,
    dropped: i64,
    log_authors: i64,
    log_entries: i64,
    log_segments: i64,
    log_body_bytes: i64,
    log_forks: i64,
}

pub(super) async fn read(conn: &mut SqliteConnection, path: &Path) -> Result<Stats, StoreError> {
    let row: StatsRow = sqlx::query_as(
        "SELECT (SELECT (p.page_count - f.freelist_count) * s.page_size
                 FROM pragma_page_count() AS p, pragma_freelist_count() AS f, pragma_page_size() AS s) AS used_bytes,
             (SELECT count(*) FROM peer) AS peers,
             (SELECT count(*) FROM peer_address) AS addresses,
             (SELECT count(*) FROM ban) AS bans,
             (SELECT count(*) FROM report) AS reports,
             (SELECT coalesce(sum(repeats), 0) FROM report) AS repeats,
             (SELECT min(last_at) FROM report) AS oldest_report,
             (SELECT max(last_at) FROM report) AS newest_report,
             (SELECT count(*) FROM own_statement) AS statements,
             (SELECT count(*) FROM opinion) AS opinions,
             (SELECT count(*) FROM outbox) AS outbox,
             (SELECT created_at FROM outbox ORDER BY id LIMIT 1) AS oldest_parcel,
             (SELECT count(*) FROM log_author) AS log_authors,
             (SELECT coalesce(sum(last - first + 1), 0) FROM log_segment) AS log_entries,
             (SELECT count(*) FROM log_segment) AS log_segments,
             (SELECT coalesce(sum(length(body)), 0) FROM log_segment) AS log_body_bytes,
             (SELECT count(*) FROM log_fork) AS log_forks,
             delivered AS last_delivered, dropped
         FROM outbox_state WHERE one = 1",
    )
    .fetch_one(conn)
    .await?;
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    Ok(Stats {
        schema: SCHEMA,
        file_bytes: bytes(path),
        log_bytes: bytes(&beside(path, "-wal")),
        used_bytes: count(row.used_bytes),
        peers: count(row.peers),
        addresses: count(row.addresses),
        bans: count(row.bans),
        reports: count(row.reports),
        repeats: count(row.repeats),
        oldest_report: row.oldest_report.map(Timestamp::from_micros),
        newest_report: row.newest_report.map(Timestamp::from_micros),
        statements: count(row.statements),
        opinions: count(row.opinions),
        outbox: count(row.outbox),
        oldest_parcel: row.oldest_parcel.map(Timestamp::from_micros),
        last_delivered: ParcelId(row.last_delivered),
        dropped: count(row.dropped),
        log: LogStats {
            authors: count(row.log_authors),
            entries: count(row.log_entries),
            segments: count(row.log_segments),
            bytes: count(row.log_body_bytes),
            forks: count(row.log_forks),
        },
    })
}
