//! Real swarms on loopback: what two nodes, pigeons and hostile peers make of each other.

#[path = "network/discovery.rs"]
mod discovery;
#[path = "network/frames.rs"]
mod frames;
#[path = "network/identity.rs"]
mod identity;
#[path = "network/limits.rs"]
mod limits;
#[path = "network/lines.rs"]
mod lines;
#[path = "network/manners.rs"]
mod manners;
#[path = "network/memory.rs"]
mod memory;
#[path = "network/node.rs"]
mod node;
#[path = "network/presence.rs"]
mod presence;
#[path = "network/reach.rs"]
mod reach;
#[path = "network/redelivery.rs"]
mod redelivery;
#[path = "network/role.rs"]
mod role;
#[path = "network/sync.rs"]
mod sync;

use testkit::raw;
