//! Appending segments and proofs, within a transaction of the writer's, and removing old segments.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use sqlx::{Row, SqliteConnection};

use crate::domain::{Digest, PeerId, Timestamp};
use crate::store::{
    Batch,
    sql::{ManyRows, ROWS},
    transaction::Transaction,
};

use super::{LogFork, LogSegment};

/// Segments removed in one transaction; each may be 32 KiB, so a few megabytes at most.
pub(in crate::store) const STEP_SEGMENTS: i64 = 100;

const INSERT: ManyRows = ManyRows {
    head: "INSERT INTO log_segment (author, first, last, at, body) SELECT * FROM",
    columns: 5,
    tail: ROWS,
};

/// How many authors' heads are kept in memory (about 1.5 MiB); past that they are looked up again.
const KNOWN_HEADS: usize = 8192;

/// Where the logs stand, remembered between transactions.
#[derive(Default)]
pub(in crate::store) struct Heads(HashMap<Name, Head>);

/// A network and an author.
type Name = (Arc<str>, PeerId);

/// Where an author's log stands.
struct Head {
    id: i64,
    last: u64,
    digest: Digest,
    kept_from: u64,
    /// In this transaction.
    moved: bool,
    /// What is before `kept_from` must go.
    gap: bool,
}

impl Heads {
    /// Forgets everything: after a transaction that was taken back, or when segments were removed.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Looks up those of the authors that are not remembered.
    async fn meet(
        &mut self,
        transaction: &mut Transaction<'_>,
        segments: &[&LogSegment],
    ) -> Result<(), sqlx::Error> {
        if self.0.len() + segments.len() > KNOWN_HEADS {
            self.clear();
        }
        let new: HashSet<PeerId> = (segments.iter())
            .filter(|s| !self.0.contains_key(&(Arc::clone(&s.network), s.author)))
            .map(|segment| segment.author)
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = new.iter().map(|author| author.to_base58()).collect();
        let rows = sqlx::query(
            "SELECT peer_id, id, last, digest, kept_from, network FROM log_author
             WHERE peer_id IN (SELECT value FROM json_each(?))",
        )
        .bind(serde_json::json!(names).to_string())
        .fetch_all(transaction.conn().await?)
        .await?;
        for row in rows {
            let name: &str = row.try_get(0)?;
            let digest: Vec<u8> = row.try_get(3)?;
            if let (Ok(author), Ok(digest)) = (name.parse(), digest.try_into().map(Digest)) {
                let head = Head {
                    id: row.try_get(1)?,
                    last: count(row.try_get(2)?),
                    digest,
                    kept_from: count(row.try_get(4)?),
                    moved: false,
                    gap: false,
                };
                self.0
                    .insert((row.try_get::<&str, _>(5)?.into(), author), head);
            }
        }
        Ok(())
    }
}

/// Stores the segments and proofs of the batches. A segment that ends at or before the author's last
/// entry is known and left out; one that begins after a gap makes what is before it unknown.
pub(in crate::store) async fn write(
    transaction: &mut Transaction<'_>,
    heads: &mut Heads,
    batches: &[&Batch],
) -> Result<(), sqlx::Error> {
    for fork in batches.iter().flat_map(|batch| &batch.forks) {
        write_fork(transaction.conn().await?, fork).await?;
    }
    let segments: Vec<&LogSegment> = (batches.iter()).flat_map(|batch| &batch.segments).collect();
    if segments.is_empty() {
        return Ok(());
    }
    heads.meet(transaction, &segments).await?;
    let mut rows: Vec<(i64, &LogSegment)> = Vec::with_capacity(segments.len());
    let mut moved: Vec<Name> = Vec::new();
    for segment in segments {
        let name = (Arc::clone(&segment.network), segment.author);
        let head = match heads.0.entry(name.clone()) {
            Entry::Occupied(known) if segment.last <= known.get().last => continue,
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(begin(transaction.conn().await?, segment).await?),
        };
        if segment.first > head.last.saturating_add(1) {
            (head.kept_from, head.gap) = (segment.first, true);
        }
        (head.last, head.digest) = (segment.last, segment.digest);
        if !std::mem::replace(&mut head.moved, true) {
            moved.push(name);
        }
        rows.push((head.id, segment));
    }
    INSERT
        .write(transaction, &rows, |row, (author, segment)| {
            row.bind(*author)
                .bind(number(segment.first))
                .bind(number(segment.last))
                .bind(segment.at.as_micros())
                .bind(segment.body.clone())
        })
        .await?;
    for name in moved {
        let Some(head) = heads.0.get_mut(&name) else {
            continue;
        };
        head.moved = false;
        let sql = "UPDATE log_author SET last = ?, digest = ?, kept_from = ? WHERE id = ?";
        transaction.add(sql, |row| {
            row.bind(number(head.last))
                .bind(head.digest.0.to_vec())
                .bind(number(head.kept_from))
                .bind(head.id)
        });
        if std::mem::take(&mut head.gap) {
            let sql = "DELETE FROM log_segment WHERE author = ? AND last < ?";
            transaction.add(sql, |row| row.bind(head.id).bind(number(head.kept_from)));
        }
    }
    Ok(())
}

