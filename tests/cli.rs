//! The commands as people and scripts run them: the real program on a real database.

#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/fixture.rs"]
mod fixture;
#[path = "cli/follow.rs"]
mod follow;
#[path = "cli/forms.rs"]
mod forms;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/mistakes.rs"]
mod mistakes;
#[path = "cli/reading.rs"]
mod reading;
#[path = "cli/simulate.rs"]
mod simulate;
#[path = "cli/simulate_network.rs"]
mod simulate_network;
#[path = "cli/state.rs"]
mod state;
