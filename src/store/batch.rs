//! What the node hands over to be stored, and what it gets back.

use std::net::IpAddr;

use super::{LogFork, LogSegment};
use crate::domain::{
    Ban, Change, Conduct, Contact, Content, Done, Opinion, OwnStatement, Parcel, PeerId,
    Reachability, ReceivedReport, Reliability, Subject, Timestamp, TrustChange,
};

use super::PeerSaying;

/// Everything to be stored in one go: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Accepted reports, in order of acceptance. Saying the same as the author's newest row on the
    /// address within [`super::REPEATS_WITHIN`] refreshes that row instead of adding one, if the row
    /// began late enough.
    pub reports: Vec<Accepted>,
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
    /// What peers said of themselves, in its order.
    pub sayings: Vec<PeerSaying>,
    /// Peers with whom hellos were exchanged.
    pub greeted: Vec<PeerId>,
    /// Bans lifted; done before `bans` are set.
    pub unbanned: Vec<PeerId>,
    /// Bans set; a newer one replaces the older.
    pub bans: Vec<Ban>,
    /// Entries of the address book that are gone; done before `contacts` are written.
    pub forgotten: Vec<PeerId>,
    /// Entries of the address book as they are from now on.
    pub contacts: Vec<Contact>,
    /// Strangers that wait for a decision since then; one about whom something was decided, or who
    /// waits already, is left as it is. Beyond [`crate::domain::MAX_PENDING`] those waiting longest
    /// are forgotten.
    pub parked: Vec<(PeerId, Timestamp)>,
    /// Changes of the trust given by command; each adds to the peer's history.
    pub trust: Vec<TrustChange>,
    /// Peers whose opinions follow the trust given by now.
    pub applied: Vec<PeerId>,
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
    /// So far everything was delivered and can go.
    pub delivered: Option<Done>,
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
            + self.sayings.len()
            + self.greeted.len()
            + self.unbanned.len()
            + self.bans.len()
            + self.forgotten.len()
            + self.contacts.len()
            + self.parked.len()
            + self.trust.len()
            + self.applied.len()
            + self.opinions.len()
            + self.unjudged.len()
            + self.outbox.len()
            + self.segments.len()
            + self.forks.len()
            + usize::from(self.delivered.is_some())
    }

    /// Whether it says something of peers themselves.
    pub(super) fn is_of_peers(&self) -> bool {
        let rest = self.reports.len()
            + self.statements.len()
            + self.opinions.len()
            + self.unjudged.len()
            + self.outbox.len()
            + self.segments.len()
            + self.forks.len()
            + usize::from(self.delivered.is_some());
        self.rows() > rest
    }

    /// Adds what an order changes.
    pub fn take_in(&mut self, change: Change) {
        self.forgotten.extend(change.removed);
        self.contacts.extend(change.contact);
        self.trust.extend(change.trust);
        self.unbanned.extend(change.unbanned);
        self.bans.extend(change.ban);
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }
}

/// A report as it is to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// What was said.
    pub report: ReceivedReport,
    /// As a repetition it may join a row that began at this time or later. Of a row only its
    /// beginning and its end are told again; what a trust model must be told at its own time takes
    /// a row of its own.
    pub joins_since: Timestamp,
}

impl From<ReceivedReport> for Accepted {
    /// May join any row.
    fn from(report: ReceivedReport) -> Self {
        Self {
            report,
            joins_since: Timestamp::from_micros(i64::MIN),
        }
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
