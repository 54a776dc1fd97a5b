//! The tables `contact` and `anchor`: the operator's address book and the trust given by command.

use std::collections::HashMap;

use libp2p::Multiaddr;
use sqlx::{SqliteConnection, SqliteExecutor};

use super::{
    Batch, StoreError,
    known::Known,
    log,
    rows::{Place, limit},
};
use crate::domain::{
    AddressBook, Ban, Contact, GivenTrust, MAX_PENDING, PeerId, Subject, Timestamp, Trust,
    TrustChange,
};

/// Stores everything a batch says about contacts; [`Known::meet`] comes first.
pub(super) async fn write(
    conn: &mut SqliteConnection,
    known: &Known,
    batch: &Batch,
) -> Result<(), sqlx::Error> {
    for peer in &batch.forgotten {
        sqlx::query("DELETE FROM contact WHERE peer = (SELECT id FROM peer WHERE peer_id = ?)")
            .bind(peer.to_base58())
            .execute(&mut *conn)
            .await?;
    }
    for contact in &batch.contacts {
        write_contact(conn, known.id(contact.peer)?, contact).await?;
    }
    for (peer, at) in &batch.parked {
        write_parked(conn, known.id(*peer)?, *at).await?;
    }
    for change in &batch.trust {
        write_trust(conn, known.id(change.peer)?, change).await?;
    }
    for peer in &batch.applied {
        sqlx::query(
            "UPDATE anchor SET applied = 1
             WHERE applied = 0 AND peer = (SELECT id FROM peer WHERE peer_id = ?)",
        )
        .bind(peer.to_base58())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

async fn write_contact(
    conn: &mut SqliteConnection,
    peer: i64,
    contact: &Contact,
) -> Result<(), sqlx::Error> {
    let addresses: Vec<String> = contact.addresses.iter().map(Multiaddr::to_string).collect();
    sqlx::query(
        "INSERT INTO contact (peer, alias, alias_folded, note, tags, multiaddrs, pinned, decision, decided_at, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (peer) DO UPDATE SET
             alias = excluded.alias, alias_folded = excluded.alias_folded, note = excluded.note,
             tags = excluded.tags, multiaddrs = excluded.multiaddrs, pinned = excluded.pinned,
             decision = excluded.decision, decided_at = excluded.decided_at",
    )
    .bind(peer)
    .bind(&contact.alias)
    .bind(contact.alias.as_ref().map(|alias| alias.to_lowercase()))
    .bind(&contact.note)
    .bind(serde_json::json!(contact.tags).to_string())
    .bind(serde_json::json!(addresses).to_string())
    .bind(contact.pinned)
    .bind(contact.decision.map(|(decision, _)| decision.word()))
    .bind(contact.decision.map(|(_, at)| at.as_micros()))
    .bind(contact.added_at.as_micros())
    .execute(conn)
    .await?;
    Ok(())
}

/// What the operator wrote about a peer is never pushed out, only entries in which nothing stands.
async fn write_parked(
    conn: &mut SqliteConnection,
    peer: i64,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO contact (peer, note, tags, multiaddrs, pinned, decision, decided_at, added_at)
         VALUES (?1, '', '[]', '[]', 0, 'pending', ?2, ?2)
         ON CONFLICT (peer) DO UPDATE SET decision = 'pending', decided_at = ?2 WHERE decision IS NULL",
    )
    .bind(peer)
    .bind(at.as_micros())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "DELETE FROM contact WHERE peer IN (
             SELECT peer FROM contact WHERE decision = 'pending' AND alias IS NULL AND note = ''
                 AND tags = '[]' AND multiaddrs = '[]' AND pinned = 0 ORDER BY decided_at DESC, peer LIMIT -1 OFFSET ?)",
    )
    .bind(limit(MAX_PENDING))
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_trust(
    conn: &mut SqliteConnection,
    peer: i64,
    change: &TrustChange,
) -> Result<(), sqlx::Error> {
    let given = change.given.as_ref();
    sqlx::query(
        "INSERT INTO anchor (peer, trust, organisation, expires, since, applied) VALUES (?, ?, ?, ?, ?, 0)",
    )
    .bind(peer)
    .bind(given.map(|it| it.trust.get()))
    .bind(given.and_then(|it| it.organisation.as_deref()))
    .bind(given.and_then(|it| it.until).map(Timestamp::as_micros))
    .bind(change.since.as_micros())
    .execute(conn)
    .await?;
    Ok(())
}

/// Every entry of the address book, by peer id.
pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Contact>, StoreError> {
    let mut given: HashMap<PeerId, GivenTrust> = HashMap::new();
    for change in trust(conn).await? {
        match change.given {
            Some(now) => given.insert(change.peer, now),
            None => given.remove(&change.peer),
        };
    }
    let rows: Vec<ContactRow> = sqlx::query_as(
        "SELECT p.peer_id, c.alias, c.note, c.tags, c.multiaddrs, c.pinned, c.decision, c.decided_at, c.added_at
         FROM contact AS c JOIN peer AS p ON p.id = c.peer ORDER BY p.peer_id",
    )
    .fetch_all(conn)
    .await?;
    let contact = |row: ContactRow| {
        let mut contact = Contact::try_from(row)?;
        contact.anchor = given.remove(&contact.peer);
        Ok(contact)
    };
    rows.into_iter().map(contact).collect()
}

