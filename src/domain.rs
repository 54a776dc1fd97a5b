//! The vocabulary: small checked types every other module speaks in; no IO, no clock but `Timestamp::now`.
//!
//! A value of one of these types has already been checked: a [`Score`] is finite and in range, a
//! [`Subject`] is a canonical address. Rows, wire structs and command-line words are turned into
//! them at the edge, and nothing behind the edge checks again.

mod address_book;
mod conduct;
mod contact;
mod dial;
mod judgement;
mod log;
mod opinion;
mod parcel;
mod peer;
mod plain;
mod presence;
mod report;
mod score;
mod subject;
mod timestamp;

pub use address_book::{
    AddressBook, BookError, Change, MAX_ALIAS, MAX_CONTACTS, MAX_NOTE, MAX_PENDING, MAX_PINNED,
    MAX_TAG, MAX_TAGS,
};
pub use conduct::{Conduct, ConductParseError};
pub use contact::{
    Act, Contact, Decision, DecisionParseError, GivenTrust, Order, TrustChange, ip_of,
};
pub use dial::{Unusable, check_dialable, is_quic, port_and_rest};
pub use judgement::{Judgement, Voice};
pub use log::{Digest, Span, Tip};
pub use opinion::Opinion;
pub use parcel::{Content, Done, Lane, Page, Parcel, ParcelId};
pub use peer::{Author, Ban, Neighbour, PeerId, Reachability, Recipient};
pub use plain::{TooLong, is_plain, plain, plain_whole};
pub use presence::{
    ALIAS_CHARS, FAREWELL_CHARS, Farewell, Hello, MAX_RETRY_AFTER, MESSAGE_CHARS, NAME_CHARS,
    OwnTip, Presence, Status,
};
pub use report::{OwnStatement, ReceivedReport};
pub use score::{Confidence, OutOfRange, Reliability, Score, Trust};
pub use subject::{Subject, SubjectError};
pub use timestamp::Timestamp;
