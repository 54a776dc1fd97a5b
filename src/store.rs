//! The database: SQLite behind one writer task; reports, peers, opinions, and what waits for Slips.
//!
//! A report counts as accepted when [`Store::commit`] returns: then its transaction is on disk.
//! Whatever waits for the writer when it is free becomes one transaction, so many small commits cost
//! one sync. A full disk holds callers back until there is room; nothing is dropped silently.
//!
//! [`Store`] belongs to the node and holds a lock beside the file (`.lock`) against a second node; [`Reader`] is for the commands, beside a running node or after it.

mod batch;
mod contacts;
mod error;
mod facts;
mod known;
mod log;
mod open;
mod opinions;
mod outbox;
mod pages;
mod peers;
mod presence;
mod prune;
mod query;
mod queue;
mod reader;
mod records;
mod retention;
mod rows;
mod runs;
mod said;
mod sql;
mod stall;
mod stats;
mod transaction;
mod writer;

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{Arc, OnceLock},
    task,
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, SqlitePool, sqlite::SqlitePoolOptions};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use batch::{
    Accepted, Batch, Committed, PeerAddress, PeerConduct, PeerReachability, PeerReliability,
};
pub use error::{OpenError, StoreError};
pub use facts::StoredFact;
pub use log::{LogFork, LogHead, LogPlace, LogRow, LogSegment, LogSpan, LogStats};
pub use open::{beside, is_running};
pub use presence::{PeerSaying, PresenceRecord, Saying};
pub use query::{ReportFilter, ReportRow, StatementRow};
pub use reader::Reader;
pub use records::{Loaded, PeerRecord};
pub use retention::Pruned;
pub use stats::Stats;

use crate::domain::{AddressBook, Lane, Opinion, Page, ParcelId, PeerId, Subject, Timestamp};
use queue::{Command, Waiting};
use stall::{Drops, Lines};
use writer::Writer;

/// Batches that may wait for the writer; past that callers wait. Enough for every task of the node
/// to wait with a few, so that a group is full when the writer is busy.
const COMMANDS: usize = 256;
/// Connections for reading beside the writer: the publisher's pages and one to spare.
const READERS: u32 = 2;
/// How long a connection for reading stays open unused: its thread and pages go when all is quiet.
const READER_IDLE: Duration = Duration::from_secs(30);

/// Where the database is and what is kept in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The file; it and its directory are made when missing, for this user alone.
    pub path: PathBuf,
    /// Rows after which a group of waiting batches is full; one batch may be larger.
    pub max_batch_rows: usize,
    /// How long and how much is kept.
    pub retention: Retention,
    /// How old an undelivered message to Slips may become.
    pub outbox_max_age: Duration,
    /// How many undelivered messages to Slips are kept; the oldest go first.
    pub outbox_max_rows: u64,
}

/// Saying the same again within this time of its beginning is a repetition; after it, a statement
/// anew. The trust model `robust` has the same span (`refresh_h`), so that what it is told from the
/// database is what it was told at the time.
pub const REPEATS_WITHIN: Duration = Duration::from_hours(24);

/// How long and how much is kept; whatever is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Reports, own statements and silent peers older than this go.
    pub max_age: Duration,
    /// So many reports are kept, and as many own statements.
    pub max_reports: u64,
    /// So many bytes may be in use in the file, as far as deleting reports can hold it.
    pub max_bytes: u64,
}

/// A handle to the database. Clones share the one writer.
#[derive(Debug, Clone)]
pub struct Store {
    commands: mpsc::Sender<Command>,
    readers: SqlitePool,
    settings: Settings,
    /// Whose log is never forgotten.
    own: Arc<OnceLock<PeerId>>,
    closing: watch::Sender<bool>,
    stalled: watch::Receiver<Option<String>>,
    max_pages: watch::Sender<Option<u32>>,
    ended: CancellationToken,
}

/// A batch that was handed over; ready when it is on disk. Who stops waiting takes nothing back.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Committed, StoreError>>);

