//! The tables about peers: `peer`, `peer_address`, `peer_reliability`, `ban`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Batch, PeerAddress, PeerConduct, PeerReachability, known::Known, rows::state_columns};
use crate::domain::{Ban, Conduct, PeerId, Timestamp};

/// Stores everything a batch says about peers; [`Known::meet`] comes first.
pub(super) async fn write(
    conn: &mut SqliteConnection,
    known: &Known,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    for (first, last) in stays(&batch.addresses) {
        write_stay(conn, known.id(last.peer)?, first, last).await?;
    }
    for told in &batch.told {
        sqlx::query("INSERT INTO peer_reliability (peer, reliability, since) VALUES (?, ?, ?)")
            .bind(known.id(told.peer)?)
            .bind(told.reliability.get())
            .bind(told.at.as_micros())
            .execute(&mut *conn)
            .await?;
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
