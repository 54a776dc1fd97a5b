//! Everything the reputation has to know again after a start, in order of time.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    net::IpAddr,
    ops::DerefMut,
    panic,
};

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use tokio::sync::mpsc;

use super::{
    StoreError, contacts, log,
    pages::{Order, Pages, RawReport},
};
use crate::domain::{
    OwnStatement, PeerId, ReceivedReport, Reliability, Subject, Timestamp, TrustChange,
};

mod decode;

use decode::{address, begun, own_statement, peers, reliabilities, reliability, said};

/// Something the database knows that trust models learn from.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredFact {
    /// A peer had this address from then on.
    PeerAddress {
        /// Who.
        peer: PeerId,
        /// Where.
        ip: IpAddr,
    },
    /// A peer's conduct was worth this much from then on.
    PeerReliability {
        /// Who.
        peer: PeerId,
        /// How much.
        reliability: Reliability,
    },
    /// A peer said this. What it said several times comes twice: when it said so first, and, with
    /// the number of the repetitions between (0: none), when it said so last. What lies between left
    /// no trace in the model of the node ([`super::Accepted::joins_since`]).
    Report(ReceivedReport, u32),
    /// A peer signed two things as one; what it says no longer counts.
    Forked(PeerId),
    /// The operator's trust in a peer changed by command.
    Trust(TrustChange),
    /// Our own Slips said this; `said_at` is when it said so first. Repetitions are not told.
    OwnStatement(OwnStatement),
}

/// Facts handed over at once; a report is about 200 bytes here.
const FACTS_A_PAGE: usize = 2_048;
/// Pages read before the one before is taken in: while the trust model works on one page, the next is
/// read and decoded. More would wait as well, for the slower of the two.
const PAGES_AHEAD: usize = 1;

/// Hands every fact to `each`, in order of time; those of one time in the order trust, address,
/// reliability, own statement, fork, report. Returns how many there were, and the connection.
///
/// A task of its own reads ahead; it ends by itself when nobody waits any more.
pub(super) async fn stream<C>(
    conn: C,
    mut each: impl FnMut(Timestamp, StoredFact) + Send,
) -> Result<(u64, C), StoreError>
where
    C: DerefMut<Target = SqliteConnection> + Send + 'static,
{
    let (pages, mut read) = mpsc::channel(PAGES_AHEAD);
    let reading = tokio::spawn(read_all(conn, pages));
    let mut told = 0;
    while let Some(page) = read.recv().await {
        for (at, fact) in page {
            each(at, fact);
            told += 1;
        }
    }
    match reading.await {
        Ok(conn) => Ok((told, conn?)),
        Err(ended) if ended.is_panic() => panic::resume_unwind(ended.into_panic()),
        // The program ends.
        Err(_) => Err(StoreError::Closed),
    }
}

async fn read_all<C>(mut conn: C, pages: mpsc::Sender<Vec<Told>>) -> Result<C, StoreError>
where
    C: DerefMut<Target = SqliteConnection> + Send + 'static,
{
    // One transaction: what is committed meanwhile is not seen in halves.
    sqlx::query("BEGIN").execute(&mut *conn).await?;
    let read = tell(&mut conn, Telling::new(pages)).await;
    let ended = sqlx::query("COMMIT").execute(&mut *conn).await;
    read?;
    ended?;
    Ok(conn)
}

/// Tells everything in order, or as much as somebody waits for.
async fn tell(conn: &mut SqliteConnection, mut telling: Telling) -> Result<(), StoreError> {
    let peers = peers_by_id(conn).await?;
    let mut others = few(conn, &peers).await?.into_iter().peekable();
    let (mut last, mut first) = (Pages::new(Order::Last), Pages::new(Order::First));
    loop {
        let heads = (last.peek(conn).await?, first.peek(conn).await?);
        let fact = match heads {
            (None, None) => break,
            (Some(at), Some(before)) if before < at => first.take().map(|raw| begun(&raw, &peers)),
            (None, Some(_)) => first.take().map(|raw| begun(&raw, &peers)),
            (Some(_), _) => last.take().map(|raw| said(&raw, &peers)),
        };
        if let Some(fact) = fact {
            let fact = fact?;
            while let Some(other) = others.next_if(|(at, _)| *at <= fact.0) {
                telling.tell(other).await?;
            }
            telling.tell(fact).await?;
        }
    }
    for other in others {
        telling.tell(other).await?;
    }
    telling.hand_over().await
}

