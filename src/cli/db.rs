//! `slips-p2p db`: the database itself: whether it is whole, a copy of it, what it holds.

use std::path::PathBuf;

use super::{
    context::Context,
    exit::Exit,
    help,
    output::{Cell, Column, Tone, column},
};

/// Check, copy or count the database.
#[derive(Debug, clap::Args)]
#[command(
    long_about = help::long("Check, copy or count the database, beside a running node or after it. Nothing in it is changed."),
    after_help = help::after(&[
        "slips-p2p db check",
        "slips-p2p db backup /var/backups/slips-p2p.db",
        "slips-p2p db stats",
    ])
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check whether the database is whole; exit 4 when it is not.
    #[command(
        long_about = help::long("Check whether the database is whole: SQLite's own integrity check and the references between tables. A row for each fault; no row means it is whole. Reads the whole file. Exit code 4 when there is a fault."),
        after_help = help::after(&["slips-p2p db check", "slips-p2p -o json db check --database slips-p2p.db"])
    )]
    Check,
    /// Copy the database as it is at this moment into a new file.
    #[command(
        long_about = help::long("Copy the database as it is at this moment into a new file, while the node goes on. An existing file is not overwritten."),
        after_help = help::after(&["slips-p2p db backup /var/backups/slips-p2p.db"])
    )]
    Backup {
        /// The new file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Count what the database holds.
    #[command(after_help = help::after(&["slips-p2p db stats", "slips-p2p -o json db stats | jq .reports"]))]
    Stats,
}

const FAULTS: &[Column] = &[column("fault", "FAULT")];
const COPY: &[Column] = &[column("file", "copied to"), column("bytes", "bytes")];
const STATS: &[Column] = &[column("reports", "reports")];
fn stats_row(stats: &crate::store::Stats) -> Vec<Cell> {
    vec![Cell::count(stats.reports)]
}

/// Runs the command.
///
/// # Errors
/// The database cannot be read, or the copy cannot be written.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let reader = context.database().await?.reader;
    match &args.command {
        Command::Check => {
            let faults = reader.check().await?;
            let mut printer = context.printer(FAULTS)?;
            for fault in &faults {
                printer.toned(Tone::Bad, vec![fault.as_str().into()])?;
            }
            printer.end()?;
            if faults.is_empty() {
                eprintln!("ok: the database is whole");
                return Ok(Exit::Ok);
            }
            eprintln!("the database is damaged; stop the node and restore a backup");
            Ok(Exit::Unhealthy)
        }
        Command::Backup { file } => {
            reader.backup(file).await?;
            let bytes = std::fs::metadata(file).map_or(0, |file| file.len());
            context.record(
                COPY,
                vec![file.display().to_string().into(), Cell::count(bytes)],
            )?;
            Ok(Exit::Ok)
        }
        Command::Stats => {
            let stats = reader.stats().await?;
            context.record(STATS, stats_row(&stats))?;
            Ok(Exit::Ok)
        }
    }
}