/// The address book, with every ban.
pub(super) async fn book(conn: &mut SqliteConnection) -> Result<AddressBook, StoreError> {
    let contacts = all(conn).await?;
    let bans: Vec<(String, i64, i64, String)> = sqlx::query_as(
        "SELECT p.peer_id, b.since, b.until, b.reason FROM ban AS b JOIN peer AS p ON p.id = b.peer",
    )
    .fetch_all(&mut *conn)
    .await?;
    let ban = |(text, since, until, reason): (String, i64, i64, String)| {
        let place = Place {
            table: "ban",
            row: &text,
        };
        Ok::<_, StoreError>(Ban {
            peer: place.peer("peer", &text)?,
            since: Timestamp::from_micros(since),
            until: Timestamp::from_micros(until),
            reason,
        })
    };
    let bans = bans.into_iter().map(ban).collect::<Result<Vec<_>, _>>()?;
    let forked = log::forked(conn).await?;
    Ok(AddressBook::of(contacts, &bans).aware_of(forked))
}

/// Every change of the trust given by command, in its order.
pub(super) async fn trust(conn: &mut SqliteConnection) -> Result<Vec<TrustChange>, StoreError> {
    let rows: Vec<TrustRow> = sqlx::query_as(
        "SELECT a.id, p.peer_id, a.trust, a.organisation, a.expires, a.since
         FROM anchor AS a JOIN peer AS p ON p.id = a.peer ORDER BY a.id",
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(TrustChange::try_from).collect()
}

/// Peers whose trust changed without the opinions concerned being worked out anew since.
pub(super) async fn unapplied(reader: impl SqliteExecutor<'_>) -> Result<Vec<PeerId>, StoreError> {
    let peers: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT p.peer_id FROM anchor AS a JOIN peer AS p ON p.id = a.peer WHERE a.applied = 0",
    )
    .fetch_all(reader)
    .await?;
    let place = Place {
        table: "peer",
        row: &"peer_id",
    };
    peers
        .iter()
        .map(|text| place.peer("peer_id", text))
        .collect()
}

/// The addresses a peer reported on, a page of them after one, in the order of their text.
pub(super) async fn reported_by(
    reader: impl SqliteExecutor<'_>,
    peer: PeerId,
    after: &str,
    rows: i64,
) -> Result<Vec<Subject>, StoreError> {
    let subjects: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT subject FROM report
         WHERE author = (SELECT id FROM peer WHERE peer_id = ?) AND subject > ? ORDER BY subject LIMIT ?",
    )
    .bind(peer.to_base58())
    .bind(after)
    .bind(rows)
    .fetch_all(reader)
    .await?;
    let place = Place {
        table: "report",
        row: &"subject",
    };
    let subject = |text: &String| place.subject("subject", text);
    subjects.iter().map(subject).collect()
}

#[derive(sqlx::FromRow)]
struct ContactRow {
    peer_id: String,
    alias: Option<String>,
    note: String,
    tags: String,
    multiaddrs: String,
    pinned: bool,
    decision: Option<String>,
    decided_at: Option<i64>,
    added_at: i64,
}

impl TryFrom<ContactRow> for Contact {
    type Error = StoreError;

    fn try_from(row: ContactRow) -> Result<Self, StoreError> {
        let place = Place {
            table: "contact",
            row: &row.peer_id,
        };
        let texts = |column: &'static str, text: &str| {
            let read: Result<Vec<String>, _> = serde_json::from_str(text);
            read.map_err(|why| place.bad(column, text, why))
        };
        let address = |text: &String| place.word("multiaddrs", text);
        let decision = match (row.decision, row.decided_at) {
            (Some(word), Some(at)) => {
                Some((place.word("decision", &word)?, Timestamp::from_micros(at)))
            }
            _ => None,
        };
        let addresses = texts("multiaddrs", &row.multiaddrs)?;
        Ok(Self {
            peer: place.peer("peer_id", &row.peer_id)?,
            alias: row.alias,
            note: row.note,
            tags: texts("tags", &row.tags)?,
            addresses: addresses.iter().map(address).collect::<Result<_, _>>()?,
            pinned: row.pinned,
            decision,
            anchor: None,
            added_at: Timestamp::from_micros(row.added_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct TrustRow {
    id: i64,
    peer_id: String,
    trust: Option<f64>,
    organisation: Option<String>,
    expires: Option<i64>,
    since: i64,
}

impl TryFrom<TrustRow> for TrustChange {
    type Error = StoreError;

    fn try_from(row: TrustRow) -> Result<Self, StoreError> {
        let place = Place {
            table: "anchor",
            row: &row.id,
        };
        let trust = row
            .trust
            .map(|value| Trust::new(value).map_err(|why| place.bad("trust", value, why)));
        let given = trust.transpose()?.map(|trust| GivenTrust {
            trust,
            organisation: row.organisation,
            until: row.expires.map(Timestamp::from_micros),
        });
        Ok(Self {
            peer: place.peer("peer_id", &row.peer_id)?,
            given,
            since: Timestamp::from_micros(row.since),
        })
    }
}
