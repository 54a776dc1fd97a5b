//! What is known of each reporter: its addresses over time and its reliability.

use std::net::IpAddr;

use crate::domain::{PeerId, Reliability, Timestamp};

use super::{
    Touched,
    lru::{Handle, Lru},
};

/// The peers, at most so many of them.
#[derive(Debug)]
pub struct Peers {
    table: Lru<PeerId, Peer>,
    addresses_per_peer: usize,
    /// Peers pushed out.
    pub evicted: u64,
    /// Former addresses pushed out.
    pub evicted_addresses: u64,
}

/// One reporter.
#[derive(Debug, Default)]
pub struct Peer {
    /// When it was seen at which address, by time.
    addresses: Vec<(Timestamp, IpAddr)>,
    /// The newest reliability, and when it became known.
    newest: Option<(Timestamp, Reliability)>,
    /// The reliability that was learned first, whatever its time.
    first: Option<Reliability>,
}

impl Peer {
    /// The address it had at a time; `None` before its first address was known.
    pub fn address_at(&self, at: Timestamp) -> Option<IpAddr> {
        let after = self.addresses.partition_point(|(since, _)| *since <= at);
        after.checked_sub(1).map(|last| self.addresses[last].1)
    }

    /// Its newest reliability.
    pub fn newest_reliability(&self) -> Option<Reliability> {
        self.newest.map(|(_, reliability)| reliability)
    }

    /// The first reliability ever learned of it.
    pub fn first_reliability(&self) -> Option<Reliability> {
        self.first
    }

    /// Every fact is kept while there is room, repetitions too: an earlier move that is learned
    /// later must find the confirmations after it.
    fn moved(&mut self, ip: IpAddr, at: Timestamp) -> Touched {
        let after = self.addresses.partition_point(|(since, _)| *since <= at);
        match after.checked_sub(1).map(|last| &mut self.addresses[last]) {
            Some(same_time) if same_time.0 == at => same_time.1 = ip,
            _ => self.addresses.insert(after, (at, ip)),
        }
        Touched::Unlisted
    }

    /// Makes room for one more move: first repetitions go, then the oldest addresses, which are
    /// counted.
    fn make_room(&mut self, most: usize) -> usize {
        if self.addresses.len() < most {
            return 0;
        }
        self.addresses.dedup_by_key(|(_, ip)| *ip);
        let beyond = (self.addresses.len() + 1).saturating_sub(most);
        self.addresses.drain(..beyond);
        beyond
    }
}

impl Peers {
    /// No peers yet.
    pub fn new(most: usize, addresses_per_peer: usize) -> Self {
        Self {
            table: Lru::new(most),
            addresses_per_peer: addresses_per_peer.max(1),
            evicted: 0,
            evicted_addresses: 0,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// A short name for a peer, which counts as heard of now.
    pub fn intern(&mut self, peer: PeerId) -> Handle {
        self.touch(peer).0
    }

    /// The peer a short name stands for, unless it has been pushed out.
    pub fn at(&self, handle: Handle) -> Option<(PeerId, &Peer)> {
        self.table.at(handle).map(|(id, peer)| (*id, peer))
    }

    /// The short name of a peer, if it is held.
    pub fn handle(&self, id: &PeerId) -> Option<Handle> {
        self.table.handle(id)
    }

    /// A peer, if it is held.
    pub fn find(&self, id: &PeerId) -> Option<&Peer> {
        self.table.get(id)
    }

    /// A peer has this address since `at`.
    pub fn moved(&mut self, peer: PeerId, ip: IpAddr, at: Timestamp) -> Touched {
        let most = self.addresses_per_peer;
        let (_, peer) = self.touch(peer);
        let beyond = peer.make_room(most);
        let touched = peer.moved(ip.to_canonical(), at);
        self.evicted_addresses += beyond as u64;
        touched
    }

    /// A peer's reliability is this since `at`.
    pub fn rated(&mut self, peer: PeerId, reliability: Reliability, at: Timestamp) -> Touched {
        let (_, peer) = self.touch(peer);
        peer.first.get_or_insert(reliability);
        if peer
            .newest
            .is_some_and(|(known, value)| known > at || value == reliability && known == at)
        {
            return Touched::Nothing;
        }
        let before = peer.newest.replace((at, reliability));
        if before.is_some_and(|(_, value)| value == reliability) {
            Touched::Nothing
        } else {
            Touched::Unlisted
        }
    }

    fn touch(&mut self, peer: PeerId) -> (Handle, &mut Peer) {
        let (handle, peer, evicted) = self.table.touch(peer);
        self.evicted += u64::from(evicted.is_some());
        (handle, peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn lookups(moves: &[(i64, u8)]) -> Vec<Option<IpAddr>> {
        let mut peer = Peer::default();
        for (time, last) in moves {
            peer.moved(ip(*last), at(*time));
        }
        (0..10).map(|time| peer.address_at(at(time))).collect()
    }

    #[test]
    fn the_address_is_the_newest_one_not_later_than_asked() {
        let expected: Vec<_> = [
            None,
            None,
            Some(1),
            Some(1),
            Some(2),
            Some(2),
            Some(1),
            Some(1),
        ]
        .map(|last| last.map(ip))
        .into();
        assert_eq!(lookups(&[(2, 1), (4, 2), (6, 1)])[..8], expected);
    }

    #[test]
    fn the_order_of_learning_does_not_matter() {
        let moves = [(2, 1), (4, 2), (5, 2), (6, 1), (7, 1), (8, 3)];
        let expected = lookups(&moves);
        for split in 0..moves.len() {
            for other in 0..moves.len() {
                let mut order = moves;
                order.rotate_left(split);
                order.swap(0, other);
                assert_eq!(lookups(&order), expected, "{order:?}");
            }
        }
    }

    #[test]
    fn repetitions_take_no_room_from_former_addresses() {
        let mut peers = Peers::new(4, 3);
        let id = PeerId::random();
        peers.moved(id, ip(1), at(0));
        for time in 1..100 {
            peers.moved(id, ip(2), at(time));
        }
        let handle = peers.intern(id);
        let (_, peer) = peers.at(handle).unwrap();
        assert_eq!(peers.evicted_addresses, 0);
        assert_eq!(
            (peer.address_at(at(0)), peer.address_at(at(200))),
            (Some(ip(1)), Some(ip(2)))
        );
    }

    #[test]
    fn former_addresses_beyond_the_limit_are_dropped_and_counted() {
        let mut peers = Peers::new(4, 2);
        let id = PeerId::random();
        for time in 0..5 {
            peers.moved(id, ip(u8::try_from(time).unwrap()), at(time));
        }
        let handle = peers.intern(id);
        let (_, peer) = peers.at(handle).unwrap();
        assert_eq!(peers.evicted_addresses, 3);
        assert_eq!(
            (peer.address_at(at(2)), peer.address_at(at(3))),
            (None, Some(ip(3)))
        );
    }
}
