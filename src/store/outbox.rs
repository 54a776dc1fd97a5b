//! The tables `outbox` and `outbox_state`: what is meant for Slips, in the order it must be delivered in.

use sqlx::SqliteConnection;

use super::{
    Batch, Committed, StoreError,
    rows::Place,
    sql::{ManyRows, ROWS},
    transaction::Transaction,
};
use crate::domain::{Content, Done, Lane, Page, Parcel, ParcelId, Timestamp};

const INSERT: ManyRows = ManyRows {
    head: "INSERT INTO outbox (id, created_at, subject, body) SELECT * FROM",
    columns: 4,
    tail: ROWS,
};

/// Where the outbox stands. Ids have no gaps in the table, so its length needs no counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct OutboxState {
    pub last_id: i64,
    pub delivered: i64,
    /// Opinions are done up to here, which may be further.
    pub written: i64,
    pub dropped: i64,
    /// The first id still in the table; `last_id + 1` when it is empty.
    pub first_id: i64,
}

impl OutboxState {
    pub async fn load(conn: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        sqlx::query_as(
            "SELECT last_id, delivered, written, dropped, coalesce((SELECT min(id) FROM outbox), last_id + 1) AS first_id
             FROM outbox_state WHERE one = 1",
        )
        .fetch_one(conn)
        .await
    }

    pub fn len(self) -> u64 {
        u64::try_from(self.last_id + 1 - self.first_id).unwrap_or(0)
    }

    pub fn done(self) -> Done {
        Done {
            all: ParcelId(self.delivered),
            opinions: ParcelId(self.written.max(self.delivered)),
        }
    }

    fn save(self, transaction: &mut Transaction<'_>) {
        let sql = "UPDATE outbox_state SET last_id = ?, delivered = ?, written = ?, dropped = ? WHERE one = 1";
        transaction.add(sql, |row| {
            row.bind(self.last_id)
                .bind(self.delivered)
                .bind(self.written)
                .bind(self.dropped)
        });
    }

    /// Removes everything up to `id`.
    fn remove_up_to(&mut self, transaction: &mut Transaction<'_>, id: i64) {
        if id < self.first_id {
            return;
        }
        let sql = "DELETE FROM outbox WHERE id <= ?";
        transaction.add(sql, |row| row.bind(id));
        self.first_id = self.first_id.max(id.min(self.last_id) + 1);
        self.delivered = self.delivered.max(id.min(self.last_id));
    }

    /// Removes rows up to `id`, and counts those that were not delivered as dropped.
    pub async fn drop_up_to(
        &mut self,
        transaction: &mut Transaction<'_>,
        id: i64,
    ) -> Result<u64, sqlx::Error> {
        let gone: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM outbox WHERE id <= ? AND (subject IS NULL OR id > ?)",
        )
        .bind(id)
        .bind(self.written)
        .fetch_one(transaction.conn().await?)
        .await?;
        self.remove_up_to(transaction, id);
        self.dropped = self.dropped.saturating_add(gone);
        Ok(u64::try_from(gone).unwrap_or(0))
    }

    /// Like [`Self::drop_up_to`], as all there is to do.
    pub async fn drop_and_save(
        &mut self,
        transaction: &mut Transaction<'_>,
        id: i64,
    ) -> Result<u64, sqlx::Error> {
        let before = *self;
        let gone = self.drop_up_to(transaction, id).await?;
        if *self != before {
            self.save(transaction);
        }
        Ok(gone)
    }
}

