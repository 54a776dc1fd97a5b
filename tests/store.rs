//! The database through its own doors: what is committed is there, in order, after anything.

#[path = "store/basics.rs"]
mod basics;
#[path = "store/faults.rs"]
mod faults;
#[path = "store/log.rs"]
mod log;
#[path = "store/peers.rs"]
mod peers;
#[path = "store/reading.rs"]
mod reading;
#[path = "store/retention.rs"]
mod retention;
#[path = "store/round_trip.rs"]
mod round_trip;
#[path = "store/world.rs"]
mod world;
