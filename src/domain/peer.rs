//! Who: peers in their roles, whom a message is for, and how far a peer is from here.

use std::fmt;

pub use libp2p::PeerId;

use super::Timestamp;

/// The peer that made a statement. Trust is about authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Author(pub PeerId);

/// The directly connected peer that handed something over. Conduct is about neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Neighbour(pub PeerId);

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Whom a message of our Slips is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// Every connected peer: `*` on the channel.
    All,
    /// One peer.
    One(PeerId),
}

/// Whether a peer can be reached now, and if not, why and when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reachability {
    /// A connection is open.
    Connected,
    /// Not connected; dialled again at `next_try`.
    Retrying {
        /// What the last attempt ended with.
        reason: String,
        /// When it is dialled again.
        next_try: Timestamp,
    },
    /// Dialled in vain for long (or no address known); tried more and more rarely, or when it calls.
    Unreachable {
        /// What the last attempt ended with.
        reason: String,
        /// When it is dialled again; `None`: only when it is found or calls.
        next_try: Option<Timestamp>,
    },
}

impl Reachability {
    /// The word for the state: `connected`, `retrying` or `unreachable`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Retrying { .. } => "retrying",
            Self::Unreachable { .. } => "unreachable",
        }
    }
}

/// A peer cut off for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub peer: PeerId,
    /// Since when.
    pub since: Timestamp,
    /// Until when; [`Ban::FOR_EVER`] is for ever.
    pub until: Timestamp,
    /// Why, for people.
    pub reason: String,
}

impl Ban {
    /// An end that is none: the last whole second RFC 3339 has a spelling of in every time zone.
    pub const FOR_EVER: Timestamp = Timestamp::from_micros(253_402_207_200_000_000);

    /// The end in words for people.
    #[must_use]
    pub fn end(&self) -> String {
        if self.until >= Self::FOR_EVER {
            return "for ever".into();
        }
        format!("until {}", self.until)
    }
}
