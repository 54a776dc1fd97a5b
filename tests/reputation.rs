//! The trust models and the ledger of conduct: golden scripts, vectors, properties.

#[path = "reputation/explained.rs"]
mod explained;
#[path = "reputation/fides_vectors.rs"]
mod fides_vectors;
#[path = "reputation/field.rs"]
mod field;
#[path = "reputation/figures.rs"]
mod figures;
#[path = "reputation/forked.rs"]
mod forked;
#[path = "reputation/golden.rs"]
mod golden;
#[path = "reputation/ledger.rs"]
mod ledger;
#[path = "reputation/parameters.rs"]
mod parameters;
#[path = "reputation/properties.rs"]
mod properties;
#[path = "reputation/robust_copies.rs"]
mod robust_copies;
#[path = "reputation/robust_disputes.rs"]
mod robust_disputes;
#[path = "reputation/robust_explained.rs"]
mod robust_explained;
#[path = "reputation/robust_gate.rs"]
mod robust_gate;
#[path = "reputation/robust_properties.rs"]
mod robust_properties;
#[path = "reputation/robust_rules.rs"]
mod robust_rules;
#[path = "reputation/robust_vectors.rs"]
mod robust_vectors;
#[path = "reputation/script.rs"]
mod script;
#[path = "reputation/vectors.rs"]
mod vectors;
#[path = "reputation/world.rs"]
mod world;
