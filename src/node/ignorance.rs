//! Who has said, within the hour, to know nothing of which address: it is not asked again meanwhile.
//!
//! It spares questions and nothing else; no score is made of it, and what has no room is asked again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{PeerId, Subject};

/// For so long: Slips may learn of an address at any time, and asks about one again within hours.
const BELIEVED_FOR: Duration = Duration::from_secs(3600);
/// Statements kept: 24 MiB when there are so many, at some 120 bytes in the table and in its order.
const MAX_KEPT: usize = 65_536;
/// Of one peer, so that some few cannot take all the room: a Slips asks 1,800 times an hour at most
/// (a question takes it 2 s).
const MAX_OF_ONE: usize = 2048;

/// What peers know nothing of.
#[derive(Debug, Default)]
pub(super) struct Ignorance(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    since: HashMap<(Subject, PeerId), Instant>,
    /// How many there are of each peer.
    of_each: HashMap<PeerId, usize>,
    /// All of them, oldest first.
    order: VecDeque<(Instant, PeerId, Subject)>,
}

impl Ignorance {
    /// A peer knows nothing of an address. Said again it counts from the first time.
    pub(super) fn note(&self, peer: PeerId, subject: Subject, now: Instant) {
        let mut kept = self.lock();
        kept.forget(now);
        let mine = kept.of_each.get(&peer).copied().unwrap_or(0);
        let known = kept.since.contains_key(&(subject, peer));
        if known || mine >= MAX_OF_ONE || kept.order.len() >= MAX_KEPT {
            return;
        }
        kept.of_each.insert(peer, mine + 1);
        kept.since.insert((subject, peer), now);
        kept.order.push_back((now, peer, subject));
    }

    /// Those of the peers that know nothing of an address.
    pub(super) fn of(&self, subject: Subject, peers: &[PeerId], now: Instant) -> HashSet<PeerId> {
        let kept = self.lock();
        let knows_nothing = |peer: &&PeerId| {
            let since = kept.since.get(&(subject, **peer));
            since.is_some_and(|since| !is_over(*since, now))
        };
        peers.iter().filter(knows_nothing).copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, now: Instant) {
        while let Some((_, peer, subject)) = self.order.pop_front_if(|(at, ..)| is_over(*at, now)) {
            self.since.remove(&(subject, peer));
            if let Some(count) = self.of_each.get_mut(&peer) {
                *count -= 1;
                if *count == 0 {
                    self.of_each.remove(&peer);
                }
            }
        }
    }
}

fn is_over(since: Instant, now: Instant) -> bool {
    now.duration_since(since) >= BELIEVED_FOR
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: usize) -> Subject {
        let number = u32::try_from(number).unwrap();
        Ipv4Addr::from_bits(0x0800_0000 + number)
            .to_string()
            .parse()
            .unwrap()
    }

    #[test]
    fn it_is_believed_for_an_hour_of_this_peer_and_this_address() {
        let ignorance = Ignorance::default();
        let (one, other) = (PeerId::random(), PeerId::random());
        let both = [one, other];
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        ignorance.note(one, address(1), start);
        ignorance.note(other, address(1), later(60));
        assert_eq!(
            ignorance.of(address(1), &both, later(61)),
            HashSet::from([one, other])
        );
        assert!(ignorance.of(address(2), &both, start).is_empty());
        // Said again, it is no longer.
        ignorance.note(one, address(1), later(3000));
        assert_eq!(
            ignorance.of(address(1), &both, later(3600)),
            HashSet::from([other])
        );
        ignorance.note(one, address(2), later(4000));
        assert!(ignorance.of(address(1), &both, later(4000)).is_empty());
        let kept = ignorance.lock();
        assert_eq!((kept.order.len(), kept.since.len()), (1, 1));
        assert_eq!(kept.of_each, HashMap::from([(one, 1)]));
    }

    #[test]
    fn neither_one_peer_nor_all_together_take_more_room_than_there_is() {
        let ignorance = Ignorance::default();
        let start = Instant::now();
        let peers: Vec<_> = (0..=MAX_KEPT / MAX_OF_ONE)
            .map(|_| PeerId::random())
            .collect();
        for peer in &peers {
            for number in 0..=MAX_OF_ONE {
                ignorance.note(*peer, address(number), start);
            }
        }
        assert_eq!(ignorance.lock().order.len(), MAX_KEPT);
        assert_eq!(
            ignorance.of(address(0), &peers, start).len(),
            peers.len() - 1
        );
        assert!(ignorance.of(address(MAX_OF_ONE), &peers, start).is_empty());
        // An hour later there is room again.
        let last = peers[peers.len() - 1];
        ignorance.note(last, address(0), start + BELIEVED_FOR);
        assert_eq!(
            ignorance.of(address(0), &peers, start + BELIEVED_FOR),
            HashSet::from([last])
        );
        assert_eq!(ignorance.lock().order.len(), 1);
    }
}
