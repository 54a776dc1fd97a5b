//! Signed logs: where an author's log stands, and which stretch of one is meant.

use std::fmt;

use super::Author;

/// The SHA-256 of an entry and of everything before it in its author's log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The last entry somebody has of an author's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tip {
    /// Whose log.
    pub author: Author,
    /// The entry's number; the first entry of a log has 1.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
}

/// Consecutive entries of one author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Whose log.
    pub author: Author,
    /// The first entry meant, from 1.
    pub from: u64,
    /// The last entry meant; not before `from`.
    pub to: u64,
}

impl Span {
    /// How many entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        (self.to + 1).saturating_sub(self.from)
    }
}
