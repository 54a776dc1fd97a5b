//! What the commands ask for reports by, and the rows they get.

use std::{collections::HashMap, net::IpAddr};

use sqlx::{QueryBuilder, Sqlite};

use super::{
    StoreError,
    rows::{Place, limit},
};
use crate::domain::{Confidence, PeerId, Score, Subject, Timestamp};

/// Which reports are asked for; what is not given does not restrict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportFilter {
    /// On this address.
    pub ip: Option<IpAddr>,
    /// By this author.
    pub peer: Option<PeerId>,
    /// Said at this time or later, also if first said earlier.
    pub since: Option<Timestamp>,
    /// With an id above this: what came after a row already seen.
    pub after_id: Option<i64>,
    /// At most so many: with `after_id` the first after it, without the newest there are.
    pub limit: usize,
}

/// A report as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportRow {
    /// Ascending in order of acceptance; never used twice.
    pub id: i64,
    /// Who said it.
    pub author: PeerId,
    /// Of which address.
    pub subject: Subject,
    /// How malicious.
    pub score: Score,
    /// How sure.
    pub confidence: Confidence,
    /// When it was said first.
    pub first_at: Timestamp,
    /// When it was said last.
    pub last_at: Timestamp,
    /// How often it was said again after the first time.
    pub repeats: u32,
}

/// What our own Slips said of an address, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementRow {
    /// Ascending in order of acceptance; never used twice.
    pub id: i64,
    /// Of which address.
    pub subject: Subject,
    /// How malicious.
    pub score: Score,
    /// How sure.
    pub confidence: Confidence,
    /// When it was said first.
    pub first_at: Timestamp,
    /// When it was said last.
    pub last_at: Timestamp,
    /// How often it was said again after the first time.
    pub repeats: u32,
}

/// The question for a filter.
pub(super) fn reports_query(filter: ReportFilter) -> QueryBuilder<Sqlite> {
    // CROSS: always from the report to its author, never through all reports of every peer.
    let mut query = QueryBuilder::new(
        "SELECT r.id, p.peer_id AS author, r.subject, r.score, r.confidence, r.first_at, r.last_at, r.repeats
         FROM report AS r CROSS JOIN peer AS p ON p.id = r.author WHERE true",
    );
    if let Some(ip) = filter.ip {
        query
            .push(" AND r.subject = ")
            .push_bind(Subject::from_ip(ip).to_string());
    }
    if let Some(peer) = filter.peer {
        query
            .push(" AND r.author = (SELECT id FROM peer WHERE peer_id = ")
            .push_bind(peer.to_base58())
            .push(")");
    }
    if let Some(since) = filter.since {
        query
            .push(" AND r.last_at >= ")
            .push_bind(since.as_micros());
    }
    match filter.after_id {
        Some(id) => query
            .push(" AND r.id > ")
            .push_bind(id)
            .push(" ORDER BY r.id"),
        None => query.push(" ORDER BY r.id DESC"),
    };
    query.push(" LIMIT ").push_bind(limit(filter.limit));
    query
}

/// A row of `report` or of `own_statement`, which has no author.
#[derive(sqlx::FromRow)]
pub(super) struct RawSaid {
    id: i64,
    #[sqlx(default)]
    author: String,
    subject: String,
    score: f64,
    confidence: f64,
    first_at: i64,
    last_at: i64,
    repeats: i64,
}

impl RawSaid {
    /// The row as of our own Slips.
    pub fn statement(&self) -> Result<StatementRow, StoreError> {
        self.checked("own_statement")
    }

    /// The row as of a peer. `authors` remembers those met, as spelling out a peer's id costs more
    /// than all the rest.
    pub fn report(&self, authors: &mut HashMap<String, PeerId>) -> Result<ReportRow, StoreError> {
        let StatementRow {
            id,
            subject,
            score,
            confidence,
            first_at,
            last_at,
            repeats,
        } = self.checked("report")?;
        let place = Place {
            table: "report",
            row: &self.id,
        };
        let author = if let Some(known) = authors.get(&self.author) {
            *known
        } else {
            let author = place.peer("author", &self.author)?;
            authors.insert(self.author.clone(), author);
            author
        };
        Ok(ReportRow {
            id,
            author,
            subject,
            score,
            confidence,
            first_at,
            last_at,
            repeats,
        })
    }

    fn checked(&self, table: &'static str) -> Result<StatementRow, StoreError> {
        let place = Place {
            table,
            row: &self.id,
        };
        Ok(StatementRow {
            id: self.id,
            subject: place.subject("subject", &self.subject)?,
            score: place.score(self.score)?,
            confidence: place.confidence(self.confidence)?,
            first_at: Timestamp::from_micros(self.first_at),
            last_at: Timestamp::from_micros(self.last_at),
            repeats: place.count32("repeats", self.repeats)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

    use super::*;

    async fn plan(conn: &mut SqliteConnection, filter: ReportFilter) -> Vec<String> {
        let sql = format!(
            "EXPLAIN QUERY PLAN {}",
            reports_query(filter).sql().as_str()
        );
        let steps = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(conn)
            .await
            .unwrap();
        steps.iter().map(|step| step.get("detail")).collect()
    }

    #[tokio::test]
    async fn every_filter_has_an_index() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(include_str!("../../migrations/0001_foundation.sql"))
            .execute(&mut conn)
            .await
            .unwrap();
        let all = ReportFilter {
            limit: 9,
            ..ReportFilter::default()
        };
        let ip = Some(IpAddr::from([192, 0, 2, 1]));
        let peer = Some(PeerId::random());
        let since = Some(Timestamp::ZERO);
        for (filter, expected) in [
            (all, "SCAN r"),
            (
                ReportFilter {
                    after_id: Some(1),
                    ..all
                },
                "SEARCH r USING INTEGER PRIMARY KEY (rowid>?)",
            ),
            (
                ReportFilter { ip, since, ..all },
                "SEARCH r USING INDEX report_by_subject (subject=?)",
            ),
            (
                ReportFilter { peer, since, ..all },
                "SEARCH r USING INDEX report_by_author (author=?)",
            ),
            (
                ReportFilter { ip, peer, ..all },
                "SEARCH r USING INDEX report_by_subject (subject=? AND author=?)",
            ),
        ] {
            let steps = plan(&mut conn, filter).await;
            assert_eq!(
                steps.first().map(String::as_str),
                Some(expected),
                "{filter:?}: {steps:?}"
            );
        }
    }
}
