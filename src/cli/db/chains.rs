//! Whether the signed logs of a database hold: every signature, and every chain up to its head.

use std::collections::HashMap;

use crate::{
    domain::{Author, Digest, PeerId},
    store::{LogHead, LogRow, Reader, StoreError},
    wire::segment::{self, Segment},
};

/// Where a log stands as far as it was read: the number and the digest of its last entry.
type Ends = HashMap<(String, PeerId), (u64, Digest)>;

/// What is wrong with the logs, a sentence each.
///
/// # Errors
/// What the database says.
pub(super) async fn faults(reader: &Reader) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    let mut ends = Ends::new();
    reader
        .segments(|author, row| {
            if let Err(why) = follow(&mut ends, author, &row) {
                let LogRow {
                    network,
                    first,
                    last,
                    ..
                } = row;
                faults.push(format!(
                    "entries {first} to {last} of the log of {author} in the network {network}: {why}"
                ));
            }
        })
        .await?;
    for head in reader.logs().await? {
        faults.extend(ends_elsewhere(&ends, head));
    }
    Ok(faults)
}

/// Checks a segment and that it follows the one before.
fn follow(ends: &mut Ends, author: PeerId, row: &LogRow) -> Result<(), String> {
    let segment = Segment::decode(&row.body).map_err(|fault| fault.to_string())?;
    let tip = segment.tip();
    let place = (row.network.clone(), author);
    let before = ends.insert(place, (tip.seq, tip.digest));
    if segment.author() != Author(author) {
        return Err(format!("they are of {}", segment.author()));
    }
    if (segment.first, segment.last()) != (row.first, row.last) {
        return Err(format!("they are {} to {}", segment.first, segment.last()));
    }
    if !segment.is_signed_for(&row.network, tip) {
        return Err("the author has not signed them".into());
    }
    let before = match before {
        None if segment.first == 1 => Some((0, segment::genesis(&row.network, Author(author)))),
        before => before,
    };
    match before {
        Some((last, _)) if segment.first > last + 1 => Err(format!(
            "entries {} to {} are missing",
            last + 1,
            segment.first - 1
        )),
        Some((last, digest)) if segment.first == last + 1 && segment.previous != digest => {
            Err("they do not follow the entry before them".into())
        }
        _ => Ok(()),
    }
}

/// The head a node goes on from must be the end of what it keeps.
fn ends_elsewhere(ends: &Ends, head: LogHead) -> Option<String> {
    let LogHead {
        network,
        author,
        last,
        digest,
        ..
    } = head;
    let end = ends.get(&(network.clone(), author));
    (end != Some(&(last, digest))).then(|| {
        format!("the log of {author} in the network {network} does not end with its entry {last}")
    })
}
