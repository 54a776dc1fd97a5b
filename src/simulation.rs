//! Reporters, liars and one observing node on simulated time: how well each trust model does. And
//! [`network`]: many nodes on simulated links, and how reports spread among them.
//!
//! A [`Scenario`] says who lies, how and how many. With a seed it becomes a [`Story`]: facts in
//! the order in which a node would learn them, and questions whose right answer is known. Each
//! [`Contestant`] (a trust model with its parameters) hears the same story and is measured by the
//! same [`Figures`]. The engines are the ones the node runs; only the world is made up.
//!
//! - `chance`: what a seed becomes: independent streams of numbers.
//! - `scenario`, `catalogue`: what a scenario can say, and the ones there are.
//! - `world`: the addresses, what they are in truth, and what our own Slips says of some.
//! - `cast`: who takes part: identities, where they are, how well they see.
//! - `speech`: what each of them says when: looks, lies and copies.
//! - `story`: all of it in order of time, with the questions.
//! - `contest`: the models that hear it; `figures`: what their answers are worth; `series`: over
//!   many seeds.
//!
//! Questions are about addresses on which our own Slips has said nothing: there the network is all
//! there is. What our own Slips says elsewhere is how a model may learn whom to believe.
//!
//! Invariants: no IO and no clock; a seed gives the same bytes on every run, however many threads
//! share the seeds; of scenarios that differ only in who lies, one seed has the same addresses,
//! the same reporters and the same looks.

mod cast;
mod catalogue;
mod chance;
mod contest;
mod figures;
pub mod network;
mod scenario;
mod series;
mod speech;
mod story;
mod world;

pub use catalogue::SCENARIOS;
pub use contest::{Contestant, ContestantParseError};
pub use figures::{Answer, Figures};
pub use scenario::{Asked, Change, Claim, Lie, Newcomers, Scenario, Victims};
pub use series::{Series, Spread, Summary};
pub use story::{Event, Query, Story, What};
