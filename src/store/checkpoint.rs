//! Moving the write-ahead log into the database beside the writer, so that no commit waits for it.
//!
//! SQLite would do it within a commit: writing some thousand pages and two syncs, for tens of
//! milliseconds. Here a connection of its own moves what there is while commits go on; only the last
//! few pages, after which the log begins anew and its file is used again, are moved by the writer.

use std::{path::PathBuf, sync::Arc, time::Duration};

use sqlx::{ConnectOptions, Connection as _, Row, SqliteConnection};
use tokio::sync::{Notify, mpsc::WeakSender, oneshot, watch};

use super::{open, queue::Command};

/// How often the log is looked at while something is written.
const EVERY: Duration = Duration::from_millis(250);
/// Pages in the log from which on it is moved, and begins anew: 64 MiB, some 1,600 commits of one report.
/// Each pass has commits wait for the disk, so they are few.
const LONG: i64 = 16_384;
/// How often in a row passes are made for the writer to have little left to move.
const PASSES: usize = 2;

/// What a pass found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// Pages in the log.
    log: i64,
    /// Those of them that are in the database.
    moved: i64,
}

/// Moves what can be moved without waiting for anybody.
pub(super) async fn pass(conn: &mut SqliteConnection) -> Result<Passed, sqlx::Error> {
    ask(conn, "PRAGMA wal_checkpoint(PASSIVE)").await
}

async fn ask(conn: &mut SqliteConnection, how: &'static str) -> Result<Passed, sqlx::Error> {
    let row = sqlx::query(how).fetch_one(conn).await?;
    Ok(Passed {
        log: row.try_get(1)?,
        moved: row.try_get(2)?,
    })
}

/// Works whenever something was written, until the store is closed.
pub(super) async fn run(
    path: PathBuf,
    written: Arc<Notify>,
    writer: WeakSender<Command>,
    mut closing: watch::Receiver<bool>,
) {
    let mut connection = None;
    loop {
        let pause = async {
            written.notified().await;
            tokio::time::sleep(EVERY).await;
        };
        tokio::select! {
            () = pause => {}
            _ = closing.wait_for(|closing| *closing) => break,
        }
        if let Err(error) = turn(&path, &mut connection, &writer).await {
            connection = None;
            tracing::debug!(%error, "the write-ahead log is not moved now");
        }
    }
    // SQLite removes the log with the last connection: the writer's is to be that.
    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

async fn turn(
    path: &std::path::Path,
    connection: &mut Option<SqliteConnection>,
    writer: &WeakSender<Command>,
) -> Result<(), sqlx::Error> {
    let conn = match connection {
        Some(conn) => conn,
        none => none.insert(open::moving(path).connect().await?),
    };
    let found = ask(conn, "PRAGMA wal_checkpoint(NOOP)").await?;
    if found.log < LONG {
        return Ok(());
    }
    for _ in 0..PASSES {
        let passed = pass(conn).await?;
        if passed.moved == passed.log {
            return Ok(());
        }
    }
    if let Some(writer) = writer.upgrade() {
        let (reply, done) = oneshot::channel();
        let _ = writer.send(Command::Checkpoint(reply)).await;
        drop(writer);
        let _ = done.await;
    }
    Ok(())
}
