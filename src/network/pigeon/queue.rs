//! What waits to be sent to one peer, and what is sent and not acknowledged.
//!
//! Lines wait in the order they came. A connection that speaks `/slips/1.0` sorts them into lanes:
//! those of one lane go one after the other, lanes side by side. One that speaks `/slips/2.0` takes
//! them in runs, in their order ([`PeerQueue::poll_run`]), and only while no other connection has
//! lines under way.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    time::Duration,
};

use libp2p::swarm::ConnectionId;
use tokio::sync::{Notify, Semaphore};

mod held;
mod run;

pub(crate) use run::Run;

/// What a waiting line costs beside its bytes: its places in the queue and in its lane.
const LINE_OVERHEAD: usize = 128;
/// Times a line is put on a new stream after one broke under it.
const MAX_TRIES: u8 = 3;

/// The line was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No room in time, or none after a line before it found none.
    Stalled,
    /// The peer is gone.
    Closed,
}

/// A line that is being sent.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Which lane it occupies.
    pub(crate) lane: u64,
    /// The line with its newline.
    pub(crate) line: Arc<str>,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Acknowledged, or not worth another try: the lane goes on with its next line.
    Done,
    /// The stream broke: the line goes again, a few times.
    Broken,
}

/// A line in its place.
#[derive(Debug, Clone)]
struct Item {
    /// Counts up from the first line of the queue.
    place: u64,
    lane: u64,
    line: Arc<str>,
    /// It goes to every peer.
    for_all: bool,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Item>,
    sending: Option<(ConnectionId, Item)>,
    tries: u8,
}

#[derive(Debug, Default)]
struct State {
    /// In their order, nobody's yet.
    waiting: VecDeque<Item>,
    /// Lines for all, while the peer is busy.
    held: VecDeque<Item>,
    holding: bool,
    next_place: u64,
    /// What a `/slips/1.0` connection has taken over.
    lanes: HashMap<u64, Lane>,
    ready: VecDeque<u64>,
    /// What a `/slips/2.0` stream has under way.
    sent: run::Sent,
    wakers: HashMap<ConnectionId, Waker>,
    lines: usize,
}

/// The queue of one peer: filled through the handle, emptied by the handlers of its connections.
#[derive(Debug)]
pub(crate) struct PeerQueue {
    state: Mutex<State>,
    room: Semaphore,
    capacity: usize,
    stalled: AtomicBool,
    emptied: Notify,
}

