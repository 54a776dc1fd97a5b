//! Signed logs: segments as they were signed, where each author's log stands, and who forked.
//!
//! This room stores bytes it cannot read; what they mean was checked by whoever hands them over.

mod read;
mod write;

pub(super) use read::{authors, forked, forks, place, segments_after, span};
pub(super) use write::{Heads, STEP_SEGMENTS, forget_forks, forget_heads, prune, write};

use std::sync::Arc;

use crate::domain::{Digest, PeerId, Timestamp};

/// Some consecutive entries of an author under one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSegment {
    /// The network it is for.
    pub network: Arc<str>,
    /// Whose.
    pub author: PeerId,
    /// The number of its first entry, from 1.
    pub first: u64,
    /// The number of its last entry.
    pub last: u64,
    /// The digest after its last entry.
    pub digest: Digest,
    /// When it is stored.
    pub at: Timestamp,
    /// The bytes as they were signed, at most 64 KiB.
    pub body: Vec<u8>,
}

/// Where an author's log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// The network it is for: one key has a log in each.
    pub network: String,
    /// Whose.
    pub author: PeerId,
    /// The number of its last entry.
    pub last: u64,
    /// The digest after it.
    pub digest: Digest,
    /// The first number that is kept.
    pub kept_from: u64,
    /// When the first of the segments kept was stored.
    pub since: Timestamp,
    /// When the last was.
    pub until: Timestamp,
}

/// What is known of one author's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// Where it stands; `None`: nothing of it is here.
    pub head: Option<LogHead>,
    /// Its author signed two things as one entry.
    pub forked: bool,
}

/// An author signed two things as one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFork {
    /// The network it was signed for.
    pub network: Arc<str>,
    /// Who.
    pub author: PeerId,
    /// The number that was given twice.
    pub number: u64,
    /// The digest after that entry in the segment that came first.
    pub one: Digest,
    /// The digest after it in the other.
    pub other: Digest,
    /// When that was found.
    pub found_at: Timestamp,
    /// The segment that came first, as it was signed.
    pub one_body: Vec<u8>,
    /// The other.
    pub other_body: Vec<u8>,
}

/// What was read of a span of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSpan {
    /// The segments that hold the beginning of the span, in order; the first and the last may reach
    /// beyond it. Less than the span when that is larger than was asked for.
    pub segments: Vec<Vec<u8>>,
    /// The first number that is kept of this author; 0 of one of whom nothing ever came.
    pub kept_from: u64,
}

/// A segment as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The network it is for.
    pub network: String,
    /// The number of its first entry.
    pub first: u64,
    /// The number of its last.
    pub last: u64,
    /// The bytes as they were signed.
    pub body: Vec<u8>,
}

/// How much there is of logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Authors.
    pub authors: u64,
    /// Entries kept.
    pub entries: u64,
    /// Segments they are in.
    pub segments: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Authors who forked.
    pub forks: u64,
}
