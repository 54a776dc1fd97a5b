//! Peers that are always kept: of the settings, and pinned by the operator.

use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::{Book, Phase, Target, remember, split};

impl Book {
    /// A peer of the settings: always kept, dialled at once.
    pub(crate) fn add_fixed(&mut self, address: &Multiaddr, now: Instant) {
        let (address, peer) = split(address);
        let target = peer.map_or_else(|| Target::Address(address.clone()), Target::Peer);
        if let Some(entry) = self.entry(&target, true) {
            entry.fixed = true;
            remember(entry, address);
            self.schedule(&target, now);
        }
    }

    /// A peer the operator pinned: always kept, dialled at once unless it is connected or being dialled.
    pub(crate) fn pin(&mut self, peer: PeerId, addresses: &[Multiaddr], now: Instant) {
        let target = Target::Peer(peer);
        let Some(entry) = self.entry(&target, true) else {
            return;
        };
        entry.fixed = true;
        addresses
            .iter()
            .rev()
            .for_each(|address| _ = remember(entry, split(address).0));
        let waits = matches!(entry.phase, Phase::Idle | Phase::Due(_));
        if waits && !entry.addresses.is_empty() {
            entry.tries = 0;
            self.schedule(&target, now);
        }
    }

    /// It may be forgotten again, and waits its turn like everybody.
    pub(crate) fn unpin(&mut self, peer: PeerId) {
        let target = Target::Peer(peer);
        let Some(entry) = self.entries.get_mut(&target) else {
            return;
        };
        entry.fixed = false;
        if let Phase::Due(key) = entry.phase
            && self.fixed_schedule.remove(&key).is_some()
        {
            self.schedule.insert(key, target);
        }
    }
}
