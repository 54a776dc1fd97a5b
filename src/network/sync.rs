//! `/slips/sync/1`: frames between nodes of our kind that this room does not look into.
//!
//! Each side opens a stream to send on, so two nodes have two; both together are one session, and
//! the end of either ends both: whoever keeps the logs then begins anew with the next session, and
//! never has to know what was lost with the last. A stream is opened as soon as identify has shown
//! that the peer speaks the protocol.
//!
//! Holding back: the reader of a stream waits for its turn and drops nothing: each peer has a rate of
//! its own and one it shares with its network, and a queue of its own to the node, which are read in
//! turn (`lines`). So whoever floods keeps only itself waiting. What goes out waits in a queue bounded in bytes that refuses what it has no room for, and says when it
//! has room again: sending never waits, so no peer can hold up what is for others.

mod behaviour;
mod gate;
mod handler;
mod queue;
mod sessions;
mod stream;

use std::{net::IpAddr, time::Duration};

use libp2p::StreamProtocol;

pub(crate) use behaviour::Behaviour;
pub(crate) use sessions::Sessions;

use crate::domain::{Neighbour, PeerId};

/// The name of the protocol.
pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new("/slips/sync/1");
/// The longest frame taken or sent, without its length, in bytes.
pub const MAX_SYNC_FRAME_BYTES: usize = 64 * 1024;
/// The first wait before a session that ended is opened again, doubled each time it was short.
const REOPEN_MIN: Duration = Duration::from_millis(100);
/// The longest; a session that lasted so long was none of the short ones.
const REOPEN_MAX: Duration = Duration::from_secs(10);
/// Streams a peer may open on one connection within [`REOPENING`]: with the waits above an honest one
/// opens fewer, even if each breaks at once.
const MAX_REOPENED: u32 = 20;
/// Frames a second a peer may send in the long run: ten times what 10,000 reports a second need, with
/// tips and wants.
const FRAMES_PER_SECOND: u32 = 2_000;
/// And at once.
const FRAMES_BURST: u32 = 4_000;
/// See [`MAX_REOPENED`].
const REOPENING: Duration = Duration::from_secs(60);

/// Which of the sessions of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(super) u64);

/// What the streams have for the node, in the order in which it happened for one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncEvent {
    /// Frames can be sent to a peer from now on; an earlier session with it is over.
    Ready {
        /// Who.
        peer: PeerId,
        /// By which its end and its frames are told from those of other sessions.
        session: SessionId,
        /// The network with whose other peers it shares what it may cost: a public /24, a private IPv4
        /// address, a /64; `None`: the operator knows it, and it has its own.
        network: Option<IpAddr>,
    },
    /// A session is over; what was not sent is gone.
    Gone {
        /// With whom.
        peer: PeerId,
        /// Which.
        session: SessionId,
    },
    /// After frames were refused half of the queue is free again.
    Room {
        /// Whose.
        peer: PeerId,
        /// In which session.
        session: SessionId,
    },
    /// A peer sent something.
    Frame {
        /// Who.
        from: Neighbour,
        /// In which session.
        session: SessionId,
        /// At most [`MAX_SYNC_FRAME_BYTES`].
        bytes: Vec<u8>,
    },
}

/// Why a frame was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyncRefused {
    /// No session with that peer.
    #[error("no sync session with {0}")]
    NotReady(PeerId),
    /// No room; [`SyncEvent::Room`] tells when there is.
    #[error("the sync queue of {0} is full")]
    Full(PeerId),
    /// Longer than [`MAX_SYNC_FRAME_BYTES`].
    #[error("a sync frame of {0} bytes is longer than {MAX_SYNC_FRAME_BYTES}")]
    TooLong(usize),
}
