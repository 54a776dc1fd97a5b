//! The operator's entry about a peer, and what an operator can order of it.

use std::{fmt, net::IpAddr, str::FromStr};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use super::{Timestamp, Trust};

/// What the operator keeps about a peer.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Whom this is about.
    pub peer: PeerId,
    /// The operator's name for it: unique whatever its capitals, plain text, never empty.
    pub alias: Option<String>,
    /// Why it is kept, in plain text; may be empty.
    pub note: String,
    /// Plain words to sort by, each once.
    pub tags: Vec<String>,
    /// Where it can be dialled, best first, without `/p2p` parts.
    pub addresses: Vec<Multiaddr>,
    /// Whether it is dialled at the start, kept, dialled again, and never counted against limits.
    pub pinned: bool,
    /// What was decided about it as a stranger, and when.
    pub decision: Option<(Decision, Timestamp)>,
    /// How far the operator trusts it.
    pub anchor: Option<GivenTrust>,
    /// When the entry was made.
    pub added_at: Timestamp,
}

impl Contact {
    /// An entry in which nothing stands yet.
    #[must_use]
    pub fn new(peer: PeerId, added_at: Timestamp) -> Self {
        Self {
            peer,
            alias: None,
            note: String::new(),
            tags: Vec::new(),
            addresses: Vec::new(),
            pinned: false,
            decision: None,
            anchor: None,
            added_at,
        }
    }

    /// Where it is, as far as its addresses begin with an IP; nowhere when it was turned away.
    pub fn places(&self) -> impl Iterator<Item = IpAddr> {
        let is_welcome = self.decided() != Some(Decision::Rejected);
        let addresses = self.addresses.iter().filter(move |_| is_welcome);
        addresses.filter_map(ip_of)
    }

    /// What was decided about it, if anything was.
    #[must_use]
    pub fn decided(&self) -> Option<Decision> {
        self.decision.map(|(decision, _)| decision)
    }
}

/// The IP an address begins with, in canonical form; `None`: it begins with a name, say.
#[must_use]
pub fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
        _ => None,
    }
}

/// What was decided about a peer nobody knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing yet: it waits for the operator.
    Pending,
    /// It is welcome.
    Accepted,
    /// It is turned away.
    Rejected,
}

/// A word that names no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no decision; it is pending, accepted or rejected")]
pub struct DecisionParseError(pub String);

impl Decision {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Decision {
    type Err = DecisionParseError;

    fn from_str(word: &str) -> Result<Self, DecisionParseError> {
        [Self::Pending, Self::Accepted, Self::Rejected]
            .into_iter()
            .find(|decision| decision.word() == word)
            .ok_or_else(|| DecisionParseError(word.chars().take(64).collect()))
    }
}

/// Trust an operator gave a peer by command.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenTrust {
    /// How far, above 0.
    pub trust: Trust,
    /// Whose sensor it is, in plain text.
    pub organisation: Option<String>,
    /// From when on it no longer holds; `None`: it holds until it is taken back.
    pub until: Option<Timestamp>,
}

/// A change of the trust an operator gives a peer: what the trust models learn.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustChange {
    /// Whom it is about.
    pub peer: PeerId,
    /// What holds from now on; `None`: nothing.
    pub given: Option<GivenTrust>,
    /// Since when.
    pub since: Timestamp,
}

/// What an operator wants done about a peer.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// About whom.
    pub peer: PeerId,
    /// What.
    pub act: Act,
}

/// What can be done about a peer. Texts are as they were typed; they are cleaned when it is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Makes or completes its entry; what is `None` or empty stays as it was.
    Add {
        /// Where it can be dialled.
        address: Option<Multiaddr>,
        /// Its name.
        alias: Option<String>,
        /// Why it is kept.
        note: Option<String>,
        /// Words to sort by, added to those it has.
        tags: Vec<String>,
        /// Whether it is pinned from now on.
        pin: bool,
    },
    /// Removes its entry with all that stands in it, and takes back the trust given to it.
    Remove,
    /// Gives it another name; `None`: no name.
    Rename(Option<String>),
    /// Dials it now, keeps it, and never counts it against limits.
    Pin,
    /// No longer does so.
    Unpin,
    /// Replaces its note.
    Note(String),
    /// Replaces its tags.
    Tags(Vec<String>),
    /// Cuts it off.
    Ban {
        /// Until when; [`super::Ban::FOR_EVER`] is for ever.
        until: Timestamp,
        /// Why, for people.
        reason: String,
    },
    /// Lets it connect again.
    Unban,
    /// Trusts it from now on.
    Trust(GivenTrust),
    /// Takes that back.
    Untrust,
    /// It is welcome.
    Accept,
    /// It is turned away.
    Reject,
}

impl Act {
    /// The texts in it as they were typed, each with what it is.
    #[must_use]
    pub fn texts(&self) -> Vec<(&'static str, &str)> {
        fn named<'a>(
            what: &'static str,
            text: &'a Option<String>,
        ) -> impl Iterator<Item = (&'static str, &'a str)> {
            text.iter().map(move |text| (what, text.as_str()))
        }
        match self {
            Self::Add {
                alias, note, tags, ..
            } => {
                let tags = tags.iter().map(|tag| ("tag", tag.as_str()));
                let others = named("alias", alias).chain(named("note", note));
                others.chain(tags).collect()
            }
            Self::Rename(alias) => named("alias", alias).collect(),
            Self::Note(note) => vec![("note", note)],
            Self::Tags(tags) => tags.iter().map(|tag| ("tag", tag.as_str())).collect(),
            Self::Ban { reason, .. } => vec![("reason", reason)],
            Self::Trust(given) => named("organisation", &given.organisation).collect(),
            Self::Remove
            | Self::Pin
            | Self::Unpin
            | Self::Unban
            | Self::Untrust
            | Self::Accept
            | Self::Reject => Vec::new(),
        }
    }

    /// The word for it, on the command line and on the control socket.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove => "rm",
            Self::Rename(_) => "rename",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Note(_) => "note",
            Self::Tags(_) => "tags",
            Self::Ban { .. } => "ban",
            Self::Unban => "unban",
            Self::Trust(_) => "trust",
            Self::Untrust => "untrust",
            Self::Accept => "accept",
            Self::Reject => "reject",
        }
    }
}
