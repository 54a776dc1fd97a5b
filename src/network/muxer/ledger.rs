//! What the peers make us hold: unread bytes and open streams, a connection and all together.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use crate::network::standing::Pass;

/// What an open stream costs in yamux and around it, in bytes: its state, its queue, its place in
/// three tables. Measured at about 900.
const STREAM_COST: u64 = 1024;
/// What a frame costs beside its bytes: a peer could send one byte in each.
const FRAME_COST: u64 = 64;

/// What the connection of a peer may make us hold that nobody has decided about: our streams and its
/// with a hello each, and no more.
const PARKED_MAX: u64 = 12 * 1024;

/// The budget all connections share.
#[derive(Debug)]
pub(crate) struct Pool {
    held: AtomicU64,
    max: u64,
    max_each: u64,
    /// What a connection may hold even while the pool is exhausted, so that none starves: a line.
    floor: u64,
    waiting: Mutex<Vec<Waker>>,
}

impl Pool {
    /// `max` bytes for all connections, `max_each` for one, `floor` for one in any case.
    pub(crate) fn new(max: u64, max_each: u64, floor: u64) -> Self {
        Self {
            held: AtomicU64::new(0),
            max,
            max_each,
            floor,
            waiting: Mutex::default(),
        }
    }

    fn add(&self, cost: u64) {
        self.held.fetch_add(cost, Ordering::Relaxed);
    }

    fn sub(&self, cost: u64) {
        let before = self.held.fetch_sub(cost, Ordering::Relaxed);
        if before >= self.max && before - cost < self.max {
            let waiting = std::mem::take(&mut *lock(&self.waiting));
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    fn exhausted(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.max
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Account {
    bytes: u64,
    frames: u64,
}

impl Account {
    fn cost(self) -> u64 {
        STREAM_COST + self.bytes + self.frames * FRAME_COST
    }
}

#[derive(Debug, Default)]
struct State {
    streams: HashMap<u32, Account>,
    held: u64,
    reader: Option<Waker>,
    open: bool,
}

/// The account of one connection.
#[derive(Debug)]
pub(crate) struct Ledger {
    pool: Arc<Pool>,
    pass: Option<Arc<Pass>>,
    state: Mutex<State>,
}

impl Ledger {
    pub(crate) fn new(pool: Arc<Pool>, pass: Option<Arc<Pass>>) -> Self {
        Self {
            pool,
            pass,
            state: Mutex::default(),
        }
    }

    /// A stream exists from now on, ours or the peer's.
    pub(crate) fn opened(&self, stream: u32) {
        let mut state = lock(&self.state);
        if state.streams.insert(stream, Account::default()).is_none() {
            self.settle(state, 0, STREAM_COST);
        }
    }

    /// A frame of data came. Those for streams that are gone are dropped by yamux and cost nothing.
    pub(crate) fn arrived(&self, stream: u32, bytes: u32) {
        self.change(stream, |account| {
            account.bytes += u64::from(bytes);
            account.frames += 1;
        });
    }

    /// Bytes were read; with the last of them all frames are gone.
    pub(crate) fn read(&self, stream: u32, bytes: usize) {
        self.change(stream, |account| {
            account.bytes = account.bytes.saturating_sub(bytes as u64);
            if account.bytes == 0 {
                account.frames = 0;
            }
        });
    }

    /// A stream is gone, and what was unread in it.
    pub(crate) fn gone(&self, stream: u32) {
        let mut state = lock(&self.state);
        if let Some(account) = state.streams.remove(&stream) {
            self.settle(state, account.cost(), 0);
        }
    }

    /// From now on nothing is held back.
    pub(crate) fn open_up(&self) {
        let mut state = lock(&self.state);
        state.open = true;
        self.settle(state, 0, 0);
    }

    /// Whether more may be read from the connection; if not, `reader` is woken when it may.
    pub(crate) fn may_read(&self, reader: &Waker) -> bool {
        let mut state = lock(&self.state);
        if !self.is_full(&state) {
            return true;
        }
        state.reader = Some(reader.clone());
        if state.held < self.max_each() {
            lock(&self.pool.waiting).push(reader.clone());
            // It may have been emptied just before we queued.
            return !self.pool.exhausted();
        }
        false
    }

    fn max_each(&self) -> u64 {
        match &self.pass {
            Some(pass) if !pass.may_speak() => PARKED_MAX.min(self.pool.max_each),
            _ => self.pool.max_each,
        }
    }

    fn is_full(&self, state: &State) -> bool {
        let own = state.held >= self.max_each();
        !state.open && (own || (state.held >= self.pool.floor && self.pool.exhausted()))
    }

    fn change(&self, stream: u32, change: impl FnOnce(&mut Account)) {
        let mut state = lock(&self.state);
        let Some(account) = state.streams.get_mut(&stream) else {
            return;
        };
        let before = account.cost();
        change(account);
        let after = account.cost();
        self.settle(state, before, after);
    }

    /// Books the difference and wakes whoever may read again.
    fn settle(&self, mut state: MutexGuard<'_, State>, before: u64, after: u64) {
        state.held = state.held + after - before;
        let reader = if self.is_full(&state) {
            None
        } else {
            state.reader.take()
        };
        drop(state);
        if after > before {
            self.pool.add(after - before);
        } else {
            self.pool.sub(before - after);
        }
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.pool.sub(lock(&self.state).held);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(max: u64, max_each: u64, floor: u64) -> (Arc<Pool>, Ledger) {
        let pool = Arc::new(Pool::new(max, max_each, floor));
        (Arc::clone(&pool), Ledger::new(pool, None))
    }

    fn may_read(ledger: &Ledger) -> bool {
        ledger.may_read(Waker::noop())
    }

    #[test]
    fn a_connection_is_read_again_when_its_bytes_are() {
        let (_, ledger) = ledger(1_000_000, 10_000, 0);
        ledger.opened(1);
        ledger.arrived(1, 9_000);
        assert!(!may_read(&ledger));
        ledger.read(1, 8_999);
        assert!(may_read(&ledger));
    }

    #[test]
    fn open_streams_and_empty_frames_cost_too() {
        let (_, ledger) = ledger(1_000_000, 10_000, 0);
        (0..9).for_each(|stream| ledger.opened(stream));
        assert!(may_read(&ledger));
        (0..16).for_each(|_| ledger.arrived(1, 0));
        assert!(!may_read(&ledger));
        ledger.gone(1);
        assert!(may_read(&ledger));
    }

    #[test]
    fn an_exhausted_pool_stops_who_holds_much_and_not_who_holds_little() {
        let (pool, greedy) = ledger(10_000, 100_000, 3_000);
        let modest = Ledger::new(Arc::clone(&pool), None);
        greedy.opened(1);
        greedy.arrived(1, 20_000);
        modest.opened(1);
        assert!(!may_read(&greedy));
        assert!(may_read(&modest));
        drop(greedy);
        assert_eq!(pool.held.load(Ordering::Relaxed), STREAM_COST);
    }

    #[test]
    fn what_comes_for_a_stream_that_is_gone_costs_nothing() {
        let (pool, ledger) = ledger(1_000_000, 10_000, 0);
        ledger.opened(1);
        ledger.gone(1);
        ledger.arrived(1, 50_000);
        ledger.gone(1);
        assert!(may_read(&ledger));
        assert_eq!(pool.held.load(Ordering::Relaxed), 0);
    }
}
