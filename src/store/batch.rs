//! What the node hands over to be stored, and what it gets back.

use std::net::IpAddr;

use super::{LogFork, LogSegment};
use crate::domain::{
    Ban, Conduct, Content, Opinion, OwnStatement, Parcel, ParcelId, PeerId, Reachability,
    ReceivedReport, Reliability, Subject, Timestamp,
};

/// Everything to be stored in one go: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Accepted reports, in order of acceptance. Saying the same as the author's newest row on the
    /// address within [`super::REPEATS_WITHIN`] refreshes that row instead of adding one.
    pub reports: Vec<ReceivedReport>,
    /// What our own Slips said; the same rule.
    pub statements: Vec<OwnStatement>,
    /// Addresses seen; another one than the peer's newest adds to its history.
    pub addresses: Vec<PeerAddress>,
    /// What the trust model was told peers' conduct is worth; each adds to the peer's history.
    pub told: Vec<PeerReliability>,
    /// The newest standing of peers.
    pub conduct: Vec<PeerConduct>,
    /// The newest reachability of peers.
    pub reachability: Vec<PeerReachability>,
    /// Peers with whom hellos were exchanged.
    pub greeted: Vec<PeerId>,
    /// Bans lifted; done before `bans` are set.
    pub unbanned: Vec<PeerId>,
    /// Bans set; a newer one replaces the older.
    pub bans: Vec<Ban>,
    /// The newest opinion of addresses.
    pub opinions: Vec<Opinion>,
    /// Addresses that no longer have one.
    pub unjudged: Vec<Subject>,
    /// What is meant for Slips, in the order it must be delivered in.
    pub outbox: Vec<(Timestamp, Content)>,
    /// Segments of logs, those of one author in their order. One that is known already is left out.
    pub segments: Vec<LogSegment>,
    /// Proofs that authors forked; the first of an author stays.
    pub forks: Vec<LogFork>,
    /// Everything up to here was delivered and can go.
    pub delivered: Option<ParcelId>,
}

impl Batch {
    /// How many rows it may write: what the size of a transaction is counted in.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.reports.len()
            + self.statements.len()
            + self.addresses.len()
            + self.told.len()
            + self.conduct.len()
            + self.reachability.len()
            + self.greeted.len()
            + self.unbanned.len()
            + self.bans.len()
            + self.opinions.len()
            + self.unjudged.len()
            + self.outbox.len()
            + self.segments.len()
            + self.forks.len()
            + usize::from(self.delivered.is_some())
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }
}

/// Where a peer was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// Who.
    pub peer: PeerId,
    /// Its address; stored in canonical form.
    pub ip: IpAddr,
    /// The address in full, for dialling.
    pub multiaddr: String,
    /// When.
    pub seen_at: Timestamp,
}

/// What the trust model was told a peer's conduct is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerReliability {
    /// Whose.
    pub peer: PeerId,
    /// What it is worth.
    pub reliability: Reliability,
    /// Since when.
    pub at: Timestamp,
}

/// How a peer stands by its conduct.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerConduct {
    /// Who.
    pub peer: PeerId,
    /// What its conduct is worth.
    pub reliability: Reliability,
    /// The weight of its good conduct, decayed to `at`; finite, not negative.
    pub good: f64,
    /// The weight of its bad conduct, decayed to `at`; finite, not negative.
    pub bad: f64,
    /// When it was worked out.
    pub at: Timestamp,
    /// What it did last.
    pub last: Option<Conduct>,
}

/// Whether a peer can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerReachability {
    /// Who.
    pub peer: PeerId,
    /// Whether, and if not, why and when it is tried again.
    pub state: Reachability,
    /// Since when.
    pub at: Timestamp,
}

/// What was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// The batch's outbox with the ids it was given, in the same order.
    pub parcels: Vec<Parcel>,
    /// Messages to Slips dropped undelivered since the database was made (too old, too many). When
    /// it grows, Slips may lack what it was told before.
    pub dropped: u64,
}
