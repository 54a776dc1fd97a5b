//! One node: its engine, its log, its disk, and what it refuses.

use std::{collections::BTreeMap, sync::Arc};

use libp2p::identity::Keypair;
use sha2::{Digest as _, Sha256};

use super::{
    disk::{Disk, Kept},
    plan::Refusal,
    queue::Works,
    world::Failure,
};
use crate::{
    domain::{Author, Confidence, Neighbour, PeerId, Score, Subject, Timestamp, Tip},
    mesh::{Mesh, OwnLog, Settings, Start, Stored, Unsent},
    wire::{
        message,
        segment::Segment,
        sync::{self, Message},
    },
};

/// The network's name.
pub const NETWORK: &str = "slips";

/// The key of a node.
///
/// # Errors
/// Never with 32 bytes.
pub fn key(seed: u64, node: usize) -> Result<Keypair, Failure> {
    let secret: [u8; 32] = Sha256::new()
        .chain_update(b"slips-p2p simulated node\0")
        .chain_update(seed.to_be_bytes())
        .chain_update((node as u64).to_be_bytes())
        .finalize()
        .into();
    Keypair::ed25519_from_bytes(secret).map_err(|error| Failure::Key(error.to_string()))
}

/// A report as Slips writes it, about the address of this number.
pub fn line(number: u64) -> String {
    let [_, a, b, c] = u32::try_from(number % (1 << 24)).unwrap_or(0).to_be_bytes();
    let subject = Subject::from_ip(std::net::IpAddr::from([10, a, b, c]));
    // Both are in range; nothing known stands for what is not.
    match (Score::new(0.75), Confidence::new(0.5)) {
        (Ok(score), Ok(confidence)) => message::encode_report(subject, score, confidence),
        _ => String::new(),
    }
}

/// How a log stands whose past is of no consequence here.
pub fn stored(tip: Tip, now: Timestamp) -> Stored {
    Stored {
        tip,
        since: now,
        until: now,
    }
}

/// Bytes and messages a node sent, frames included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages.
    pub messages: u64,
    /// All bytes.
    pub bytes: u64,
    /// Those of messages with entries.
    pub segments: u64,
    /// Those of messages that tell tips.
    pub tips: u64,
}

impl Traffic {
    /// One more message of this kind.
    pub fn add(&mut self, kind: &str, bytes: usize) {
        let bytes = bytes as u64;
        self.messages += 1;
        self.bytes += bytes;
        match kind {
            "segments" => self.segments += bytes,
            "tips" => self.tips += bytes,
            _ => {}
        }
    }

    /// What another sent as well.
    pub fn merge(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.segments += other.segments;
        self.tips += other.tips;
    }
}

/// A node that speaks sync.
#[derive(Debug)]
pub struct Person {
    pub me: Author,
    pub mesh: Mesh,
    pub log: OwnLog,
    pub disk: Disk,
    pub works: Works,
    /// How it refuses to forward, if it does.
    pub refusal: Option<Refusal>,
    /// The link to each neighbour.
    pub ways: BTreeMap<PeerId, usize>,
    /// The links to pigeons.
    pub pigeons: Vec<usize>,
    /// Said by its Slips, not signed yet: reports by their numbers.
    pub waiting: Vec<(Timestamp, usize)>,
    /// Signed and being stored, with the reports in it.
    pub storing: Option<(Unsent, Vec<usize>)>,
    /// When it is to be woken.
    pub wake: Option<Timestamp>,
    pub sent: Traffic,
}

impl Person {
    /// A node with what is on its disk.
    ///
    /// # Errors
    /// A key that cannot sign.
    pub fn new(
        key: Keypair,
        seed: u64,
        refusal: Option<Refusal>,
        (disk, tips): (Disk, Vec<Tip>),
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let me = Author(key.public().to_peer_id());
        let start = Start {
            me,
            network: NETWORK.into(),
            seed,
            logs: tips.into_iter().map(|tip| stored(tip, now)).collect(),
            forks: Vec::new(),
            settings: Settings::default(),
        };
        Ok(Self {
            me,
            mesh: Mesh::new(start, now),
            log: OwnLog::new(key, NETWORK, disk.tip(me))?,
            disk,
            works: Works::new(),
            refusal,
            ways: BTreeMap::new(),
            pigeons: Vec::new(),
            waiting: Vec::new(),
            storing: None,
            wake: None,
            sent: Traffic::default(),
        })
    }

    /// How it is known to its neighbours.
    pub fn name(&self) -> Neighbour {
        Neighbour(self.me.0)
    }

    /// Signs what waits, if nothing signed is still being stored; whether something was signed.
    ///
    /// # Errors
    /// A key that cannot sign.
    pub fn sign(&mut self) -> Result<bool, Failure> {
        if self.waiting.is_empty() || self.storing.is_some() || self.mesh.own_behind() {
            return Ok(false);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let said: Vec<_> = waiting
            .iter()
            .map(|(at, report)| (*at, line(*report as u64)))
            .collect();
        let unsent = self.log.append(&said)?;
        let reports = waiting.into_iter().map(|(_, report)| report).collect();
        self.storing = Some((unsent, reports));
        Ok(true)
    }

    /// What was signed is stored: it goes to all. Gives the number of the first entry, and the
    /// reports in it.
    pub fn signed(&mut self, now: Timestamp) -> Option<(u64, Vec<usize>)> {
        let (unsent, reports) = self.storing.take()?;
        let mut from = None;
        for (bytes, first, tip) in unsent.segments() {
            from.get_or_insert(first);
            let bytes = bytes.into();
            self.disk.add(Kept { first, tip, bytes });
        }
        let own = self.log.persisted(unsent);
        self.mesh.appended(own, now);
        Some((from?, reports))
    }

    /// What leaves the node of a message that its engine sends; nothing where it refuses.
    pub fn lets_out(&self, bytes: Arc<[u8]>) -> Option<Arc<[u8]>> {
        let Some(refusal) = self.refusal else {
            return Some(bytes);
        };
        let Ok(mut message) = sync::decode(&bytes) else {
            return Some(bytes);
        };
        let own = |bytes: &[u8]| Segment::decode(bytes).is_ok_and(|s| s.author() == self.me);
        match (&mut message, refusal) {
            (Message::Segments { segments, .. }, _) => {
                segments.retain(|segment| own(segment));
                if segments.is_empty() {
                    return None;
                }
            }
            (Message::Tips { tips, fresh }, Refusal::Silent) => {
                tips.retain(|tip| tip.author == self.me);
                if tips.is_empty() && *fresh {
                    return None;
                }
            }
            (Message::Done { .. } | Message::Pruned { .. }, Refusal::Promising) => return None,
            _ => return Some(bytes),
        }
        Some(message.encode().into())
    }
}
