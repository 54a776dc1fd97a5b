//! What Slips and this node say to each other on Redis.

mod inbound;
mod outbound;

pub use inbound::{Accept, Fault, FromSlips, MAX_PAYLOAD_BYTES, parse_from_slips};
pub use outbound::{
    MergeFault, go_data, merge_p2p4slips, p2p4slips, peer_update, with_version, withdraw_p2p4slips,
};
