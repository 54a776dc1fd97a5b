//! `slips-p2p db`: the database itself: whether it is whole, a copy of it, what it holds.

mod chains;

use std::path::{Path, PathBuf};

use super::{
    context::{Context, Database},
    exit::Exit,
    help,
    output::{Cell, Column, Tone, column},
};
use crate::store::{OpenError, Stats, StoreError};

/// Check, copy or count the database.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check, copy or count the database, beside a running node or after it. Nothing in it is changed.",
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
        long_about = "Check whether the database is whole: SQLite's own integrity check, the references between tables, and the chain and the signatures of every signed log. A row for each fault; no row means it is whole. Reads the whole file. Exit code 4 when there is a fault.",
        after_help = help::after(&["slips-p2p db check", "slips-p2p -o json db check --database slips-p2p.db"])
    )]
    Check,
    /// Copy the database as it is at this moment into a new file.
    #[command(
        long_about = "Copy the database as it is at this moment into a new file, while the node goes on. An existing file is not overwritten.",
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
const STATS: &[Column] = &[
    column("database", "database"),
    column("schema", "schema"),
    column("file_bytes", "bytes of the file"),
    column("used_bytes", "bytes in use"),
    column("log_bytes", "bytes of its log"),
    column("reports", "reports"),
    column("repeats", "repetitions of them"),
    column("oldest_report", "oldest report"),
    column("newest_report", "newest report"),
    column("own_statements", "own statements"),
    column("opinions", "opinions"),
    column("peers", "peers"),
    column("peer_addresses", "addresses of peers"),
    column("bans", "bans"),
    column("outbox", "waiting for Slips"),
    column("oldest_waiting", "oldest of those"),
    column("dropped", "dropped undelivered"),
    column("last_delivered", "last delivered"),
    column("log_authors", "authors of signed logs"),
    column("log_entries", "entries of them"),
    column("log_segments", "segments of them"),
    column("log_body_bytes", "bytes of those"),
    column("forks", "authors who forked"),
];

/// Runs the command.
///
/// # Errors
/// The database cannot be read, or the copy cannot be written.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Check => check(context).await,
        Command::Backup { file } => {
            context.database().await?.reader.backup(file).await?;
            let bytes = std::fs::metadata(file).map_or(0, |file| file.len());
            context.record(
                COPY,
                vec![file.display().to_string().into(), Cell::count(bytes)],
            )?;
            Ok(Exit::Ok)
        }
        Command::Stats => {
            let Database { reader, path, .. } = context.database().await?;
            let stats = reader.stats().await?;
            context.record(STATS, stats_row(&path, &stats))?;
            Ok(Exit::Ok)
        }
    }
}

async fn check(context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let faults = match faults(context).await {
        Ok(faults) => faults,
        Err(error) if is_damage(&error) => vec![error.to_string()],
        Err(error) => return Err(error),
    };
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

async fn faults(context: &Context<'_>) -> anyhow::Result<Vec<String>> {
    let reader = context.database().await?.reader;
    let mut faults = reader.check().await?;
    faults.extend(chains::faults(&reader).await?);
    Ok(faults)
}

/// Whether the file is at fault, rather than the way to it: then that is what the check found.
fn is_damage(error: &anyhow::Error) -> bool {
    let damaged = |error: &StoreError| {
        matches!(
            error,
            StoreError::Corrupt { .. } | StoreError::BadRow { .. }
        )
    };
    match error.downcast_ref::<OpenError>() {
        Some(OpenError::NotADatabase { .. }) => true,
        Some(OpenError::Read { source, .. }) => damaged(source),
        _ => error.downcast_ref::<StoreError>().is_some_and(damaged),
    }
}

/// The cells of [`STATS`].
fn stats_row(path: &Path, stats: &Stats) -> Vec<Cell> {
    vec![
        path.display().to_string().into(),
        stats.schema.into(),
        Cell::count(stats.file_bytes),
        Cell::count(stats.used_bytes),
        Cell::count(stats.log_bytes),
        Cell::count(stats.reports),
        Cell::count(stats.repeats),
        stats.oldest_report.into(),
        stats.newest_report.into(),
        Cell::count(stats.statements),
        Cell::count(stats.opinions),
        Cell::count(stats.peers),
        Cell::count(stats.addresses),
        Cell::count(stats.bans),
        Cell::count(stats.outbox),
        stats.oldest_parcel.into(),
        Cell::count(stats.dropped),
        stats.last_delivered.0.into(),
        Cell::count(stats.log.authors),
        Cell::count(stats.log.entries),
        Cell::count(stats.log.segments),
        Cell::count(stats.log.bytes),
        Cell::count(stats.log.forks),
    ]
}
