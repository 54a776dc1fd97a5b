//! Reading only: for the commands, beside a running node or after it.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::Mutex;

use super::{
    LogFork, LogHead, LogRow, OpenError, PeerRecord, PresenceRecord, Stats, StoreError, StoredFact,
    contacts, facts, log, open,
    opinions::OpinionRow,
    presence,
    query::{RawSaid, ReportFilter, ReportRow, StatementRow, reports_query},
    records,
    rows::Place,
    stats,
};
use crate::domain::{AddressBook, Opinion, PeerId, Subject, Timestamp};

/// A database opened for reading only; never changes it, never waits for the writer.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    // One connection, used by one question at a time.
    conn: Arc<Mutex<SqliteConnection>>,
}

impl Reader {
    /// Opens a database for reading, whether a node is running on it or not.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the path or the file and what to do.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let conn = open::connect_to_read(path).await?;
        Ok(Self {
            path: path.to_owned(),
            conn: Arc::new(Mutex::new(conn)),
        })
    }

    /// Reports in ascending order of their ids.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn reports(&self, filter: ReportFilter) -> Result<Vec<ReportRow>, StoreError> {
        let mut query = reports_query(filter);
        let rows: Vec<RawSaid> = query
            .build_query_as()
            .fetch_all(&mut *self.conn.lock().await)
            .await?;
        let mut authors = HashMap::new();
        let mut rows = (rows.iter())
            .map(|row| row.report(&mut authors))
            .collect::<Result<Vec<_>, _>>()?;
        rows.sort_unstable_by_key(|row| row.id);
        Ok(rows)
    }

    /// Every peer with its reports counted, those heard of last first.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn peers(&self) -> Result<Vec<PeerRecord>, StoreError> {
        records::all_counted(&mut *self.conn.lock().await).await
    }

    /// One peer, if known.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn peer(&self, peer: PeerId) -> Result<Option<PeerRecord>, StoreError> {
        records::one(&mut *self.conn.lock().await, peer).await
    }

    /// What every peer of our kind said of itself last.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn presences(&self) -> Result<HashMap<PeerId, PresenceRecord>, StoreError> {
        presence::all(&mut *self.conn.lock().await).await
    }

    /// The operator's address book.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn address_book(&self) -> Result<AddressBook, StoreError> {
        contacts::book(&mut *self.conn.lock().await).await
    }

    /// A peer whose newest address this is, other than those that are cut off at `now`.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn peer_at(&self, ip: IpAddr, now: Timestamp) -> Result<Option<PeerId>, StoreError> {
        let peer: Option<String> = sqlx::query_scalar(
            "SELECT p.peer_id FROM peer_address AS a JOIN peer AS p ON p.id = a.peer
             WHERE a.ip = ? AND a.id = (SELECT max(id) FROM peer_address WHERE peer = a.peer)
               AND NOT EXISTS (SELECT 1 FROM ban WHERE ban.peer = p.id AND ban.until > ?)
             ORDER BY a.last_seen DESC LIMIT 1",
        )
        .bind(Subject::from_ip(ip).to_string())
        .bind(now.as_micros())
        .fetch_optional(&mut *self.conn.lock().await)
        .await?;
        let place = Place {
            table: "peer",
            row: &"peer_id",
        };
        peer.map(|peer| place.peer("peer_id", &peer)).transpose()
    }

    /// The network's newest opinion of an address, if there is one.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn opinion(&self, subject: Subject) -> Result<Option<Opinion>, StoreError> {
        let row: Option<OpinionRow> = sqlx::query_as(
            "SELECT subject, score, confidence, network_score, computed_at, reporters FROM opinion WHERE subject = ?",
        )
        .bind(subject.to_string())
        .fetch_optional(&mut *self.conn.lock().await)
        .await?;
        row.map(Opinion::try_from).transpose()
    }

    /// What our own Slips said of an address, oldest first.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn statements(&self, subject: Subject) -> Result<Vec<StatementRow>, StoreError> {
        let rows: Vec<RawSaid> = sqlx::query_as(
            "SELECT id, subject, score, confidence, first_at, last_at, repeats FROM own_statement
             WHERE subject = ? ORDER BY id",
        )
        .bind(subject.to_string())
        .fetch_all(&mut *self.conn.lock().await)
        .await?;
        rows.iter().map(RawSaid::statement).collect()
    }

    /// What is enough to work out and explain the opinion of one address, in order of time: the
    /// reports on it, and of their authors the addresses, the reliability and what our own Slips
    /// said of those addresses.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn facts_about(
        &self,
        subject: Subject,
    ) -> Result<Vec<(Timestamp, StoredFact)>, StoreError> {
        facts::about(&mut *self.conn.lock().await, subject).await
    }

    /// Hands everything that trust models learn from to `each`, as a node is told it at its start.
    /// Returns how many facts there were.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn facts(
        &self,
        each: impl FnMut(Timestamp, StoredFact) + Send,
    ) -> Result<u64, StoreError> {
        let conn = self.conn.clone().lock_owned().await;
        let (told, _) = facts::stream(conn, each).await?;
        Ok(told)
    }

    /// Where the logs of all authors stand.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn logs(&self) -> Result<Vec<LogHead>, StoreError> {
        log::authors(&mut *self.conn.lock().await).await
    }

    /// Every proof that an author forked, in the order in which they were found.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn forks(&self) -> Result<Vec<LogFork>, StoreError> {
        log::forks(&mut *self.conn.lock().await).await
    }

    /// Hands every segment to `each`, with its author, those of one log together and in order.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn segments(
        &self,
        mut each: impl FnMut(PeerId, LogRow) + Send,
    ) -> Result<(), StoreError> {
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let page = log::segments_after(&mut *self.conn.lock().await, after).await?;
            if page.is_empty() {
                return Ok(());
            }
            for (author, segment, place) in page {
                let row = Place {
                    table: "log_author",
                    row: &author,
                };
                each(row.peer("peer_id", &author)?, segment);
                after = place;
            }
        }
    }

    /// Figures about the database.
    ///
    /// # Errors
    /// What the database says.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        stats::read(&mut *self.conn.lock().await, &self.path).await
    }

    /// Reads the whole database; returns what is wrong with it, a sentence each. Empty: all is well.
    ///
    /// # Errors
    /// What the database says when it cannot even be read.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut conn = self.conn.lock().await;
        let mut faults: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_all(&mut *conn)
            .await?;
        faults.retain(|fault| fault != "ok");
        for row in sqlx::query("PRAGMA foreign_key_check")
            .fetch_all(&mut *conn)
            .await?
        {
            let (table, id, parent): (String, Option<i64>, String) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let id = id.map_or_else(|| "?".to_owned(), |id| id.to_string());
            faults.push(format!(
                "table {table}, row {id} names a row of {parent} that does not exist"
            ));
        }
        Ok(faults)
    }

    /// Writes a complete copy of the database as of now to a new file, for this user alone.
    ///
    /// # Errors
    /// [`StoreError::Backup`] when the file exists or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::Backup {
            path: to.to_owned(),
            source,
        };
        // SQLite writes into an empty file; made here, so that nobody else may read it and nothing is overwritten.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .map_err(failed)?;
        let target = to.to_string_lossy().into_owned();
        let copied = sqlx::query("VACUUM INTO ?")
            .bind(target)
            .execute(&mut *self.conn.lock().await)
            .await
            .map_err(StoreError::from);
        let kept = copied
            .map(|_| ())
            .and_then(|()| file.sync_all().map_err(failed));
        if kept.is_err() {
            // Half a backup is worse than none; the error matters more than a failing removal.
            let _ = fs::remove_file(to);
        }
        kept
    }

    /// Closes the connection; dropping the reader does so too, only later.
    pub async fn close(self) {
        // Still lent: whoever reads with it drops it.
        let Some(conn) = Arc::into_inner(self.conn) else {
            return;
        };
        if let Err(error) = conn.into_inner().close().await {
            tracing::debug!(%error, "closing the database after reading");
        }
    }
}
