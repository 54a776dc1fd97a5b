//! What waits for Slips: new parcels handed over directly, everything else read from the backlog.
//!
//! The backlog (the store) is the truth. Handing a parcel over only saves reading it: the feed
//! takes from the hand-over what follows its own place without a gap, and reads the rest.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::said::{Backoff, Said};
use crate::domain::{Content, Parcel, ParcelId};

/// Bytes of parcels handed over and not taken yet; more are read from the backlog later.
const HANDED_OVER_BYTES: usize = 4 * 1024 * 1024;
/// Parcels in one batch: enough that the round trip to Redis does not count, few enough that
/// the largest lines (64 KiB) stay within 16 MiB.
pub(super) const BATCH: usize = 256;
/// The longest pause between attempts to read the backlog.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// The durable outbox, as the publisher needs it.
pub trait Backlog: Clone + Send + Sync + 'static {
    /// At most `limit` parcels after `id`, in ascending order.
    fn after(
        &self,
        id: ParcelId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Parcel>, String>> + Send;

    /// All parcels up to and including `up_to` are delivered.
    fn delivered(&self, up_to: ParcelId) -> impl Future<Output = Result<(), String>> + Send;
}

/// Hands parcels to the publisher once they are committed. When all clones are dropped the
/// publisher delivers what is left and ends.
#[derive(Debug, Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    _open: Arc<Open>,
}

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    parcels: VecDeque<Parcel>,
    bytes: usize,
    /// Something was offered and not taken in: it must be read from the backlog.
    missed: bool,
    closed: bool,
}

#[derive(Debug)]
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.ring().closed = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// Parcels that were just committed, best in the order of their ids; never blocks. What finds
    /// no room here is read from the backlog.
    pub fn offer(&self, parcels: Vec<Parcel>) {
        let mut ring = self.shared.ring();
        for parcel in parcels {
            let size = size(&parcel);
            if ring.missed || ring.bytes + size > HANDED_OVER_BYTES {
                ring.missed = true;
                break;
            }
            ring.bytes += size;
            ring.parcels.push_back(parcel);
        }
        drop(ring);
        self.shared.changed.notify_one();
    }
}

fn size(parcel: &Parcel) -> usize {
    let text = match &parcel.content {
        Content::Publish(text) | Content::WriteBack(_, text) => text.capacity(),
        Content::Withdraw(_) => 0,
    };
    text + size_of::<Parcel>()
}

/// The publisher's end: every parcel after `delivered_up_to` once, in order.
#[derive(Debug)]
pub(super) struct Feed<B> {
    shared: Arc<Shared>,
    backlog: B,
    read_to: ParcelId,
    behind: bool,
    /// The first parcel handed over behind a gap, seen before the backlog is read.
    gap_before: Option<ParcelId>,
    said: Said,
}

/// An outbox and its feed, which starts with what the backlog still holds.
pub(super) fn outbox<B: Backlog>(backlog: B, delivered_up_to: ParcelId) -> (Outbox, Feed<B>) {
    let shared = Arc::new(Shared {
        ring: Mutex::default(),
        changed: Notify::new(),
    });
    let open = Arc::new(Open(shared.clone()));
    let feed = Feed {
        shared: shared.clone(),
        backlog,
        read_to: delivered_up_to,
        behind: true,
        gap_before: None,
        said: Said::default(),
    };
    (
        Outbox {
            shared,
            _open: open,
        },
        feed,
    )
}

/// What the hand-over has for the feed.
enum Handed {
    Parcels(Vec<Parcel>),
    /// There are parcels the feed has not seen: read the backlog.
    Gap,
    Nothing,
    End,
}

impl<B: Backlog> Feed<B> {
    /// The next parcels, at most [`BATCH`]; waits for some. `None`: the outbox is closed and empty.
    pub(super) async fn next(&mut self) -> Option<Vec<Parcel>> {
        loop {
            if self.behind {
                let page = self.page().await;
                self.behind = page.len() == BATCH;
                let gap_before = self.gap_before.take();
                if let Some(last) = page.last() {
                    self.read_to = last.id;
                    return Some(page);
                }
                // What was committed before that parcel would have been in the page: it is no
                // longer in the backlog (too old, too many), and the gap is real.
                if let Some(id) = gap_before {
                    self.read_to = self.read_to.max(ParcelId(id.0 - 1));
                }
            }
            match self.handed() {
                Handed::Parcels(parcels) => return Some(parcels),
                Handed::Gap => self.behind = true,
                Handed::Nothing => self.shared.changed.notified().await,
                Handed::End => return None,
            }
        }
    }

    async fn page(&mut self) -> Vec<Parcel> {
        let mut backoff = Backoff::up_to(READ_AGAIN);
        loop {
            match self.backlog.after(self.read_to, BATCH).await {
                Ok(page) => {
                    self.said.over("the outbox can be read again");
                    return page;
                }
                Err(error) => self
                    .said
                    .trouble(&format!("cannot read the outbox, trying again: {error}")),
            }
            backoff.pause().await;
        }
    }

    fn handed(&mut self) -> Handed {
        let mut ring = self.shared.ring();
        while ring.parcels.front().is_some_and(|p| p.id <= self.read_to) {
            ring.take();
        }
        let mut parcels = Vec::new();
        while parcels.len() < BATCH
            && ring
                .parcels
                .front()
                .is_some_and(|p| p.id.0 == self.read_to.0.saturating_add(1))
        {
            let Some(parcel) = ring.take() else { break };
            self.read_to = parcel.id;
            parcels.push(parcel);
        }
        if !parcels.is_empty() {
            Handed::Parcels(parcels)
        } else if let Some(front) = ring.parcels.front() {
            self.gap_before = Some(front.id);
            Handed::Gap
        } else if ring.missed {
            ring.missed = false;
            Handed::Gap
        } else if ring.closed {
            Handed::End
        } else {
            Handed::Nothing
        }
    }
}

impl Ring {
    fn take(&mut self) -> Option<Parcel> {
        let parcel = self.parcels.pop_front()?;
        self.bytes -= size(&parcel);
        Some(parcel)
    }
}
