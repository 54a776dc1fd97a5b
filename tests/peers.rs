//! The operator's address book: with a running node and without one, over restarts, and against clients
//! with no manners.

#[path = "peers/bench.rs"]
mod bench;
#[path = "peers/book.rs"]
mod book;
#[path = "peers/parked.rs"]
mod parked;
#[path = "peers/running.rs"]
mod running;
#[path = "peers/socket.rs"]
mod socket;
