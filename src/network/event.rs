//! What the network tells its user.

use std::net::IpAddr;

use libp2p::Multiaddr;
use tokio::sync::mpsc;

use super::Receipt;

use crate::domain::{
    Conduct, Farewell, Hello, Neighbour, PeerId, Presence, Reachability, Timestamp,
};

/// Where [`Event`]s come out. Dropping it is harmless: events are then thrown away.
pub type Events = mpsc::Receiver<Event>;

/// A data line of a peer. It stands in no order to the [`Event`]s: the first line of a peer can
/// come out before its [`Event::Connected`].
#[derive(Debug, Clone)]
pub struct Line {
    /// Who handed it over.
    pub from: Neighbour,
    /// The address of that peer on the connection it came by, v4-mapped folded to v4.
    pub ip: IpAddr,
    /// The line, without its newline: UTF-8, not blank, at most the settings' `max_line_bytes`.
    pub text: String,
    /// When its last byte was here.
    pub received_at: Timestamp,
    /// To be acknowledged when the line is safe: its sender keeps it until then.
    pub receipt: Receipt,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A peer that speaks our protocol is connected; lines can be sent to it from now on.
    Connected {
        /// Who.
        peer: PeerId,
        /// Its end of the connection; not always an address it can be dialled at.
        address: Multiaddr,
        /// The IP in it.
        ip: IpAddr,
    },
    /// An address a connected peer can be dialled at later.
    Address {
        /// Who.
        peer: PeerId,
        /// Where; without a `/p2p` part.
        address: Multiaddr,
        /// The IP in it.
        ip: IpAddr,
    },
    /// Whether a peer can be reached has changed, or when it is tried again.
    Reachability {
        /// Who.
        peer: PeerId,
        /// Its new state.
        state: Reachability,
    },
    /// A peer did something that speaks for or against it.
    Conduct {
        /// Who.
        peer: Neighbour,
        /// What.
        conduct: Conduct,
    },
    /// A peer told its protocol version in a hello or in the answer to ours.
    Greeted {
        /// Who.
        peer: PeerId,
        /// What it called its version, at most 48 bytes.
        version: String,
    },
    /// A peer of our kind said who it is; at most one a second is told, the newest.
    Hello {
        /// Who.
        peer: PeerId,
        /// What it says.
        hello: Box<Hello>,
    },
    /// A peer of our kind said how it is now; at most one a second is told, the newest.
    Status {
        /// Who.
        peer: PeerId,
        /// How.
        presence: Presence,
    },
    /// A peer said why it leaves; one that speaks `/slips/1.0` only gives no reason.
    Farewell {
        /// Who.
        peer: PeerId,
        /// What it says.
        farewell: Farewell,
    },
    /// A peer nobody has decided about is connected and waits; nothing of it is taken but its hello.
    Parked {
        /// Who.
        peer: PeerId,
        /// Its end of the connection.
        address: Multiaddr,
        /// Whether we dialled it there.
        dialled: bool,
    },
    /// Multicast DNS found a peer we did not know at this address.
    Discovered {
        /// Who it says it is.
        peer: PeerId,
        /// Where.
        address: Multiaddr,
    },
    /// The network has ended; the last event.
    Stopped,
}
