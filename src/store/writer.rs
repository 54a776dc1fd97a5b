//! The writer: one task that owns the only writing connection. Everything that waits for it becomes
//! one transaction, so the price of a sync is shared by all who wait.

use std::{collections::VecDeque, fs::File};

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::oneshot;

use super::{
    Batch, Committed, Settings, StoreError, contacts,
    known::Known,
    log, opinions,
    outbox::{self, OutboxState},
    peers, presence,
    prune::{self, Step, StepDone},
    said,
    stall::{Drops, Lines, Stall},
};
use crate::domain::Timestamp;

/// What the handle asks of the writer.
pub(super) enum Command {
    Commit(Box<Batch>, oneshot::Sender<Result<Committed, StoreError>>),
    Prune(Step, oneshot::Sender<Result<StepDone, StoreError>>),
}

/// One batch that waits, and who waits for it.
struct Waiting {
    batch: Box<Batch>,
    reply: oneshot::Sender<Result<Committed, StoreError>>,
}

/// The writer and what it remembers between transactions.
pub(super) struct Writer {
    pub conn: SqliteConnection,
    pub settings: Settings,
    pub known: Known,
    pub outbox: OutboxState,
    pub drops: Drops,
    pub lines: Lines,
    /// Held for its lock.
    pub lock: File,
}

impl Writer {
    /// Works until the store is closed or every handle is gone, then puts the file in order.
    pub async fn run(mut self) {
        let mut next: VecDeque<Command> = VecDeque::new();
        loop {
            let command = match next.pop_front() {
                Some(command) => command,
                None => match self.wait().await {
                    Some(command) => command,
                    None => break,
                },
            };
            match command {
                Command::Commit(batch, reply) => {
                    let group = self.gather(Waiting { batch, reply }, &mut next);
                    self.commit(group).await;
                }
                Command::Prune(step, reply) => {
                    let done = self.prune(step).await;
                    let _ = reply.send(done);
                }
            }
        }
        self.finish().await;
    }

    /// The next command; once closing, those already queued and then none.
    async fn wait(&mut self) -> Option<Command> {
        if !self.lines.is_closing() {
            tokio::select! {
                biased;
                command = self.lines.commands.recv() => return command,
                _ = self.lines.closing.wait_for(|closing| *closing) => {}
            }
        }
        self.lines.commands.close();
        self.lines.commands.recv().await
    }

    /// Takes what else is waiting, up to the bound; a command of another kind ends the group.
    fn gather(&mut self, first: Waiting, next: &mut VecDeque<Command>) -> Vec<Waiting> {
        let mut rows = first.batch.rows();
        let mut group = vec![first];
        while rows < self.settings.max_batch_rows {
            match self.lines.commands.try_recv() {
                Ok(Command::Commit(batch, reply)) => {
                    rows += batch.rows();
                    group.push(Waiting { batch, reply });
                }
                Ok(other) => {
                    next.push_back(other);
                    break;
                }
                Err(_) => break,
            }
        }
        group
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
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut self.conn)
            .await?;
        let written = match self.write(batches).await {
            Ok(written) => sqlx::query("COMMIT")
                .execute(&mut self.conn)
                .await
                .map(|_| written),
            Err(error) => Err(error),
        };
        if written.is_err() {
            self.take_back(outbox_before).await;
        }
        written
    }

    async fn write(&mut self, batches: &[&Batch]) -> Result<(Vec<Committed>, u64), sqlx::Error> {
        let Self {
            conn,
            known,
            outbox,
            settings,
            ..
        } = self;
        known.meet(conn, batches).await?;
        let mut reports = Vec::with_capacity(batches.iter().map(|batch| batch.reports.len()).sum());
        for accepted in batches.iter().flat_map(|batch| &batch.reports) {
            reports.push((
                accepted,
                known.id(accepted.report.author.0)?,
                known.id(accepted.report.heard_from.0)?,
            ));
        }
        if !reports.is_empty() {
            said::write_reports(conn, reports.into_iter()).await?;
        }
        if batches.iter().any(|batch| !batch.statements.is_empty()) {
            said::write_statements(conn, batches.iter().flat_map(|batch| &batch.statements))
                .await?;
        }
        for batch in batches {
            peers::write(conn, known, batch).await?;
            presence::write(conn, known, batch).await?;
            contacts::write(conn, known, batch).await?;
        }
        log::write(conn, batches).await?;
        opinions::write(conn, batches).await?;
        outbox::write(conn, outbox, batches, settings.outbox_max_rows).await
    }

    /// Forgets a transaction that was not to be, here and in SQLite (which on a full disk may have
    /// done so itself: then there is nothing to roll back).
    async fn take_back(&mut self, outbox: OutboxState) {
        self.outbox = outbox;
        self.known.clear();
        let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
    }

    async fn prune(&mut self, step: Step) -> Result<StepDone, StoreError> {
        let outbox_before = self.outbox;
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut self.conn)
            .await?;
        let done = match prune::step(&mut self.conn, &mut self.outbox, &step).await {
            Ok(done) => sqlx::query("COMMIT")
                .execute(&mut self.conn)
                .await
                .map(|_| done),
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => {
                // A forgotten peer that comes back gets a new id.
                if done.removed > 0 && step.forgets_peers() {
                    self.known.clear();
                }
                Ok(done)
            }
            Err(error) => {
                self.take_back(outbox_before).await;
                Err(error.into())
            }
        }
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
