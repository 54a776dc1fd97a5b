//! `peers`, `peers list`, `peers inspect` and `peers pending`: what is known of peers, and what the operator
//! keeps about them.

use std::collections::HashMap;

use crate::{
    cli::{
        context::{Context, Database},
        exit::Exit,
        output::{Cell, Column, Format, Tone, column, detail, remark},
    },
    domain::{AddressBook, Ban, Decision, PeerId, Reachability, Reliability, Timestamp},
    store::{PeerRecord, PresenceRecord},
};

use super::find;

/// Below this reliability a peer is pointed out; half of the scale, no consequence hangs on it.
const DOUBTFUL: f64 = 0.5;
/// What is said of a peer that was connected or being retried when the node ended.
const UNKNOWN: &str = "unknown";
/// Why it is unknown where the node had no time to note its end.
const KILLED: &str = "the node ended without a stop";

/// Why nothing counts that a peer says.
pub(in crate::cli) const FORKED: &str = "it signed two things as one entry of its log, so nothing it says counts, whatever trust it is given \
     (`slips-p2p peers evidence` has the proof)";

const COLUMNS: &[Column] = &[
    column("peer", "PEER"),
    column("alias", "ALIAS"),
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
    detail("pinned"),
    detail("tags"),
    detail("note"),
    detail("decision"),
    detail("decided_at"),
    detail("trust"),
    detail("trust_organisation"),
    detail("trust_until"),
    detail("addresses"),
    detail("announced_alias"),
    detail("status"),
    detail("status_message"),
    detail("software"),
    detail("network"),
    detail("said_at"),
    detail("goodbye"),
    detail("goodbye_at"),
    detail("forked_at"),
    remark("REMARK"),
];

const ONE_PEER: &[Column] = &[
    column("peer", "peer"),
    column("alias", "alias"),
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
    column("pinned", "pinned"),
    column("tags", "tags"),
    column("note", "note"),
    column("decision", "decision"),
    column("decided_at", "decided at"),
    column("trust", "trust by command"),
    column("trust_organisation", "organisation"),
    column("trust_until", "trusted until"),
    column("addresses", "addresses to dial"),
    column("announced_alias", "calls itself"),
    column("status", "status"),
    column("status_message", "in its words"),
    column("software", "software"),
    column("network", "network"),
    column("said_at", "said at"),
    column("goodbye", "last goodbye"),
    column("goodbye_at", "at"),
    column("forked_at", "without weight since"),
    remark("because"),
];

/// Which peers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which<'a> {
    All,
    /// Those that wait for a decision.
    Pending,
    One(&'a str),
}

/// Shows them.
///
/// # Errors
/// The database cannot be read, the peer is not known, or its beginning fits several.
pub(super) async fn show(which: Which<'_>, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let database = context.database().await?;
    let view = View::of(&database).await?;
    let peers = match which {
        Which::One(wanted) => vec![find::record(wanted, &database.reader).await?],
        Which::All => database.reader.peers().await?,
        Which::Pending => {
            let mut peers = database.reader.peers().await?;
            peers.retain(|peer| view.is_pending(peer));
            peers
        }
    };
    if !view.running && !peers.is_empty() {
        eprintln!(
            "note: no node is running on {}; this is what it left",
            database.path.display()
        );
    }
    if let ([peer], Which::One(_)) = (peers.as_slice(), which) {
        return view.one(peer, context);
    }
    let mut printer = context.printer(COLUMNS)?;
    for peer in &peers {
        printer.toned(view.tone(peer), view.row(peer))?;
    }
    if printer.end()? == 0 && context.format() == Format::Human {
        let none = match which {
            Which::Pending => "nobody waits for a decision",
            Which::All | Which::One(_) => "no peer is known yet",
        };
        eprintln!("note: {none}");
    }
    Ok(Exit::Ok)
}

/// Its reliability; `None` until its conduct is judged for the first time.
fn judged(peer: &PeerRecord) -> Option<Reliability> {
    (peer.conduct_at > Timestamp::ZERO).then_some(peer.reliability)
}

