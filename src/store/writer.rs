//! The writer: one task that owns the only writing connection. Everything that waits for it becomes
//! one transaction, so the price of a sync is shared by all who wait.

use std::fs::File;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::{
    Batch, Committed, Settings, StoreError, contacts,
    known::Known,
    log::{self, Heads},
    opinions,
    outbox::{self, OutboxState},
    peers, presence,
    prune::{self, Step, StepDone},
    queue::{Queue, Waiting, Work},
    said,
    stall::{Drops, Lines, Stall},
    transaction::Transaction,
};
use crate::domain::Timestamp;

/// The writer and what it remembers between transactions.
pub(super) struct Writer {
    pub conn: SqliteConnection,
    pub settings: Settings,
    pub known: Known,
    pub heads: Heads,
    pub outbox: OutboxState,
    pub drops: Drops,
    pub lines: Lines,
    /// Held for its lock.
    pub lock: File,
}

impl Writer {
    /// Works until the store is closed or every handle is gone, then puts the file in order.
    pub async fn run(mut self) {
        let mut queue = Queue::default();
        while let Some(work) = queue
            .next(&mut self.lines, self.settings.max_batch_rows)
            .await
        {
            match work {
                Work::Commit(group) => self.commit(group).await,
                Work::Prune(step, reply) => {
                    let done = self.prune(step).await;
                    let _ = reply.send(done);
                }
            }
        }
        self.finish().await;
    }

    /// One transaction for the whole group. Should a row be refused, each batch gets its own, so
    /// that one caller's fault is not another's.
    async fn commit(&mut self, group: Vec<Waiting>) {
        let batches: Vec<&Batch> = group.iter().map(|waiting| &*waiting.batch).collect();
        match self.persist(&batches).await {
            Ok(committed) => {
                for (waiting, committed) in group.into_iter().zip(committed) {
                    let _ = waiting.reply.send(Ok(committed));
                }
            }
            Err(error) if group.len() == 1 => {
                if let Some(waiting) = group.into_iter().next() {
                    let _ = waiting.reply.send(Err(error));
                }
            }
            Err(_) => {
                for waiting in group {
                    let result = self.persist(&[&waiting.batch]).await;
                    let result =
                        result.map(|committed| committed.into_iter().next().unwrap_or_default());
                    let _ = waiting.reply.send(result);
                }
            }
        }
    }

    /// Writes until it is on disk, waiting out what may pass.
    async fn persist(&mut self, batches: &[&Batch]) -> Result<Vec<Committed>, StoreError> {
        let mut stall = Stall::default();
        loop {
            self.apply_page_limit().await?;
            match self.transaction(batches).await {
                Ok((committed, dropped)) => {
                    stall.over(&self.lines);
                    self.drops.note(dropped);
                    return Ok(committed);
                }
                Err(error) => {
                    let error = StoreError::from(error);
                    if !error.may_pass() || !stall.again(&error, &mut self.lines).await {
                        stall.given_up(&self.lines);
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn transaction(
        &mut self,
        batches: &[&Batch],
    ) -> Result<(Vec<Committed>, u64), sqlx::Error> {
        let outbox_before = self.outbox;
        let written = self.write(batches).await;
        if written.is_err() {
            self.take_back(outbox_before).await;
        }
        written
    }

    async fn write(&mut self, batches: &[&Batch]) -> Result<(Vec<Committed>, u64), sqlx::Error> {
        let Self {
            conn,
            known,
            heads,
            outbox,
            settings,
            ..
        } = self;
        let mut transaction = Transaction::begin(conn);
        known.meet(&mut transaction, batches).await?;
        let mut reports = Vec::with_capacity(batches.iter().map(|batch| batch.reports.len()).sum());
        for accepted in batches.iter().flat_map(|batch| &batch.reports) {
            reports.push((
                accepted,
                known.id(accepted.report.author.0)?,
                known.id(accepted.report.heard_from.0)?,
            ));
        }
        if !reports.is_empty() {
            said::write_reports(&mut transaction, reports.into_iter()).await?;
        }
        if batches.iter().any(|batch| !batch.statements.is_empty()) {
            let statements = batches.iter().flat_map(|batch| &batch.statements);
            said::write_statements(&mut transaction, statements).await?;
        }
        for batch in batches.iter().filter(|batch| batch.is_of_peers()) {
            let conn = transaction.conn().await?;
            peers::write(conn, known, batch).await?;
            presence::write(conn, known, batch).await?;
            contacts::write(conn, known, batch).await?;
        }
        log::write(&mut transaction, heads, batches).await?;
        opinions::write(&mut transaction, batches).await?;
        let written =
            outbox::write(&mut transaction, outbox, batches, settings.outbox_max_rows).await?;
        transaction.commit().await?;
        Ok(written)
    }

    /// Forgets a transaction that was not to be, here and in SQLite (which on a full disk may have
    /// done so itself: then there is nothing to roll back).
    async fn take_back(&mut self, outbox: OutboxState) {
        self.outbox = outbox;
        self.known.clear();
        self.heads.clear();
        let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
    }

    async fn prune(&mut self, step: Step) -> Result<StepDone, StoreError> {
        let outbox_before = self.outbox;
        match self.pruned(step).await {
            Ok(done) => {
                // A forgotten peer that comes back gets a new id.
                if done.removed > 0 && step.forgets_peers() {
                    self.known.clear();
                }
                self.heads.clear();
                Ok(done)
            }
            Err(error) => {
                self.take_back(outbox_before).await;
                Err(error.into())
            }
        }
    }

    async fn pruned(&mut self, step: Step) -> Result<StepDone, sqlx::Error> {
        let mut transaction = Transaction::begin(&mut self.conn);
        let done = prune::step(&mut transaction, &mut self.outbox, &step).await?;
        transaction.commit().await?;
        Ok(done)
    }

    async fn apply_page_limit(&mut self) -> Result<(), StoreError> {
        if self.lines.max_pages.has_changed().unwrap_or(false) {
            // SQLite's own largest number of pages; it raises a limit below the present size to that.
            let pages = self
                .lines
                .max_pages
                .borrow_and_update()
                .unwrap_or(4_294_967_294);
            sqlx::query(AssertSqlSafe(format!("PRAGMA max_page_count = {pages}")))
                .execute(&mut self.conn)
                .await?;
        }
        Ok(())
    }

    /// Notes that nobody is connected any more, moves the log into the database, closes.
    async fn finish(mut self) {
        if let Err(error) = peers::all_disconnected(&mut self.conn, Timestamp::now()).await {
            tracing::warn!(%error, "could not note in the database that the node stops");
        }
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut self.conn)
            .await
        {
            tracing::warn!(%error, "the write-ahead log stays beside the database; the next start reads it");
        }
        if let Err(error) = self.conn.close().await {
            tracing::warn!(%error, "closing the database");
        }
        // Explicitly: a child between fork and exec would keep it with its copy of the file.
        let _ = self.lock.unlock();
        drop(self.lock);
    }
}
