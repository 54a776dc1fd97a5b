//! What waits for Slips: new parcels handed over directly, everything else read from the backlog.
//!
//! Messages and opinions have a lane each, which goes on while the other waits.
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
use crate::domain::{Content, Done, Lane, Page, Parcel, ParcelId};

/// Bytes of parcels of a lane handed over and not taken yet; more are read from the backlog later.
const HANDED_OVER_BYTES: usize = 4 * 1024 * 1024;
/// Parcels in one batch: enough that the round trip to Redis does not count, few enough that
/// the largest lines (64 KiB) stay within 16 MiB.
pub(super) const BATCH: usize = 256;
/// The longest pause between attempts to read the backlog.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// The durable outbox, as the publisher needs it.
pub trait Backlog: Clone + Send + Sync + 'static {
    /// At most `limit` parcels of a lane after `id`, in ascending order.
    fn after(
        &self,
        lane: Lane,
        id: ParcelId,
        limit: usize,
    ) -> impl Future<Output = Result<Page, String>> + Send;

    /// So far everything is delivered; need not be on disk at once.
    fn delivered(&self, done: Done) -> impl Future<Output = Result<(), String>> + Send;
}

/// Hands parcels to their lanes once they are committed. When all clones are dropped what is left is
/// delivered, and the lanes end.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Open>);

#[derive(Debug, Default)]
struct Shared {
    ring: Mutex<Ring>,
    changed: Notify,
}

/// What was handed over of one lane.
#[derive(Debug, Default)]
struct Ring {
    runs: VecDeque<Run>,
    bytes: usize,
    /// Something was offered and not taken in: it must be read from the backlog.
    missed: bool,
    closed: bool,
}

/// Consecutive ids, and what of them is of the lane.
#[derive(Debug)]
struct Run {
    first: ParcelId,
    last: ParcelId,
    parcels: VecDeque<Parcel>,
}

#[derive(Debug)]
struct Open([(Lane, Arc<Shared>); 2]);

impl Drop for Open {
    fn drop(&mut self) {
        for (_, shared) in &self.0 {
            shared.ring().closed = true;
            shared.changed.notify_one();
        }
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
        let [(_, messages), (_, opinions)] = &self.0.0;
        {
            let (mut messages, mut opinions) = (messages.ring(), opinions.ring());
            for parcel in parcels {
                let id = parcel.id;
                match parcel.content.lane() {
                    Lane::Messages => {
                        messages.put(id, Some(parcel));
                        opinions.put(id, None);
                    }
                    Lane::Opinions => {
                        messages.put(id, None);
                        opinions.put(id, Some(parcel));
                    }
                }
            }
        }
        // Both, though there may be nothing for one: how far it is counts.
        messages.changed.notify_one();
        opinions.changed.notify_one();
    }
}

fn size(parcel: &Parcel) -> usize {
    let text = match &parcel.content {
        Content::Publish(text) | Content::WriteBack(_, text) => text.capacity(),
        Content::Withdraw(_) => 0,
    };
    text + size_of::<Parcel>()
}

/// The end of one lane: every parcel after `delivered_up_to` once, in order.
#[derive(Debug)]
pub(super) struct Feed<B> {
    lane: Lane,
    shared: Arc<Shared>,
    backlog: B,
    read_to: ParcelId,
    behind: bool,
    /// The first id handed over behind a gap, seen before the backlog is read.
    gap_before: Option<ParcelId>,
    said: Said,
}

