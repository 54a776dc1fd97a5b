//! `slips-p2p peers`: who is known, who can be reached, how dependable they are, who is banned.

mod evidence;

use anyhow::Context as _;

use super::{
    context::Context,
    exit::Exit,
    help,
    output::{Cell, Column, Format, Tone, column, detail, remark, short_peer},
};
use crate::{
    domain::{Ban, PeerId, Reachability, Reliability, Timestamp},
    store::{PeerRecord, Reader},
};

/// Below this reliability a peer is pointed out; half of the scale, no consequence hangs on it.
const DOUBTFUL: f64 = 0.5;
/// What is said of a peer that was connected or being retried when the node ended.
const UNKNOWN: &str = "unknown";
/// Why it is unknown where the node had no time to note its end.
const KILLED: &str = "the node ended without a stop";

/// Show the peers this node knows.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Show the peers this node knows: whether each is connected, retrying or unreachable (with the reason and the next try), its reliability from its conduct on the wire, its address, when it was last seen, how many reports it made, and whether it is banned, why and until when.\n\nThe database is read beside a running node or after it. While no node runs on it nobody is connected: peers it was connected to or trying to reach are `unknown`.",
    after_help = help::after(&[
        "slips-p2p peers",
        "slips-p2p peers 12D3KooWGzBv",
        "slips-p2p -o json peers | jq '.[] | select(.state == \"connected\")'",
    ])
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only this peer: its id, or the beginning of it where no other peer's begins so.
    #[arg(value_name = "PEER")]
    peer: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show who signed two things as one, with the proof.
    #[command(long_about = evidence::ABOUT, after_help = help::after(evidence::EXAMPLES))]
    Evidence,
}

const COLUMNS: &[Column] = &[
    column("peer", "PEER"),
    column("state", "STATE"),
    detail("reason"),
    detail("next_try"),
    column("reliability", "RELIABILITY"),
    column("ip", "ADDRESS"),
    detail("multiaddr"),
    detail("first_seen"),
    column("last_seen", "LAST SEEN"),
    column("reports", "REPORTS"),
    detail("banned_since"),
    detail("banned_until"),
    detail("ban_reason"),
    remark("REMARK"),
];

const ONE_PEER: &[Column] = &[
    column("peer", "peer"),
    column("state", "state"),
    column("reason", "reason"),
    column("next_try", "next try"),
    column("reliability", "reliability"),
    column("ip", "address"),
    column("multiaddr", "multiaddress"),
    column("first_seen", "first seen"),
    column("last_seen", "last seen"),
    column("reports", "reports"),
    column("banned_since", "banned since"),
    column("banned_until", "banned until"),
    column("ban_reason", "ban reason"),
];

/// Runs the command.
///
/// # Errors
/// The database cannot be read, the peer is not known, or its beginning fits several.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    if let Some(Command::Evidence) = args.command {
        return evidence::run(context).await;
    }
    let database = context.database().await?;
    let peers = match &args.peer {
        Some(wanted) => vec![find(wanted, &database.reader).await?],
        None => database.reader.peers().await?,
    };
    let view = View {
        running: database.is_in_use(),
        now: Timestamp::now(),
    };
    if !view.running && !peers.is_empty() {
        eprintln!(
            "note: no node is running on {}; this is what it left",
            database.path.display()
        );
    }
    let one = args.peer.is_some();
    let columns = if one { ONE_PEER } else { COLUMNS };
    if let [peer] = peers.as_slice()
        && one
        && context.format() == Format::Human
    {
        context.record(columns, view.row(peer, columns.len()))?;
        return Ok(Exit::Ok);
    }
    let mut printer = context.printer(columns)?;
    for peer in &peers {
        printer.toned(view.tone(peer), view.row(peer, columns.len()))?;
    }
    if printer.end()? == 0 && context.format() == Format::Human {
        eprintln!("note: no peer is known yet");
    }
    Ok(Exit::Ok)
}

/// The one peer whose id is `wanted` or begins with it.
///
/// # Errors
/// The database cannot be read; exit 3 where there is none, 2 where there are several.
pub async fn find(wanted: &str, reader: &Reader) -> anyhow::Result<PeerRecord> {
    // A whole id is looked up; only a beginning needs them all.
    if let Ok(id) = wanted.parse()
        && let Some(peer) = reader.peer(id).await?
    {
        return Ok(peer);
    }
    let mut peers = reader.peers().await?;
    let id = pick(wanted, peers.iter().map(|peer| peer.peer))?;
    peers.retain(|peer| peer.peer == id);
    peers.pop().context("the peer was there a moment ago")
}