impl Future for Pending {
    type Output = Result<Committed, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(cx);
        answer.map(|answer| answer.unwrap_or(Err(StoreError::Closed)))
    }
}

impl Store {
    /// Opens or makes the database, brings it to this program's schema and starts the writer.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the path or the file and what to do.
    pub async fn open(settings: Settings) -> Result<(Self, Loaded), OpenError> {
        let path = settings.path.clone();
        open::prepare_directory(&path)?;
        let lock = open::lock(&path).await?;
        open::prepare_file(&path)?;
        let mut conn = open::connect_and_migrate(&path).await?;
        let read = |source: StoreError| OpenError::Read {
            path: path.clone(),
            source: Box::new(source),
        };
        peers::all_disconnected(&mut conn, Timestamp::now())
            .await
            .map_err(|e| read(e.into()))?;
        let outbox = outbox::OutboxState::load(&mut conn)
            .await
            .map_err(|e| read(e.into()))?;
        let loaded = records::load(&mut conn, outbox).await.map_err(read)?;

        let (commands, commands_in) = mpsc::channel(COMMANDS);
        let (closing, closing_in) = watch::channel(false);
        let (stalled_out, stalled) = watch::channel(None);
        let (max_pages, max_pages_in) = watch::channel(None);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(READER_IDLE)
            .test_before_acquire(false)
            .connect_lazy_with(open::reading(&path));
        let lines = Lines {
            commands: commands_in,
            closing: closing_in,
            stalled: stalled_out,
            max_pages: max_pages_in,
        };
        let writer = Writer {
            conn,
            settings: settings.clone(),
            known: known::Known::default(),
            heads: log::Heads::default(),
            outbox,
            drops: Drops::default(),
            lines,
            lock,
        };
        let ended = CancellationToken::new();
        let on_end = ended.clone().drop_guard();
        tokio::spawn(async move {
            writer.run().await;
            drop(on_end);
        });
        Ok((
            Self {
                commands,
                readers,
                settings,
                own: Arc::default(),
                closing,
                stalled,
                max_pages,
                ended,
            },
            loaded,
        ))
    }

