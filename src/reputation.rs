//! The trust models: pure functions of facts, time and parameters. No IO, no clock, no tokio.
//!
//! A model is told one [`Fact`] after another and answers for one address at the cost of the
//! reports on that address. [`Engine`] is the model chosen at run time. What a peer's conduct on
//! the wire is worth is another matter, kept apart in [`reliability`]: its result comes back to
//! the models as a fact.
//!
//! - `robust`: the default for a node; liars cannot turn it.
//! - `slips`: the base model of Slips as it was meant (2021): the newest report of each reporter.
//! - `slips_compat`: what Slips 1.1.21 computes, with its quirks.
//! - [`fides`]: the model of Fides; `yardstick`: `mean` and `median`. All for comparison.
//! - `formula`: the arithmetic the two of Slips share.
//! - `judged`, `spoken`: a report that counts, or why it does not.
//! - `parameters`, `limits`: what the models can be told, with range, meaning and origin.
//! - [`guards`]: addresses that have no opinion outside the node.
//! - `memory`, `peers`, `board`, `lru`: what they remember, within limits.
//!
//! Invariants: the same facts in the same order give the same bits (nothing is summed in the order
//! of a hash map); every table has a limit, and what is pushed out is counted.

pub mod anchors;
mod board;
mod engine;
pub mod fides;
mod formula;
pub mod guards;
mod judged;
mod limits;
mod lru;
mod memory;
mod model;
mod parameters;
mod peers;
pub mod reliability;
mod robust;
mod slips;
mod slips_compat;
mod spoken;
mod yardstick;

pub use engine::{Engine, ModelKind, ModelParseError, Repetitions};
pub use limits::{Limits, SlipsParameters};
pub use model::{Account, Evicted, Explanation, Fact, Held, Share, Touched, TrustModel};
pub use parameters::{Parameter, ParameterError, Parameters, Range, Value};
pub use robust::RobustParameters;
