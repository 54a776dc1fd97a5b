//! `slips-p2p simulate`: worlds made up from a seed, to see what models and network are worth.

mod export;
mod network;
mod plot;
mod progress;
mod spread;
mod trust;

use std::path::Path;

use super::{context::Context, exit::Exit, help};

/// Try the trust models and the network on made-up worlds.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Try the trust models and the network on made-up worlds. Nothing is read but the flags: no configuration, no database, no network.",
    after_help = help::after(&[
        "slips-p2p simulate trust --scenario list",
        "slips-p2p simulate trust --scenario liars-50 --seed 7",
        "slips-p2p simulate network --nodes 200 --seed 7",
    ])
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Trust(trust::Args),
    Network(network::Args),
}

/// Refuses a file that could not be written, before the work is done.
fn check_place(file: Option<&Path>) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.is_dir() => {
            Err(Exit::Error.because(format!(
                "cannot draw {}: there is no directory {}; make it, or name another file with --plot",
                file.display(),
                directory.display()
            )))
        }
        _ => Ok(()),
    }
}

/// Runs the command.
///
/// # Errors
/// What was asked makes no sense, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    context.takes_no_settings("simulate")?;
    match &args.command {
        Command::Trust(args) => trust::run(args, context),
        Command::Network(args) => network::run(args, context),
    }
}
