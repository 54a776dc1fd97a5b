//! `slips-p2p peers`: who is known, who can be reached, how dependable they are, who is banned; and the
//! operator's address book.

mod change;
mod evidence;
mod find;
mod list;

use std::time::Duration;

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::{context::Context, exit::Exit, help, when};
use crate::domain::{Act, Ban, GivenTrust, PeerId, Timestamp, Trust};

use change::{Whom, order};
pub use find::record as find;
pub(in crate::cli) use list::FORKED;
use list::{Which, show};

/// How far a peer is trusted without `--trust`: what it says counts from the start, and what our own
/// Slips sees still stands above it.
const TRUST: f64 = 0.9;

/// Show the peers this node knows, and keep an address book of them.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Show the peers this node knows: alias, whether each is connected, retrying or unreachable (with the reason and the next try), its reliability from its conduct on the wire, its address, when it was last seen, how many reports it made, and whether it is banned, why and until when.\n\nThe database is read beside a running node or after it. While no node runs on it nobody is connected: peers it was connected to or trying to reach are `unknown`.\n\nThe subcommands change the address book. A running node does so at once, asked over its control socket; while none runs they change its database, with the same result. PEER is a peer id, an alias, or the beginning of an id where no other begins so. Names and notes are kept as one line of visible text, and what is left out of them is said; what is too long is refused. A local alias stands above what a peer calls itself.",
    after_help = help::after(&[
        "slips-p2p peers",
        "slips-p2p peers 12D3KooWGzBv",
        "slips-p2p peers add /ip4/192.0.2.7/tcp/4001/p2p/QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2",
        "slips-p2p peers ban brno --for 1h --reason floods",
        "slips-p2p -o json peers | jq '.[] | select(.state == \"connected\")'",
    ])
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only this peer: its id, its alias, or the beginning of its id where no other peer's begins so.
    #[arg(value_name = "PEER")]
    peer: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show every peer, as without a subcommand.
    #[command(after_help = help::after(&["slips-p2p peers list", "slips-p2p -o csv peers list"]))]
    List,
    /// Show who signed two things as one, with the proof.
    #[command(long_about = evidence::ABOUT, after_help = help::after(evidence::EXAMPLES))]
    Evidence,
    /// Show everything that is known of a peer.
    #[command(after_help = help::after(&["slips-p2p peers inspect brno"]))]
    Inspect(Peer),
    /// Put a peer into the address book, or add to its entry.
    #[command(
        long_about = "Put a peer into the address book, or add to its entry: an address, its alias, a note, tags. The running node dials it at once, unless the peer is rejected or banned; with --pin it is kept, dialled again whenever it is lost, and never counted against limits.",
        after_help = help::after(&[
            "slips-p2p peers add /ip4/192.0.2.7/tcp/4001/p2p/QmafUcmZd1sGvQ7hPwiDAPUQ3brMgXRzWHp6j2ZVFW21V2",
        ])
    )]
    Add(Add),
    /// Take a peer out of the address book: alias, note, tags, pin, decision, trust; a ban stays.
    #[command(after_help = help::after(&["slips-p2p peers rm brno"]))]
    Rm(Peer),
    /// Give a peer another alias, or none.
    #[command(after_help = help::after(&["slips-p2p peers rename brno ostrava", "slips-p2p peers rename brno"]))]
    Rename {
        #[command(flatten)]
        peer: Peer,
        /// The new alias; without it the peer has none.
        #[arg(value_name = "NAME")]
        alias: Option<String>,
    },
    /// Dial a peer now, keep it, and never count it against limits.
    #[command(after_help = help::after(&["slips-p2p peers pin brno"]))]
    Pin(Peer),
    /// Treat a peer like every other again.
    #[command(after_help = help::after(&["slips-p2p peers unpin brno"]))]
    Unpin(Peer),
    /// Replace the note about a peer.
    #[command(after_help = help::after(&["slips-p2p peers note brno rack4"]))]
    Note {
        #[command(flatten)]
        peer: Peer,
        /// The note; empty takes it away.
        text: String,
    },
    /// Replace the tags of a peer.
    #[command(after_help = help::after(&["slips-p2p peers tag brno lab eu", "slips-p2p peers tag brno"]))]
    Tag {
        #[command(flatten)]
        peer: Peer,
        /// The tags; without any the peer has none.
        tags: Vec<String>,
    },
    /// Cut a peer off, for a while or for ever.
    #[command(after_help = help::after(&["slips-p2p peers ban brno --for 1h --reason floods", "slips-p2p peers ban 12D3KooWGzBv"]))]
    Ban {
        #[command(flatten)]
        peer: Peer,
        /// For how long (90s, 15m, 1h, 2d12h, 1w); without it for ever.
        #[arg(long = "for", value_name = "SPAN", value_parser = when::span)]
        span: Option<Duration>,
        /// Why, for people.
        #[arg(long, value_name = "TEXT", default_value = "by the operator")]
        reason: String,
    },
    /// Let a banned peer connect again.
    #[command(after_help = help::after(&["slips-p2p peers unban brno"]))]
    Unban(Peer),
    /// Trust a peer: what it says counts from the start.
    #[command(
        long_about = "Trust a peer: what it says counts from the start, as with an [[anchor]] of the configuration, above which this stands. The opinions of what it reported on are worked out anew. A peer that signed two things as one (`slips-p2p peers evidence`) cannot be trusted again.",
        after_help = help::after(&[
            "slips-p2p peers trust brno",
            "slips-p2p peers trust brno --trust 0.7 --for 30d --organisation CTU",
        ])
    )]
    Trust {
        #[command(flatten)]
        peer: Peer,
        /// How far: above 0, at most 1.
        #[arg(long, value_name = "TRUST", default_value_t = TRUST)]
        trust: f64,
        /// For how long (1h, 30d, 8w); without it until it is taken back.
        #[arg(long = "for", value_name = "SPAN", value_parser = when::span)]
        span: Option<Duration>,
        /// Whose sensor it is.
        #[arg(long, value_name = "NAME")]
        organisation: Option<String>,
    },
    /// Take back the trust given by command.
    #[command(after_help = help::after(&["slips-p2p peers untrust brno"]))]
    Untrust(Peer),
    /// Show the strangers that wait for a decision.
    #[command(after_help = help::after(&["slips-p2p peers pending"]))]
    Pending,
    /// Let a stranger in.
    #[command(after_help = help::after(&["slips-p2p peers accept 12D3KooWGzBv"]))]
    Accept(Peer),
    /// Turn a stranger away, now and whenever it comes.
    #[command(after_help = help::after(&["slips-p2p peers reject 12D3KooWGzBv"]))]
    Reject(Peer),
}

