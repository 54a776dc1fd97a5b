//! "Looked, know nothing": a signed answer to one asker about one address at one time.
//!
//! ```text
//! 1 byte   version, 1
//! 2 bytes  length of the answerer's public key, then the key as libp2p encodes it
//! 2 bytes  length of the asker's peer id, then the id
//! 1 byte   length of the address, then the address in its canonical spelling
//! 8 bytes  when, microseconds since 1970
//! 2 bytes  length of the signature, then the signature
//! ```
//!
//! Signed is `"slips-p2p nothing known 1\0"`, the network's name with its length, and everything
//! before the signature's length: it counts for nobody else, nothing else, in no other network,
//! and can never be taken for the head of a log.

use std::str;

use libp2p::identity::PublicKey;

use crate::domain::{Author, PeerId, Subject, Timestamp};

/// The longest statement, in bytes: keys and signatures of RSA-8192.
pub const MAX_BYTES: usize = 2400;

const VERSION: u8 = 1;
const PREFIX: &[u8] = b"slips-p2p nothing known 1\0";
/// An IPv6 address has at most 45 characters.
const MAX_SUBJECT_BYTES: usize = 45;

/// Somebody looked and knows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingKnown {
    /// Who looked.
    pub author: Author,
    /// For whom; to anybody else it says nothing.
    pub asker: PeerId,
    /// About which address.
    pub subject: Subject,
    /// When, by the author's clock.
    pub at: Timestamp,
}

/// Why bytes are no such statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not the one form a statement has.
    #[error("not a statement of version {VERSION}: {0}")]
    Malformed(&'static str),
    /// Signed by another key, for another network, or not at all.
    #[error("the signature is not the author's for this network")]
    Signature,
}

/// The bytes before the signature; see [`signed`].
#[must_use]
pub fn body(key: &PublicKey, asker: PeerId, subject: Subject, at: Timestamp) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for part in [key.encode_protobuf(), asker.to_bytes()] {
        // Keys and ids of the kinds there are have at most some 1,100 bytes.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&part);
    }
    let subject = subject.to_string();
    bytes.push(u8::try_from(subject.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(subject.as_bytes());
    bytes.extend_from_slice(&at.as_micros().to_be_bytes());
    bytes
}

/// What is signed of a body.
#[must_use]
pub fn signed(network: &str, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(network.len()).unwrap_or(u32::MAX);
    [PREFIX, &length.to_be_bytes(), network.as_bytes(), body].concat()
}

/// The whole statement: a body and its signature.
#[must_use]
pub fn encode(mut body: Vec<u8>, signature: &[u8]) -> Vec<u8> {
    let length = u16::try_from(signature.len()).unwrap_or(u16::MAX);
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(signature);
    body
}

/// Reads a statement and verifies its signature (one verification).
///
/// # Errors
/// A [`Fault`]; there is exactly one encoding of a statement.
pub fn decode(network: &str, bytes: &[u8]) -> Result<NothingKnown, Fault> {
    if bytes.len() > MAX_BYTES {
        return Err(Fault::Malformed("too long"));
    }
    let mut rest = bytes;
    let version = take(&mut rest, 1)?;
    if version != [VERSION] {
        return Err(Fault::Malformed("another version"));
    }
    let key = PublicKey::try_decode_protobuf(counted(&mut rest)?)
        .map_err(|_| Fault::Malformed("no key"))?;
    let asker =
        PeerId::from_bytes(counted(&mut rest)?).map_err(|_| Fault::Malformed("no peer id"))?;
    let length = take(&mut rest, 1)?[0];
    if usize::from(length) > MAX_SUBJECT_BYTES {
        return Err(Fault::Malformed("no address"));
    }
    let subject: Subject = str::from_utf8(take(&mut rest, usize::from(length))?)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(Fault::Malformed("no address"))?;
    let mut micros = [0; 8];
    micros.copy_from_slice(take(&mut rest, 8)?);
    let at = Timestamp::from_micros(i64::from_be_bytes(micros));
    let given = &bytes[..bytes.len() - rest.len()];
    let signature = counted(&mut rest)?;
    if !rest.is_empty() || body(&key, asker, subject, at) != given {
        return Err(Fault::Malformed("written in another way"));
    }
    if !key.verify(&signed(network, given), signature) {
        return Err(Fault::Signature);
    }
    Ok(NothingKnown {
        author: Author(key.to_peer_id()),
        asker,
        subject,
        at,
    })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Fault> {
    let taken = rest.get(..length).ok_or(Fault::Malformed("ends early"))?;
    *rest = &rest[length..];
    Ok(taken)
}

fn counted<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let length = take(rest, 2)?;
    take(rest, usize::from(length[0]) << 8 | usize::from(length[1]))
}

#[cfg(test)]
#[path = "segment/statement_tests.rs"]
mod tests;
