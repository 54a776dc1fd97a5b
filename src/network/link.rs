//! A connected peer: which connection is kept, and when it is pinged. Pure: the time is passed in.

use std::{net::IpAddr, time::Duration};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use rand::{Rng, rngs::StdRng};
use tokio::time::Instant;

use super::service::Unheard;

/// Both sides dialling at once make two connections within this time of each other. A later second
/// one is a peer that came back before its old connection was known to be dead.
const SAME_MOMENT: Duration = Duration::from_secs(10);
/// After a ping in vain the next one follows sooner.
const PING_AGAIN: Duration = Duration::from_secs(5);

/// One connection to a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    /// We dialled it.
    pub(crate) outgoing: bool,
    pub(crate) address: Multiaddr,
    pub(crate) ip: IpAddr,
    pub(crate) since: Instant,
}

/// Between which times a peer is pinged, and when it is lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) after_min: Duration,
    pub(crate) after_max: Duration,
    pub(crate) lost_after: Duration,
}

/// A connected peer.
#[derive(Debug)]
pub(crate) struct Link {
    connections: Vec<Connection>,
    /// It has shown that it speaks our protocol; the node knows of it.
    pub(crate) active: bool,
    /// Why we are closing it.
    pub(crate) closing: Option<String>,
    /// When it is closed, if it is still there.
    pub(crate) close_at: Option<Instant>,
    /// Nobody has decided about the peer; it waits.
    pub(crate) parked: bool,
    /// Since when the peer has done nothing amiss.
    pub(crate) behaved_since: Instant,
    /// Until when a busy peer wants to be spared.
    pub(crate) spared_until: Option<Instant>,
    /// What it said of itself and nobody was told yet.
    pub(crate) unheard: Unheard,
    /// It said hello on this link.
    pub(crate) said_hello: bool,
    /// It pinged on this link.
    pub(crate) said_ping: bool,
    last_good: Instant,
    next_ping: Instant,
    asking: bool,
}

impl Link {
    pub(crate) fn new(first: Connection, pace: Pace, rng: &mut StdRng) -> Self {
        let now = first.since;
        let mut link = Self {
            connections: vec![first],
            active: false,
            closing: None,
            close_at: None,
            parked: false,
            behaved_since: now,
            spared_until: None,
            unheard: Unheard::default(),
            said_hello: false,
            said_ping: false,
            last_good: now,
            next_ping: now,
            asking: false,
        };
        link.alive(now, pace, rng);
        link
    }

