//! A network of nodes on simulated time and links: how fast and how surely reports spread.
//!
//! Every node has the [`Mesh`](crate::mesh::Mesh) and the [`OwnLog`](crate::mesh::OwnLog) that the
//! node runs, a key, and a disk in memory that answers late. What they send goes as bytes over
//! links with latency, jitter and losses, and is read by the real decoders. Only time, links, disks
//! and what Slips says are made up.
//!
//! - `plan`: what can be asked for.
//! - `topology`: who is what, and who is linked with whom.
//! - `link`: when bytes arrive at the other end.
//! - `disk`: what a node has stored; `past`: what all had stored before the story begins.
//! - `person`: one node: its engine, its log, its disk, and what it refuses.
//! - `queue`: what happens when; `world`: the events, in order of time.
//! - `ledger`: what is said and where it has come; `rounds`: round trips of catching up.
//! - `figures`: what came of it.
//!
//! # Time
//! At zero the first report may be said. All links are made in the two seconds before it (three
//! round trips more where those are long), so that everybody has greeted everybody. A partition cuts
//! all links between two halves, chosen by chance; both ends see a cut at once. After it, and after
//! every other cut, a link is made again within [`Plan::redial`].
//!
//! # The links
//! Each node dials [`Plan::degree`] others by chance and is dialled by as many on average: twice as
//! many links a node. In a real network a node dials every peer it knows up to its limit of
//! connections (384 by default), so up to that size everybody has everybody: that is easier. The
//! default here is the harder case, in which most reports must be handed on.
//!
//! A transport is reliable: what is lost comes later, after a time-out of retransmission (RFC 6298),
//! and what was sent after it waits; a cut loses what is under way.
//!
//! Invariants: no IO and no clock; a plan gives the same events, byte for byte, on every run.

mod disk;
mod figures;
mod ledger;
mod link;
mod past;
mod person;
mod plan;
mod queue;
mod rounds;
mod topology;
mod world;

pub use figures::{CatchUp, Figures};
pub use person::Traffic;
pub use plan::{Plan, Refusal, Senseless};
pub use world::{Failure, Stage, run};
