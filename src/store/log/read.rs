//! Reading logs: where they stand, a part of one, all of them, the proofs.

use sqlx::{AssertSqlSafe, Row, SqliteConnection, sqlite::SqliteRow};

use super::{LogFork, LogHead, LogPlace, LogRow, LogSpan};
use crate::{
    domain::{Digest, PeerId, Timestamp},
    store::{
        StoreError,
        rows::{Place, count},
    },
};

/// A head's columns; both times are found by the index on the places of segments.
const HEAD: &str = "SELECT a.peer_id, a.last, a.digest, a.kept_from, a.network,
     (SELECT s.at FROM log_segment AS s WHERE s.author = a.id ORDER BY s.last LIMIT 1),
     (SELECT s.at FROM log_segment AS s WHERE s.author = a.id ORDER BY s.last DESC LIMIT 1)
 FROM log_author AS a";

/// Where every author's log stands.
pub(in crate::store) async fn authors(
    conn: &mut SqliteConnection,
) -> Result<Vec<LogHead>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(format!("{HEAD} ORDER BY a.id")))
        .fetch_all(conn)
        .await?;
    rows.iter().map(head).collect()
}

/// What is known of one author's log.
pub(in crate::store) async fn place(
    conn: &mut SqliteConnection,
    network: &str,
    author: PeerId,
) -> Result<LogPlace, StoreError> {
    let name = author.to_base58();
    let row = sqlx::query(AssertSqlSafe(format!(
        "{HEAD} WHERE a.network = ? AND a.peer_id = ?"
    )))
    .bind(network)
    .bind(&name)
    .fetch_optional(&mut *conn)
    .await?;
    let forked = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM log_fork WHERE peer_id = ? AND network = ?)",
    )
    .bind(&name)
    .bind(network)
    .fetch_one(conn)
    .await?;
    Ok(LogPlace {
        head: row.as_ref().map(head).transpose()?,
        forked,
    })
}

fn head(row: &SqliteRow) -> Result<LogHead, StoreError> {
    let name: &str = row.try_get(0)?;
    let place = row_of("log_author", &name);
    let time = |at: Option<i64>| Timestamp::from_micros(at.unwrap_or(0));
    Ok(LogHead {
        network: row.try_get(4)?,
        author: place.peer("peer_id", name)?,
        last: count(row.try_get(1)?),
        digest: digest(place, "digest", row.try_get(2)?)?,
        kept_from: count(row.try_get(3)?),
        since: time(row.try_get(5)?),
        until: time(row.try_get(6)?),
    })
}

/// The segments that hold entries `from` to `to` of an author, from the front until they have more
/// than `max_bytes` together, at least one.
pub(in crate::store) async fn span(
    conn: &mut SqliteConnection,
    network: &str,
    author: PeerId,
    (from, to): (u64, u64),
    max_bytes: usize,
) -> Result<LogSpan, StoreError> {
    let most = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let head =
        sqlx::query("SELECT id, kept_from FROM log_author WHERE network = ? AND peer_id = ?")
            .bind(network)
            .bind(author.to_base58())
            .fetch_optional(&mut *conn)
            .await?;
    let Some(head) = head else {
        return Ok(LogSpan::default());
    };
    let (id, kept_from): (i64, i64) = (head.try_get(0)?, head.try_get(1)?);
    // The running sum stops the reading before bodies are read that nobody wants.
    let rows = sqlx::query(
        "SELECT body FROM log_segment WHERE id IN (
             SELECT id FROM (
                 SELECT id, sum(length(body)) OVER (ORDER BY last) - length(body) AS before
                 FROM (SELECT id, last, body FROM log_segment
                       WHERE author = ?1 AND last >= ?2 AND first <= ?3 ORDER BY last LIMIT ?4))
             WHERE before < ?5)
         ORDER BY last",
    )
    .bind(id)
    .bind(most(from).max(kept_from))
    .bind(most(to))
    // Nothing has less bytes than a signature.
    .bind(i64::try_from(max_bytes / 64 + 1).unwrap_or(i64::MAX))
    .bind(i64::try_from(max_bytes).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    let segments = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    Ok(LogSpan {
        segments,
        kept_from: count(kept_from),
    })
}

/// Some segments after an id in the order of author and number, each with its author and its
/// place.
pub(in crate::store) async fn segments_after(
    conn: &mut SqliteConnection,
    after: (i64, i64),
) -> Result<Vec<(String, LogRow, (i64, i64))>, StoreError> {
    /// Up to 2 MiB of bodies.
    const PAGE: i64 = 64;
    let rows = sqlx::query(
        "SELECT a.peer_id, s.first, s.last, s.body, s.author, a.network FROM log_segment AS s
         JOIN log_author AS a ON a.id = s.author
         WHERE (s.author, s.last) > (?, ?) ORDER BY s.author, s.last LIMIT ?",
    )
    .bind(after.0)
    .bind(after.1)
    .bind(PAGE)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let last: i64 = row.try_get(2)?;
            let segment = LogRow {
                network: row.try_get(5)?,
                first: count(row.try_get(1)?),
                last: count(last),
                body: row.try_get(3)?,
            };
            Ok((row.try_get(0)?, segment, (row.try_get(4)?, last)))
        })
        .collect()
}

/// Every proof, in the order in which they were found.
pub(in crate::store) async fn forks(
    conn: &mut SqliteConnection,
) -> Result<Vec<LogFork>, StoreError> {
    let rows = sqlx::query(
        "SELECT network, peer_id, number, one, other, found_at, one_body, other_body FROM log_fork
         ORDER BY found_at, peer_id",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let (author, found_at) = fork_of(row)?;
            let name = author.to_base58();
            let place = row_of("log_fork", &name);
            Ok(LogFork {
                network: row.try_get::<&str, _>("network")?.into(),
                author,
                number: count(row.try_get("number")?),
                one: digest(place, "one", row.try_get("one")?)?,
                other: digest(place, "other", row.try_get("other")?)?,
                found_at,
                one_body: row.try_get("one_body")?,
                other_body: row.try_get("other_body")?,
            })
        })
        .collect()
}

/// Who forked, and when that was found.
pub(in crate::store) async fn forked(
    conn: &mut SqliteConnection,
) -> Result<Vec<(PeerId, Timestamp)>, StoreError> {
    let rows = sqlx::query("SELECT peer_id, found_at FROM log_fork ORDER BY found_at, peer_id")
        .fetch_all(conn)
        .await?;
    rows.iter().map(fork_of).collect()
}

fn fork_of(row: &SqliteRow) -> Result<(PeerId, Timestamp), StoreError> {
    let name: &str = row.try_get("peer_id")?;
    let author = row_of("log_fork", &name).peer("peer_id", name)?;
    let found_at = Timestamp::from_micros(row.try_get("found_at")?);
    Ok((author, found_at))
}

fn row_of<'a>(table: &'static str, row: &'a dyn std::fmt::Display) -> Place<'a> {
    Place { table, row }
}

fn digest(place: Place<'_>, column: &'static str, bytes: Vec<u8>) -> Result<Digest, StoreError> {
    let length = bytes.len();
    bytes
        .try_into()
        .map(Digest)
        .map_err(|_| place.bad(column, length, "a digest has 32 bytes"))
}
