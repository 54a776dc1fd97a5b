//! The tables about peers: `peer`, `peer_address`, `ban`.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use super::{Batch, PeerAddress, PeerConduct, PeerReachability, rows::state_columns};
use crate::domain::{Ban, Conduct, PeerId, Reachability, Timestamp};

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
        conn: &mut SqliteConnection,
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
            sqlx::query(
                "UPDATE peer SET last_seen = max(last_seen, m.value ->> 1)
                 FROM json_each(?) AS m WHERE peer.id = m.value ->> 0",
            )
            .bind(serde_json::json!(moved).to_string())
            .execute(conn)
            .await?;
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
        for report in &batch.reports {
            note(report.author.0, report.received_at, true);
            if report.heard_from.0 != report.author.0 {
                note(report.heard_from.0, report.received_at, true);
            }
        }
        batch
            .addresses
            .iter()
            .for_each(|a| note(a.peer, a.seen_at, true));
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
        batch.bans.iter().for_each(|b| note(b.peer, b.since, false));
    }
    for peer in batches.iter().flat_map(|batch| &batch.greeted) {
        all.entry(*peer).or_insert(Seen {
            first: 0,
            alive: None,
        });
    }
    all
}

/// Stores everything a batch says about peers; [`Known::meet`] comes first.
pub(super) async fn write(
    conn: &mut SqliteConnection,
    known: &Known,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    for (first, last) in stays(&batch.addresses) {
        write_stay(conn, known.id(last.peer)?, first, last).await?;
    }
    for course in courses(&batch.conduct) {
        write_course(conn, known.id(course.last.peer)?, course).await?;
    }
    let states: HashMap<PeerId, &PeerReachability> =
        batch.reachability.iter().map(|r| (r.peer, r)).collect();
    for reachability in states.into_values() {
        write_state(conn, known.id(reachability.peer)?, reachability).await?;
    }
    for peer in &batch.greeted {
        sqlx::query("UPDATE peer SET greeted = 1 WHERE id = ?")
            .bind(known.id(*peer)?)
            .execute(&mut *conn)
            .await?;
    }
    for peer in &batch.unbanned {
        sqlx::query("DELETE FROM ban WHERE peer = (SELECT id FROM peer WHERE peer_id = ?)")
            .bind(peer.to_base58())
            .execute(&mut *conn)
            .await?;
    }
    for ban in &batch.bans {
        write_ban(conn, known.id(ban.peer)?, ban).await?;
    }
    Ok(())
}

/// The first and the last sight of each stay of a peer at one address, in order.
fn stays(addresses: &[PeerAddress]) -> Vec<(&PeerAddress, &PeerAddress)> {
    let mut stays: Vec<(&PeerAddress, &PeerAddress)> = Vec::new();
    let mut newest: HashMap<PeerId, usize> = HashMap::new();
    for address in addresses {
        match newest.get(&address.peer).and_then(|at| stays.get_mut(*at)) {
            Some(stay) if stay.1.ip.to_canonical() == address.ip.to_canonical() => stay.1 = address,
            _ => {
                newest.insert(address.peer, stays.len());
                stays.push((address, address));
            }
        }
    }
    stays
}

async fn write_stay(
    conn: &mut SqliteConnection,
    peer: i64,
    first: &PeerAddress,
    last: &PeerAddress,
) -> Result<(), sqlx::Error> {
    let ip = last.ip.to_canonical().to_string();
    let (from, to) = (
        first.seen_at.min(last.seen_at),
        first.seen_at.max(last.seen_at),
    );
    let same = sqlx::query(
        "UPDATE peer_address SET last_seen = max(last_seen, ?1), multiaddr = ?2
         WHERE id = (SELECT id FROM peer_address WHERE peer = ?3 ORDER BY id DESC LIMIT 1) AND ip = ?4",
    )
    .bind(to.as_micros())
    .bind(&last.multiaddr)
    .bind(peer)
    .bind(&ip)
    .execute(&mut *conn)
    .await?;
    if same.rows_affected() > 0 {
        return Ok(());
    }
    sqlx::query("INSERT INTO peer_address (peer, ip, multiaddr, first_seen, last_seen) VALUES (?, ?, ?, ?, ?)")
        .bind(peer)
        .bind(ip)
        .bind(&last.multiaddr)
        .bind(from.as_micros())
        .bind(to.as_micros())
        .execute(conn)
        .await?;
    Ok(())
}

/// How a peer's standing went within one batch.
struct Course<'a> {
    first: &'a PeerConduct,
    last: &'a PeerConduct,
    /// The last thing it did, as far as an entry says.
    did: Option<Conduct>,
}

/// One course for each peer.
fn courses(conduct: &[PeerConduct]) -> Vec<Course<'_>> {
    let mut courses: Vec<Course<'_>> = Vec::new();
    let mut place: HashMap<PeerId, usize> = HashMap::new();
    for entry in conduct {
        match place.get(&entry.peer).and_then(|at| courses.get_mut(*at)) {
            Some(course) => {
                course.last = entry;
                course.did = entry.last.or(course.did);
            }
            None => {
                place.insert(entry.peer, courses.len());
                courses.push(Course {
                    first: entry,
                    last: entry,
                    did: entry.last,
                });
            }
        }
    }
    courses
}

async fn write_course(
    conn: &mut SqliteConnection,
    peer: i64,
    Course { first, last, did }: Course<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE peer SET
             first_reliability_at = iif(first_reliability IS NULL, ?1, first_reliability_at),
             first_reliability = coalesce(first_reliability, ?2),
             reliability = ?3, good = ?4, bad = ?5, conduct_at = ?6, last_conduct = coalesce(?7, last_conduct)
         WHERE id = ?8",
    )
    .bind(first.at.as_micros())
    .bind(first.reliability.get())
    .bind(last.reliability.get())
    .bind(last.good)
    .bind(last.bad)
    .bind(last.at.as_micros())
    .bind(did.map(|conduct| conduct.word()))
    .bind(peer)
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_state(
    conn: &mut SqliteConnection,
    peer: i64,
    reachability: &PeerReachability,
) -> Result<(), sqlx::Error> {
    let (word, reason, next_try) = state_columns(&reachability.state);
    sqlx::query(
        "UPDATE peer SET state = ?, state_reason = ?, next_try = ?, state_at = ? WHERE id = ?",
    )
    .bind(word)
    .bind(reason)
    .bind(next_try)
    .bind(reachability.at.as_micros())
    .bind(peer)
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_ban(conn: &mut SqliteConnection, peer: i64, ban: &Ban) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO ban (peer, since, until, reason) VALUES (?, ?, ?, ?)
         ON CONFLICT (peer) DO UPDATE SET since = excluded.since, until = excluded.until, reason = excluded.reason",
    )
    .bind(peer)
    .bind(ban.since.as_micros())
    .bind(ban.until.as_micros())
    .bind(&ban.reason)
    .execute(conn)
    .await?;
    Ok(())
}

/// Nobody is connected to a node that is not running.
pub(super) async fn all_disconnected(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE peer SET state = 'retrying', state_reason = 'this node was stopped', next_try = ?1, state_at = ?1
         WHERE state = 'connected'",
    )
    .bind(now.as_micros())
    .execute(conn)
    .await?;
    Ok(())
}
