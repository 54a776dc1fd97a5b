//! The own log: what this node says is numbered, chained and signed; never two things with one number.
//!
//! A crash between signing and storing must not make us sign the same number twice and send both. So
//! what is appended comes as an [`Unsent`], from which nothing can be sent: it must be stored, and
//! [`OwnLog::persisted`] turns it into [`Own`] segments, the only thing [`super::Mesh::appended`]
//! takes. What was signed and never stored was never sent; its numbers are used again.

use std::sync::Arc;

use libp2p::identity::Keypair;

use super::check;
use crate::{
    domain::{Author, PeerId, Subject, Timestamp, Tip},
    wire::{
        nothing_known,
        segment::{self, Entry, Kind},
    },
};

/// Signs and numbers what this node says.
#[derive(Debug)]
pub struct OwnLog {
    key: Keypair,
    network: String,
    author: Author,
    /// The last entry stored; number 0 is the genesis.
    head: Tip,
    signature_bytes: usize,
    /// Something appended is being stored.
    pending: bool,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// What was appended before was neither stored nor given up.
    #[error(
        "the log has unsaved entries: call `persisted`, or make the log anew from the stored head"
    )]
    Pending,
    /// Nothing to append.
    #[error("no messages to append")]
    Empty,
    /// A message no neighbour would take.
    #[error("message {at} is none that others take: {fault}")]
    NotAMessage {
        /// Its place among those given.
        at: usize,
        /// What is wrong.
        fault: String,
    },
    /// The number would be over [`segment::MAX_SEQ`].
    #[error("the log is full")]
    Full,
    /// The key cannot sign.
    #[error("cannot sign: {0}")]
    Signing(String),
}

/// Signed segments that are not stored: nothing of them may leave this host.
#[must_use = "store it, then call `OwnLog::persisted`"]
#[derive(Debug)]
pub struct Unsent {
    segments: Vec<Own>,
}

/// A segment of the own log that is stored, and may be sent.
#[derive(Debug)]
pub struct Own {
    pub(super) bytes: Arc<[u8]>,
    pub(super) first: u64,
    pub(super) tip: Tip,
}

impl Unsent {
    /// What must be on disk, all of it in one transaction: bytes, first number and head of each
    /// segment.
    pub fn segments(&self) -> impl Iterator<Item = (&[u8], u64, Tip)> {
        self.segments
            .iter()
            .map(|own| (&*own.bytes, own.first, own.tip))
    }

    /// The head once all are stored.
    #[must_use]
    pub fn tip(&self) -> Option<Tip> {
        self.segments.last().map(|own| own.tip)
    }
}

impl OwnLog {
    /// Goes on after the head that is stored; `None` begins a log. A log must be made anew from the
    /// stored head whenever it is not known whether an [`Unsent`] was stored.
    ///
    /// # Errors
    /// [`AppendError::Signing`] when the key cannot sign.
    pub fn new(key: Keypair, network: &str, head: Option<Tip>) -> Result<Self, AppendError> {
        let author = Author(key.public().to_peer_id());
        let trial = key
            .sign(b"slips-p2p trial\0")
            .map_err(|error| AppendError::Signing(error.to_string()))?;
        Ok(Self {
            author,
            network: network.into(),
            head: head.unwrap_or(Tip {
                author,
                seq: 0,
                digest: segment::genesis(network, author),
            }),
            signature_bytes: trial.len(),
            key,
            pending: false,
        })
    }

    /// Who we are.
    #[must_use]
    pub fn author(&self) -> Author {
        self.author
    }

    /// The last entry stored; `None` when the log is empty.
    #[must_use]
    pub fn head(&self) -> Option<Tip> {
        (self.head.seq > 0).then_some(self.head)
    }

    /// Signs messages, each the base64 line that Slips sent, with the time it was said. They fill as
    /// few segments as they fit into.
    ///
    /// # Errors
    /// An [`AppendError`]; then the log is as before.
    pub fn append<M: AsRef<[u8]>>(
        &mut self,
        messages: &[(Timestamp, M)],
    ) -> Result<Unsent, AppendError> {
        if self.pending {
            return Err(AppendError::Pending);
        }
        if messages.is_empty() {
            return Err(AppendError::Empty);
        }
        if messages.len() as u64 > segment::MAX_SEQ - self.head.seq {
            return Err(AppendError::Full);
        }
        let mut entries = Vec::with_capacity(messages.len());
        for (at, (time, message)) in messages.iter().enumerate() {
            let entry = Entry {
                at: *time,
                kind: Kind::Message,
                content: message.as_ref(),
            };
            check::content(&entry).map_err(|fault| AppendError::NotAMessage {
                at,
                fault: fault.to_string(),
            })?;
            entries.push(entry);
        }
        let mut segments = Vec::new();
        let mut head = self.head;
        let mut rest = entries.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(self.fitting(rest));
            let own = self.sign(head, now)?;
            head = own.tip;
            segments.push(own);
            rest = later;
        }
        self.pending = true;
        Ok(Unsent { segments })
    }

    /// Tells that all of it is on disk; gives what may now be sent.
    #[must_use]
    pub fn persisted(&mut self, unsent: Unsent) -> Vec<Own> {
        if let Some(tip) = unsent.tip() {
            self.head = tip;
        }
        self.pending = false;
        unsent.segments
    }

    /// Tells that it certainly is not on disk and never will be; its numbers are used again.
    pub fn given_up(&mut self, unsent: Unsent) {
        drop(unsent);
        self.pending = false;
    }

    /// Goes on after own entries that others had and that now are stored here as well; see
    /// [`super::Output::OwnAdvanced`].
    pub fn adopt(&mut self, tip: Tip) {
        if tip.author == self.author && tip.seq > self.head.seq {
            self.head = tip;
        }
    }

    /// A signed answer to one asker that nothing is known about an address.
    ///
    /// # Errors
    /// [`AppendError::Signing`] when the key cannot sign.
    pub fn nothing_known(
        &self,
        asker: PeerId,
        subject: Subject,
        at: Timestamp,
    ) -> Result<Vec<u8>, AppendError> {
        let body = nothing_known::body(&self.key.public(), asker, subject, at);
        let signature = self.signature(&nothing_known::signed(&self.network, &body))?;
        Ok(nothing_known::encode(body, &signature))
    }

    /// How many of the entries, at least one, go into one segment.
    fn fitting(&self, entries: &[Entry<'_>]) -> usize {
        let key = self.key.public().encode_protobuf();
        let mut bytes = segment::encoded_bytes(&key, &[], self.signature_bytes);
        let fits = entries.iter().take(segment::MAX_ENTRIES).take_while(|e| {
            bytes += e.encoded_bytes();
            bytes <= segment::MAX_BYTES
        });
        fits.count().max(1)
    }

    fn sign(&self, head: Tip, entries: &[Entry<'_>]) -> Result<Own, AppendError> {
        let first = head.seq + 1;
        let mut tip = head;
        for entry in entries {
            tip.seq += 1;
            tip.digest = entry.digest(tip.digest, tip.seq);
        }
        let signature = self.signature(&segment::head(&self.network, tip))?;
        let key = self.key.public();
        let bytes = segment::encode(&key, first, head.digest, entries, &signature)
            .map_err(|fault| AppendError::Signing(fault.to_string()))?;
        Ok(Own {
            bytes: bytes.into(),
            first,
            tip,
        })
    }

    fn signature(&self, bytes: &[u8]) -> Result<Vec<u8>, AppendError> {
        self.key
            .sign(bytes)
            .map_err(|error| AppendError::Signing(error.to_string()))
    }
}
