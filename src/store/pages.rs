//! Reading very many reports: thousands of rows come as one text, because handing each row from
//! SQLite's thread to ours costs more than reading it (1,000,000 rows: 1.1 s of CPU instead of 5 s).

use std::str::FromStr;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{StoreError, rows::Place};

/// Rows in one text: about 150 KB.
const PAGE: i64 = 2_048;

/// A row of `report`, in the columns of a fact.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawReport {
    pub id: i64,
    pub author: i64,
    pub heard_from: Option<i64>,
    pub subject: String,
    pub score: f64,
    pub confidence: f64,
    pub last_at: i64,
    pub repeats: i64,
}

impl RawReport {
    /// From a row that has the columns by name.
    pub fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            author: row.try_get("author")?,
            heard_from: row.try_get("heard_from")?,
            subject: row.try_get("subject")?,
            score: row.try_get("score")?,
            confidence: row.try_get("confidence")?,
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
            subject: next("subject")?.to_owned(),
            score: number(place, "score", next("score")?)?,
            confidence: number(place, "confidence", next("confidence")?)?,
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

/// Where reading goes on: after this time and id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    last_at: i64,
    id: i64,
}

impl Cursor {
    pub const START: Self = Self {
        last_at: i64::MIN,
        id: i64::MIN,
    };
}

/// The next reports in order of time, then id; none at the end. 17 significant digits bring back
/// every number to the bit.
pub(super) async fn next(
    conn: &mut SqliteConnection,
    cursor: &mut Cursor,
) -> Result<Vec<RawReport>, StoreError> {
    let page: Option<String> = sqlx::query_scalar(
        "SELECT group_concat(printf('%d %d %s %s %!.17g %!.17g %d %d',
                    id, author, heard_from, subject, score, confidence, last_at, repeats), x'0a')
         FROM (SELECT * FROM report WHERE (last_at, id) > (?, ?) ORDER BY last_at, id LIMIT ?)",
    )
    .bind(cursor.last_at)
    .bind(cursor.id)
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
    rows.sort_by_key(|row| (row.last_at, row.id));
    if let Some(last) = rows.last() {
        *cursor = Cursor {
            last_at: last.last_at,
            id: last.id,
        };
    }
    Ok(rows)
}
