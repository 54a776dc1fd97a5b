//! What peers send on its way to the node, their lines and their frames of sync: every peer has a
//! queue of its own, and they are read in turn.
//!
//! Whoever sends more than is read waits for himself: what a queue may hold is what the others
//! leave free, so there is always room for one that is nearly empty. Turns go to the networks first
//! and then to the peers of each (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996), so
//! sixty names of one host have one host's share. A peer the operator chose is a network of its own.

mod turns;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(crate) use self::turns::Group;
use self::turns::Turns;
use super::{Line, SyncEvent};

/// So many bytes count as one; more as several, in the room and in the turns.
const UNIT: usize = 512;

/// What something of so many bytes costs.
pub(crate) fn cost(bytes: usize) -> u64 {
    (1 + bytes / UNIT) as u64
}

/// The two ends of what leads lines from the network to the node, with room for `room` lines of up
/// to 512 bytes (0 counts as 1), and beyond that for one line of each peer. One peer alone may fill a
/// third of it.
#[must_use]
pub fn lines(room: usize) -> (LinesIn, Lines) {
    ways(room)
}

/// The same for what comes by `/slips/sync/1`.
#[must_use]
pub fn sync_frames(room: usize) -> (SyncIn, SyncEvents) {
    ways(room)
}

/// Lines on their way.
pub type LinesIn = Inlet<Line>;
/// Lines for the node.
pub type Lines = Outlet<Line>;
/// What comes by `/slips/sync/1` on its way.
pub type SyncIn = Inlet<SyncEvent>;
/// What comes by `/slips/sync/1`, for the node.
pub type SyncEvents = Outlet<SyncEvent>;

fn ways<T>(room: usize) -> (Inlet<T>, Outlet<T>) {
    let shared = Arc::new(Shared {
        turns: Mutex::new(Turns::new(room.max(1) as u64)),
        arrived: Notify::new(),
    });
    let open = Arc::new(Open(Arc::clone(&shared)));
    (Inlet(open), Outlet(shared))
}

struct Shared<T> {
    turns: Mutex<Turns<T>>,
    /// Something came where there was none, or no more will come.
    arrived: Notify,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Turns<T>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network's end; clones lead to the same place.
pub struct Inlet<T>(Arc<Open<T>>);

impl<T> Clone for Inlet<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// As long as one is held, more may come.
struct Open<T>(Arc<Shared<T>>);

impl<T> Drop for Open<T> {
    fn drop(&mut self) {
        self.0.lock().end();
        self.0.arrived.notify_one();
    }
}

impl<T> Inlet<T> {
    /// The queue of one peer.
    pub(crate) fn source(&self) -> Source<T> {
        let room = Arc::new(Notify::new());
        let number = self.0.0.lock().enter(Arc::clone(&room));
        Source {
            open: Arc::clone(&self.0),
            number,
            room,
            first: tokio::sync::Mutex::default(),
        }
    }
}

/// Nobody takes anything any more.
#[derive(Debug)]
pub(crate) struct Closed;

/// One peer's way in.
pub(crate) struct Source<T> {
    open: Arc<Open<T>>,
    number: u64,
    room: Arc<Notify>,
    /// One waits for room; those behind it keep their order.
    first: tokio::sync::Mutex<()>,
}

impl<T> Source<T> {
    /// Hands something over that costs so much, when there is room for it. `group` is whose share it
    /// is on.
    ///
    /// # Errors
    /// [`Closed`], and it is gone.
    pub(crate) async fn send(&self, group: Group, what: T, cost: u64) -> Result<(), Closed> {
        self.send_then(group, what, cost, || {}).await
    }

    /// The same; `then` is done when it is handed over, and before anybody can read it.
    ///
    /// # Errors
    /// [`Closed`], and it is gone and nothing was done.
    pub(crate) async fn send_then(
        &self,
        group: Group,
        mut what: T,
        cost: u64,
        then: impl FnOnce(),
    ) -> Result<(), Closed> {
        let _first = self.first.lock().await;
        loop {
            what = {
                let mut turns = self.open.0.lock();
                if turns.is_deaf() {
                    return Err(Closed);
                }
                let was_empty = turns.is_empty();
                match turns.put(self.number, group, what, cost) {
                    Ok(()) => {
                        then();
                        drop(turns);
                        if was_empty {
                            self.open.0.arrived.notify_one();
                        }
                        return Ok(());
                    }
                    Err(what) => what,
                }
            };
            self.room.notified().await;
        }
    }
}

impl<T> Drop for Source<T> {
    fn drop(&mut self) {
        self.open.0.lock().leave(self.number);
    }
}

/// The node's end.
pub struct Outlet<T>(Arc<Shared<T>>);

impl<T> Outlet<T> {
    /// The next one; `None` when the network has ended and all were read. Nothing is lost when it
    /// is dropped while it waits.
    pub async fn recv(&mut self) -> Option<T> {
        let mut one = Vec::with_capacity(1);
        self.recv_many(&mut one, 1).await;
        one.pop()
    }

    /// Waits for one, then takes what there is, up to `limit`, which is at least 1. Says how many;
    /// 0 when the network has ended and all were read. Nothing is lost when it is dropped while it
    /// waits.
    pub async fn recv_many(&mut self, into: &mut Vec<T>, limit: usize) -> usize {
        loop {
            let (taken, ended) = self.take(into, limit);
            if taken > 0 || ended {
                return taken;
            }
            self.0.arrived.notified().await;
        }
    }

    /// One that is there.
    pub fn try_recv(&mut self) -> Option<T> {
        let mut one = Vec::with_capacity(1);
        self.drain(&mut one, 1);
        one.pop()
    }

    /// Takes what there is, up to `limit`.
    pub fn drain(&mut self, into: &mut Vec<T>, limit: usize) {
        self.take(into, limit);
    }

    /// Takes no more in; those that are there can still be read.
    pub fn close(&mut self) {
        let wake = {
            let mut turns = self.0.lock();
            turns.end();
            turns.deafen()
        };
        wake.into_iter().for_each(|room| room.notify_one());
    }

    fn take(&mut self, into: &mut Vec<T>, limit: usize) -> (usize, bool) {
        let before = into.len();
        let mut turns = self.0.lock();
        into.extend(std::iter::from_fn(|| turns.take()).take(limit));
        let taken = into.len() - before;
        let wake = if taken > 0 {
            turns.waiting()
        } else {
            Vec::new()
        };
        let ended = turns.has_ended();
        drop(turns);
        wake.into_iter().for_each(|room| room.notify_one());
        (taken, ended)
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.close();
    }
}
