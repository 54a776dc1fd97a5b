//! `/slips/2.0`: frames on one long-lived stream a direction, between nodes of our kind.
//!
//! The one who sends opens the stream, as soon as identify shows that the other side speaks the
//! protocol, so two nodes have two. It says `hello` first; the one who takes says `ack 0`, which shows
//! that it speaks the protocol and takes messages. To a peer that is parked it says so, and `ack 0` when
//! the operator has accepted it. From then on `message` frames go one way and cumulative
//! `ack` frames the other; many small messages are written in one go, and whatever is committed in
//! one go is acknowledged in one frame.
//!
//! A message counts as delivered when the other side's node has it on disk ([`Receipt`]), not when
//! it was read. What is not acknowledged stays in the peer's queue and goes first, in its order, on
//! the next stream or connection: nothing is lost, a few lines may come twice. How much may be under
//! way is what the queue holds (`send_queue_bytes`).
//!
//! Holding back: the reader waits for room in the node's queue and reads nothing meanwhile, the
//! stream's window fills, the writer at the other end stops, its queue fills, and whoever sends waits
//! for room there.
//!
//! `status` frames follow the hello when something has changed, `goodbye` with its reason is the last.
//! The `hello`, `ping` and `goodbye` of `/slips/1.0`, which every peer speaks, stay what they are.

mod inbox;
mod open;
mod receipt;
mod receive;
mod send;
mod side;

use libp2p::StreamProtocol;

pub(crate) use inbox::{Broken, Inbox};
pub(crate) use open::{Opened, open};
pub use receipt::Receipt;
pub(crate) use side::{Next, Side};

use crate::domain::{Conduct, Farewell, Hello, Presence};

/// The name of the protocol.
pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new("/slips/2.0");
/// What the tasks of one connection's streams may have to tell before they wait for the swarm.
const REPORTS: usize = 16;
/// Answers a stream's reader may have for its writer before it waits.
const ANSWERS: usize = 16;

/// What a peer says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Hello(Box<Hello>),
    Status(Presence),
    Goodbye(Farewell),
}

/// What a stream's task tells its connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// The peer did something.
    Conduct(Conduct),
    /// The peer speaks of itself. Boxed, as a channel has room for 32 reports from the first on.
    Said(Box<Said>),
    /// The outbound stream is gone; whether anything was acknowledged on it.
    Ended {
        /// Whether the peer took anything.
        progress: bool,
    },
}
