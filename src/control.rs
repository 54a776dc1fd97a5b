//! The control socket: how commands reach the running node. A Unix socket for this user alone, one JSON
//! object a line in either direction ([`crate::wire::control`]).
//!
//! The server decodes, hands each order and question on, and answers; it decides nothing. Whoever can open the
//! socket is the operator: its mode is 0600 from the moment it has a name. Lines, connections and
//! waiting are bounded all the same, so that a client gone wild harms nobody.

mod client;
mod place;
mod server;

use tokio::sync::oneshot;

pub use client::{AskError, ask, judge};
pub use place::{Place, PlaceError};
pub use server::{Way, serve};

use crate::domain::{Judgement, Order, Subject};

/// An order, and where the answer goes: what went wrong, in words.
pub type Asked = (Order, oneshot::Sender<Result<(), String>>);
/// A question what the node thinks of an address, and where the answer goes.
pub type Question = (Subject, oneshot::Sender<Judgement>);
