//! slips-p2p: the peer-to-peer node beside a [Slips](https://github.com/stratosphereips/StratosphereLinuxIPS) sensor.
//!
//! One report, from Slips A to Slips B:
//!
//! ```text
//! Slips A --Redis--> bridge A --> node A --> network A ==/slips/2.0==> network B --> node B
//!                                                                                     | one
//!                                                                                     v transaction
//!             Slips B <--Redis-- bridge B <-- outbox (SQLite) <-- reports, opinions (SQLite)
//! ```
//!
//! Invariants, each held where it says:
//! - Whatever comes from outside is decoded once, in [`wire`], and is a checked type of
//!   [`domain`] from then on. Nothing that Slips cannot digest passes.
//! - A report is accepted when the transaction that holds it is on disk, together with every
//!   message to Slips that follows from it ([`node`], [`store`]).
//! - What is meant for Slips goes out in order and stays in the outbox until Redis has handed it
//!   to a subscriber ([`bridge`]).
//! - Trust is computed by pure code from facts, time and parameters ([`reputation`]).
//! - Nothing in the swarm waits for the node; a fast sender waits in its own stream ([`network`]).
//! - What a node acknowledges to another of our kind it has on disk ([`network::Receipt`]).
//! - Every queue has a bound, every wait on somebody else a limit.
//!
//! Reading order: the modules as they stand below.
#![warn(missing_docs)]

pub mod domain;
pub mod reputation;
pub mod simulation;
pub mod wire;
pub mod mesh;
pub mod store;
pub mod network;
pub mod bridge;
pub mod node;
pub mod config;
pub mod control;
pub mod pigeon_flags;
pub mod app;
pub mod cli;
