//! What peers said of themselves and how often they ping: remembered over all their connections.

use std::time::Duration;

use libp2p::PeerId;
use tokio::time::Instant;

use super::{Book, Target};

/// What a peer's hello means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HelloIs {
    /// A version we had not heard from it.
    New,
    /// The one we had.
    Known,
}

impl Book {
    /// Whether the peer has heard our hello.
    pub(crate) fn greeted(&self, peer: PeerId) -> bool {
        self.entries
            .get(&Target::Peer(peer))
            .is_some_and(|entry| entry.greeted)
    }

    /// The peer has heard our hello.
    pub(crate) fn set_greeted(&mut self, peer: PeerId) {
        if let Some(entry) = self.entries.get_mut(&Target::Peer(peer)) {
            entry.greeted = true;
        }
    }

    /// The peer named its version.
    pub(crate) fn heard_version(&mut self, peer: PeerId, version: &str) -> HelloIs {
        let Some(entry) = self.entries.get_mut(&Target::Peer(peer)) else {
            return HelloIs::Known;
        };
        if entry.version.as_deref() == Some(version) {
            return HelloIs::Known;
        }
        entry.version = Some(version.into());
        HelloIs::New
    }

    /// The peer pinged; how long after its last good ping, over all its connections. A ping sooner
    /// than `decent` is not a good one.
    pub(crate) fn heard_ping(&mut self, peer: PeerId, decent: Duration, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(&Target::Peer(peer)) else {
            return true;
        };
        let good = entry
            .last_ping
            .is_none_or(|last| now.duration_since(last) >= decent);
        if good {
            entry.last_ping = Some(now);
        }
        good
    }
}
