//! How a Go pigeon keeps book of a peer: active or not, its version, and the plain mean of every 0 and 1 it ever earned.

use std::{collections::HashMap, time::Instant};

use libp2p::{Multiaddr, PeerId};

/// What a pigeon knows of a peer.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Whether messages for everybody go to it.
    pub active: bool,
    /// The version it said, empty before.
    pub version: String,
    /// Every rating, oldest first: 1 good, 0 bad.
    pub ratings: Vec<u8>,
    /// Its last good ping, in either direction.
    pub last_good_ping: Option<Instant>,
    /// Where it was found or came from.
    pub address: Option<Multiaddr>,
}

impl Standing {
    /// The plain mean; 0 without any rating.
    pub fn reliability(&self) -> f64 {
        let good: u32 = self.ratings.iter().map(|rating| u32::from(*rating)).sum();
        f64::from(good) / f64::from(u32::try_from(self.ratings.len().max(1)).unwrap_or(u32::MAX))
    }
}

/// Every peer a pigeon ever met.
#[derive(Debug, Default)]
pub struct Book(HashMap<PeerId, Standing>);

impl Book {
    /// Marks a peer as active; true when it was never met before.
    pub fn activate(&mut self, peer: PeerId, address: Option<Multiaddr>) -> bool {
        let is_new = !self.0.contains_key(&peer);
        let standing = self.0.entry(peer).or_default();
        standing.active = true;
        standing.address = address.or(standing.address.take());
        is_new
    }

    /// The entry of a peer.
    pub fn entry(&mut self, peer: PeerId) -> &mut Standing {
        self.0.entry(peer).or_default()
    }

    /// A copy of what is known of a peer; `None` when it was never met.
    pub fn get(&self, peer: PeerId) -> Option<Standing> {
        self.0.get(&peer).cloned()
    }

    /// The peers that messages for everybody go to.
    pub fn active(&self) -> Vec<PeerId> {
        self.0
            .iter()
            .filter(|(_, standing)| standing.active)
            .map(|(peer, _)| *peer)
            .collect()
    }

    /// Adds a rating.
    pub fn rate(&mut self, peer: PeerId, rating: u8) {
        self.entry(peer).ratings.push(rating);
    }
}
