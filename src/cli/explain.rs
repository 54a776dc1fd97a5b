//! `slips-p2p explain`: why an address is judged, or a peer trusted, as it is.

mod address;
mod draw;
mod peer;

use super::{context::Context, exit::Exit, help};
use crate::{domain::Subject, reputation::ModelKind};

/// Explain why an address is judged as it is, or why a peer is trusted as it is.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Explain an opinion: each report on the address, how far its author is trusted, its weight, what age has left of it, and what the score would be without it; whether a guard keeps the opinion inside the node; and what has changed since.\n\nThe opinion explained is the one the node stored last, worked out anew from the database as of that time (recomputed_equal: equal within 1e-12), or, where it stored none, the one of now. An address nobody spoke of ends with exit code 3.\n\n--peer explains a peer instead: what its trust is made of, by the numbers of the model.\n\nCSV has a row for each report, and of a peer one row.",
    after_help = help::after(&[
        "slips-p2p explain 198.51.100.7",
        "slips-p2p explain --peer 12D3KooWGzBv",
        "slips-p2p -o json explain 198.51.100.7 | jq '.reports[] | {peer, weight, without_score}'",
        "slips-p2p explain 198.51.100.7 --model slips",
    ])
)]
pub struct Args {
    /// The address, IPv4 or IPv6.
    #[arg(
        value_name = "IP",
        required_unless_present = "peer",
        conflicts_with = "peer"
    )]
    address: Option<Subject>,
    /// Explain a peer: its id, its alias, or the beginning of its id.
    #[arg(long, value_name = "PEER")]
    peer: Option<String>,
    /// Of how many of the strongest reporters to say what the score would be without them.
    #[arg(long, value_name = "N", default_value_t = 5)]
    without: usize,
    /// As another model has it: robust, slips, slips-compat, fides, mean or median.
    #[arg(long, value_name = "MODEL")]
    model: Option<ModelKind>,
}

/// Runs the command.
///
/// # Errors
/// The database cannot be read, the peer is not known, or the output cannot be written.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match (&args.peer, args.address) {
        (Some(wanted), _) => peer::explain(wanted, args.model, context).await,
        (None, Some(subject)) => address::explain(subject, args.model, args.without, context).await,
        (None, None) => Err(Exit::Usage.because("name an address, or a peer with --peer")),
    }
}
