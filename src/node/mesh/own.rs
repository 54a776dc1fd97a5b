//! Our own log: what our Slips says waits here until it is signed and on disk, many in one
//! transaction while one is under way, at once when alone.

use std::future::pending;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Meshing;
use crate::domain::Timestamp;
use crate::mesh::{OwnLog, Unsent};
use crate::node::{MAX_LINES_A_BATCH, NodeError};
use crate::store::{Batch, Committed, StoreError};

/// After a start nothing is signed for so long, unless a neighbour has told what it has: a database
/// that was restored from a backup, or lost, lacks what we signed after it, and others may have it.
const ASK_FIRST: Duration = Duration::from_secs(2);

/// Signs, and knows what waits.
pub(super) struct Speaker {
    pub(super) log: OwnLog,
    /// Nothing more comes.
    ended: bool,
    under_way: Option<UnderWay>,
    /// Until when others are asked first; `None`: they were.
    ask_until: Option<Timestamp>,
}

struct UnderWay {
    unsent: Unsent,
    entries: u64,
    commit: JoinHandle<Result<Committed, StoreError>>,
}

impl Speaker {
    pub(super) fn new(log: OwnLog, now: Timestamp) -> Self {
        Self {
            log,
            ended: false,
            under_way: None,
            ask_until: Some(now.plus(ASK_FIRST)),
        }
    }

    /// How many messages may still come to those that wait; 0 when none can.
    pub(super) fn room(&self, waiting: usize) -> usize {
        if self.ended {
            0
        } else {
            MAX_LINES_A_BATCH.saturating_sub(waiting)
        }
    }

    /// So many have come; 0 is the end.
    pub(super) fn heard(&mut self, count: usize) {
        self.ended |= count == 0;
    }

    /// Whether nothing more comes and nothing is being committed.
    pub(super) fn has_ended(&self) -> bool {
        self.ended && self.under_way.is_none()
    }

    /// Whether nobody has told yet what it has.
    pub(super) fn asks(&self) -> bool {
        self.ask_until.is_some()
    }

    /// A neighbour has told what it has.
    pub(super) fn was_told(&mut self) {
        self.ask_until = None;
    }

    /// When it is time to sign what waits, if that is later.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.ask_until
    }

    fn may_sign(&mut self, now: Timestamp) -> bool {
        // Who ends has no time to ask, and a clock that was set back none to wait.
        let asks = |until: Timestamp| {
            let left = until.since(now);
            left > Duration::ZERO && left <= ASK_FIRST
        };
        if self.ask_until.is_some_and(asks) && !self.ended {
            return false;
        }
        self.ask_until = None;
        self.under_way.is_none()
    }

    /// Waits for the end of the commit under way; for ever when there is none.
    pub(super) async fn committed(&mut self) -> Result<(Unsent, u64), NodeError> {
        let Some(under_way) = &mut self.under_way else {
            return pending().await;
        };
        let joined = (&mut under_way.commit).await;
        let Some(UnderWay {
            unsent, entries, ..
        }) = self.under_way.take()
        else {
            return pending().await;
        };
        crate::node::incoming::joined(joined)?;
        Ok((unsent, entries))
    }
}

impl Meshing {
    /// Signs what waits and has it stored, unless that is under way for what came before.
    pub(super) fn begin_own(&mut self, now: Timestamp) {
        while !self.waiting.is_empty() && !self.mesh.own_behind() && self.speaker.may_sign(now) {
            let messages: Vec<_> = (self.waiting.drain(..)).map(|text| (now, text)).collect();
            let unsent = match self.speaker.log.append(&messages) {
                Ok(unsent) => unsent,
                Err(error) => {
                    // Decoded before it came here; a full log or a key that signs no more.
                    tracing::error!(%error, messages = messages.len(), "own messages are in no log and reach no node of our kind");
                    continue;
                }
            };
            let segments = unsent
                .segments()
                .map(|(bytes, first, tip)| self.row(tip, first, bytes, now));
            let batch = Batch {
                segments: segments.collect(),
                ..Batch::default()
            };
            let store = self.store.clone();
            self.speaker.under_way = Some(UnderWay {
                unsent,
                entries: messages.len() as u64,
                commit: tokio::spawn(async move { store.commit(batch).await }),
            });
        }
    }

    /// Own segments are on disk: now they may be sent.
    pub(super) fn own_committed(&mut self, (unsent, entries): (Unsent, u64)) {
        self.counters.own_entries.add(entries);
        let own = self.speaker.log.persisted(unsent);
        self.mesh.appended(own, Timestamp::now());
    }
}
