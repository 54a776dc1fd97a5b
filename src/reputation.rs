//! The trust models: pure functions of facts, time and parameters. No IO, no clock, no tokio.

pub mod reliability;
mod model;
mod slips;
mod slips_compat;

pub use model::{Engine, Explanation, Fact, ModelKind, Share, TrustModel};
