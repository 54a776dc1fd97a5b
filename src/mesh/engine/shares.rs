//! What one neighbour may cost, and all of one network together, so that nobody's share is another's.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    super::{
        bucket::Bucket,
        settings::{BURST_SECONDS, MAX_UNSTORED_BYTES, NETWORK_SHARE},
    },
    Mesh, Near,
};
use crate::domain::{Neighbour, Timestamp};

/// What is on account of whom.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Verifications of each network, of those with neighbours and those whose budget is not whole yet.
    verify: BTreeMap<IpAddr, Bucket>,
    /// Bytes handed out to be stored and not yet stored, by who brought them, and in all.
    unstored: BTreeMap<Neighbour, usize>,
    unstored_in_all: usize,
}

impl Shares {
    /// What a neighbour brought is on its way to the disk.
    pub(super) fn hand_out(&mut self, from: Neighbour, bytes: usize) {
        *self.unstored.entry(from).or_default() += bytes;
        self.unstored_in_all += bytes;
    }

    /// It is there, or given up.
    pub(super) fn take_back(&mut self, from: Neighbour, bytes: usize) {
        self.unstored_in_all -= bytes;
        if let Some(of_it) = self.unstored.get_mut(&from) {
            *of_it -= bytes;
            if *of_it == 0 {
                self.unstored.remove(&from);
            }
        }
    }

    /// Whether no more of a neighbour's is taken for now. Each may have what all together leave free,
    /// as in the network's queues: one alone fills half, and there is always room for the next.
    pub(super) fn is_full_of(&self, from: Neighbour) -> bool {
        let of_it = self.unstored.get(&from).copied().unwrap_or(0);
        of_it > MAX_UNSTORED_BYTES.saturating_sub(self.unstored_in_all)
    }
}

impl Shares {
    /// When something of a neighbour's may be verified; `now` when at once.
    pub(super) fn verifies_at(&mut self, near: &mut Near, now: Timestamp) -> Timestamp {
        let own = near.verify.opens_at(now);
        let network = near.network.and_then(|at| self.verify.get_mut(&at));
        network.map_or(own, |bucket| own.max(bucket.opens_at(now)))
    }
}

impl Mesh {
    /// A neighbour shares what verifying costs with the others of its network; `None`: it has a share
    /// of its own. From now on until it disconnects.
    pub fn shares_with(&mut self, neighbour: Neighbour, network: Option<IpAddr>, now: Timestamp) {
        if let Some(near) = self.near.get_mut(&neighbour) {
            near.network = network;
        }
        let used: Vec<_> = self.near.values().filter_map(|near| near.network).collect();
        let verify = &mut self.shares.verify;
        // To come back sooner wins no new burst.
        verify.retain(|network, bucket| used.contains(network) || !bucket.is_full(now));
        if let Some(network) = network {
            let rate = self.settings.verifications.saturating_mul(NETWORK_SHARE);
            let burst = rate.saturating_mul(BURST_SECONDS);
            let new = || Bucket::new(rate, burst, now);
            verify.entry(network).or_insert_with(new);
        }
    }

    /// When something of a neighbour's may be verified: `now`, or when its budget or that of its
    /// network has something left.
    pub(super) fn verifies_at(&mut self, from: Neighbour, now: Timestamp) -> Timestamp {
        let near = self.near.get_mut(&from);
        near.map_or(now, |near| self.shares.verifies_at(near, now))
    }

    /// Something of a neighbour's is verified.
    pub(super) fn charge_verifying(&mut self, from: Neighbour, cost: u64, now: Timestamp) {
        if let Some(near) = self.near.get_mut(&from) {
            near.verify.charge(cost, now);
            if let Some(bucket) = near.network.and_then(|at| self.shares.verify.get_mut(&at)) {
                bucket.charge(cost, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PeerId;

    #[test]
    fn one_neighbour_fills_half_and_leaves_room_for_the_next() {
        let (one, other) = (Neighbour(PeerId::random()), Neighbour(PeerId::random()));
        let mut shares = Shares::default();
        let mut filled = 0;
        while !shares.is_full_of(one) {
            shares.hand_out(one, 1024);
            filled += 1024;
        }
        assert!((MAX_UNSTORED_BYTES / 2..=MAX_UNSTORED_BYTES / 2 + 2048).contains(&filled));
        assert!(!shares.is_full_of(other));
        shares.hand_out(other, 1024 * 1024);
        assert!(!shares.is_full_of(other) && shares.is_full_of(one));
        shares.take_back(one, filled);
        shares.take_back(other, 1024 * 1024);
        assert!(!shares.is_full_of(one));
        assert!(shares.unstored.is_empty() && shares.unstored_in_all == 0);
    }
}
