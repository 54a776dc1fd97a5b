//! The table `presence`: what peers of our kind said of themselves last.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Batch, StoreError, known::Known, rows::Place};
use crate::domain::{Farewell, Hello, PeerId, Presence, Status, Timestamp};

/// Rows kept; the oldest go. Whoever makes up identities does not fill the disk by them.
const MAX_ROWS: i64 = 10_000;

/// What a peer said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// Who it is, and how.
    Hello(Box<Hello>),
    /// How it is now.
    Status(Presence),
    /// Why it leaves.
    Farewell(Farewell),
}

/// A peer said something of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSaying {
    /// Who.
    pub peer: PeerId,
    /// What.
    pub said: Saying,
    /// When.
    pub at: Timestamp,
}

/// What a peer said of itself last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceRecord {
    /// What it calls itself; may be empty.
    pub alias: String,
    /// How it was.
    pub status: Status,
    /// That in its own words; may be empty.
    pub message: String,
    /// What it runs; may be empty.
    pub software: String,
    /// The network it says to be of; may be empty.
    pub network: String,
    /// When it said so.
    pub said_at: Timestamp,
    /// Why it left the last time, and when.
    pub goodbye: Option<(String, Timestamp)>,
}

/// Stores what a batch says; [`Known::meet`] comes first.
pub(super) async fn write(
    conn: &mut SqliteConnection,
    known: &Known,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    for PeerSaying { peer, said, at } in &batch.sayings {
        let id = known.id(*peer)?;
        match said {
            Saying::Hello(hello) => write_hello(conn, id, hello, *at).await?,
            Saying::Status(presence) => write_status(conn, id, presence, *at).await?,
            Saying::Farewell(farewell) => write_farewell(conn, id, farewell, *at).await?,
        }
    }
    if !batch.sayings.is_empty() {
        sqlx::query(
            "DELETE FROM presence WHERE peer IN (
                 SELECT peer FROM presence ORDER BY said_at DESC, peer LIMIT -1 OFFSET ?)",
        )
        .bind(MAX_ROWS)
        .execute(conn)
        .await?;
    }
    Ok(())
}

async fn write_hello(
    conn: &mut SqliteConnection,
    peer: i64,
    hello: &Hello,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let hello = hello.clone().cleaned();
    sqlx::query(
        "INSERT INTO presence (peer, alias, status, status_message, software, network, said_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (peer) DO UPDATE SET alias = excluded.alias, status = excluded.status,
             status_message = excluded.status_message, software = excluded.software,
             network = excluded.network, said_at = excluded.said_at",
    )
    .bind(peer)
    .bind(&hello.alias)
    .bind(hello.presence.status.word())
    .bind(&hello.presence.message)
    .bind(&hello.software)
    .bind(hello.network.as_deref().unwrap_or_default())
    .bind(at.as_micros())
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_status(
    conn: &mut SqliteConnection,
    peer: i64,
    presence: &Presence,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO presence (peer, status, status_message, said_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (peer) DO UPDATE SET status = excluded.status,
             status_message = excluded.status_message, said_at = excluded.said_at",
    )
    .bind(peer)
    .bind(presence.status.word())
    .bind(&presence.message)
    .bind(at.as_micros())
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_farewell(
    conn: &mut SqliteConnection,
    peer: i64,
    farewell: &Farewell,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO presence (peer, status, said_at, goodbye, goodbye_at) VALUES (?1, ?2, ?3, ?4, ?3)
         ON CONFLICT (peer) DO UPDATE SET status = excluded.status, status_message = '',
             said_at = excluded.said_at, goodbye = excluded.goodbye, goodbye_at = excluded.goodbye_at",
    )
    .bind(peer)
    .bind(Status::Offline.word())
    .bind(at.as_micros())
    .bind(farewell.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// What every peer said of itself last.
pub(super) async fn all(
    conn: &mut SqliteConnection,
) -> Result<HashMap<PeerId, PresenceRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT p.peer_id, s.alias, s.status, s.status_message, s.software, s.network, s.said_at,
             s.goodbye, s.goodbye_at
         FROM presence AS s JOIN peer AS p ON p.id = s.peer",
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(record).collect()
}

#[derive(sqlx::FromRow)]
struct Row {
    peer_id: String,
    alias: String,
    status: String,
    status_message: String,
    software: String,
    network: String,
    said_at: i64,
    goodbye: Option<String>,
    goodbye_at: Option<i64>,
}

fn record(row: Row) -> Result<(PeerId, PresenceRecord), StoreError> {
    let place = Place {
        table: "presence",
        row: &row.peer_id,
    };
    let peer = place.peer("peer_id", &row.peer_id)?;
    let record = PresenceRecord {
        alias: row.alias,
        status: Status::of(&row.status),
        message: row.status_message,
        software: row.software,
        network: row.network,
        said_at: Timestamp::from_micros(row.said_at),
        goodbye: row.goodbye.zip(row.goodbye_at.map(Timestamp::from_micros)),
    };
    Ok((peer, record))
}
