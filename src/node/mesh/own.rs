//! Our own log: what our Slips says waits here until it is signed and on disk, many in one
//! transaction while one is under way, at once when alone.

use std::future::pending;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Meshing, mark::Mark};
use crate::domain::{Timestamp, Tip};
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
    /// The number of the last entry on disk.
    on_disk: u64,
    under_way: Option<UnderWay>,
    /// Until when others are asked first; `None`: they were.
    ask_until: Option<Timestamp>,
    pub(super) mark: Mark,
    /// Our log lacks entries we have signed; shared with whoever would have more signed.
    lost: Arc<AtomicBool>,
}

struct UnderWay {
    unsent: Unsent,
    entries: u64,
    commit: BoxFuture<'static, Result<Committed, StoreError>>,
}

impl Speaker {
    /// A log that ends with the entry `last`.
    pub(super) fn new(log: OwnLog, mark: Mark, last: u64, now: Timestamp) -> Self {
        let lost = mark.misses(last);
        if lost {
            tracing::error!(
                entries = last,
                "the database lacks entries this key has signed in our log: it was lost, or is an old copy; nothing is \
                 signed until a peer hands them back, messages go out unsigned meanwhile; with a new key \
                 (node.key_file) the node begins anew"
            );
        }
        Self {
            mark,
            lost: Arc::new(AtomicBool::new(lost)),
            log,
            on_disk: last,
            ended: false,
            under_way: None,
            ask_until: Some(now.plus(ASK_FIRST)),
        }
    }

    /// Whether our log lacks what we have signed.
    pub(super) fn lost(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.lost)
    }

    /// Others had entries of ours.
    pub(super) fn adopt(&mut self, tip: Tip) {
        self.log.adopt(tip);
        self.on_disk = self.on_disk.max(tip.seq);
        self.lost
            .store(self.mark.misses(tip.seq), Ordering::Release);
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

    /// Whether what waits may be signed now: others were asked, and nothing is being committed.
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
        self.under_way.is_none() && !self.lost.load(Ordering::Acquire)
    }

    /// Waits for what was being committed to be on disk; `None`: the mark has moved.
    pub(super) async fn news(&mut self) -> Result<Option<(Unsent, u64)>, NodeError> {
        tokio::select! {
            biased;
            committed = committed(&mut self.under_way) => committed.map(Some),
            () = self.mark.moved() => Ok(None),
        }
    }
}

/// Waits for the end of the commit under way; for ever when there is none.
async fn committed(under_way: &mut Option<UnderWay>) -> Result<(Unsent, u64), NodeError> {
    let Some(UnderWay { commit, .. }) = under_way else {
        return pending().await;
    };
    commit.await?;
    match under_way.take() {
        Some(UnderWay {
            unsent, entries, ..
        }) => Ok((unsent, entries)),
        None => pending().await,
    }
}

impl Meshing {
    /// Signs what waits and has it stored, unless that is under way for what came before.
    pub(super) fn begin_own(&mut self, now: Timestamp) {
        // Asked even when nothing waits: the time to ask has an end, which must not wake the task again.
        while self.speaker.may_sign(now) && !self.waiting.is_empty() && !self.mesh.own_behind() {
            let last = self
                .speaker
                .on_disk
                .saturating_add(self.waiting.len() as u64);
            if !self.speaker.mark.covers(last) {
                return self.speaker.mark.go_ahead(self.speaker.on_disk);
            }
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
                commit: Box::pin(async move { store.commit(batch).await }),
            });
        }
    }

    /// Own segments are on disk: now they may be sent.
    pub(super) fn own_committed(&mut self, (unsent, entries): (Unsent, u64)) {
        self.counters.own_entries.add(entries);
        if let Some(tip) = unsent.tip() {
            self.speaker.on_disk = tip.seq;
            self.speaker.mark.leave_the_start();
            self.speaker.mark.go_ahead(tip.seq);
        }
        let own = self.speaker.log.persisted(unsent);
        self.mesh.appended(own, Timestamp::now());
    }
}
