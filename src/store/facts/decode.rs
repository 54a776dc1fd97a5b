//! What rows of the database mean as facts.

use std::collections::HashMap;

use sqlx::{Row as _, sqlite::SqliteRow};

use super::{StoredFact, Told};
use crate::domain::{Author, Neighbour, OwnStatement, PeerId, ReceivedReport, Timestamp};
use crate::store::{StoreError, pages::RawReport, rows::Place};

pub(super) fn peers(rows: Vec<SqliteRow>) -> Result<HashMap<i64, PeerId>, StoreError> {
    rows.into_iter()
        .map(|row| {
            let id: i64 = row.try_get(0)?;
            Ok((
                id,
                Place {
                    table: "peer",
                    row: &id,
                }
                .peer("peer_id", row.try_get(1)?)?,
            ))
        })
        .collect()
}

fn peer(
    place: Place<'_>,
    column: &'static str,
    peers: &HashMap<i64, PeerId>,
    id: i64,
) -> Result<PeerId, StoreError> {
    peers
        .get(&id)
        .copied()
        .ok_or_else(|| place.bad(column, id, "no such peer"))
}

pub(super) fn address(row: &SqliteRow, peers: &HashMap<i64, PeerId>) -> Result<Told, StoreError> {
    let id: i64 = row.try_get("id")?;
    let place = Place {
        table: "peer_address",
        row: &id,
    };
    let ip = place.subject("ip", row.try_get("ip")?)?.ip();
    let at = Timestamp::from_micros(row.try_get("first_seen")?);
    Ok((
        at,
        StoredFact::PeerAddress {
            peer: peer(place, "peer", peers, row.try_get("peer")?)?,
            ip,
        },
    ))
}

/// What a peer's conduct was worth from a time on.
pub(super) fn reliability(
    row: &SqliteRow,
    peers: &HashMap<i64, PeerId>,
) -> Result<Told, StoreError> {
    let id: i64 = row.try_get("id")?;
    let place = Place {
        table: "peer_reliability",
        row: &id,
    };
    let fact = StoredFact::PeerReliability {
        peer: peer(place, "peer", peers, row.try_get("peer")?)?,
        reliability: place.reliability(row.try_get("reliability")?)?,
    };
    Ok((Timestamp::from_micros(row.try_get("since")?), fact))
}

/// The newest reliability, after the first where that was another.
pub(super) fn reliabilities(
    row: &SqliteRow,
    peers: &HashMap<i64, PeerId>,
) -> Result<impl Iterator<Item = Told>, StoreError> {
    let id: i64 = row.try_get("id")?;
    let place = Place {
        table: "peer",
        row: &id,
    };
    let peer = peer(place, "id", peers, id)?;
    let fact = |value: f64, at: i64| -> Result<Told, StoreError> {
        let reliability = place.reliability(value)?;
        Ok((
            Timestamp::from_micros(at),
            StoredFact::PeerReliability { peer, reliability },
        ))
    };
    let newest = fact(row.try_get("reliability")?, row.try_get("conduct_at")?)?;
    let first: (Option<f64>, Option<i64>) = (
        row.try_get("first_reliability")?,
        row.try_get("first_reliability_at")?,
    );
    let first = match first {
        (Some(value), Some(at)) => Some(fact(value, at)?).filter(|first| *first != newest),
        _ => None,
    };
    Ok(first.into_iter().chain([newest]))
}

pub(super) fn own_statement(row: &SqliteRow) -> Result<Told, StoreError> {
    let id: i64 = row.try_get("id")?;
    let place = Place {
        table: "own_statement",
        row: &id,
    };
    let said_at = Timestamp::from_micros(row.try_get("first_at")?);
    let statement = OwnStatement {
        subject: place.subject("subject", row.try_get("subject")?)?,
        score: place.score(row.try_get("score")?)?,
        confidence: place.confidence(row.try_get("confidence")?)?,
        said_at,
    };
    Ok((said_at, StoredFact::OwnStatement(statement)))
}

/// The beginning of what was said several times.
pub(super) fn begun(raw: &RawReport, peers: &HashMap<i64, PeerId>) -> Result<Told, StoreError> {
    let at = Timestamp::from_micros(raw.first_at);
    let (report, _) = report(raw, at, peers)?;
    Ok((at, StoredFact::Report(report, 0)))
}

/// What was said, the last time; of what was said several times its beginning is told apart.
pub(super) fn said(raw: &RawReport, peers: &HashMap<i64, PeerId>) -> Result<Told, StoreError> {
    let at = Timestamp::from_micros(raw.last_at);
    let (report, repeats) = report(raw, at, peers)?;
    Ok((at, StoredFact::Report(report, repeats.saturating_sub(1))))
}

fn report(
    raw: &RawReport,
    at: Timestamp,
    peers: &HashMap<i64, PeerId>,
) -> Result<(ReceivedReport, u32), StoreError> {
    let place = Place {
        table: "report",
        row: &raw.id,
    };
    let author = peer(place, "author", peers, raw.author)?;
    let heard_from = match raw.heard_from {
        None => author,
        Some(other) => peer(place, "heard_from", peers, other)?,
    };
    let report = ReceivedReport {
        author: Author(author),
        heard_from: Neighbour(heard_from),
        subject: raw.subject,
        score: place.score(raw.score)?,
        confidence: place.confidence(raw.confidence)?,
        received_at: at,
    };
    Ok((report, place.count32("repeats", raw.repeats)?))
}
