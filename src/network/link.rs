//! A connected peer: which connection is kept, and when it is pinged. Pure: the time is passed in.

use std::{net::IpAddr, time::Duration};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use rand::{Rng, rngs::StdRng};
use tokio::time::Instant;

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
    /// It said hello on this link.
    pub(crate) said_hello: bool,
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
            said_hello: false,
            last_good: now,
            next_ping: now,
            asking: false,
        };
        link.alive(now, pace, rng);
        link
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
        self.active && !self.asking && self.closing.is_none() && now >= self.next_ping
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
