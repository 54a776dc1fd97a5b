//! Waiting out a disk that does not take what is written, and what the writer hears meanwhile.

use std::time::Duration;

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{StoreError, queue::Command};

/// The first and the longest wait before a write that found no room is tried again.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_secs(1);
/// How often a write that still finds no room is spoken of.
const SAY_EVERY: Duration = Duration::from_secs(30);
/// How much longer a write that finds no room is tried once the store is being closed: the whole
/// node has a second to end.
const CLOSING_PATIENCE: Duration = Duration::from_millis(300);

/// What the handle and the writer share, each side as a channel.
pub(super) struct Lines {
    pub commands: mpsc::Receiver<Command>,
    /// Turns true when the store is to be closed.
    pub closing: watch::Receiver<bool>,
    /// Why writing does not get on, while it does not.
    pub stalled: watch::Sender<Option<String>>,
    /// How many pages the file may have; for drills of a full disk.
    pub max_pages: watch::Receiver<Option<u32>>,
}

impl Lines {
    /// Whether the store is being closed, or nobody is left to close it.
    pub fn is_closing(&self) -> bool {
        *self.closing.borrow() || self.closing.has_changed().is_err()
    }
}

/// A write that does not get on.
#[derive(Default)]
pub(super) struct Stall {
    since: Option<Instant>,
    /// Since when it goes on although the store is being closed.
    closing_since: Option<Instant>,
    said: Option<Instant>,
    wait: Duration,
}

impl Stall {
    /// Waits a while and says whether to try again.
    pub async fn again(&mut self, error: &StoreError, lines: &mut Lines) -> bool {
        let now = Instant::now();
        self.since.get_or_insert(now);
        if self
            .said
            .is_none_or(|said| now.duration_since(said) >= SAY_EVERY)
        {
            self.said = Some(now);
            tracing::error!(%error, "reports wait for room in the database; trying again until there is");
        }
        lines.stalled.send_replace(Some(error.to_string()));
        if lines.is_closing() {
            let since = *self.closing_since.get_or_insert(now);
            tokio::time::sleep(RETRY_FIRST).await;
            return since.elapsed() < CLOSING_PATIENCE;
        }
        self.wait = (self.wait * 2).clamp(RETRY_FIRST, RETRY_LONGEST);
        tokio::select! {
            () = tokio::time::sleep(self.wait) => {}
            _ = lines.closing.wait_for(|closing| *closing) => {}
            _ = lines.max_pages.changed() => lines.max_pages.mark_changed(),
        }
        true
    }

    /// It was written after all.
    pub fn over(&self, lines: &Lines) {
        if let Some(since) = self.since {
            lines.stalled.send_replace(None);
            tracing::info!(after = ?since.elapsed(), "the database is written again");
        }
    }

    /// It was not.
    pub fn given_up(&self, lines: &Lines) {
        lines.stalled.send_replace(None);
    }
}

/// Messages dropped from a full outbox: said at once, then summed up.
#[derive(Default)]
pub(super) struct Drops {
    unsaid: u64,
    said: Option<Instant>,
}

impl Drops {
    pub fn note(&mut self, dropped: u64) {
        self.unsaid += dropped;
        if self.unsaid > 0 && self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            tracing::warn!(
                dropped = self.unsaid,
                "the outbox is full: its oldest messages to Slips were dropped undelivered"
            );
            *self = Self {
                unsaid: 0,
                said: Some(Instant::now()),
            };
        }
    }
}
