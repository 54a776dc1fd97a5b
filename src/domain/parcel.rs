//! What is meant for Slips and kept until it is delivered: a row of the outbox.

use super::{Subject, Timestamp};

/// The place of a parcel in the outbox; parcels are delivered in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
