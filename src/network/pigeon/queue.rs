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
    /// not wait until half the queue has gone: a peer that takes a line now and then must not slow
    /// what goes to all.
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
        if self.room.available_permits() >= self.capacity / 2 {
            self.stalled.store(false, Ordering::Relaxed);
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    fn connection(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn take(queue: &PeerQueue) -> Option<(u64, String)> {
        let job = queue.take(connection(1), Waker::noop())?;
        Some((job.lane, job.line.to_string()))
    }

    async fn push(queue: &PeerQueue, lane: u64, line: &str) -> Result<(), Refused> {
        queue.push(lane, line.into(), SOON).await
    }

    async fn filled(lines: &[(u64, &str)]) -> PeerQueue {
        let queue = PeerQueue::new(10_000);
        for (lane, line) in lines {
            push(&queue, *lane, line).await.expect("room");
        }
        queue
    }

    #[tokio::test]
    async fn a_lane_waits_for_its_line_and_others_do_not() {
        let queue = filled(&[(1, "a"), (1, "b"), (2, "c")]).await;
        assert_eq!(take(&queue), Some((1, "a".into())));
        assert_eq!(take(&queue), Some((2, "c".into())));
        assert_eq!(take(&queue), None, "`b` waits for `a`");
        assert!(!queue.end(1, End::Done));
        assert_eq!(take(&queue), Some((1, "b".into())));
    }

    #[tokio::test]
    async fn a_broken_line_goes_again_and_is_given_up_the_third_time() {
        let queue = filled(&[(1, "a"), (1, "b")]).await;
        for lost in [false, false, true] {
            assert_eq!(take(&queue), Some((1, "a".into())));
            assert_eq!(queue.end(1, End::Broken), lost);
        }
        assert_eq!(take(&queue), Some((1, "b".into())));
    }

    #[tokio::test]
    async fn what_a_lost_connection_was_sending_waits_again_in_its_place() {
        let queue = filled(&[(1, "a"), (1, "b")]).await;
        assert_eq!(take(&queue), Some((1, "a".into())));
        queue.abandon(connection(1));
        assert!(
            !queue.end(1, End::Done),
            "the old stream's end no longer counts"
        );
        assert_eq!(take(&queue), Some((1, "a".into())));
        queue.end(1, End::Done);
        assert_eq!(take(&queue), Some((1, "b".into())));
    }

    #[tokio::test]
    async fn a_full_queue_is_waited_for_once_and_again_when_it_has_emptied() {
        let queue = PeerQueue::new(4 * (LINE_OVERHEAD + 1));
        for lane in 0..4 {
            push(&queue, lane, "x").await.expect("room");
        }
        assert_eq!(push(&queue, 9, "y").await, Err(Refused::Stalled));
        let hour = Duration::from_secs(3600);
        assert_eq!(
            queue.push(9, "y".into(), hour).await,
            Err(Refused::Stalled),
            "at once"
        );
        take(&queue).expect("a line");
        take(&queue).expect("a line");
        queue.end(0, End::Done);
        queue.end(1, End::Done);
        assert_eq!(push(&queue, 9, "y").await, Ok(()));
    }

    #[tokio::test]
    async fn closing_tells_who_waits_and_counts_what_is_lost() {
        let queue = Arc::new(filled(&[(1, "a"), (2, "b")]).await);
        assert_eq!(queue.close(), 2);
        assert_eq!(push(&queue, 1, "c").await, Err(Refused::Closed));
        queue.until_empty().await;
    }

    #[tokio::test]
    async fn a_line_as_long_as_the_queue_fits() {
        let queue = PeerQueue::new(1000);
        push(&queue, 1, &"x".repeat(5000)).await.expect("room");
        assert!(take(&queue).is_some());
    }
}
