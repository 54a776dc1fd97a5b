//! Signed logs among our nodes: spreading what is new, catching up on what was missed.
//!
//! Each node numbers, chains and signs what it says into its own log ([`OwnLog`]). [`Mesh`] holds
//! where every author's log stands, here and at the neighbours, and decides what is sent to whom:
//!
//! - Plumtree (Leitao, Pereira, Rodrigues, "Epidemic Broadcast Trees", SRDS 2007), with one tree an
//!   author: a new segment is pushed to all neighbours that did not ask us to stop (`prune`, sent on
//!   a repetition), the others are told its number (`tips`, collected for 50 ms). What was told and
//!   does not come is asked for, and pushed from there from then on (`want`, `graft`).
//! - Catch-up: on connecting both tell all tips and ask for the gap only, each author's from one
//!   neighbour that has it, spread over them; elsewhere when it does not come.
//!
//! Everything here is a function of its inputs: no IO, no clock, no chance but the seed given. The
//! same inputs in the same order give the same outputs, byte for byte.
//!
//! # What the owner calls, in which order
//! At start, with what the store has:
//! 1. [`OwnLog::new`] with the stored head of our own log.
//! 2. [`Mesh::new`] with where all stored logs stand and the evidence of forks. Of more authors than
//!    [`Settings::authors`] the others are not in memory: they are recalled when they are heard of.
//!
//! Then, one input at a time, each with the present time:
//! - a neighbour speaks sync, or is gone: [`Mesh::connected`], [`Mesh::disconnected`];
//! - a frame came: [`Mesh::received`];
//! - Slips said something to all: [`OwnLog::append`], commit [`Unsent::segments`] in one
//!   transaction, [`OwnLog::persisted`], [`Mesh::appended`]. Not before every neighbour connected
//!   [`Mesh::has_greeted`] (with a limit, some seconds) and while not [`Mesh::own_behind`]: after a
//!   restored backup the others have entries of ours, and [`Output::OwnAdvanced`] tells when they
//!   are here. When the commit fails for certain: [`OwnLog::given_up`]; when nobody knows whether it
//!   did: make the `OwnLog` anew from the stored head, and give the segments that are stored beyond
//!   it to nobody (they spread from a `Mesh` made anew).
//! - a neighbour's queue is full, or has room: [`Mesh::blocked`], [`Mesh::unblocked`];
//! - [`Mesh::next_time`] has come: [`Mesh::tick`].
//!
//! After each input: [`Mesh::poll`] until `None`, doing each [`Output`] in this order, and answering
//! [`Output::Store`] with [`Mesh::stored`] (or [`Mesh::not_stored`]) and [`Output::Read`] with
//! [`Mesh::read`], [`Output::Recall`] with [`Mesh::recalled`] (or [`Mesh::not_recalled`]), then or
//! later; several may be under way. A store answers a read or a recall only when it has written what
//! was handed out before it. It keeps the last segment of each author (of those that are silent for
//! longer than entries are judged, a bounded number; of our own for good), and refuses one that
//! neither continues nor overlaps what it has, unless [`Arrived::skipped`].
//! A log that is asked about again after pruning is answered with [`Found::pruned`].

mod bucket;
mod check;
mod engine;
mod output;
mod own;
mod settings;

pub use check::{Blame, Checked, ContentFault, Refusal, Said, check, content, cost, differ_at};
pub use engine::{Mesh, Score, Start, Stored};
pub use output::{Arrived, Counters, Evidence, Found, Output, ReadId};
pub use own::{AppendError, Own, OwnLog, Unsent};
pub use settings::Settings;
