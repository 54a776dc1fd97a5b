//! What waits to be sent to one peer. Lines of one lane go one after the other, lanes side by side.

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

/// What a waiting line costs beside its bytes: its places in the lane and in the map.
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

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Arc<str>>,
    sending: Option<(ConnectionId, Arc<str>)>,
    tries: u8,
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<u64, Lane>,
    ready: VecDeque<u64>,
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
    /// not wait until something moves again: one dead peer must not slow what goes to all.
    pub(crate) async fn push(
        &self,
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
        self.put(lane, line);
        Ok(())
    }

    fn put(&self, lane: u64, line: Arc<str>) {
        let mut state = self.lock();
        state.lines += 1;
        let entry = state.lanes.entry(lane).or_default();
        entry.waiting.push_back(line);
        if entry.sending.is_none() && entry.waiting.len() == 1 {
            state.ready.push_back(lane);
            wake_all(state);
        }
    }

    /// The next line whose lane is free; when there is none, `waker` is woken as soon as there is.
    pub(crate) fn take(&self, connection: ConnectionId, waker: &Waker) -> Option<Job> {
        let mut state = self.lock();
        let Some(lane) = state.ready.pop_front() else {
            state.wakers.insert(connection, waker.clone());
            return None;
        };
        let entry = state.lanes.get_mut(&lane)?;
        let line = entry.waiting.pop_front()?;
        entry.sending = Some((connection, Arc::clone(&line)));
        Some(Job { lane, line })
    }

    /// A job has ended. Says whether its line is gone for good although nobody acknowledged it.
    pub(crate) fn end(&self, lane: u64, end: End) -> bool {
        self.stalled.store(false, Ordering::Relaxed);
        let mut state = self.lock();
        let Some(entry) = state.lanes.get_mut(&lane) else {
            return false;
        };
        let Some((_, line)) = entry.sending.take() else {
            return false;
        };
        if end == End::Broken && entry.tries + 1 < MAX_TRIES {
            entry.tries += 1;
            entry.waiting.push_front(line);
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
        state.lines -= 1;
        if state.lines == 0 {
            self.emptied.notify_waiters();
        }
        wake_all(state);
        self.room.add_permits(self.cost(&line) as usize);
        end == End::Broken
    }

    /// A connection is gone: what it was sending waits again, first in its lane.
    pub(crate) fn abandon(&self, connection: ConnectionId) {
        let mut state = self.lock();
        state.wakers.remove(&connection);
        let State { lanes, ready, .. } = &mut *state;
        for (lane, entry) in lanes.iter_mut() {
            if entry
                .sending
                .as_ref()
                .is_some_and(|(on, _)| *on == connection)
                && let Some((_, line)) = entry.sending.take()
            {
                entry.waiting.push_front(line);
                ready.push_back(*lane);
            }
        }
        wake_all(state);
    }

    /// The peer does not come back: whoever waits for room is told, what waits is thrown away.
    /// Says how many lines that were.
    pub(crate) fn close(&self) -> usize {
        self.room.close();
        let mut state = self.lock();
        state.lanes.clear();
        state.ready.clear();
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

    fn cost(&self, line: &str) -> u32 {
        u32::try_from((line.len() + LINE_OVERHEAD).min(self.capacity)).unwrap_or(u32::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake_all(mut state: MutexGuard<'_, State>) {
    let wakers: Vec<Waker> = state.wakers.drain().map(|(_, waker)| waker).collect();
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}
