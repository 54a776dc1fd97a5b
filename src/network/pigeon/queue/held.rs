//! Lines for all that a busy peer is spared for a while: they keep their room in the queue, so whoever
//! sends is held back when it is full, and they wait beside the lines meant for the peer alone.

use super::{Item, PeerQueue, State, wake_all};

impl PeerQueue {
    /// From now on lines for all wait, those not yet under way included, until [`Self::release`].
    pub(crate) fn hold(&self) {
        let mut state = self.lock();
        state.holding = true;
        let (held, waiting) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|item| item.for_all);
        state.waiting = waiting;
        state.held = held;
    }

    /// Everything goes again, in its order.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        if !std::mem::take(&mut state.holding) {
            return;
        }
        let held = std::mem::take(&mut state.held);
        let mut all: Vec<Item> = held.into_iter().chain(state.waiting.drain(..)).collect();
        all.sort_unstable_by_key(|item| item.place);
        state.waiting = all.into();
        wake_all(state);
    }
}

impl State {
    /// Puts a new line where it waits. One of a lane that has a held line waits with it: messages
    /// about one address keep their order.
    pub(super) fn wait(&mut self, item: Item) {
        let behind = |held: &Item| held.lane == item.lane;
        if self.holding && (item.for_all || self.held.iter().any(behind)) {
            self.held.push_back(item);
        } else {
            self.waiting.push_back(item);
        }
    }
}