impl PeerQueue {
    /// A queue that holds at most `capacity` bytes, counting a small overhead a line.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            state: Mutex::default(),
            room: Semaphore::new(capacity),
            capacity,
            stalled: AtomicBool::new(false),
            emptied: Notify::new(),
        }
    }

    /// Queues a line, waiting at most `limit` for room. After one wait in vain the next lines do
    /// not wait until half the queue has gone: a peer that takes a line now and then must not slow
    /// what goes to all.
    pub(crate) async fn push(
        &self,
        lane: u64,
        line: Arc<str>,
        limit: Duration,
    ) -> Result<(), Refused> {
        self.push_for(false, lane, line, limit).await
    }

    /// The same for a line that goes to every peer.
    pub(crate) async fn push_for_all(
        &self,
        lane: u64,
        line: Arc<str>,
        limit: Duration,
    ) -> Result<(), Refused> {
        self.push_for(true, lane, line, limit).await
    }

    async fn push_for(
        &self,
        for_all: bool,
        lane: u64,
        line: Arc<str>,
        limit: Duration,
    ) -> Result<(), Refused> {
        let cost = self.cost(&line);
        match self.room.try_acquire_many(cost) {
            Ok(permit) => permit.forget(),
            Err(tokio::sync::TryAcquireError::Closed) => return Err(Refused::Closed),
            Err(tokio::sync::TryAcquireError::NoPermits) => {
                if self.stalled.load(Ordering::Relaxed) {
                    return Err(Refused::Stalled);
                }
                match tokio::time::timeout(limit, self.room.acquire_many(cost)).await {
                    Ok(Ok(permit)) => permit.forget(),
                    Ok(Err(_)) => return Err(Refused::Closed),
                    Err(_) => {
                        self.stalled.store(true, Ordering::Relaxed);
                        return Err(Refused::Stalled);
                    }
                }
            }
        }
        self.put(lane, line, for_all);
        Ok(())
    }

    fn put(&self, lane: u64, line: Arc<str>, for_all: bool) {
        let mut state = self.lock();
        state.lines += 1;
        let place = state.next_place;
        state.next_place += 1;
        state.wait(Item {
            place,
            lane,
            line,
            for_all,
        });
        if !state.wakers.is_empty() {
            wake_all(state);
        }
    }

    /// Whether a line waits; when there is none, `waker` is woken as soon as there is.
    pub(crate) fn waits(&self, connection: ConnectionId, waker: &Waker) -> bool {
        let mut state = self.lock();
        let waits = !state.waiting.is_empty() || !state.ready.is_empty();
        if !waits {
            state.wakers.insert(connection, waker.clone());
        }
        waits
    }

    /// The next line whose lane is free; when there is none, `waker` is woken as soon as there is.
    pub(crate) fn take(&self, connection: ConnectionId, waker: &Waker) -> Option<Job> {
        let mut state = self.lock();
        state.sort_into_lanes();
        let Some(lane) = state.ready.pop_front() else {
            state.wakers.insert(connection, waker.clone());
            return None;
        };
        let entry = state.lanes.get_mut(&lane)?;
        let item = entry.waiting.pop_front()?;
        let line = Arc::clone(&item.line);
        entry.sending = Some((connection, item));
        Some(Job { lane, line })
    }

    /// A job has ended. Says whether its line is gone for good although nobody acknowledged it.
    pub(crate) fn end(&self, lane: u64, end: End) -> bool {
        let mut state = self.lock();
        let Some(entry) = state.lanes.get_mut(&lane) else {
            return false;
        };
        let Some((_, item)) = entry.sending.take() else {
            return false;
        };
        if end == End::Broken && entry.tries + 1 < MAX_TRIES {
            entry.tries += 1;
            entry.waiting.push_front(item);
            state.ready.push_back(lane);
            wake_all(state);
            return false;
        }
        entry.tries = 0;
        if entry.waiting.is_empty() {
            state.lanes.remove(&lane);
        } else {
            state.ready.push_back(lane);
        }
        self.gone(state, 1, self.cost(&item.line) as usize);
        end == End::Broken
    }

    /// A connection is gone: what it was sending in lanes waits again, in its place.
    pub(crate) fn abandon(&self, connection: ConnectionId) {
        let mut state = self.lock();
        state.wakers.remove(&connection);
        let State { lanes, ready, .. } = &mut *state;
        for (lane, entry) in lanes.iter_mut() {
            if entry
                .sending
                .as_ref()
                .is_some_and(|(on, _)| *on == connection)
                && let Some((_, item)) = entry.sending.take()
            {
                entry.waiting.push_front(item);
                ready.push_back(*lane);
            }
        }
        state.leave_lanes();
        wake_all(state);
    }

    /// The peer does not come back: whoever waits for room is told, what waits is thrown away.
    /// Says how many lines that were.
    pub(crate) fn close(&self) -> usize {
        self.room.close();
        let mut state = self.lock();
        state.waiting.clear();
        state.held.clear();
        state.lanes.clear();
        state.ready.clear();
        state.sent = run::Sent::default();
        self.emptied.notify_waiters();
        std::mem::take(&mut state.lines)
    }

    /// Returns when nothing waits and nothing is under way.
    pub(crate) async fn until_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().lines == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Lines that cost so much are acknowledged or given up.
    fn gone(&self, mut state: MutexGuard<'_, State>, lines: usize, cost: usize) {
        state.lines = state.lines.saturating_sub(lines);
        if state.lines == 0 {
            self.emptied.notify_waiters();
        }
        wake_all(state);
        self.room.add_permits(cost);
        if self.room.available_permits() >= self.capacity / 2 {
            self.stalled.store(false, Ordering::Relaxed);
        }
    }

    fn cost(&self, line: &str) -> u32 {
        u32::try_from((line.len() + LINE_OVERHEAD).min(self.capacity)).unwrap_or(u32::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sort_into_lanes(&mut self) {
        for item in self.waiting.drain(..) {
            let lane = item.lane;
            let entry = self.lanes.entry(lane).or_default();
            entry.waiting.push_back(item);
            if entry.sending.is_none() && entry.waiting.len() == 1 {
                self.ready.push_back(lane);
            }
        }
    }

    /// Once no line of a lane is under way, all wait in their order again: the next connection may
    /// send in another way.
    fn leave_lanes(&mut self) {
        if self.lanes.values().any(|lane| lane.sending.is_some()) {
            return;
        }
        self.ready.clear();
        let lanes = self.lanes.drain().flat_map(|(_, lane)| lane.waiting);
        let mut items: Vec<Item> = lanes.chain(self.waiting.drain(..)).collect();
        items.sort_unstable_by_key(|item| item.place);
        self.waiting = items.into();
    }
}

fn wake_all(mut state: MutexGuard<'_, State>) {
    let wakers: Vec<Waker> = state.wakers.drain().map(|(_, waker)| waker).collect();
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

#[cfg(test)]
mod tests;