/// Whom a command is about.
#[derive(Debug, clap::Args)]
struct Peer {
    /// A peer id, an alias, or the beginning of an id where no other begins so.
    #[arg(value_name = "PEER")]
    peer: String,
}

/// What `add` takes.
#[derive(Debug, clap::Args)]
struct Add {
    /// Where it can be dialled, with /p2p/ and its peer id at the end.
    #[arg(value_name = "MULTIADDR", value_parser = with_peer)]
    address: (PeerId, Multiaddr),
    /// Its name here; no two peers have the same.
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Keep it connected, beyond every limit.
    #[arg(long)]
    pin: bool,
    /// Why it is kept.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// A word to sort by; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// The database cannot be read or written, the peer is not known, its beginning fits several, or the
/// running node does not answer.
pub async fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let Some(command) = &args.command else {
        let which = args.peer.as_deref().map_or(Which::All, Which::One);
        return show(which, context).await;
    };
    let (peer, act) = match command {
        Command::List => return show(Which::All, context).await,
        Command::Evidence => return evidence::run(context).await,
        Command::Pending => return show(Which::Pending, context).await,
        Command::Inspect(it) => return show(Which::One(&it.peer), context).await,
        Command::Add(add) => {
            let (peer, address) = add.address.clone();
            let act = Act::Add {
                address: Some(address),
                alias: add.alias.clone(),
                note: add.note.clone(),
                tags: add.tags.clone(),
                pin: add.pin,
            };
            return order(Whom::Peer(peer), act, context).await;
        }
        Command::Rm(peer) => (peer, Act::Remove),
        Command::Rename { peer, alias } => (peer, Act::Rename(alias.clone())),
        Command::Pin(peer) => (peer, Act::Pin),
        Command::Unpin(peer) => (peer, Act::Unpin),
        Command::Note { peer, text } => (peer, Act::Note(text.clone())),
        Command::Tag { peer, tags } => (peer, Act::Tags(tags.clone())),
        Command::Ban { peer, span, reason } => {
            let until = span.map_or(Ban::FOR_EVER, |span| Timestamp::now().plus(span));
            let reason = reason.clone();
            (peer, Act::Ban { until, reason })
        }
        Command::Unban(peer) => (peer, Act::Unban),
        Command::Trust {
            peer,
            trust,
            span,
            organisation,
        } => {
            let given = GivenTrust {
                trust: Trust::new(*trust).map_err(|error| Exit::Usage.because(error))?,
                organisation: organisation.clone(),
                until: span.map(|span| Timestamp::now().plus(span)),
            };
            (peer, Act::Trust(given))
        }
        Command::Untrust(peer) => (peer, Act::Untrust),
        Command::Accept(peer) => (peer, Act::Accept),
        Command::Reject(peer) => (peer, Act::Reject),
    };
    order(Whom::Named(&peer.peer), act, context).await
}

/// An address and the peer it ends in.
fn with_peer(text: &str) -> Result<(PeerId, Multiaddr), String> {
    let mut address: Multiaddr = text.parse().map_err(|error| {
        format!(
            "`{text}` is no multiaddress ({error}); write one such as /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW..."
        )
    })?;
    match address.pop() {
        Some(Protocol::P2p(peer)) if address.iter().next().is_some() => Ok((peer, address)),
        _ => Err(format!(
            "`{text}` does not say where to dial whom; write the address with /p2p/ and the peer id at its end (`slips-p2p identity show` on the other host prints it)"
        )),
    }
}