    /// Stores a batch: all of it or nothing. Returns when it is on disk. While the disk is full this
    /// waits; batches of one caller are stored in the order of its calls.
    ///
    /// # Errors
    /// [`StoreError::Closed`] after [`Store::close`]; [`StoreError::Full`] only while closing;
    /// otherwise what the database says, with nothing of this batch stored. A caller that stops
    /// waiting takes nothing back: what was handed over is stored.
    pub async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.hand_over(batch, false).await?.await
    }

    /// Hands a batch over to be stored after all that were handed over before, like [`Self::commit`];
    /// returns when there is room for it.
    ///
    /// # Errors
    /// [`StoreError::Closed`] after [`Store::close`].
    pub async fn begin(&self, batch: Batch) -> Result<Pending, StoreError> {
        self.hand_over(batch, false).await
    }

    /// Like [`Self::begin`], of what nobody waits for: it is stored with the next batch somebody waits
    /// for, or after a tenth of a second.
    ///
    /// # Errors
    /// [`StoreError::Closed`] after [`Store::close`].
    pub async fn begin_patiently(&self, batch: Batch) -> Result<Pending, StoreError> {
        self.hand_over(batch, true).await
    }

    async fn hand_over(&self, batch: Batch, patient: bool) -> Result<Pending, StoreError> {
        let (reply, answer) = oneshot::channel();
        if batch.is_empty() {
            let _ = reply.send(Ok(Committed::default()));
            return Ok(Pending(answer));
        }
        let waiting = Waiting {
            batch: Box::new(batch),
            reply,
            patient,
        };
        self.commands
            .send(Command::Commit(waiting))
            .await
            .map_err(|_| StoreError::Closed)?;
        Ok(Pending(answer))
    }

    /// Why the database cannot be written just now; `None` while all is well. Commits wait meanwhile.
    #[must_use]
    pub fn stalled(&self) -> Option<String> {
        self.stalled.borrow().clone()
    }

    /// Undelivered parcels of a lane after an id, in order.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Closed`].
    pub async fn outbox_after(
        &self,
        lane: Lane,
        after: ParcelId,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut conn = self.readers.acquire().await?;
        outbox::after(&mut conn, lane, after, rows::limit(limit)).await
    }

    /// Hands everything the reputation needs to `each`, in order of time; returns how many facts.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn facts(
        &self,
        each: impl FnMut(Timestamp, StoredFact) + Send,
    ) -> Result<u64, StoreError> {
        let conn = open::reading(&self.settings.path).connect().await?;
        let (told, conn) = facts::stream(Box::new(conn), each).await?;
        conn.close().await?;
        Ok(told)
    }

    /// The segments that hold entries `from` to `to` of an author's log, from the front until they
    /// have more than `max_bytes` together, at least one if there is one.
    ///
    /// # Errors
    /// What the database says, or [`StoreError::Closed`].
    pub async fn log_span(
        &self,
        network: &str,
        author: PeerId,
        (from, to): (u64, u64),
        max_bytes: usize,
    ) -> Result<LogSpan, StoreError> {
        let mut conn = self.readers.acquire().await?;
        log::span(&mut conn, network, author, (from, to), max_bytes).await
    }

    /// What is known of one author's log.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn log_place(&self, network: &str, author: PeerId) -> Result<LogPlace, StoreError> {
        let mut conn = self.readers.acquire().await?;
        log::place(&mut conn, network, author).await
    }

    /// Whose log is ours: it is never forgotten, however old. Before this is said none is.
    pub fn keep_log_of(&self, own: PeerId) {
        let _ = self.own.set(own);
    }

    /// The operator's address book as it is on disk.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn address_book(&self) -> Result<AddressBook, StoreError> {
        let mut conn = self.readers.acquire().await?;
        contacts::book(&mut conn).await
    }

    /// Peers whose trust was changed by command and whose opinions still follow the old one.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn trust_unapplied(&self) -> Result<Vec<PeerId>, StoreError> {
        contacts::unapplied(&self.readers).await
    }

    /// At most `limit` addresses a peer reported on, those after `after` in the order of their text.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn reported_by(
        &self,
        peer: PeerId,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Subject>, StoreError> {
        contacts::reported_by(&self.readers, peer, after, rows::limit(limit)).await
    }

    /// Every address that has an opinion.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn judged(&self) -> Result<Vec<Subject>, StoreError> {
        opinions::subjects(&self.readers).await
    }

    /// At most so many of the opinions computed at a time or later, the newest first. Passes over
    /// every opinion.
    ///
    /// # Errors
    /// What the database says, or the row that cannot be.
    pub async fn opinions(
        &self,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<Opinion>, StoreError> {
        opinions::newest(&self.readers, since, most).await
    }

    /// Removes what is too old, too many or too big, in small steps between commits.
    ///
    /// # Errors
    /// What the database says; what was removed before stays removed.
    pub async fn prune(&self, now: Timestamp) -> Result<Pruned, StoreError> {
        retention::run(self, now).await
    }

    /// Drops the messages to Slips that grew too old undelivered, which [`Store::prune`] does too;
    /// says how many. A start after a long rest needs it before the first one is delivered.
    ///
    /// # Errors
    /// What the database says.
    pub async fn drop_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        retention::stale(self, now).await
    }

    /// Keeps the file at so many pages of 4 KiB (or at its present size where that is more), as if
    /// the disk were full beyond; `None` lifts it. For drills of a full disk.
    pub fn hold_at_pages(&self, pages: Option<u32>) {
        self.max_pages.send_replace(pages);
    }

    /// Stores what waits, puts the file in order and closes it. Later commits are refused. Closing
    /// twice, or another clone, waits for the same end.
    pub async fn close(self) {
        self.closing.send_replace(true);
        self.readers.close().await;
        self.ended.cancelled().await;
    }
}
