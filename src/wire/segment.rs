//! Segments: consecutive entries of one author's log under one signature, as bytes.
//!
//! ```text
//! 1 byte    version, 1
//! 2 bytes   length of the author's public key, then the key as libp2p encodes it (protobuf)
//! 8 bytes   number of the first entry, from 1
//! 32 bytes  digest of the entry before it
//! 1 byte    how many entries, 1 to 64
//!           of each: 8 bytes time (microseconds since 1970), 1 byte kind, 2 bytes length, bytes
//! 2 bytes   length of the signature, then the signature
//! ```
//!
//! Numbers are big-endian; nothing may follow. There is exactly one encoding of a segment: whatever
//! [`Segment::decode`] takes, [`encode`] gives back byte for byte.
//!
//! ```text
//! genesis      g  = SHA-256("slips-p2p log genesis 1\0" || length of network || network || author)
//! first entry  h1 = SHA-256("slips-p2p log entry 1\0" || g || 1 || time || kind || length || bytes)
//! entry i      hi = SHA-256("slips-p2p log entry 1\0" || h(i-1) || i || time || kind || length || bytes)
//! signed           "slips-p2p log head 1\0" || g || number of the last entry || its digest
//! ```
//!
//! The genesis names the network and the author, and is signed with every head: one key in two
//! networks has two logs that cannot be taken for a fork, and no part of one passes in the other.
//! The prefix makes sure that what is signed here is never signed for another purpose.

use libp2p::identity::PublicKey;
use sha2::{Digest as _, Sha256};

use crate::domain::{Author, Digest, Timestamp, Tip};

/// The most entries under one signature.
pub const MAX_ENTRIES: usize = 64;
/// The longest segment, in bytes: two of them, the evidence of a fork, fit as base64 into one
/// message of [`super::sync`].
pub const MAX_BYTES: usize = 24_000;
/// The longest content of an entry, in bytes: the longest message between sensors.
pub const MAX_CONTENT_BYTES: usize = super::message::MAX_MESSAGE_CHARS;
/// The highest number of an entry: exact in JSON, out of reach of an honest log.
pub const MAX_SEQ: u64 = (1 << 53) - 1;
/// The longest name of a network, in bytes, as the config allows it.
pub const MAX_NETWORK_BYTES: usize = 255;

const VERSION: u8 = 1;
/// An RSA key of 8192 bits, the largest that is verified, takes about 1,070 bytes.
const MAX_KEY_BYTES: usize = 1200;
/// The signature of an RSA key of 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;
/// Everything of a segment but keys, contents and signature.
const FIXED_BYTES: usize = 1 + 2 + 8 + 32 + 1 + 2;
/// Everything of an entry but its content.
const ENTRY_BYTES: usize = 8 + 1 + 2;

const GENESIS_PREFIX: &[u8] = b"slips-p2p log genesis 1\0";
const ENTRY_PREFIX: &[u8] = b"slips-p2p log entry 1\0";
const HEAD_PREFIX: &[u8] = b"slips-p2p log head 1\0";

/// What an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A message between sensors, as [`super::message`] reads it. On the wire: 1.
    Message,
    /// Something of a version to come (2 to 255): kept and handed on, not judged.
    Later(u8),
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => None,
            1 => Some(Self::Message),
            later => Some(Self::Later(later)),
        }
    }

    /// The byte on the wire.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Message => 1,
            Self::Later(byte) => byte,
        }
    }
}

/// One entry of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// When the author made it, by the author's clock.
    pub at: Timestamp,
    /// What it holds.
    pub kind: Kind,
    /// The exact bytes, 1 to [`MAX_CONTENT_BYTES`].
    pub content: &'a [u8],
}

impl Entry<'_> {
    /// How many bytes of a segment the entry takes.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        ENTRY_BYTES + self.content.len()
    }

    /// The entry's digest, in the place of number `seq` after the entry with digest `previous`.
    #[must_use]
    pub fn digest(&self, previous: Digest, seq: u64) -> Digest {
        let length = u16::try_from(self.content.len()).unwrap_or(u16::MAX);
        let mut hash = Sha256::new();
        hash.update(ENTRY_PREFIX);
        hash.update(previous.0);
        hash.update(seq.to_be_bytes());
        hash.update(self.at.as_micros().to_be_bytes());
        hash.update([self.kind.byte()]);
        hash.update(length.to_be_bytes());
        hash.update(self.content);
        Digest(hash.finalize().into())
    }
}

