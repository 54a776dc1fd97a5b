//! Adversaries and faults against the whole node: the real program beside a real Redis, with peers
//! that lie about their form, stall, flood, and hosts that freeze.

#[path = "hostile/faults.rs"]
mod faults;
#[path = "hostile/inputs.rs"]
mod inputs;
#[path = "hostile/load.rs"]
mod load;
#[path = "hostile/malformed.rs"]
mod malformed;
#[path = "hostile/ring.rs"]
mod ring;
#[path = "hostile/scene.rs"]
mod scene;
#[path = "hostile/stalling.rs"]
mod stalling;
