//! What the network thinks of an address.

use super::{Confidence, Score, Subject, Timestamp, Trust};

/// The network's opinion of one address at one time. No usable report: no opinion.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// Of which address.
    pub subject: Subject,
    /// How malicious, in 0..=1.
    pub score: Score,
    /// How sure, in 0..=1.
    pub confidence: Confidence,
    /// The mean trust of the reporters whose reports made it, in 0..=1.
    pub network_score: Trust,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// From how many reporters.
    pub reporters: u32,
}

impl Opinion {
    /// Whether it says the same as another, whenever they were computed.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.score == other.score
            && self.confidence == other.confidence
            && self.network_score == other.network_score
    }
}
