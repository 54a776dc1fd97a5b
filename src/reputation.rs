//! The trust models: pure functions of facts, time and parameters. No IO, no clock, no tokio.
//!
//! A model is told one [`Fact`] after another and answers for one address at the cost of the
//! reports on that address. [`Engine`] is the model chosen at run time. What a peer's conduct on
//! the wire is worth is another matter, kept apart in [`reliability`]: its result comes back to
//! the models as a fact.
//!
//! - `slips`: the base model of Slips as it was meant (2021): the newest report of each reporter.
//! - `slips_compat`: what Slips 1.1.21 computes, with its quirks.
//! - `formula`: the arithmetic the two share.
//! - `judged`: a report that counts, or why it does not.
//! - `memory`, `peers`, `board`, `lru`: what they remember, within limits.
//!
//! Invariants: the same facts in the same order give the same bits (nothing is summed in the order
//! of a hash map); every table has a limit, and what is pushed out is counted.

mod board;
mod engine;
mod formula;
mod judged;
mod lru;
mod memory;
mod model;
mod peers;
pub mod reliability;
mod slips;
mod slips_compat;

pub use engine::{Engine, Limits, ModelKind, ModelParseError, Parameters, SlipsParameters};
pub use model::{Evicted, Explanation, Fact, Held, Share, Touched, TrustModel};
