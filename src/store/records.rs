//! Peers as they are read back, and what a start finds.

use std::net::IpAddr;

use sqlx::SqliteConnection;

use super::{
    LogFork, LogHead, StoreError, contacts, log,
    open::SCHEMA,
    outbox::OutboxState,
    rows::{Place, count},
};
use crate::domain::{Ban, Conduct, Contact, Done, PeerId, Reachability, Reliability, Timestamp};

/// Everything known of a peer.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerRecord {
    /// Who.
    pub peer: PeerId,
    /// Its newest address.
    pub ip: Option<IpAddr>,
    /// Since when it has that; [`Timestamp::ZERO`]: no address is known.
    pub ip_since: Timestamp,
    /// The newest address in full, for dialling.
    pub multiaddr: Option<String>,
    /// The newest value of its conduct; 0 while it was never judged (`conduct_at` is then 0).
    pub reliability: Reliability,
    /// The weight of its good conduct at `conduct_at`.
    pub good: f64,
    /// The weight of its bad conduct at `conduct_at`.
    pub bad: f64,
    /// When its conduct was judged last; [`Timestamp::ZERO`]: never.
    pub conduct_at: Timestamp,
    /// What it did last, as far as noted.
    pub last_conduct: Option<Conduct>,
    /// Whether it can be reached.
    pub state: Reachability,
    /// Since when.
    pub state_at: Timestamp,
    /// When it was first heard of.
    pub first_seen: Timestamp,
    /// When it last gave a sign of life, to a second.
    pub last_seen: Timestamp,
    /// How many reports of it are kept; only a [`super::Reader`] counts them, else 0.
    pub reports: u64,
    /// Whether it is or was cut off.
    pub ban: Option<Ban>,
    /// Whether hellos were exchanged.
    pub greeted: bool,
}

/// What a start finds in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Every peer known, those heard of last first.
    pub peers: Vec<PeerRecord>,
    /// The operator's address book.
    pub contacts: Vec<Contact>,
    /// Every ban, also those that ran out and were not pruned yet.
    pub bans: Vec<Ban>,
    /// How many addresses have an opinion.
    pub opinions_count: u64,
    /// How far everything was delivered to Slips or dropped.
    pub last_delivered: Done,
    /// How many parcels wait for Slips.
    pub outbox_len: u64,
    /// Where the logs of all authors stand.
    pub logs: Vec<LogHead>,
    /// Every proof that an author forked.
    pub forks: Vec<LogFork>,
    /// The schema of the database.
    pub schema: i64,
}

pub(super) async fn load(
    conn: &mut SqliteConnection,
    outbox: OutboxState,
) -> Result<Loaded, StoreError> {
    let peers = all(conn).await?;
    let logs = log::authors(conn).await?;
    let forks = log::forks(conn).await?;
    let contacts = contacts::all(conn).await?;
    let opinions: i64 = sqlx::query_scalar("SELECT count(*) FROM opinion")
        .fetch_one(conn)
        .await?;
    Ok(Loaded {
        bans: peers
            .iter()
            .filter_map(|record| record.ban.clone())
            .collect(),
        peers,
        contacts,
        opinions_count: count(opinions),
        last_delivered: outbox.done(),
        outbox_len: outbox.len(),
        logs,
        forks,
        schema: SCHEMA,
    })
}

/// The columns of [`PeerRow`]; the argument counts the reports of `p`.
macro_rules! peers {
    ($reports:literal) => {
        concat!(
            "SELECT p.peer_id, a.ip, a.first_seen AS ip_since, a.multiaddr, p.reliability, p.good, p.bad, p.conduct_at, p.last_conduct,
                 p.state, p.state_reason, p.next_try, p.state_at, p.first_seen, p.last_seen, ",
            $reports,
            " AS reports, b.since, b.until, b.reason, p.greeted
             FROM peer AS p
             LEFT JOIN peer_address AS a ON a.id = (
                 SELECT id FROM peer_address WHERE peer = p.id ORDER BY id DESC LIMIT 1)
             LEFT JOIN ban AS b ON b.peer = p.id"
        )
    };
}