    /// Every connection, the one in use last.
    pub(crate) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter()
    }

    /// The connection in use.
    pub(crate) fn current(&self) -> Option<&Connection> {
        self.connections.last()
    }

    /// A second connection: says which of the two goes. Both sides must come to the same answer:
    /// of two made in one moment the one the smaller peer id dialled stays, else the newer one.
    pub(crate) fn add(
        &mut self,
        new: Connection,
        local: PeerId,
        remote: PeerId,
    ) -> Option<ConnectionId> {
        let Some(old) = self.connections.last() else {
            self.connections.push(new);
            return None;
        };
        let crossed =
            old.outgoing != new.outgoing && new.since.duration_since(old.since) < SAME_MOMENT;
        let we_dial = local.to_bytes() < remote.to_bytes();
        let keep_old = crossed && old.outgoing == we_dial;
        let goes = if keep_old { new.id } else { old.id };
        let at = if keep_old {
            self.connections.len() - 1
        } else {
            self.connections.len()
        };
        self.connections.insert(at, new);
        Some(goes)
    }

    /// A connection is gone; says whether it was the last.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> bool {
        self.connections.retain(|connection| connection.id != id);
        self.connections.is_empty()
    }

    /// A good ping, in either direction.
    pub(crate) fn alive(&mut self, now: Instant, pace: Pace, rng: &mut StdRng) {
        self.last_good = now;
        self.asking = false;
        let spread = pace.after_max.saturating_sub(pace.after_min);
        self.next_ping = now + pace.after_min + spread.mul_f64(rng.random_range(0.0..1.0));
    }

    /// It was asked something and has not answered yet: no ping meanwhile.
    pub(crate) fn asked(&mut self) {
        self.asking = true;
    }

    /// A ping is due.
    pub(crate) fn ping_due(&self, now: Instant) -> bool {
        (self.active || self.parked)
            && !self.asking
            && self.closing.is_none()
            && now >= self.next_ping
    }

    /// It did not answer in time; says whether it is lost.
    pub(crate) fn silent(&mut self, now: Instant, pace: Pace) -> bool {
        self.asking = false;
        self.next_ping = now + PING_AGAIN;
        now.duration_since(self.last_good) >= pace.lost_after
    }

    /// This process stood still: nobody could have been heard meanwhile.
    pub(crate) fn excuse(&mut self, now: Instant) {
        self.last_good = now;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const PACE: Pace = Pace {
        after_min: Duration::from_secs(15),
        after_max: Duration::from_secs(20),
        lost_after: Duration::from_secs(60),
    };

    fn connection(id: usize, outgoing: bool, since: Instant) -> Connection {
        let address = "/ip4/192.0.2.1/tcp/1".parse().expect("an address");
        let ip = IpAddr::from([192, 0, 2, 1]);
        Connection {
            id: ConnectionId::new_unchecked(id),
            outgoing,
            address,
            ip,
            since,
        }
    }

    fn link(first: Connection) -> Link {
        Link::new(first, PACE, &mut StdRng::seed_from_u64(1))
    }

    #[test]
    fn of_crossed_connections_both_sides_keep_the_same() {
        let now = Instant::now();
        for _ in 0..20 {
            let (a, b) = (PeerId::random(), PeerId::random());
            // Connection 1 was dialled by a, 2 by b; each side sees them in its own order.
            let goes_at_a = link(connection(1, true, now)).add(connection(2, false, now), a, b);
            let goes_at_b = link(connection(2, true, now)).add(connection(1, false, now), b, a);
            assert_eq!(goes_at_a, goes_at_b);
        }
    }

    #[test]
    fn a_peer_that_came_back_keeps_its_new_connection() {
        let (now, a, b) = (Instant::now(), PeerId::random(), PeerId::random());
        for outgoing in [true, false] {
            let mut link = link(connection(1, outgoing, now));
            let goes = link.add(connection(2, !outgoing, now + SAME_MOMENT), a, b);
            assert_eq!(goes, Some(ConnectionId::new_unchecked(1)));
            assert_eq!(
                link.current().map(|c| c.id),
                Some(ConnectionId::new_unchecked(2))
            );
            assert!(!link.remove(ConnectionId::new_unchecked(1)));
            assert!(link.remove(ConnectionId::new_unchecked(2)));
        }
    }

    #[test]
    fn a_ping_is_due_some_time_after_the_last_good_one() {
        let now = Instant::now();
        let mut link = link(connection(1, true, now));
        link.active = true;
        assert!(!link.ping_due(now + PACE.after_min - Duration::from_millis(1)));
        assert!(link.ping_due(now + PACE.after_max));
        link.asked();
        assert!(!link.ping_due(now + PACE.after_max), "one at a time");
        link.alive(now + PACE.after_max, PACE, &mut StdRng::seed_from_u64(2));
        assert!(!link.ping_due(now + PACE.after_max + PACE.after_min - Duration::from_millis(1)));
    }

    #[test]
    fn a_silent_peer_is_lost_after_a_minute_unless_we_stood_still() {
        let now = Instant::now();
        let mut link = link(connection(1, true, now));
        assert!(!link.silent(now + Duration::from_secs(59), PACE));
        assert!(link.silent(now + Duration::from_secs(60), PACE));
        link.excuse(now + Duration::from_secs(60));
        assert!(!link.silent(now + Duration::from_secs(61), PACE));
    }
}
