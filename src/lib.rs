//! slips-p2p: the peer-to-peer node beside a Slips sensor. See `app` for how the parts are put together.

pub mod domain;
pub mod reputation;
pub mod wire;
pub mod store;
pub mod network;
pub mod bridge;
pub mod node;
pub mod config;
pub mod app;
pub mod cli;
