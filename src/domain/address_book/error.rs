//! Why an order about a peer is refused: each names the value and what to do.

use libp2p::{Multiaddr, PeerId};

use crate::domain::{Timestamp, Unusable};

/// Why an order cannot be carried out; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Somebody else has the name.
    #[error("the alias `{alias}` is that of {peer}; take another, or rename that one")]
    AliasTaken {
        /// The name.
        alias: String,
        /// Whose it is.
        peer: PeerId,
    },
    /// Nothing of it is left after cleaning.
    #[error("the {what} `{text}` has no visible character; write at least one")]
    Empty {
        /// What it was to be.
        what: &'static str,
        /// As it was typed, cleaned for showing.
        text: String,
    },
    /// Longer than it may be.
    #[error(
        "the {what} `{start}...` has {length} characters, and at most {most} are kept; shorten it by {}", length - most
    )]
    TooLong {
        /// What it was to be.
        what: &'static str,
        /// Its beginning, cleaned.
        start: String,
        /// How many characters there are.
        length: usize,
        /// How many there may be.
        most: usize,
    },
    /// It looks like a peer id.
    #[error(
        "the alias `{0}` is a peer id or begins like one, which names a peer already; take another"
    )]
    AliasIsId(String),
    /// Not in the book.
    #[error("{0} is not in the address book; `slips-p2p peers add` puts it there")]
    Unknown(PeerId),
    /// Not banned.
    #[error("{0} is not banned; `slips-p2p peers` shows who is")]
    NotBanned(PeerId),
    /// Not trusted.
    #[error("{0} is not trusted by command; an [[anchor]] is taken out of the configuration")]
    NotTrusted(PeerId),
    /// No trust at all.
    #[error("trust 0 is none; give more than 0, at most 1, or `untrust` it")]
    NoTrust,
    /// The time is over already.
    #[error("it would end at {0}, which is over; give a later end")]
    Over(Timestamp),
    /// The peer is this node.
    #[error("{0} is this node itself; give the peer id of another")]
    Ourselves(PeerId),
    /// Nobody can be reached there.
    #[error("`{address}` {why}; {}", why.remedy())]
    Unusable {
        /// The address.
        address: Multiaddr,
        /// Why not.
        why: Unusable,
    },
    /// Its word is worth nothing, whoever vouches for it.
    #[error(
        "{peer} signed two things as one entry of its log (found {found_at}), so nothing it says counts, and no trust \
         changes that; have its node take a new key, and trust that one (`slips-p2p peers evidence` has the proof)"
    )]
    Forked {
        /// The peer.
        peer: PeerId,
        /// When that was found.
        found_at: Timestamp,
    },
    /// Too much of something.
    #[error("there are {most} {what} already, the most there can be; remove one first")]
    Full {
        /// Of what.
        what: &'static str,
        /// How many there can be.
        most: usize,
    },
}
