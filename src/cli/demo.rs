//! `slips-p2p demo`: real Redis servers and nodes, a recorded session and a short story, with checks.
//!
//! Three sensors A, B and C and the node of a liar, each with its own Redis, key, database and
//! configuration. The demo plays the Slips of each of them (the only place outside `bridge` that
//! speaks to Redis) and watches what B's Slips gets.

mod checks;
mod expected;
mod play;
mod slips;
mod stage;
mod story;
mod trust;

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::{context::Context, exit::Exit, help};
use play::Play;
use stage::Stage;

/// The whole demo, once built, takes about ten seconds; it must end within a minute.
const LIMIT: Duration = Duration::from_secs(50);
/// Show four nodes at work, with checks.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show four nodes at work: starts redis-servers on free ports and nodes with directories, keys and databases of their own: three sensors A, B and C, and a liar. Plays a recorded session of Slips and a short story through them, shows what happens, and checks by itself that B's Slips got what it should. Needs redis-server. Ends within a minute and leaves nothing behind, unless --keep says so.",
    after_help = help::after(&["slips-p2p demo", "slips-p2p demo --keep", "slips-p2p -o json demo"])
)]
pub struct Args {
    /// Leave everything running at the end, and say how to look around and how to stop it.
    #[arg(long)]
    keep: bool,
}

/// Runs the command.
///
/// # Errors
/// Something could not be started, or took too long.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    context.takes_no_settings("demo")?;
    let mut stop = Stop::new()?;
    let mut stage = Stage::new(args.keep)?;
    let told = tokio::select! {
        told = tokio::time::timeout(LIMIT, Play::perform(&mut stage)) => told.unwrap_or_else(|_| bail!("the demo is not over after {LIMIT:?}")),
        () = stop.asked() => Err(anyhow::anyhow!("interrupted")),
    };
    let mut play = match told {
        Ok(play) => play,
        Err(error) => {
            stage.stop();
            stage.keep_files();
            return Err(error.context(format!(
                "the demo failed; the logs are in {}",
                stage.path().display()
            )));
        }
    };
    play.table(context)?;
    if args.keep {
        play.report_checks();
        play.look_around(&stage.leave()?);
    } else {
        let unclean: Vec<String> = stage
            .stop()
            .iter()
            .filter(|e| !e.is_clean())
            .map(|e| format!("{}: {}", e.name, e.how()))
            .collect();
        play.checks.add(
            "every node ended by itself on SIGTERM, with exit code 0",
            (!unclean.is_empty()).then(|| unclean.join(", ")),
        );
        play.report_checks();
    }
    Ok(if play.checks.all_hold() {
        Exit::Ok
    } else {
        Exit::Unhealthy
    })
}

/// Ctrl-C, SIGTERM and SIGHUP.
struct Stop([tokio::signal::unix::Signal; 3]);

impl Stop {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