/// The digest that stands before the first entry of an author's log in a network.
#[must_use]
pub fn genesis(network: &str, author: Author) -> Digest {
    let name = network.as_bytes();
    let name = &name[..name.len().min(MAX_NETWORK_BYTES)];
    let mut hash = Sha256::new();
    hash.update(GENESIS_PREFIX);
    hash.update([u8::try_from(name.len()).unwrap_or(u8::MAX)]);
    hash.update(name);
    hash.update(author.0.to_bytes());
    Digest(hash.finalize().into())
}

/// The bytes an author signs for the head of its log.
#[must_use]
pub fn head(network: &str, tip: Tip) -> Vec<u8> {
    let mut bytes = HEAD_PREFIX.to_vec();
    bytes.extend_from_slice(&genesis(network, tip.author).0);
    bytes.extend_from_slice(&tip.seq.to_be_bytes());
    bytes.extend_from_slice(&tip.digest.0);
    bytes
}

/// Why bytes are no segment. All of it any neighbour can see for itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Over [`MAX_BYTES`].
    #[error("a segment of {0} bytes; at most {MAX_BYTES} are read")]
    TooLong(usize),
    /// Ends inside a field.
    #[error("ends inside {0}")]
    EndsEarly(&'static str),
    /// Bytes after the signature.
    #[error("{0} bytes too many")]
    TooMuch(usize),
    /// Of another version.
    #[error("version {0} is not {VERSION}")]
    Version(u8),
    /// No public key of a kind we verify, or not in its one encoding.
    #[error("the author's key of {0} bytes is none we know, or is encoded in another way")]
    Key(usize),
    /// The first number is 0, or the last is over [`MAX_SEQ`].
    #[error("entries from number {first}: numbers go from 1 to {MAX_SEQ}")]
    Number {
        /// The first entry's.
        first: u64,
    },
    /// No entries, or over [`MAX_ENTRIES`].
    #[error("{0} entries; a segment has 1 to {MAX_ENTRIES}")]
    Count(u8),
    /// A kind of entry that cannot be.
    #[error("an entry of kind 0")]
    Kind,
    /// An entry without content, or over [`MAX_CONTENT_BYTES`].
    #[error("an entry of {0} bytes; it has 1 to {MAX_CONTENT_BYTES}")]
    Content(usize),
    /// A signature of no length, or a length that no key gives.
    #[error("a signature of {0} bytes")]
    Signature(usize),
}

/// A segment in its right form; whether its signature is good only [`Segment::is_signed_for`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    key: PublicKey,
    author: Author,
    /// The number of the first entry, from 1.
    pub first: u64,
    /// The digest of the entry before; the author's [`genesis`] when `first` is 1.
    pub previous: Digest,
    /// 1 to [`MAX_ENTRIES`].
    pub entries: Vec<Entry<'a>>,
    /// As it stands there, good or bad.
    pub signature: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads a segment. Cheap: nothing is hashed or verified.
    ///
    /// # Errors
    /// A [`Fault`] for everything that [`encode`] would not have written.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        if bytes.len() > MAX_BYTES {
            return Err(Fault::TooLong(bytes.len()));
        }
        let mut rest = Rest(bytes);
        let [version] = rest.array("the version")?;
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let key_bytes = rest.counted("the author's key")?;
        let key = public_key(key_bytes).ok_or(Fault::Key(key_bytes.len()))?;
        let author = Author(key.to_peer_id());
        let first = u64::from_be_bytes(rest.array("the first number")?);
        let previous = Digest(rest.array("the digest before")?);
        let [count] = rest.array("the count")?;
        if count == 0 || usize::from(count) > MAX_ENTRIES {
            return Err(Fault::Count(count));
        }
        if first == 0 || first > MAX_SEQ - u64::from(count - 1) {
            return Err(Fault::Number { first });
        }
        let entries = (0..count)
            .map(|_| rest.entry())
            .collect::<Result<Vec<_>, _>>()?;
        let signature = rest.counted("the signature")?;
        if signature.is_empty() || signature.len() > MAX_SIGNATURE_BYTES {
            return Err(Fault::Signature(signature.len()));
        }
        if rest.0.is_empty() {
            Ok(Self {
                key,
                author,
                first,
                previous,
                entries,
                signature,
            })
        } else {
            Err(Fault::TooMuch(rest.0.len()))
        }
    }

    /// Whose entries.
    #[must_use]
    pub fn author(&self) -> Author {
        self.author
    }

    /// The author's key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The number of the last entry.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// The entries' digests, in their order.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        let mut previous = self.previous;
        let numbered = self.entries.iter().zip(self.first..);
        numbered
            .map(|(entry, seq)| {
                previous = entry.digest(previous, seq);
                previous
            })
            .collect()
    }

    /// The head that the signature is for: the last entry's number and digest.
    #[must_use]
    pub fn tip(&self) -> Tip {
        let digest = self.digests().pop().unwrap_or(self.previous);
        Tip {
            author: self.author,
            seq: self.last(),
            digest,
        }
    }

    /// Whether the author signed `tip` in `network` with this segment's signature. `tip` is what
    /// [`Segment::tip`] gives; it is an argument so that its digest is computed once.
    #[must_use]
    pub fn is_signed_for(&self, network: &str, tip: Tip) -> bool {
        tip.author == self.author && self.key.verify(&head(network, tip), self.signature)
    }
}