/// The page that is being filled.
struct Telling {
    page: Vec<Told>,
    pages: mpsc::Sender<Vec<Told>>,
}

impl Telling {
    fn new(pages: mpsc::Sender<Vec<Told>>) -> Self {
        let page = Vec::with_capacity(FACTS_A_PAGE);
        Self { page, pages }
    }

    async fn tell(&mut self, fact: Told) -> Result<(), StoreError> {
        self.page.push(fact);
        if self.page.len() < FACTS_A_PAGE {
            return Ok(());
        }
        self.hand_over().await
    }

    /// The error is for nobody: who waited for the facts has gone.
    async fn hand_over(&mut self) -> Result<(), StoreError> {
        let page = mem::replace(&mut self.page, Vec::with_capacity(FACTS_A_PAGE));
        self.pages.send(page).await.map_err(|_| StoreError::Closed)
    }
}

type Told = (Timestamp, StoredFact);

/// What is enough to work out and explain the opinion of one address: the reports on it, and of
/// their authors the addresses, the reliability and what our own Slips said of those addresses, and
/// of the address itself.
pub(super) async fn about(
    conn: &mut SqliteConnection,
    subject: Subject,
) -> Result<Vec<Told>, StoreError> {
    let reports = sqlx::query(
        "SELECT id, author, heard_from, subject, score, confidence, first_at, last_at, repeats FROM report
         WHERE subject = ? ORDER BY last_at, id",
    )
    .bind(subject.to_string())
    .fetch_all(&mut *conn)
    .await?;
    let reports = reports
        .iter()
        .map(RawReport::from_row)
        .collect::<Result<Vec<_>, _>>()?;
    let authors: BTreeSet<i64> = reports.iter().map(|raw| raw.author).collect();
    let neighbours: BTreeSet<i64> = reports.iter().filter_map(|raw| raw.heard_from).collect();
    let named: BTreeSet<i64> = authors.union(&neighbours).copied().collect();
    let named = serde_json::json!(named).to_string();
    let authors = serde_json::json!(authors).to_string();

    let peers = peers(
        sqlx::query("SELECT id, peer_id FROM peer WHERE id IN (SELECT value FROM json_each(?))")
            .bind(named)
            .fetch_all(&mut *conn)
            .await?,
    )?;
    let addresses = sqlx::query(
        "SELECT id, peer, ip, first_seen FROM peer_address WHERE peer IN (SELECT value FROM json_each(?))",
    ).bind(&authors).fetch_all(&mut *conn).await?;
    let standings = sqlx::query(
        "SELECT id, reliability, conduct_at, first_reliability, first_reliability_at FROM peer
         WHERE reliability IS NOT NULL AND id IN (SELECT value FROM json_each(?))
           AND NOT EXISTS (SELECT 1 FROM peer_reliability WHERE peer = peer.id)",
    )
    .bind(&authors)
    .fetch_all(&mut *conn)
    .await?;
    let told = sqlx::query(
        "SELECT id, peer, reliability, since FROM peer_reliability
         WHERE peer IN (SELECT value FROM json_each(?)) ORDER BY id",
    )
    .bind(&authors)
    .fetch_all(&mut *conn)
    .await?;
    let own = sqlx::query(
        "SELECT id, subject, score, confidence, first_at, last_at FROM own_statement
         WHERE subject = ? OR subject IN (
             SELECT ip FROM peer_address WHERE peer IN (SELECT value FROM json_each(?)))",
    )
    .bind(subject.to_string())
    .bind(&authors)
    .fetch_all(&mut *conn)
    .await?;
    let rows = Rows {
        addresses: &addresses,
        standings: &standings,
        told: &told,
        own: &own,
    };
    let mut facts = ordered(&peers, rows)?;
    let forked = forks(conn).await?;
    facts.extend(forked.filter(|(_, fact)| {
        matches!(fact, StoredFact::Forked(author) if peers.values().any(|peer| peer == author))
    }));
    for raw in &reports {
        if raw.repeats > 0 {
            facts.push(begun(raw, &peers)?);
        }
        facts.push(said(raw, &peers)?);
    }
    // Stable: at one time reports stay behind the others and in order among themselves.
    facts.sort_by_key(|(at, _)| *at);
    Ok(facts)
}