/// How records are seen now.
pub(super) struct View {
    running: bool,
    now: Timestamp,
    book: AddressBook,
    /// What peers say of themselves; claims.
    said: HashMap<PeerId, PresenceRecord>,
}

impl View {
    /// As the database has it now.
    pub(super) async fn of(database: &Database) -> anyhow::Result<Self> {
        Ok(Self {
            running: database.is_in_use(),
            now: Timestamp::now(),
            book: database.reader.address_book().await?,
            said: database.reader.presences().await?,
        })
    }

    /// One peer with everything there is: below each other for people, a list of one for programs.
    pub(super) fn one(&self, peer: &PeerRecord, context: &mut Context<'_>) -> anyhow::Result<Exit> {
        let mut row = self.row(peer);
        row.pop();
        row.push(self.book.forked(peer.peer).map(|_| FORKED).into());
        if context.format() == Format::Human {
            context.record(ONE_PEER, row)?;
            return Ok(Exit::Ok);
        }
        let mut printer = context.printer(ONE_PEER)?;
        printer.row(row)?;
        printer.end()?;
        Ok(Exit::Ok)
    }

    fn is_pending(&self, peer: &PeerRecord) -> bool {
        let contact = self.book.get(peer.peer);
        contact.and_then(|it| it.decided()) == Some(Decision::Pending)
    }

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
        if self.ban(peer).is_some() || self.book.forked(peer.peer).is_some() {
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

    /// The cells of [`COLUMNS`]; but for the last, those of [`ONE_PEER`].
    fn row(&self, peer: &PeerRecord) -> Vec<Cell> {
        let (reason, next_try) = match &peer.state {
            Reachability::Connected if !self.running => (Some(KILLED.to_owned()), None),
            Reachability::Connected => (None, None),
            Reachability::Retrying { reason, next_try } => (Some(reason.clone()), Some(*next_try)),
            Reachability::Unreachable { reason, next_try } => (Some(reason.clone()), *next_try),
        };
        // Nobody tries while no node runs.
        let next_try = next_try.filter(|_| self.running);
        let ban = self.ban(peer);
        let contact = self.book.get(peer.peer);
        let decision = contact.and_then(|it| it.decision);
        let anchor = contact.and_then(|it| it.anchor.as_ref());
        let addresses = contact.map(|it| it.addresses.iter().map(ToString::to_string).collect());
        let forked_at = self.book.forked(peer.peer);
        let remark = match (ban, &reason, next_try) {
            (Some(ban), ..) => Some(format!("banned {}: {}", ban.end(), ban.reason)),
            _ if forked_at.is_some() => Some("forked: nothing it says counts".into()),
            (None, Some(reason), Some(next)) => Some(format!("{reason}; next try {next}")),
            (None, reason, _) => reason.clone(),
        };
        let said = self.said.get(&peer.peer);
        let told = |what: fn(&PresenceRecord) -> &String| {
            said.map(|it| what(it).clone())
                .filter(|text| !text.is_empty())
        };
        let goodbye = said.and_then(|it| it.goodbye.as_ref());
        vec![
            peer.peer.into(),
            contact.and_then(|it| it.alias.clone()).into(),
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
            contact.is_some_and(|it| it.pinned).into(),
            Cell::Words(contact.map(|it| it.tags.clone()).unwrap_or_default()),
            contact.map(|it| it.note.clone()).into(),
            decision.map(|(it, _)| it.word()).into(),
            decision.map(|(_, at)| at).into(),
            anchor.map(|it| it.trust.get()).into(),
            anchor.and_then(|it| it.organisation.clone()).into(),
            anchor.and_then(|it| it.until).into(),
            Cell::Words(addresses.unwrap_or_default()),
            told(|it| &it.alias).into(),
            said.map(|it| it.status.word()).into(),
            told(|it| &it.message).into(),
            told(|it| &it.software).into(),
            told(|it| &it.network).into(),
            said.map(|it| it.said_at).into(),
            goodbye.map(|(reason, _)| reason.clone()).into(),
            goodbye.map(|(_, at)| *at).into(),
            forked_at.into(),
            remark.into(),
        ]
    }
}