/// The one peer whose id is `wanted` or begins with it.
///
/// # Errors
/// Exit 3 where none does, 2 where several do.
fn pick(wanted: &str, known: impl Iterator<Item = PeerId>) -> anyhow::Result<PeerId> {
    let beginning = wanted.trim_end_matches('…');
    let fitting: Vec<PeerId> = known
        .filter(|peer| peer.to_string().starts_with(beginning))
        .collect();
    if let Some(exact) = fitting.iter().find(|peer| peer.to_string() == beginning) {
        return Ok(*exact);
    }
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err(Exit::NotFound.because(format!(
            "no known peer has an id that begins with `{wanted}`; `slips-p2p peers` lists them"
        ))),
        several => {
            let shown: Vec<String> = several.iter().take(8).map(short_peer).collect();
            Err(Exit::Usage.because(format!(
                "`{wanted}` is the beginning of {} peer ids ({}); give more of it",
                several.len(),
                shown.join(", ")
            )))
        }
    }
}

/// Its reliability; `None` until its conduct is judged for the first time.
fn judged(peer: &PeerRecord) -> Option<Reliability> {
    (peer.conduct_at > Timestamp::ZERO).then_some(peer.reliability)
}

/// How records are seen now.
struct View {
    running: bool,
    now: Timestamp,
}

impl View {
    fn state(&self, peer: &PeerRecord) -> &'static str {
        match &peer.state {
            Reachability::Unreachable { .. } => peer.state.word(),
            _ if self.running => peer.state.word(),
            _ => UNKNOWN,
        }
    }

    fn ban<'a>(&self, peer: &'a PeerRecord) -> Option<&'a Ban> {
        peer.ban.as_ref().filter(|ban| ban.until > self.now)
    }

    fn tone(&self, peer: &PeerRecord) -> Tone {
        if self.ban(peer).is_some() {
            return Tone::Bad;
        }
        match &peer.state {
            _ if !self.running => Tone::Plain,
            Reachability::Connected if judged(peer).is_some_and(|it| it.get() < DOUBTFUL) => {
                Tone::Warn
            }
            Reachability::Connected => Tone::Good,
            Reachability::Retrying { .. } => Tone::Warn,
            Reachability::Unreachable { .. } => Tone::Faint,
        }
    }

    /// The first cells of [`COLUMNS`]; without the last, those of [`ONE_PEER`].
    fn row(&self, peer: &PeerRecord, length: usize) -> Vec<Cell> {
        let (reason, next_try) = match &peer.state {
            Reachability::Connected if !self.running => (Some(KILLED.to_owned()), None),
            Reachability::Connected => (None, None),
            Reachability::Retrying { reason, next_try } => (Some(reason.clone()), Some(*next_try)),
            Reachability::Unreachable { reason, next_try } => (Some(reason.clone()), *next_try),
        };
        // Nobody tries while no node runs.
        let next_try = next_try.filter(|_| self.running);
        let ban = self.ban(peer);
        let remark = match (ban, &reason, next_try) {
            (Some(ban), ..) => Some(format!("banned until {}: {}", ban.until, ban.reason)),
            (None, Some(reason), Some(next)) => Some(format!("{reason}; next try {next}")),
            (None, reason, _) => reason.clone(),
        };
        let mut cells = vec![
            peer.peer.into(),
            self.state(peer).into(),
            reason.into(),
            next_try.into(),
            judged(peer).map(Reliability::get).into(),
            peer.ip.map(|ip| ip.to_string()).into(),
            peer.multiaddr.clone().into(),
            peer.first_seen.into(),
            peer.last_seen.into(),
            Cell::count(peer.reports),
            ban.map(|ban| ban.since).into(),
            ban.map(|ban| ban.until).into(),
            ban.map(|ban| ban.reason.clone()).into(),
            remark.into(),
        ];
        cells.truncate(length);
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(wanted: &str, known: &[PeerId]) -> Result<PeerId, Option<Exit>> {
        pick(wanted, known.iter().copied()).map_err(|error| Exit::of(&error))
    }

    #[test]
    fn a_beginning_picks_a_peer_only_when_it_is_the_only_one() {
        let known = [PeerId::random(), PeerId::random()];
        let whole = known[0].to_string();
        assert_eq!(picked(&whole, &known), Ok(known[0]));
        assert_eq!(
            picked(&format!("{}…", short_peer(&known[1])), &known),
            Ok(known[1])
        );
        assert_eq!(picked("", &known), Err(Some(Exit::Usage)));
        assert_eq!(picked("nobody", &known), Err(Some(Exit::NotFound)));
        assert_eq!(
            picked(&format!("{whole}x"), &known),
            Err(Some(Exit::NotFound))
        );
    }
}