/// Everything but the reports: little beside them.
async fn few(
    conn: &mut SqliteConnection,
    peers: &HashMap<i64, PeerId>,
) -> Result<Vec<Told>, StoreError> {
    let trust = contacts::trust(conn).await?;
    let addresses = sqlx::query("SELECT id, peer, ip, first_seen FROM peer_address")
        .fetch_all(&mut *conn)
        .await?;
    let standings = sqlx::query(
        "SELECT id, reliability, conduct_at, first_reliability, first_reliability_at FROM peer
         WHERE reliability IS NOT NULL AND NOT EXISTS (SELECT 1 FROM peer_reliability WHERE peer = peer.id)",
    )
    .fetch_all(&mut *conn)
    .await?;
    let told = sqlx::query("SELECT id, peer, reliability, since FROM peer_reliability ORDER BY id")
        .fetch_all(&mut *conn)
        .await?;
    let own =
        sqlx::query("SELECT id, subject, score, confidence, first_at, last_at FROM own_statement")
            .fetch_all(&mut *conn)
            .await?;
    let rows = Rows {
        addresses: &addresses,
        standings: &standings,
        told: &told,
        own: &own,
    };
    // An order is carried out before what came in with it is judged.
    let mut facts: Vec<Told> = (trust.into_iter())
        .map(|change| (change.since, StoredFact::Trust(change)))
        .collect();
    facts.extend(ordered(peers, rows)?);
    facts.extend(forks(conn).await?);
    facts.sort_by_key(|(at, _)| *at);
    Ok(facts)
}

async fn forks(conn: &mut SqliteConnection) -> Result<impl Iterator<Item = Told>, StoreError> {
    let forked = log::forked(conn).await?.into_iter();
    Ok(forked.map(|(author, at)| (at, StoredFact::Forked(author))))
}

/// Everything but the reports, as it was read.
struct Rows<'a> {
    addresses: &'a [SqliteRow],
    /// Of peers whose history of reliabilities was not kept, as it was before schema 2.
    standings: &'a [SqliteRow],
    told: &'a [SqliteRow],
    own: &'a [SqliteRow],
}

/// Addresses, reliabilities and own statements in order of time, and in that order at one time.
fn ordered(peers: &HashMap<i64, PeerId>, rows: Rows<'_>) -> Result<Vec<Told>, StoreError> {
    let most = rows.addresses.len() + 2 * rows.standings.len() + rows.told.len() + rows.own.len();
    let mut facts: Vec<Told> = Vec::with_capacity(most);
    for row in rows.addresses {
        facts.push(address(row, peers)?);
    }
    for row in rows.standings {
        facts.extend(reliabilities(row, peers)?);
    }
    for row in rows.told {
        facts.push(reliability(row, peers)?);
    }
    for row in rows.own {
        facts.push(own_statement(row)?);
    }
    facts.sort_by_key(|(at, _)| *at);
    Ok(facts)
}

async fn peers_by_id(conn: &mut SqliteConnection) -> Result<HashMap<i64, PeerId>, StoreError> {
    peers(
        sqlx::query("SELECT id, peer_id FROM peer")
            .fetch_all(conn)
            .await?,
    )
}
