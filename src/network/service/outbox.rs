//! Events on their way to the node: the loop never waits for it.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use crate::network::{Event, settings::EVENT_BACKLOG};

/// What waits for room in the node's queue.
pub(super) struct Outbox {
    events: mpsc::Sender<Event>,
    waiting: VecDeque<Event>,
    dropped: u64,
}

impl Outbox {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        Self {
            events,
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Tells the node, now or as soon as it has room. When far too much waits, conduct is no longer
    /// told; of the states of a peer only the newest is.
    pub(super) fn tell(&mut self, event: Event) {
        if self.events.is_closed() {
            return self.waiting.clear();
        }
        if self.waiting.is_empty() {
            match self.events.try_send(event) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(event)) => self.waiting.push_back(event),
            }
            return;
        }
        if self.waiting.len() >= EVENT_BACKLOG && !self.make_room(&event) {
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                tracing::warn!(
                    dropped = self.dropped,
                    "the node is behind: events are dropped"
                );
            }
            return;
        }
        self.waiting.push_back(event);
    }

    /// Waits for room; `None` when nothing waits or nobody listens.
    pub(super) async fn room(&self) -> Option<mpsc::OwnedPermit<Event>> {
        if self.waiting.is_empty() {
            return None;
        }
        self.events.clone().reserve_owned().await.ok()
    }

    pub(super) fn send(&mut self, permit: mpsc::OwnedPermit<Event>) {
        let Some(event) = self.waiting.pop_front() else {
            return;
        };
        permit.send(event);
        while let Some(event) = self.waiting.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
                self.waiting.push_front(event);
                return;
            }
        }
    }

    /// The last event, if there is room for it: the closed channel says the same.
    pub(super) fn finish(&mut self) {
        let _ = self.events.try_send(Event::Stopped);
    }

    fn make_room(&mut self, newer: &Event) -> bool {
        let obsolete = match newer {
            Event::Conduct { .. } => return false,
            Event::Reachability { peer, .. } => {
                let peer = *peer;
                self.waiting
                    .iter()
                    .position(|e| matches!(e, Event::Reachability { peer: p, .. } if *p == peer))
            }
            _ => None,
        };
        let expendable = |e: &Event| matches!(e, Event::Conduct { .. } | Event::Discovered { .. });
        match obsolete.or_else(|| self.waiting.iter().position(expendable)) {
            Some(at) => self.waiting.remove(at).is_some(),
            None => false,
        }
    }
}
