//! Reading very many reports: thousands of rows come as one text, because handing each row from
//! SQLite's thread to ours costs more than reading it (1,000,000 rows: 1.1 s of CPU instead of 5 s).

use std::{str::FromStr, vec::IntoIter};

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{StoreError, rows::Place};
use crate::domain::Subject;

/// Rows in one text: about 150 KB.
const PAGE: i64 = 2_048;

/// A row of `report`, in the columns of a fact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawReport {
    pub id: i64,
    pub author: i64,
    pub heard_from: Option<i64>,
    pub subject: Subject,
    pub score: f64,
    pub confidence: f64,
    pub first_at: i64,
    pub last_at: i64,
    pub repeats: i64,
}

impl RawReport {
    /// From a row that has the columns by name.
    pub fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
        let id: i64 = row.try_get("id")?;
        let place = Place {
            table: "report",
            row: &id,
        };
        Ok(Self {
            id,
            author: row.try_get("author")?,
            heard_from: row.try_get("heard_from")?,
            subject: place.subject("subject", row.try_get("subject")?)?,
            score: row.try_get("score")?,
            confidence: row.try_get("confidence")?,
            first_at: row.try_get("first_at")?,
            last_at: row.try_get("last_at")?,
            repeats: row.try_get("repeats")?,
        })
    }

    /// From a line of a page.
    fn from_line(line: &str) -> Result<Self, StoreError> {
        let mut words = line.split(' ');
        let id = words.next().unwrap_or_default();
        let place = Place {
            table: "report",
            row: &id,
        };
        let mut next = |column| {
            words
                .next()
                .ok_or_else(|| place.bad(column, line, "the row is cut off"))
        };
        Ok(Self {
            id: number(place, "id", id)?,
            author: number(place, "author", next("author")?)?,
            heard_from: match next("heard_from")? {
                "" => None,
                other => Some(number(place, "heard_from", other)?),
            },
            subject: place.subject("subject", next("subject")?)?,
            score: number(place, "score", next("score")?)?,
            confidence: number(place, "confidence", next("confidence")?)?,
            first_at: number(place, "first_at", next("first_at")?)?,
            last_at: number(place, "last_at", next("last_at")?)?,
            repeats: number(place, "repeats", next("repeats")?)?,
        })
    }
}

fn number<T: FromStr<Err: std::fmt::Display>>(
    place: Place<'_>,
    column: &'static str,
    word: &str,
) -> Result<T, StoreError> {
    word.parse().map_err(|why| place.bad(column, word, why))
}

/// One of the two orders reports are read in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// All reports, by when they were said last.
    Last,
    /// Those said several times, by when they were said first.
    First,
}

/// Reading in one order: a page, and what follows it.
pub(super) struct Pages {
    order: Order,
    at: i64,
    id: i64,
    page: IntoIter<RawReport>,
    /// Nothing follows; asking again would cost as much as a page, for each report of the other order.
    ended: bool,
}

impl Pages {
    /// From the beginning.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            at: i64::MIN,
            id: i64::MIN,
            page: Vec::new().into_iter(),
            ended: false,
        }
    }

    /// The next report in order of time, then id, and that time; it stays the next until it is
    /// taken. `None` at the end.
    pub async fn peek(
        &mut self,
        conn: &mut SqliteConnection,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        if self.page.as_slice().is_empty() && !self.ended {
            let rows = next(conn, self.order, (self.at, self.id)).await?;
            if let Some(last) = rows.last() {
                (self.at, self.id) = self.order.key(last);
            }
            self.ended = rows.is_empty();
            self.page = rows.into_iter();
        }
        Ok(self.page.as_slice().first().map(|row| self.order.key(row)))
    }

    /// Takes the report that was looked at.
    pub fn take(&mut self) -> Option<RawReport> {
        self.page.next()
    }
}

impl Order {
    fn key(self, row: &RawReport) -> (i64, i64) {
        match self {
            Self::Last => (row.last_at, row.id),
            Self::First => (row.first_at, row.id),
        }
    }
}

/// The reports after a place, in order of time, then id; none at the end. 17 significant digits
/// bring back every number to the bit.
async fn next(
    conn: &mut SqliteConnection,
    order: Order,
    after: (i64, i64),
) -> Result<Vec<RawReport>, StoreError> {
    let sql = match order {
        Order::Last => {
            "SELECT group_concat(printf('%d %d %s %s %!.17g %!.17g %d %d %d',
                    id, author, heard_from, subject, score, confidence, first_at, last_at, repeats), x'0a')
             FROM (SELECT * FROM report WHERE (last_at, id) > (?, ?) ORDER BY last_at, id LIMIT ?)"
        }
        Order::First => {
            "SELECT group_concat(printf('%d %d %s %s %!.17g %!.17g %d %d %d',
                    id, author, heard_from, subject, score, confidence, first_at, last_at, repeats), x'0a')
             FROM (SELECT * FROM report WHERE repeats > 0 AND (first_at, id) > (?, ?) ORDER BY first_at, id LIMIT ?)"
        }
    };
    let page: Option<String> = sqlx::query_scalar(sql)
        .bind(after.0)
        .bind(after.1)
        .bind(PAGE)
        .fetch_one(conn)
        .await?;
    let Some(page) = page else {
        return Ok(Vec::new());
    };
    let mut rows = page
        .split('\n')
        .map(RawReport::from_line)
        .collect::<Result<Vec<_>, _>>()?;
    // SQLite keeps the order here but promises none; sorting what is sorted costs next to nothing.
    rows.sort_by_key(|row| order.key(row));
    Ok(rows)
}
