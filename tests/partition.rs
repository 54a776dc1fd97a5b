//! Real nodes with addresses of their own, cut off from each other in every way and joined again.

#[path = "partition/heal.rs"]
mod heal;
#[path = "partition/lan.rs"]
mod lan;
#[path = "partition/lost.rs"]
mod lost;
#[path = "partition/ring.rs"]
mod ring;
