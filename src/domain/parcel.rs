//! What is meant for Slips and kept until it is delivered: a row of the outbox.

use super::{Subject, Timestamp};

/// The place of a parcel in the outbox; parcels are delivered in ascending order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParcelId(pub i64);

/// One thing for Slips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Its place in the order, given by the store when it is committed.
    pub id: ParcelId,
    /// When it was made; too old ones are dropped, counted and said.
    pub created_at: Timestamp,
    /// What to deliver.
    pub content: Content,
}

/// What is delivered in order among itself, and beside the other: messages may wait for Slips to listen
/// while opinions go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What is published.
    Messages,
    /// What is written into Slips' database, or taken away there.
    Opinions,
}

/// Some parcels of a lane, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In ascending order.
    pub parcels: Vec<Parcel>,
    /// So far nothing else of the lane was there.
    pub up_to: ParcelId,
    /// Whether nothing of the lane follows for now.
    pub is_all: bool,
}

/// How far the outbox is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Everything up to here is delivered or dropped.
    pub all: ParcelId,
    /// Every opinion up to here is; not behind `all`.
    pub opinions: ParcelId,
}

/// What a parcel carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A message for the `to_slips` channel, without its `version`, which is added on delivery.
    Publish(String),
    /// An opinion (`p2p4slips` as JSON) to be written into Slips' database under the address.
    WriteBack(Subject, String),
    /// An opinion written before is to be taken away: the address must not be judged (any more).
    Withdraw(Subject),
}

impl Content {
    /// Where it goes.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::Publish(_) => Lane::Messages,
            Self::WriteBack(..) | Self::Withdraw(_) => Lane::Opinions,
        }
    }
}
