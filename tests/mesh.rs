//! Signed logs among nodes: the pure core on simulated time, links and stores.

#[path = "mesh/budgets.rs"]
mod budgets;
#[path = "mesh/catch_up.rs"]
mod catch_up;
#[path = "mesh/claims.rs"]
mod claims;
#[path = "mesh/converge.rs"]
mod converge;
#[path = "mesh/disk.rs"]
mod disk;
#[path = "mesh/forgery.rs"]
mod forgery;
#[path = "mesh/forks.rs"]
mod forks;
#[path = "mesh/measure.rs"]
mod measure;
#[path = "mesh/own.rs"]
mod own;
#[path = "mesh/parts.rs"]
mod parts;
#[path = "mesh/spread.rs"]
mod spread;
#[path = "mesh/statements.rs"]
mod statements;
#[path = "mesh/throwaway.rs"]
mod throwaway;
#[path = "mesh/world.rs"]
mod world;
