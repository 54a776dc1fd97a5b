//! What waits to be sent in one session: bounded in bytes, refusing what it has no room for.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{MAX_SYNC_FRAME_BYTES, SessionId};
use crate::wire::frame;

/// What a waiting frame costs beside its bytes: its place, and its length on the wire.
const FRAME_OVERHEAD: usize = 32;
/// Written in one go, unless one frame alone is longer; noise cuts it into 64 KiB anyway.
const RUN_BYTES: usize = 48 * 1024;

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Vec<u8>>,
    /// The cost of those that wait or are being written.
    held: usize,
    /// The part of it being written.
    writing: usize,
    /// Something was refused since there was room last.
    refused: bool,
}

/// The queue of one session.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(super) session: SessionId,
    capacity: usize,
    state: Mutex<State>,
    news: Notify,
    emptied: Notify,
}

impl Queue {
    /// Holds at most `capacity` bytes, overheads included, or one frame.
    pub(super) fn new(session: SessionId, capacity: usize) -> Self {
        Self {
            session,
            capacity: capacity.max(MAX_SYNC_FRAME_BYTES + FRAME_OVERHEAD),
            state: Mutex::default(),
            news: Notify::new(),
            emptied: Notify::new(),
        }
    }

    /// Queues a frame; `false` when there is no room.
    pub(super) fn push(&self, frame: Vec<u8>) -> bool {
        let cost = frame.len() + FRAME_OVERHEAD;
        let mut state = self.lock();
        if state.held + cost > self.capacity {
            state.refused = true;
            return false;
        }
        state.held += cost;
        state.frames.push_back(frame);
        drop(state);
        self.news.notify_one();
        true
    }

    /// Waits for frames and appends them to `out`, each with its length. They count as waiting until
    /// [`Self::written`].
    pub(super) async fn next_run(&self, out: &mut Vec<u8>) {
        loop {
            let news = self.news.notified();
            if self.take(out) {
                return;
            }
            news.await;
        }
    }

    fn take(&self, out: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        while out.len() < RUN_BYTES
            && let Some(frame) = state.frames.pop_front()
        {
            state.writing += frame.len() + FRAME_OVERHEAD;
            let fits = frame::push_body(out, &frame, MAX_SYNC_FRAME_BYTES);
            debug_assert!(fits, "checked before it was queued");
        }
        !out.is_empty()
    }

    /// What was given out is written. Says whether there is room again after something was refused,
    /// once.
    pub(super) fn written(&self) -> bool {
        let mut state = self.lock();
        state.held -= std::mem::take(&mut state.writing);
        if state.held == 0 {
            self.emptied.notify_waiters();
        }
        let room = state.refused && state.held <= self.capacity / 2;
        if room {
            state.refused = false;
        }
        room
    }

    /// Returns when nothing waits and nothing is being written.
    pub(super) async fn until_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().held == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_no_room_is_refused_and_room_is_told_once() {
        let queue = Queue::new(SessionId(1), 0);
        assert!(queue.push(vec![1; MAX_SYNC_FRAME_BYTES]));
        assert!(!queue.push(Vec::new()));
        let mut out = Vec::new();
        queue.next_run(&mut out).await;
        assert_eq!(out.len(), frame::HEADER_BYTES + MAX_SYNC_FRAME_BYTES);
        assert!(!queue.push(vec![1]), "what is being written is held still");
        assert!(queue.written());
        assert!(queue.push(vec![1]));
        assert!(!queue.written(), "nothing was refused since");
    }

    #[tokio::test]
    async fn frames_come_out_in_order_and_many_in_one_run() {
        let queue = Queue::new(SessionId(1), usize::MAX);
        for n in 0..3 {
            assert!(queue.push(vec![n]));
        }
        let mut out = Vec::new();
        queue.next_run(&mut out).await;
        assert_eq!(out, [0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 2]);
    }
}