/// An outbox and the feeds of messages and of opinions, which start with what the backlog still holds.
pub(super) fn outbox<B: Backlog>(backlog: B, done: Done) -> (Outbox, Feed<B>, Feed<B>) {
    let feed = |lane, read_to| Feed {
        lane,
        shared: Arc::default(),
        backlog: backlog.clone(),
        read_to,
        behind: true,
        gap_before: None,
        said: Said::default(),
    };
    let messages = feed(Lane::Messages, done.all);
    let opinions = feed(Lane::Opinions, done.opinions.max(done.all));
    let lanes = [&messages, &opinions].map(|feed| (feed.lane, Arc::clone(&feed.shared)));
    (Outbox(Arc::new(Open(lanes))), messages, opinions)
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
    /// The next parcels, at most [`BATCH`], and how far the lane is with them; waits for something
    /// to come, which may be none of the lane. `None`: the outbox is closed and empty.
    pub(super) async fn next(&mut self) -> Option<(Vec<Parcel>, ParcelId)> {
        loop {
            if self.behind {
                let page = self.page().await;
                self.behind = !page.is_all;
                let gap_before = self.gap_before.take().filter(|_| page.is_all);
                // What was committed before that one would be in the page: it is no longer in the
                // backlog (too old, too many), and the gap is real.
                let up_to = gap_before.map_or(page.up_to, |id| {
                    let last = page.parcels.last().map(|parcel| parcel.id);
                    last.max(Some(ParcelId(id.0 - 1))).unwrap_or(page.up_to)
                });
                if up_to > self.read_to {
                    self.read_to = up_to;
                    return Some((page.parcels, up_to));
                }
            }
            match self.handed() {
                Handed::Parcels(parcels) => return Some((parcels, self.read_to)),
                Handed::Gap => self.behind = true,
                Handed::Nothing => self.shared.changed.notified().await,
                Handed::End => return None,
            }
        }
    }

    async fn page(&mut self) -> Page {
        let mut backoff = Backoff::up_to(READ_AGAIN);
        loop {
            match self.backlog.after(self.lane, self.read_to, BATCH).await {
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
        while ring
            .runs
            .front()
            .is_some_and(|run| run.last <= self.read_to)
        {
            ring.end_run();
        }
        let next = ParcelId(self.read_to.0.saturating_add(1));
        match ring.runs.front().map(|run| run.first) {
            Some(first) if first <= next => {
                let (parcels, read_to) = ring.take(self.read_to);
                self.read_to = read_to;
                Handed::Parcels(parcels)
            }
            Some(first) => {
                self.gap_before = Some(first);
                Handed::Gap
            }
            None if std::mem::take(&mut ring.missed) => Handed::Gap,
            None if ring.closed => Handed::End,
            None => Handed::Nothing,
        }
    }
}

impl Ring {
    /// Takes in an id, and what is of this lane under it.
    fn put(&mut self, id: ParcelId, parcel: Option<Parcel>) {
        let size = parcel.as_ref().map_or(0, size);
        self.missed |= self.bytes + size > HANDED_OVER_BYTES;
        if self.missed {
            return;
        }
        self.bytes += size;
        match self.runs.back_mut() {
            Some(run) if run.last.0.saturating_add(1) == id.0 => {
                run.last = id;
                run.parcels.extend(parcel);
            }
            _ => self.runs.push_back(Run {
                first: id,
                last: id,
                parcels: parcel.into_iter().collect(),
            }),
        }
    }

    /// Drops the first run.
    fn end_run(&mut self) {
        let run = self.runs.pop_front();
        let parcels = run.into_iter().flat_map(|run| run.parcels);
        self.bytes -= parcels.map(|parcel| size(&parcel)).sum::<usize>();
    }

    /// The first parcels of the first run after an id, and how far it is with them.
    fn take(&mut self, after: ParcelId) -> (Vec<Parcel>, ParcelId) {
        let mut parcels = Vec::new();
        let Some(run) = self.runs.front_mut() else {
            return (parcels, after);
        };
        while parcels.len() < BATCH
            && let Some(parcel) = run.parcels.pop_front()
        {
            self.bytes -= size(&parcel);
            if parcel.id > after {
                parcels.push(parcel);
            }
        }
        let last = run.last;
        if run.parcels.is_empty() {
            self.runs.pop_front();
            return (parcels, last);
        }
        let taken = parcels.last().map_or(after, |parcel| parcel.id);
        (parcels, taken)
    }
}
