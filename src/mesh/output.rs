//! What the engine of the mesh wants done.

use std::{fmt, sync::Arc};

use super::check::Said;
use crate::domain::{Author, Conduct, Neighbour, Span, Subject, Tip};

/// Something to do. The owner does these in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a message of `/slips/sync/1`.
    Send {
        /// To whom.
        to: Neighbour,
        /// The word of its type.
        kind: &'static str,
        /// The body of the frame.
        bytes: Arc<[u8]>,
    },
    /// Take entries in: the segment, what it says and what follows from it, in one transaction. Then
    /// call [`super::Mesh::stored`], or [`super::Mesh::not_stored`].
    Store(Arrived),
    /// Read segments; answer with [`super::Mesh::read`]. What `Store`s before it wrote must be seen.
    Read {
        /// Names the answer.
        id: ReadId,
        /// In this order, of each all segments that overlap it, ascending; until `max_bytes` are
        /// exceeded, but at least one segment.
        spans: Vec<Span>,
        /// Where to stop, in bytes.
        max_bytes: usize,
    },
    /// Look up where an author's log stands and whether it forked; answer with
    /// [`super::Mesh::recalled`] (or [`super::Mesh::not_recalled`]). What `Store`s before it wrote must
    /// be seen.
    Recall(Author),
    /// A neighbour behaved in a way that it can be held to.
    Conduct {
        /// Who.
        neighbour: Neighbour,
        /// How.
        conduct: Conduct,
        /// For the log.
        why: String,
    },
    /// An author is proven to have two logs. Keep the evidence; the author loses all weight. The
    /// author may be ourselves.
    Fork(Evidence),
    /// Others had entries of our own author that we lacked; they are stored now, and the own log
    /// goes on after this one ([`super::OwnLog::adopt`]).
    OwnAdvanced(Tip),
    /// A neighbour has looked for us, now, and knows nothing of an address: verified.
    NothingKnown {
        /// Who.
        neighbour: Neighbour,
        /// Of which address.
        subject: Subject,
    },
}

/// Entries to be taken in.
#[derive(Clone, PartialEq)]
pub struct Arrived {
    /// The head of the segment: what to call [`super::Mesh::stored`] with.
    pub tip: Tip,
    /// The number of the segment's first entry. It may be held already: see `said`.
    pub first: u64,
    /// The segment's bytes, to be kept as they are.
    pub bytes: Arc<[u8]>,
    /// The entries that are new.
    pub said: Vec<Said>,
    /// Who handed it over.
    pub heard_from: Neighbour,
    /// Entries before the first of `said` are missing for good: nobody has them any more.
    pub skipped: bool,
}

impl fmt::Debug for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrived")
            .field("tip", &self.tip)
            .field("first", &self.first)
            .field("bytes", &self.bytes.len())
            .field("new", &self.said.len())
            .field("heard_from", &self.heard_from)
            .field("skipped", &self.skipped)
            .finish()
    }
}

/// Proof that an author has two logs: both segments are signed by it, and differ at `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who.
    pub author: Author,
    /// The first number with two entries.
    pub seq: u64,
    /// The segments; the first is the one we had, if we had one.
    pub segments: [Arc<[u8]>; 2],
}

/// Names a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadId(pub u64);

/// The answer to a read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The segments, in the order asked for.
    pub segments: Vec<Vec<u8>>,
    /// Of authors whose early entries are gone: the first entry there is, for each author among the
    /// spans of which something asked for is gone.
    pub pruned: Vec<(Author, u64)>,
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Signatures verified.
    pub verified: u64,
    /// Entries taken that others made.
    pub taken: u64,
    /// Segments that were held already.
    pub repeated: u64,
    /// Segments refused.
    pub refused: u64,
    /// Segments that were not taken for a budget or a bound; they come later.
    pub shed: u64,
    /// Wants sent.
    pub wants: u64,
    /// Wants that were not answered.
    pub broken: u64,
}
