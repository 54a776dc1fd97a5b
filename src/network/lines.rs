//! Lines on their way to the node: every peer has a queue of its own, and they are read in turn.
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
use super::Line;

/// A line of so many bytes counts as one; a longer one as several, in the room and in the turns.
const UNIT: usize = 512;

/// The two ends of what leads lines from the network to the node, with room for `room` lines of up
/// to 512 bytes (0 counts as 1), and beyond that for one line of each peer. One peer alone may fill a
/// third of it.
#[must_use]
pub fn lines(room: usize) -> (LinesIn, Lines) {
    let shared = Arc::new(Shared {
        turns: Mutex::new(Turns::new(room.max(1) as u64)),
        arrived: Notify::new(),
    });
    let open = Arc::new(Open(Arc::clone(&shared)));
    (LinesIn(open), Lines(shared))
}

struct Shared {
    turns: Mutex<Turns<Line>>,
    /// A line came where there was none, or no more will come.
    arrived: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Turns<Line>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network's end; clones lead to the same place.
#[derive(Clone)]
pub struct LinesIn(Arc<Open>);

/// As long as one is held, lines may come.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().end();
        self.0.arrived.notify_one();
    }
}

impl LinesIn {
    /// The queue of one peer.
    pub(crate) fn source(&self) -> Source {
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

/// Nobody takes lines any more.
#[derive(Debug)]
pub(crate) struct Closed;

/// One peer's way in.
pub(crate) struct Source {
    open: Arc<Open>,
    number: u64,
    room: Arc<Notify>,
    /// One line waits for room; those behind it keep their order.
    first: tokio::sync::Mutex<()>,
}

impl Source {
    /// Hands a line over, when there is room for it. `group` is whose share it is on.
    ///
    /// # Errors
    /// [`Closed`], and the line is gone.
    pub(crate) async fn send(&self, group: Group, mut line: Line) -> Result<(), Closed> {
        let _first = self.first.lock().await;
        let cost = (1 + line.text.len() / UNIT) as u64;
        loop {
            line = {
                let mut turns = self.open.0.lock();
                if turns.is_deaf() {
                    return Err(Closed);
                }
                let was_empty = turns.is_empty();
                match turns.put(self.number, group, line, cost) {
                    Ok(()) => {
                        drop(turns);
                        if was_empty {
                            self.open.0.arrived.notify_one();
                        }
                        return Ok(());
                    }
                    Err(line) => line,
                }
            };
            self.room.notified().await;
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.open.0.lock().leave(self.number);
    }
}

/// The node's end.
pub struct Lines(Arc<Shared>);

impl Lines {
    /// The next line; `None` when the network has ended and all were read. Nothing is lost when it
    /// is dropped while it waits.
    pub async fn recv(&mut self) -> Option<Line> {
        let mut one = Vec::with_capacity(1);
        self.recv_many(&mut one, 1).await;
        one.pop()
    }

    /// Waits for a line, then takes what there is, up to `limit`, which is at least 1. Says how many;
    /// 0 when the network has ended and all were read. Nothing is lost when it is dropped while it
    /// waits.
    pub async fn recv_many(&mut self, into: &mut Vec<Line>, limit: usize) -> usize {
        loop {
            let (taken, ended) = self.take(into, limit);
            if taken > 0 || ended {
                return taken;
            }
            self.0.arrived.notified().await;
        }
    }

    /// A line that is there.
    pub fn try_recv(&mut self) -> Option<Line> {
        let mut one = Vec::with_capacity(1);
        self.drain(&mut one, 1);
        one.pop()
    }

    /// Takes what there is, up to `limit`.
    pub fn drain(&mut self, into: &mut Vec<Line>, limit: usize) {
        self.take(into, limit);
    }

    /// Takes no more lines in; those that are there can still be read.
    pub fn close(&mut self) {
        let wake = {
            let mut turns = self.0.lock();
            turns.end();
            turns.deafen()
        };
        wake.into_iter().for_each(|room| room.notify_one());
    }

    fn take(&mut self, into: &mut Vec<Line>, limit: usize) -> (usize, bool) {
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

impl Drop for Lines {
    fn drop(&mut self) {
        self.close();
    }
}
