//! The steps of retention: each removes a few rows in one transaction of the writer's.

use std::{collections::HashSet, ops::AddAssign};

use sqlx::{Row, SqliteConnection};

use super::{log, outbox::OutboxState, transaction::Transaction};
use crate::domain::{PeerId, Timestamp};

/// Rows removed in one transaction: about 10 ms of the writer's time.
pub(super) const STEP_ROWS: i64 = 1_000;
/// How many changes of address are kept of one peer, and how many of what its conduct was worth.
const CHANGES_KEPT: i64 = 256;

/// One kind of thing to remove.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// The oldest reports last said before a time.
    Reports { before: Timestamp, rows: i64 },
    /// The same of own statements.
    Statements { before: Timestamp, rows: i64 },
    /// Undelivered messages made before a time, from the front.
    Outbox { before: Timestamp },
    /// Addresses left before a time.
    OldAddresses { before: Timestamp },
    /// The oldest addresses of peers that have too many.
    SurplusAddresses,
    /// The same of what their conduct was worth.
    SurplusReliabilities,
    /// The oldest segments of logs, stored before a time.
    Segments { before: Timestamp },
    /// Logs other than `own` that ended before a time, whole.
    Heads {
        own: PeerId,
        before: Timestamp,
        rows: i64,
    },
    /// Proofs found before a time against authors of whom nothing else is kept.
    Forks { before: Timestamp, rows: i64 },
    /// The oldest changes of the trust given by command, of peers with too many; the newest of each
    /// peer is never one of them.
    SurplusTrust,
    /// Bans that ended before a time.
    Bans { before: Timestamp },
    /// Peers without report or ban not heard of since a time.
    Peers { before: Timestamp, rows: i64 },
}

impl Step {
    /// Whether peers' short ids may go.
    pub fn forgets_peers(self) -> bool {
        matches!(self, Self::Peers { .. })
    }
}

/// What one step removed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StepDone {
    pub removed: u64,
    /// Opinions that went with reports.
    pub opinions: u64,
}

impl AddAssign for StepDone {
    fn add_assign(&mut self, more: Self) {
        self.removed += more.removed;
        self.opinions += more.opinions;
    }
}

impl StepDone {
    /// Whether there may be more of the kind.
    pub fn is_full(self) -> bool {
        self.removed >= STEP_ROWS.unsigned_abs()
    }
}

/// Removes at most [`STEP_ROWS`] rows; within a transaction of the writer's.
pub(super) async fn step(
    transaction: &mut Transaction<'_>,
    outbox: &mut OutboxState,
    step: &Step,
) -> Result<StepDone, sqlx::Error> {
    if let Step::Outbox { before } = *step {
        let removed = old_parcels(transaction, outbox, before).await?;
        return Ok(StepDone {
            removed,
            opinions: 0,
        });
    }
    let conn = transaction.conn().await?;
    let removed = match *step {
        Step::Reports { before, rows } => return reports(conn, before, rows).await,
        Step::Outbox { .. } => 0,
        Step::Statements { before, rows } => {
            let sql = "DELETE FROM own_statement WHERE id IN (
                           SELECT id FROM own_statement WHERE last_at < ? ORDER BY last_at LIMIT ?)";
            delete(conn, sql, before, rows).await?
        }
        Step::Segments { before } => log::prune(conn, before).await?,
        Step::Heads { own, before, rows } => log::forget_heads(conn, own, before, rows).await?,
        Step::Forks { before, rows } => log::forget_forks(conn, before, rows).await?,
        Step::OldAddresses { before } => {
            let sql = "DELETE FROM peer_address WHERE id IN (
                           SELECT a.id FROM peer_address AS a
                           WHERE a.last_seen < ?1 AND EXISTS (
                               SELECT 1 FROM peer_address AS later
                               WHERE later.peer = a.peer AND later.id > a.id AND later.first_seen <= ?1)
                           ORDER BY a.last_seen LIMIT ?2)";
            delete(conn, sql, before, STEP_ROWS).await?
        }
        Step::SurplusAddresses => surplus_changes(conn, SURPLUS_ADDRESSES).await?,
        Step::SurplusReliabilities => surplus_changes(conn, SURPLUS_RELIABILITIES).await?,
        Step::SurplusTrust => surplus_changes(conn, SURPLUS_TRUST).await?,
        Step::Bans { before } => {
            let sql =
                "DELETE FROM ban WHERE peer IN (SELECT peer FROM ban WHERE until < ? LIMIT ?)";
            delete(conn, sql, before, STEP_ROWS).await?
        }
        Step::Peers { before, rows } => {
            let sql = "DELETE FROM peer WHERE id IN (
                           SELECT p.id FROM peer AS p
                           WHERE p.last_seen < ?
                             AND NOT EXISTS (SELECT 1 FROM report WHERE author = p.id)
                             AND NOT EXISTS (SELECT 1 FROM report WHERE heard_from = p.id)
                             AND NOT EXISTS (SELECT 1 FROM ban WHERE ban.peer = p.id)
                             AND NOT EXISTS (SELECT 1 FROM contact WHERE contact.peer = p.id)
                           ORDER BY p.last_seen LIMIT ?)";
            delete(conn, sql, before, rows).await?
        }
    };
    Ok(StepDone {
        removed,
        opinions: 0,
    })
}

