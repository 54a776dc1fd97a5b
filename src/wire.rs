//! Bytes to domain and back: what Slips says and hears on Redis, and lines between peers.
//! Everything that comes from outside passes a decoder here, with its size limits, exactly once.

pub mod json;
pub mod message;
pub mod pigeon;
pub mod slips;
