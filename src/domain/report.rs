//! Statements about addresses: what peers say, and what our own Slips says.

use super::{Author, Confidence, Neighbour, Score, Subject, Timestamp};

/// What a peer said of an address, as it was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedReport {
    /// Who says it.
    pub author: Author,
    /// Who handed it over; the author itself on `/slips/1.0`.
    pub heard_from: Neighbour,
    /// About which address.
    pub subject: Subject,
    /// How malicious, in -1..=1.
    pub score: Score,
    /// How sure, in 0..=1.
    pub confidence: Confidence,
    /// When it was received, by this host's clock.
    pub received_at: Timestamp,
}

/// What our own Slips said of an address: its own outgoing report, the only kind of statement
/// that peers cannot have planted.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnStatement {
    /// About which address.
    pub subject: Subject,
    /// How malicious, in -1..=1.
    pub score: Score,
    /// How sure, in 0..=1.
    pub confidence: Confidence,
    /// When it was sent, by this host's clock.
    pub said_at: Timestamp,
}