async fn delete(
    conn: &mut SqliteConnection,
    sql: &'static str,
    before: Timestamp,
    rows: i64,
) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query(sql)
        .bind(before.as_micros())
        .bind(rows.min(STEP_ROWS))
        .execute(conn)
        .await?
        .rows_affected())
}

/// The oldest reports, and the opinions of addresses nothing is left about.
async fn reports(
    conn: &mut SqliteConnection,
    before: Timestamp,
    rows: i64,
) -> Result<StepDone, sqlx::Error> {
    let gone = sqlx::query(
        "DELETE FROM report WHERE id IN (SELECT id FROM report WHERE last_at < ? ORDER BY last_at LIMIT ?)
         RETURNING subject",
    )
    .bind(before.as_micros())
    .bind(rows.min(STEP_ROWS))
    .fetch_all(&mut *conn)
    .await?;
    let subjects = gone
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<HashSet<&str>, _>>()?;
    let opinions = sqlx::query(
        "DELETE FROM opinion WHERE subject IN (SELECT value FROM json_each(?))
           AND NOT EXISTS (SELECT 1 FROM report WHERE report.subject = opinion.subject)",
    )
    .bind(serde_json::json!(subjects).to_string())
    .execute(conn)
    .await?;
    Ok(StepDone {
        removed: gone.len() as u64,
        opinions: opinions.rows_affected(),
    })
}

/// Drops messages from the front while they are too old, so that the ids left have no gaps.
async fn old_parcels(
    transaction: &mut Transaction<'_>,
    outbox: &mut OutboxState,
    before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let up_to: Option<i64> = sqlx::query_scalar(
        "WITH front AS (SELECT id, created_at FROM outbox ORDER BY id LIMIT ?1)
         SELECT coalesce((SELECT min(id) - 1 FROM front WHERE created_at >= ?2), (SELECT max(id) FROM front))",
    )
    .bind(STEP_ROWS)
    .bind(before.as_micros())
    .fetch_one(transaction.conn().await?)
    .await?;
    match up_to {
        Some(id) => outbox.drop_and_save(transaction, id).await,
        None => Ok(0),
    }
}

const SURPLUS_ADDRESSES: &str = "DELETE FROM peer_address WHERE id IN (
     SELECT id FROM (
         SELECT id, row_number() OVER (PARTITION BY peer ORDER BY id DESC) AS n FROM peer_address
         -- Only those over the bound: numbering all of a big table would hold commits up.
         WHERE peer IN (SELECT peer FROM peer_address GROUP BY peer HAVING count(*) > ?1))
     WHERE n > ?1 LIMIT ?2)";

const SURPLUS_RELIABILITIES: &str = "DELETE FROM peer_reliability WHERE id IN (
     SELECT id FROM (
         SELECT id, row_number() OVER (PARTITION BY peer ORDER BY id DESC) AS n FROM peer_reliability
         -- Only those over the bound: numbering all of a big table would hold commits up.
         WHERE peer IN (SELECT peer FROM peer_reliability GROUP BY peer HAVING count(*) > ?1))
     WHERE n > ?1 LIMIT ?2)";

const SURPLUS_TRUST: &str = "DELETE FROM anchor WHERE id IN (
     SELECT id FROM (
         SELECT id, row_number() OVER (PARTITION BY peer ORDER BY id DESC) AS n FROM anchor
         WHERE peer IN (SELECT peer FROM anchor GROUP BY peer HAVING count(*) > ?1))
     WHERE n > ?1 LIMIT ?2)";

async fn surplus_changes(
    conn: &mut SqliteConnection,
    sql: &'static str,
) -> Result<u64, sqlx::Error> {
    let gone = sqlx::query(sql)
        .bind(CHANGES_KEPT)
        .bind(STEP_ROWS)
        .execute(conn)
        .await?;
    Ok(gone.rows_affected())
}
