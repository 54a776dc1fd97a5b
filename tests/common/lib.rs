//! What the integration tests stand on: the real programs, a real Redis, a stand-in Slips, a pigeon
//! that speaks its protocol byte by byte, a peer with no manners at all, and network namespaces. Names nothing of the node itself.

#![warn(missing_docs)]

pub mod chatter;
pub mod netns;
pub mod node;
pub mod pigeon_peer;
pub mod raw;
pub mod sensor;
pub mod slips;
pub mod wait;