async fn begin(conn: &mut SqliteConnection, segment: &LogSegment) -> Result<Head, sqlx::Error> {
    let id = sqlx::query_scalar(
        "INSERT INTO log_author (network, peer_id, last, digest, kept_from) VALUES (?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(&*segment.network)
    .bind(segment.author.to_base58())
    .bind(number(segment.last))
    .bind(segment.digest.0.to_vec())
    .bind(number(segment.first))
    .fetch_one(conn)
    .await?;
    Ok(Head {
        id,
        last: segment.first.saturating_sub(1),
        digest: segment.digest,
        kept_from: segment.first,
        moved: false,
        gap: false,
    })
}

async fn write_fork(conn: &mut SqliteConnection, fork: &LogFork) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO log_fork (network, peer_id, number, one, other, found_at, one_body, other_body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (peer_id) DO NOTHING",
    )
    .bind(&*fork.network)
    .bind(fork.author.to_base58())
    .bind(number(fork.number))
    .bind(fork.one.0.to_vec())
    .bind(fork.other.0.to_vec())
    .bind(fork.found_at.as_micros())
    .bind(fork.one_body.clone())
    .bind(fork.other_body.clone())
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes the segments that came first and before a time; says how many. Of an author they leave
/// from the front, and the last stays: against it a fork can be proven.
pub(in crate::store) async fn prune(
    conn: &mut SqliteConnection,
    before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(
        "DELETE FROM log_segment WHERE at < ?2 AND id IN (
             SELECT s.id FROM log_segment AS s JOIN log_author AS a ON a.id = s.author
             WHERE s.last < a.last ORDER BY s.id LIMIT ?1)
         RETURNING author, last",
    )
    .bind(STEP_SEGMENTS)
    .bind(before.as_micros())
    .fetch_all(&mut *conn)
    .await?;
    let mut ends: HashMap<i64, i64> = HashMap::new();
    for row in &gone {
        let end = ends.entry(row.try_get(0)?).or_default();
        *end = (*end).max(row.try_get(1)?);
    }
    for (author, last) in ends {
        sqlx::query("UPDATE log_author SET kept_from = max(kept_from, ?) WHERE id = ?")
            .bind(last + 1)
            .bind(author)
            .execute(&mut *conn)
            .await?;
    }
    Ok(gone.len() as u64)
}

/// Heads removed in one transaction, each with its last segment.
const STEP_HEADS: i64 = 500;

/// Forgets logs that ended before a time, those that ended first, at most `rows` at once; says how
/// many. Never that of `own`, which must never sign a number twice, nor one whose author's reports
/// are kept.
pub(in crate::store) async fn forget_heads(
    conn: &mut SqliteConnection,
    own: PeerId,
    before: Timestamp,
    rows: i64,
) -> Result<u64, sqlx::Error> {
    let gone: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM (
             SELECT a.id, (SELECT s.at FROM log_segment AS s
                           WHERE s.author = a.id ORDER BY s.last DESC LIMIT 1) AS until
             FROM log_author AS a
             WHERE a.peer_id <> ?1 AND NOT EXISTS (
                 SELECT 1 FROM peer AS p JOIN report AS r ON r.author = p.id
                 WHERE p.peer_id = a.peer_id))
         WHERE coalesce(until, 0) < ?2 ORDER BY until, id LIMIT ?3",
    )
    .bind(own.to_base58())
    .bind(before.as_micros())
    .bind(rows.min(STEP_HEADS))
    .fetch_all(&mut *conn)
    .await?;
    let ids = serde_json::json!(gone).to_string();
    for sql in [
        "DELETE FROM log_segment WHERE author IN (SELECT value FROM json_each(?))",
        "DELETE FROM log_author WHERE id IN (SELECT value FROM json_each(?))",
    ] {
        sqlx::query(sql).bind(&ids).execute(&mut *conn).await?;
    }
    Ok(gone.len() as u64)
}

/// Forgets proofs found before a time, the oldest first, at most `rows` at once; says how many. Only
/// of authors of whom nothing else is kept: no log and no report.
pub(in crate::store) async fn forget_forks(
    conn: &mut SqliteConnection,
    before: Timestamp,
    rows: i64,
) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(
        "DELETE FROM log_fork WHERE peer_id IN (
             SELECT f.peer_id FROM log_fork AS f
             WHERE f.found_at < ?1
               AND NOT EXISTS (SELECT 1 FROM log_author AS a WHERE a.peer_id = f.peer_id)
               AND NOT EXISTS (SELECT 1 FROM peer AS p JOIN report AS r ON r.author = p.id
                               WHERE p.peer_id = f.peer_id)
             ORDER BY f.found_at LIMIT ?2)",
    )
    .bind(before.as_micros())
    .bind(rows.min(STEP_HEADS))
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}

/// A number as SQLite has it; logs end long before.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
