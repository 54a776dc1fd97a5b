//! The engine's words as those of the store and of `incoming`.

use crate::domain::{Author, Digest, Timestamp, Tip};
use crate::mesh::{Arrived, Evidence, Stored};
use crate::node::{Logged, Said};
use crate::store::{LogFork, LogHead, LogSegment};
use crate::wire::segment::Segment;

use std::sync::Arc;

/// Where a log stands.
pub(super) fn stored(head: &LogHead) -> Stored {
    Stored {
        tip: Tip {
            author: Author(head.author),
            seq: head.last,
            digest: head.digest,
        },
        since: head.since,
        until: head.until,
    }
}

/// A segment as it is stored.
pub(super) fn row(
    network: &Arc<str>,
    tip: Tip,
    first: u64,
    bytes: &[u8],
    at: Timestamp,
) -> LogSegment {
    LogSegment {
        network: Arc::clone(network),
        author: tip.author.0,
        first,
        last: tip.seq,
        digest: tip.digest,
        at,
        body: bytes.to_vec(),
    }
}

/// Entries for `incoming`.
pub(super) fn logged(network: &Arc<str>, arrived: Arrived, at: Timestamp) -> Logged {
    let Arrived {
        tip,
        first,
        bytes,
        said,
        heard_from,
        ..
    } = arrived;
    let said = said.into_iter().filter_map(|said| {
        let (text, message) = said.message?;
        let at = said.at;
        Some(Said { at, message, text })
    });
    Logged {
        heard_from,
        said: said.collect(),
        segment: row(network, tip, first, &bytes, at),
    }
}

/// A proof as it is stored; `None` should the segments prove nothing.
pub(super) fn fork(
    network: &Arc<str>,
    evidence: &Evidence,
    found_at: Timestamp,
) -> Option<LogFork> {
    let [one, other] = &evidence.segments;
    let (one_digest, other_digest) = (digest(one, evidence.seq)?, digest(other, evidence.seq)?);
    (one_digest != other_digest).then(|| LogFork {
        network: Arc::clone(network),
        author: evidence.author.0,
        number: evidence.seq,
        one: one_digest,
        other: other_digest,
        found_at,
        one_body: one.to_vec(),
        other_body: other.to_vec(),
    })
}

/// A stored proof as the engine knows it.
pub(super) fn evidence(fork: LogFork) -> Evidence {
    Evidence {
        author: Author(fork.author),
        seq: fork.number,
        segments: [fork.one_body.into(), fork.other_body.into()],
    }
}

/// The digest of an entry of a segment, or of the one before its first.
fn digest(bytes: &[u8], seq: u64) -> Option<Digest> {
    let segment = Segment::decode(bytes).ok()?;
    let at = usize::try_from(seq.checked_sub(segment.first - 1)?).ok()?;
    match at.checked_sub(1) {
        None => Some(segment.previous),
        Some(at) => segment.digests().get(at).copied(),
    }
}
