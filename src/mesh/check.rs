//! From bytes to a checked segment, and whose fault it is when they are none.

use std::sync::Arc;

use libp2p::identity::{KeyType, PublicKey};

use crate::{
    domain::{Author, Digest, Timestamp, Tip},
    wire::{
        message::{self, Message},
        segment::{self, Entry, Kind, Segment},
    },
};

/// A segment whose signature, chain and contents are good. Whether it continues what is held of the
/// author's log is another matter.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The segment's bytes, exactly as they came.
    pub bytes: Arc<[u8]>,
    /// Its author, the number of the last entry and its digest.
    pub tip: Tip,
    /// The number of the first entry.
    pub first: u64,
    /// The digest of the entry before the first.
    pub previous: Digest,
    /// The digests of the entries.
    pub digests: Vec<Digest>,
    /// What the entries say.
    pub said: Vec<Said>,
}

/// One checked entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its number in the author's log.
    pub seq: u64,
    /// When, by the author's clock: anything.
    pub at: Timestamp,
    /// The message as it came, and what it says; `None` for a kind of entry of a version to come.
    pub message: Option<(String, Message)>,
}

/// Why a segment is not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No segment at all.
    #[error("no segment: {0}")]
    Malformed(#[from] segment::Fault),
    /// The first entry does not follow the genesis of its author in this network.
    #[error("the first entry of {0} does not begin a log of this network")]
    Genesis(Author),
    /// The author did not sign this, or not in this network.
    #[error("the signature is not that of {0} for this network")]
    Signature(Author),
    /// An entry that the author signed is no message for `*`.
    #[error("entry {seq} of {author}: {fault}")]
    Content {
        /// Who signed it.
        author: Author,
        /// Which entry.
        seq: u64,
        /// What is wrong with it.
        fault: Box<ContentFault>,
    },
}

/// What is wrong with the content of an entry.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ContentFault {
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// No message that Slips can digest.
    #[error(transparent)]
    Message(#[from] message::Fault),
    /// Requests are asked of peers, not said to all for ever.
    #[error("a request has no place in a log")]
    Request,
}

/// Who is to blame for a [`Refusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The neighbour alone: it made this up, or took it unchecked.
    Neighbour,
    /// The author, who signed it; and the neighbour, who could see it.
    Both,
}

impl Refusal {
    /// Who is to blame. Nothing is the author's fault without the author's signature.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Malformed(_) | Self::Genesis(_) | Self::Signature(_) => Blame::Neighbour,
            Self::Content { .. } => Blame::Both,
        }
    }
}

/// Checks a segment completely: form, chain, signature, contents. One verification.
///
/// # Errors
/// A [`Refusal`].
pub fn check(network: &str, bytes: &Arc<[u8]>) -> Result<Checked, Refusal> {
    checked(network, &Segment::decode(bytes)?, bytes)
}

/// Checks what was decoded from `bytes`; the form is known to be right.
pub(super) fn checked(
    network: &str,
    segment: &Segment<'_>,
    bytes: &Arc<[u8]>,
) -> Result<Checked, Refusal> {
    let digests = signed(network, segment)?;
    let tip = Tip {
        author: segment.author(),
        seq: segment.last(),
        digest: digests.last().copied().unwrap_or(segment.previous),
    };
    let said = segment.entries.iter().zip(segment.first..);
    let said = said
        .map(|(entry, seq)| {
            let message = content(entry).map_err(|fault| Refusal::Content {
                author: segment.author(),
                seq,
                fault: Box::new(fault),
            })?;
            Ok(Said {
                seq,
                at: entry.at,
                message,
            })
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(Checked {
        bytes: Arc::clone(bytes),
        tip,
        first: segment.first,
        previous: segment.previous,
        digests,
        said,
    })
}

/// Checks chain and signature; gives the entries' digests.
pub(super) fn signed(network: &str, segment: &Segment<'_>) -> Result<Vec<Digest>, Refusal> {
    let author = segment.author();
    if segment.first == 1 && segment.previous != segment::genesis(network, author) {
        return Err(Refusal::Genesis(author));
    }
    let digests = segment.digests();
    let tip = Tip {
        author,
        seq: segment.last(),
        digest: digests.last().copied().unwrap_or(segment.previous),
    };
    if segment.is_signed_for(network, tip) {
        Ok(digests)
    } else {
        Err(Refusal::Signature(author))
    }
}

/// What an entry says; `None` for a kind of a version to come.
///
/// # Errors
/// A [`ContentFault`] for what is no report, blame or "nothing known".
pub fn content(entry: &Entry<'_>) -> Result<Option<(String, Message)>, ContentFault> {
    match entry.kind {
        Kind::Later(_) => Ok(None),
        Kind::Message => {
            let line = str::from_utf8(entry.content).map_err(|_| ContentFault::NotUtf8)?;
            match message::decode(line)? {
                Message::Request { .. } => Err(ContentFault::Request),
                said => Ok(Some((line.into(), said))),
            }
        }
    }
}

/// What one verification costs, in those of Ed25519 (some 50 us). RSA verifies with a small
/// exponent: about as fast at 2048 bits, and growing with the square of the length.
#[must_use]
pub fn cost(key: &PublicKey) -> u64 {
    match key.key_type() {
        KeyType::RSA => {
            let units = key.encode_protobuf().len() as u64 / 256;
            (units * units / 2).max(1)
        }
        _ => 1,
    }
}

impl Checked {
    /// The digest of an entry of the segment, or of the one before its first.
    #[must_use]
    pub fn digest_at(&self, seq: u64) -> Option<Digest> {
        if seq + 1 == self.first {
            return Some(self.previous);
        }
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.digests.get(at).copied()
    }
}

/// The first number at which two segments' entries have different digests: with both signed, their
/// author has two logs. The entry before the first counts, since its digest is signed too.
#[must_use]
pub fn differ_at(one: &Segment<'_>, other: &Segment<'_>) -> Option<u64> {
    if one.author() != other.author() {
        return None;
    }
    let chain = |segment: &Segment<'_>| -> Vec<(u64, Digest)> {
        let digests = std::iter::once(segment.previous).chain(segment.digests());
        (segment.first - 1..).zip(digests).collect()
    };
    let (one, other) = (chain(one), chain(other));
    one.iter()
        .filter(|(seq, _)| *seq > 0)
        .find(|(seq, digest)| other.iter().any(|(n, d)| n == seq && d != digest))
        .map(|(seq, _)| *seq)
}
