//! The trust models and the ledger of conduct: golden scripts, vectors of the real Slips, properties.

#[path = "reputation/golden.rs"]
mod golden;
#[path = "reputation/ledger.rs"]
mod ledger;
#[path = "reputation/properties.rs"]
mod properties;
#[path = "reputation/robust_vectors.rs"]
mod robust_vectors;
#[path = "reputation/script.rs"]
mod script;
#[path = "reputation/vectors.rs"]
mod vectors;
#[path = "reputation/world.rs"]
mod world;
