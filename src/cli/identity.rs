//! `slips-p2p identity show`: who this node is to others.

use anyhow::Context as _;

use super::{
    context::Context,
    exit::Exit,
    help,
    output::{Column, column},
};
use crate::app::identity::{self, Loose};

/// Show who this node is.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show who this node is to others, from its key file; the key itself is never shown.",
    after_help = help::after(&["slips-p2p identity show", "slips-p2p -o json identity show | jq -r .peer_id"])
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the peer id, the kind of key and where it lies.
    #[command(after_help = help::after(&["slips-p2p identity show", "slips-p2p -o json identity show"]))]
    Show,
}

const COLUMNS: &[Column] = &[
    column("peer_id", "peer id"),
    column("key_type", "kind of key"),
    column("key_file", "key file"),
];

/// Runs the command.
///
/// # Errors
/// There is no key (exit 3), or it cannot be used.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let Command::Show = args.command;
    let Some(file) = context.config()?.config.node.key_file else {
        return Err(Exit::NotFound.because(
            "node.key_file is empty: this node has a new identity at each start; name a file to keep one",
        ));
    };
    let is_there = file.try_exists().with_context(|| {
        format!(
            "cannot look for the key {}; run as the user the node runs as",
            file.display()
        )
    })?;
    if !is_there {
        return Err(Exit::NotFound.because(format!(
            "there is no key at {}; `slips-p2p init` makes one, and so does the first `slips-p2p run`",
            file.display()
        )));
    }
    let key = identity::load(&file, Loose::Refuse)?;
    let kind = key.key_type().to_string().to_lowercase();
    context.record(
        COLUMNS,
        vec![
            key.public().to_peer_id().into(),
            kind.into(),
            file.display().to_string().into(),
        ],
    )?;
    Ok(Exit::Ok)
}
