//! What Slips said and the node has not taken yet: a queue bounded by bytes.
//!
//! Redis' pub/sub cannot be held back: a subscriber that reads too slowly is cut off by the server
//! and loses everything buffered for it. So the connection is always drained, and beyond the bound
//! the newest messages are dropped, counted and said.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::domain::Recipient;

/// What Slips wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// A message for one peer or for all.
    Send {
        /// For whom.
        recipient: Recipient,
        /// The line, passed on unchanged.
        message: String,
    },
    /// Stop listening to peers.
    StopProcess,
}

/// The node's end of the queue.
#[derive(Debug)]
pub struct InboundQueue(Arc<Shared>);

/// The subscriber's end of the queue.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    shared: Arc<Shared>,
    max_bytes: usize,
}

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    items: VecDeque<Inbound>,
    bytes: usize,
    closed: bool,
}

/// A queue for at most about `max_bytes`.
pub(super) fn queue(max_bytes: usize) -> (Entrance, InboundQueue) {
    let shared = Arc::new(Shared {
        ring: Mutex::default(),
        changed: Notify::new(),
    });
    (
        Entrance {
            shared: shared.clone(),
            max_bytes,
        },
        InboundQueue(shared),
    )
}

impl Shared {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InboundQueue {
    /// The next message, in the order Slips sent them; `None` when the bridge has stopped and the queue is empty.
    pub async fn next(&mut self) -> Option<Inbound> {
        loop {
            {
                let mut ring = self.0.ring();
                if let Some(item) = ring.items.pop_front() {
                    ring.bytes -= cost(&item);
                    return Some(item);
                }
                if ring.closed {
                    return None;
                }
            }
            self.0.changed.notified().await;
        }
    }
}

impl Entrance {
    /// Puts a message in; `false`: there was no room and it is lost.
    pub(super) fn offer(&self, item: Inbound) -> bool {
        let cost = cost(&item);
        let mut ring = self.shared.ring();
        let is_command = item == Inbound::StopProcess;
        if ring.bytes + cost > self.max_bytes && !is_command {
            return false;
        }
        ring.bytes += cost;
        ring.items.push_back(item);
        drop(ring);
        self.shared.changed.notify_one();
        true
    }

    /// No more will come.
    pub(super) fn close(&self) {
        self.shared.ring().closed = true;
        self.shared.changed.notify_one();
    }
}

/// Bytes a message occupies: its text, its place in the ring and the allocator's share.
fn cost(item: &Inbound) -> usize {
    const ALLOCATOR: usize = 16;
    let text = match item {
        Inbound::Send { message, .. } => message.capacity(),
        Inbound::StopProcess => 0,
    };
    text + size_of::<Inbound>() + ALLOCATOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Inbound {
        Inbound::Send {
            recipient: Recipient::All,
            message: text.into(),
        }
    }

    #[tokio::test]
    async fn messages_come_out_in_order_and_the_end_is_none() {
        let (entrance, mut queue) = queue(10_000);
        assert!(entrance.offer(message("a")) && entrance.offer(message("b")));
        entrance.close();
        assert_eq!(queue.next().await, Some(message("a")));
        assert_eq!(queue.next().await, Some(message("b")));
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn beyond_the_bound_messages_are_refused_until_there_is_room_but_commands_pass() {
        let (entrance, mut queue) = queue(3 * cost(&message("x")));
        let taken = (0..10).filter(|_| entrance.offer(message("x"))).count();
        assert_eq!(taken, 3);
        assert!(entrance.offer(Inbound::StopProcess));
        assert_eq!(queue.next().await, Some(message("x")));
        assert_eq!(queue.next().await, Some(message("x")));
        assert!(entrance.offer(message("y")));
    }
}
