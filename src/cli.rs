//! The command line: one file a command, what they share in `context`, `output` and `exit`.
//!
//! Data goes to stdout in the format `-o` asks for, everything else to stderr. Text that peers
//! wrote never reaches a terminal as it came (`text`).

use std::{
    ffi::OsString,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub mod completions;
pub mod config;
pub mod context;
pub mod db;
pub mod demo;
pub mod exit;
pub mod explain;
pub mod help;
pub mod identity;
pub mod init;
mod judging;
pub mod man;
pub mod output;
pub mod peers;
pub mod replay;
pub mod reports;
pub mod run;
pub mod score;
pub mod simulate;
pub mod text;
pub mod when;

pub use exit::Exit;

use context::Context;
use output::Format;

/// The name of the program.
pub const PROGRAM: &str = "slips-p2p";

/// Peer-to-peer reputation node for the Slips intrusion prevention system.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    about,
    long_about = "Peer-to-peer reputation node for the Slips intrusion prevention system: takes what Slips says to other nodes, takes what they say to Slips, keeps it and weighs it.\n\n`run` is the node, `init` makes its configuration and key, `peers` keeps its address book. The other commands only read its files and its database, beside the running node or after it, or (`replay`, `simulate`, `demo`) need none.",
    after_help = help::after(&[
        "slips-p2p init",
        "slips-p2p run",
        "slips-p2p score 192.0.2.7",
        "slips-p2p reports --since 1h --follow",
        "slips-p2p -o json peers",
    ]),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// The form of the data on stdout; without it human, for replay jsonl.
    #[arg(short, long, value_enum, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// The configuration file; without it config.toml here, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The database, in place of the one the configuration names.
    #[arg(long, global = true, value_name = "PATH")]
    pub database: Option<PathBuf>,
    /// A setting by its dotted key, above every other source; may be given several times.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "each is described by its arguments, and a doc comment here would replace that in --help"
)]
pub enum Command {
    Run(run::Args),
    Demo(demo::Args),
    Init(init::Args),
    Config(config::Args),
    Identity(identity::Args),
    Score(score::Args),
    Explain(explain::Args),
    Replay(replay::Args),
    Reports(reports::Args),
    Peers(peers::Args),
    Simulate(simulate::Args),
    Db(db::Args),
    Completions(completions::Args),
    Man(man::Args),
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().into(), value.into())),
        _ => Err("write KEY=VALUE, such as redis.url=redis://127.0.0.1:6379".into()),
    }
}

/// The commands as clap knows them: what `--help`, completions and the manual are made from.
#[must_use]
pub fn command() -> clap::Command {
    fitting(Cli::command())
}

/// The command and all below it with long descriptions that fit a terminal.
fn fitting(command: clap::Command) -> clap::Command {
    let long = command
        .get_long_about()
        .map(|text| help::long(&text.to_string()));
    match long {
        Some(long) => command.long_about(long),
        None => command,
    }
    .mut_subcommands(fitting)
}

/// Runs the program: the whole of `main`.
pub fn main(arguments: impl Iterator<Item = OsString>) -> Exit {
    let parsed = command().try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout, mistakes to stderr; a reader gone away is no matter.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            };
        }
    };
    let mut stdout = BufWriter::new(io::stdout());
    let ended = perform(&cli, &mut stdout).and_then(|exit| Ok(stdout.flush().map(|()| exit)?));
    // What is left after a failed write must not be tried again while dropping.
    let _ = stdout.into_parts();
    match ended {
        Ok(exit) => exit,
        Err(error) => complain(&error),
    }
}

/// Says on stderr what went wrong; answers the exit code.
fn complain(error: &anyhow::Error) -> Exit {
    let Some(exit) = Exit::of(error) else {
        return Exit::Ok;
    };
    let text = told(error);
    let mut stderr = io::stderr().lock();
    for (at, line) in text.lines().enumerate() {
        let start = if at == 0 { "error: " } else { "       " };
        // Nobody left to tell when stderr is closed.
        let _ = writeln!(stderr, "{start}{}", text::clean(line));
    }
    exit
}

/// The error with its causes, none of them twice: many errors name theirs.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn perform(cli: &Cli, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut context = Context::new(&cli.global, out);
    match &cli.command {
        Command::Run(args) => run::run(args, &context),
        Command::Demo(args) => wait_for(demo::run(args, &mut context)),
        Command::Init(args) => init::run(args, &mut context),
        Command::Config(args) => config::run(args, &mut context),
        Command::Identity(args) => identity::run(args, &mut context),
        Command::Simulate(args) => simulate::run(args, &mut context),
        Command::Completions(args) => completions::run(args, &mut context),
        Command::Man(args) => man::run(args, &mut context),
        Command::Score(args) => wait_for(score::run(args, &mut context)),
        Command::Explain(args) => wait_for(explain::run(args, &mut context)),
        Command::Replay(args) => wait_for(replay::run(args, &mut context)),
        Command::Reports(args) => wait_for(reports::run(args, &mut context)),
        Command::Peers(args) => wait_for(peers::run(args, &mut context)),
        Command::Db(args) => wait_for(db::run(args, &mut context)),
    }
}

/// Runs a command that reads the database. One thread is enough, and starts fastest.
fn wait_for(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start waiting for the database")?
        .block_on(command)
}