/// Every peer, those heard of last first; reports are not counted.
pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<PeerRecord>, StoreError> {
    let rows: Vec<PeerRow> =
        sqlx::query_as(concat!(peers!("0"), " ORDER BY p.last_seen DESC, p.id"))
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(PeerRecord::try_from).collect()
}

/// Every peer with its reports counted.
pub(super) async fn all_counted(
    conn: &mut SqliteConnection,
) -> Result<Vec<PeerRecord>, StoreError> {
    let rows: Vec<PeerRow> = sqlx::query_as(concat!(
        "WITH told AS MATERIALIZED (SELECT author, count(*) AS reports FROM report GROUP BY author) ",
        peers!("coalesce((SELECT reports FROM told WHERE told.author = p.id), 0)"),
        " ORDER BY p.last_seen DESC, p.id"
    ))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(PeerRecord::try_from).collect()
}

/// One peer with its reports counted.
pub(super) async fn one(
    conn: &mut SqliteConnection,
    peer: PeerId,
) -> Result<Option<PeerRecord>, StoreError> {
    let row: Option<PeerRow> = sqlx::query_as(concat!(
        peers!("(SELECT count(*) FROM report WHERE author = p.id)"),
        " WHERE p.peer_id = ?"
    ))
    .bind(peer.to_base58())
    .fetch_optional(conn)
    .await?;
    row.map(PeerRecord::try_from).transpose()
}

#[derive(sqlx::FromRow)]
struct PeerRow {
    peer_id: String,
    ip: Option<String>,
    ip_since: Option<i64>,
    multiaddr: Option<String>,
    reliability: Option<f64>,
    good: f64,
    bad: f64,
    conduct_at: i64,
    last_conduct: Option<String>,
    state: String,
    state_reason: String,
    next_try: Option<i64>,
    state_at: i64,
    first_seen: i64,
    last_seen: i64,
    reports: i64,
    since: Option<i64>,
    until: Option<i64>,
    reason: Option<String>,
    greeted: bool,
}

impl TryFrom<PeerRow> for PeerRecord {
    type Error = StoreError;

    fn try_from(row: PeerRow) -> Result<Self, StoreError> {
        let place = Place {
            table: "peer",
            row: &row.peer_id,
        };
        let peer = place.peer("peer_id", &row.peer_id)?;
        let ban = match (row.since, row.until, row.reason) {
            (Some(since), Some(until), Some(reason)) => Some(Ban {
                peer,
                since: Timestamp::from_micros(since),
                until: Timestamp::from_micros(until),
                reason,
            }),
            _ => None,
        };
        Ok(Self {
            peer,
            ip: row
                .ip
                .map(|ip| place.subject("ip", &ip))
                .transpose()?
                .map(|subject| subject.ip()),
            ip_since: row.ip_since.map_or(Timestamp::ZERO, Timestamp::from_micros),
            // Of a peer that only ever called us none is known, which is no address to dial.
            multiaddr: row.multiaddr.filter(|address| !address.is_empty()),
            reliability: row
                .reliability
                .map_or(Ok(Reliability::MIN), |value| place.reliability(value))?,
            good: row.good,
            bad: row.bad,
            conduct_at: Timestamp::from_micros(row.conduct_at),
            last_conduct: row
                .last_conduct
                .map(|word| place.word("last_conduct", &word))
                .transpose()?,
            state: place.reachability(&row.state, row.state_reason, row.next_try)?,
            state_at: Timestamp::from_micros(row.state_at),
            first_seen: Timestamp::from_micros(row.first_seen),
            last_seen: Timestamp::from_micros(row.last_seen),
            reports: count(row.reports),
            ban,
            greeted: row.greeted,
        })
    }
}