/// Writes a segment.
///
/// # Errors
/// What [`Segment::decode`] would say of it.
pub fn encode(
    key: &PublicKey,
    first: u64,
    previous: Digest,
    entries: &[Entry<'_>],
    signature: &[u8],
) -> Result<Vec<u8>, Fault> {
    let key = key.encode_protobuf();
    let mut bytes = Vec::with_capacity(encoded_bytes(&key, entries, signature.len()));
    bytes.push(VERSION);
    push_counted(&mut bytes, &key, Fault::Key)?;
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(&previous.0);
    bytes.push(u8::try_from(entries.len()).unwrap_or(u8::MAX));
    for entry in entries {
        bytes.extend_from_slice(&entry.at.as_micros().to_be_bytes());
        bytes.push(entry.kind.byte());
        push_counted(&mut bytes, entry.content, Fault::Content)?;
    }
    push_counted(&mut bytes, signature, Fault::Signature)?;
    Segment::decode(&bytes)?;
    Ok(bytes)
}

/// How many bytes a segment of these entries takes, with a signature of so many bytes.
#[must_use]
pub fn encoded_bytes(key: &[u8], entries: &[Entry<'_>], signature: usize) -> usize {
    let contents: usize = entries.iter().map(Entry::encoded_bytes).sum();
    FIXED_BYTES + key.len() + contents + signature
}

/// The key, when the bytes are its one encoding.
fn public_key(bytes: &[u8]) -> Option<PublicKey> {
    if bytes.len() > MAX_KEY_BYTES {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(bytes).ok()?;
    (key.encode_protobuf() == bytes).then_some(key)
}

fn push_counted(
    bytes: &mut Vec<u8>,
    part: &[u8],
    fault: impl FnOnce(usize) -> Fault,
) -> Result<(), Fault> {
    let length = u16::try_from(part.len()).map_err(|_| fault(part.len()))?;
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(part);
    Ok(())
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Fault::EndsEarly(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn counted(&mut self, what: &'static str) -> Result<&'a [u8], Fault> {
        let length = usize::from(u16::from_be_bytes(self.array(what)?));
        let taken = self.0.get(..length).ok_or(Fault::EndsEarly(what))?;
        self.0 = &self.0[length..];
        Ok(taken)
    }

    fn entry(&mut self) -> Result<Entry<'a>, Fault> {
        let at = i64::from_be_bytes(self.array("an entry's time")?);
        let [kind] = self.array("an entry's kind")?;
        let kind = Kind::from_byte(kind).ok_or(Fault::Kind)?;
        let content = self.counted("an entry")?;
        if content.is_empty() || content.len() > MAX_CONTENT_BYTES {
            return Err(Fault::Content(content.len()));
        }
        Ok(Entry {
            at: Timestamp::from_micros(at),
            kind,
            content,
        })
    }
}

#[cfg(test)]
mod tests;
