//! The swarm: who is connected, what they hand over, and how to reach them.
//!
//! Users hold a [`Handle`] and read [`Event`]s and [`Line`]s; libp2p does not show through.
//!
//! - `service` waits in one function and acts in plain ones, so the swarm cannot stall: nothing in
//!   it waits for the node. `book` knows whom to dial and when, `link` what is due on a connection;
//!   both are told the time.
//! - `pigeon` speaks `/slips/1.0`. A line is read inside the stream's own upgrade and handed over
//!   there, waiting for room. The end of a stream is the acknowledgement of its line.
//! - `frames` speaks `/slips/2.0` with nodes of our kind: one long-lived stream a direction, and an
//!   acknowledgement only when a line is on disk.
//! - `sync` speaks `/slips/sync/1` with them: frames this room does not look into, for the logs.
//! - `muxer` stops reading a connection that makes us hold too much: a peer that is too fast is held
//!   back by TCP, never dropped.
//! - `admission`, `guard` and libp2p's limits bound what strangers can make us hold; `standing` knows
//!   how far each is let in.
//! - `lines` leads what peers say to the node, each network and in it each peer in turn.
//! - `lifeline` notices when packets no longer arrive.
//! - `mdns` finds pigeons, which do not speak libp2p's mDNS.

mod admission;
mod behaviour;
mod book;
mod compact;
mod event;
mod frames;
mod guard;
mod handle;
pub mod identity;
mod lifeline;
mod lines;
mod link;
mod listen;
mod mdns;
mod muxer;
mod pigeon;
mod service;
mod settings;
mod standing;
mod start;
mod sync;
mod transport;

pub use event::{Event, Events, Line};
pub use frames::Receipt;
pub use handle::{Handle, SendError};
pub use lines::{Inlet, Lines, LinesIn, Outlet, SyncEvents, SyncIn, lines, sync_frames};
pub use settings::{Known, Settings};
pub use standing::UnknownPeers;
pub use start::{Inlets, StartError, start};
pub use sync::{MAX_SYNC_FRAME_BYTES, SessionId, SyncEvent, SyncRefused};
