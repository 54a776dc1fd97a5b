//! Short ids of peers: what other tables name a peer by, and when it was last heard of.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use super::{Accepted, Batch, transaction::Transaction};
use crate::domain::{Conduct, PeerId, Reachability, Timestamp};

/// How many peers' short ids are kept in memory (about 1.5 MiB); past that they are looked up again.
const KNOWN_PEERS: usize = 8192;
/// `last_seen` is written when it moved by at least this much: a busy peer costs one update a second.
const SEEN_STEP_MICROS: i64 = 1_000_000;

/// The short ids of peers, remembered between transactions.
#[derive(Default)]
pub(super) struct Known(HashMap<PeerId, Slot>);

#[derive(Clone, Copy)]
struct Slot {
    id: i64,
    last_seen: i64,
}

impl Known {
    /// Forgets everything: after a transaction that was taken back, or when peers were deleted.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The short id of a peer of this transaction.
    pub fn id(&self, peer: PeerId) -> Result<i64, sqlx::Error> {
        self.0
            .get(&peer)
            .map(|slot| slot.id)
            .ok_or(sqlx::Error::RowNotFound)
    }

    /// Gives every peer of the batches a short id and moves its `last_seen`.
    pub async fn meet(
        &mut self,
        transaction: &mut Transaction<'_>,
        batches: &[&Batch],
    ) -> Result<(), sqlx::Error> {
        let seen = seen_in(batches);
        if self.0.len() + seen.len() > KNOWN_PEERS {
            self.0.clear();
        }
        let new: Vec<(String, i64, i64)> = seen
            .iter()
            .filter(|(peer, _)| !self.0.contains_key(peer))
            .map(|(peer, seen)| {
                (
                    peer.to_base58(),
                    seen.first,
                    seen.alive.unwrap_or(seen.first),
                )
            })
            .collect();
        if !new.is_empty() {
            let conn = transaction.conn().await?;
            self.add(conn, &serde_json::json!(new).to_string()).await?;
        }
        let mut moved: Vec<(i64, i64)> = Vec::new();
        for (peer, seen) in &seen {
            if let (Some(slot), Some(alive)) = (self.0.get_mut(peer), seen.alive)
                && alive >= slot.last_seen.saturating_add(SEEN_STEP_MICROS)
            {
                slot.last_seen = alive;
                moved.push((slot.id, alive));
            }
        }
        if !moved.is_empty() {
            let sql = "UPDATE peer SET last_seen = max(last_seen, m.value ->> 1)
                 FROM json_each(?) AS m WHERE peer.id = m.value ->> 0";
            transaction.add(sql, |row| row.bind(serde_json::json!(moved).to_string()));
        }
        Ok(())
    }

    async fn add(&mut self, conn: &mut SqliteConnection, new: &str) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO peer (peer_id, first_seen, last_seen)
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true
             ON CONFLICT (peer_id) DO NOTHING",
        )
        .bind(new)
        .execute(&mut *conn)
        .await?;
        let rows = sqlx::query(
            "SELECT p.peer_id, p.id, p.last_seen FROM json_each(?) AS n JOIN peer AS p ON p.peer_id = n.value ->> 0",
        )
        .bind(new)
        .fetch_all(conn)
        .await?;
        for row in rows {
            let text: &str = row.try_get(0)?;
            if let Ok(peer) = text.parse() {
                self.0.insert(
                    peer,
                    Slot {
                        id: row.try_get(1)?,
                        last_seen: row.try_get(2)?,
                    },
                );
            }
        }
        Ok(())
    }
}

/// When a peer is spoken of, in microseconds.
#[derive(Clone, Copy)]
struct Seen {
    /// The first time.
    first: i64,
    /// The last time it gave a sign of life.
    alive: Option<i64>,
}

/// Every peer the batches speak of. That it could not be reached makes a peer known, but is no sign
/// of life: peers that are gone for good must grow old.
fn seen_in(batches: &[&Batch]) -> HashMap<PeerId, Seen> {
    let mut all: HashMap<PeerId, Seen> = HashMap::new();
    let mut note = |peer: PeerId, at: Timestamp, alive: bool| {
        let at = at.as_micros();
        let seen = all.entry(peer).or_insert(Seen {
            first: at,
            alive: None,
        });
        seen.first = seen.first.min(at);
        if alive {
            seen.alive = seen.alive.max(Some(at));
        }
    };
    for batch in batches {
        for Accepted { report, .. } in &batch.reports {
            note(report.author.0, report.received_at, true);
            if report.heard_from.0 != report.author.0 {
                note(report.heard_from.0, report.received_at, true);
            }
        }
        batch
            .addresses
            .iter()
            .for_each(|a| note(a.peer, a.seen_at, true));
        batch.told.iter().for_each(|t| note(t.peer, t.at, false));
        for conduct in &batch.conduct {
            let silent = matches!(
                conduct.last,
                None | Some(Conduct::NoAnswer | Conduct::Unreachable)
            );
            note(conduct.peer, conduct.at, !silent);
        }
        batch
            .reachability
            .iter()
            .for_each(|r| note(r.peer, r.at, r.state == Reachability::Connected));
        batch.sayings.iter().for_each(|s| note(s.peer, s.at, true));
        batch.bans.iter().for_each(|b| note(b.peer, b.since, false));
        (batch.contacts.iter()).for_each(|c| note(c.peer, c.added_at, false));
        (batch.parked.iter()).for_each(|(peer, at)| note(*peer, *at, false));
        (batch.trust.iter()).for_each(|t| note(t.peer, t.since, false));
    }
    for peer in batches.iter().flat_map(|batch| &batch.greeted) {
        all.entry(*peer).or_insert_with(|| Seen {
            first: Timestamp::now().as_micros(),
            alive: None,
        });
    }
    all
}