/// Adds the outbox rows of all batches, removes what was delivered and the oldest beyond `max_rows`.
/// Returns what each batch gets back and how many rows were dropped.
pub(super) async fn write(
    transaction: &mut Transaction<'_>,
    state: &mut OutboxState,
    batches: &[&Batch],
    max_rows: u64,
) -> Result<(Vec<Committed>, u64), sqlx::Error> {
    let before = *state;
    for done in batches.iter().filter_map(|batch| batch.delivered) {
        state.written = state.written.max(done.opinions.0.min(state.last_id));
        state.delivered = state.delivered.max(done.all.0.min(state.last_id));
    }
    state.remove_up_to(transaction, state.delivered);
    let mut committed = Vec::with_capacity(batches.len());
    let mut rows: Vec<Parcel> =
        Vec::with_capacity(batches.iter().map(|batch| batch.outbox.len()).sum());
    for batch in batches {
        let first = rows.len();
        rows.extend(
            (state.last_id + 1..)
                .zip(&batch.outbox)
                .map(|(id, (created_at, content))| Parcel {
                    id: ParcelId(id),
                    created_at: *created_at,
                    content: content.clone(),
                }),
        );
        let parcels = rows.get(first..).unwrap_or_default().to_vec();
        state.last_id = parcels.last().map_or(state.last_id, |parcel| parcel.id.0);
        committed.push(Committed {
            parcels,
            dropped: 0,
        });
    }
    let nothing = String::new();
    INSERT
        .write(transaction, &rows, |statement, parcel| {
            let (subject, body) = match &parcel.content {
                Content::Publish(body) => (None, body),
                Content::WriteBack(subject, body) => (Some(subject.to_string()), body),
                Content::Withdraw(subject) => (Some(subject.to_string()), &nothing),
            };
            statement
                .bind(parcel.id.0)
                .bind(parcel.created_at.as_micros())
                .bind(subject)
                .bind(body.clone())
        })
        .await?;
    let mut dropped = 0;
    if state.len() > max_rows {
        let keep = i64::try_from(max_rows).unwrap_or(i64::MAX);
        dropped = state.drop_up_to(transaction, state.last_id - keep).await?;
    }
    if *state != before {
        state.save(transaction);
    }
    for one in &mut committed {
        one.dropped = u64::try_from(state.dropped).unwrap_or(0);
    }
    Ok((committed, dropped))
}

/// A row of the table.
#[derive(sqlx::FromRow)]
pub(super) struct OutboxRow {
    id: i64,
    created_at: i64,
    subject: Option<String>,
    body: String,
}

impl TryFrom<OutboxRow> for Parcel {
    type Error = StoreError;

    fn try_from(row: OutboxRow) -> Result<Self, StoreError> {
        let place = Place {
            table: "outbox",
            row: &row.id,
        };
        let content = match row.subject {
            None => Content::Publish(row.body),
            // Nothing to write: what stands there goes.
            Some(subject) if row.body.is_empty() => {
                Content::Withdraw(place.subject("subject", &subject)?)
            }
            Some(subject) => Content::WriteBack(place.subject("subject", &subject)?, row.body),
        };
        Ok(Self {
            id: ParcelId(row.id),
            created_at: Timestamp::from_micros(row.created_at),
            content,
        })
    }
}

/// The rows of one lane after an id, in order.
pub(super) async fn after(
    conn: &mut SqliteConnection,
    lane: Lane,
    after: ParcelId,
    limit: i64,
) -> Result<Page, StoreError> {
    // Read first: what is committed between the two reads is behind it.
    let last: i64 = sqlx::query_scalar("SELECT last_id FROM outbox_state WHERE one = 1")
        .fetch_one(&mut *conn)
        .await?;
    let sql = match lane {
        Lane::Messages => {
            "SELECT id, created_at, subject, body FROM outbox WHERE id > ? AND subject IS NULL ORDER BY id LIMIT ?"
        }
        Lane::Opinions => {
            "SELECT id, created_at, subject, body FROM outbox WHERE id > ? AND subject IS NOT NULL ORDER BY id LIMIT ?"
        }
    };
    let rows: Vec<OutboxRow> = sqlx::query_as(sql)
        .bind(after.0)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    let end = rows.last().map_or(after.0, |row| row.id);
    let is_all = i64::try_from(rows.len()).unwrap_or(i64::MAX) < limit;
    let parcels = rows
        .into_iter()
        .map(Parcel::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Page {
        parcels,
        up_to: ParcelId(if is_all { end.max(last) } else { end }),
        is_all,
    })
}
