//! What a node of the test world wants done.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use slips_p2p::{
    domain::Author,
    mesh::{Arrived, Output},
    wire::{
        segment::Segment,
        sync::{self, Message},
    },
};

use super::{Event, World, millis};

impl World {
    /// Does what a node wants done.
    pub(super) fn drain(&mut self, at: usize) {
        while let Some(output) = self.nodes[at].mesh.poll() {
            match output {
                Output::Send { to, .. } if self.nodes[at].full_to == Some(to) => {
                    self.nodes[at].mesh.blocked(to);
                }
                Output::Send { to, kind, bytes } => {
                    assert!(bytes.len() <= sync::MAX_BYTES, "{kind}: {}", bytes.len());
                    self.trace = Sha256::new()
                        .chain_update(self.trace)
                        .chain_update(&bytes)
                        .finalize()
                        .into();
                    let sent = self.nodes[at].sent.entry(kind).or_default();
                    *sent = (sent.0 + bytes.len() as u64, sent.1 + 1);
                    if !self.nodes[at].refuses || !self.hands_on(at, kind, &bytes) {
                        let to = self.index(to);
                        self.send(at, to, bytes);
                    }
                }
                Output::Store(arrived) => self.store(at, arrived),
                Output::Read {
                    id,
                    spans,
                    max_bytes,
                } => {
                    let found = self.nodes[at].disk.find(&spans, max_bytes);
                    let epoch = self.nodes[at].epoch;
                    let event = Event::Read {
                        node: at,
                        epoch,
                        id,
                        found,
                    };
                    self.later(self.now.plus(millis(1)), event);
                }
                Output::Recall(author) => {
                    let node = &self.nodes[at];
                    let forked = node.disk.forks.iter().any(|fork| fork.author == author);
                    let event = Event::Recalled {
                        node: at,
                        epoch: node.epoch,
                        author,
                        stored: node.disk.stored(author),
                        forked,
                    };
                    self.later(self.now.plus(millis(1)), event);
                }
                Output::Conduct {
                    neighbour,
                    conduct,
                    why,
                } => {
                    self.nodes[at]
                        .conduct
                        .push((neighbour, format!("{conduct}: {why}")));
                }
                Output::Fork(evidence) => {
                    self.nodes[at].disk.forks.push(evidence.clone());
                    self.nodes[at].forks.push(evidence);
                }
                Output::OwnAdvanced(tip) => {
                    self.nodes[at].own.adopt(tip);
                    self.nodes[at].own_advanced = Some(tip);
                }
                Output::NothingKnown { neighbour, subject } => {
                    self.nodes[at].unknown.push((neighbour, subject));
                }
            }
        }
        let now = self.now;
        if let Some(next) = self.nodes[at].mesh.next_time(now) {
            self.later(
                next.max(now.plus(Duration::from_micros(1))),
                Event::Tick { node: at },
            );
        }
    }

    /// Whether a message carries entries of somebody else.
    fn hands_on(&self, at: usize, kind: &str, bytes: &[u8]) -> bool {
        let Ok(Message::Segments { segments, .. }) = sync::decode(bytes) else {
            return kind == "done";
        };
        let me = Author(self.nodes[at].me.0);
        segments
            .iter()
            .any(|bytes| Segment::decode(bytes).is_ok_and(|segment| segment.author() != me))
    }

    fn store(&mut self, at: usize, arrived: Arrived) {
        let Arrived {
            tip,
            first,
            bytes,
            said,
            heard_from,
            skipped,
        } = arrived;
        let now = self.now;
        let node = &mut self.nodes[at];
        node.disk.put(tip, first, bytes, skipped);
        node.disk.note(tip.author, now);
        for said in said {
            let before = node.heard.insert((tip.author, said.seq), (now, heard_from));
            assert!(before.is_none() || node.epoch > 0, "heard twice: {said:?}");
        }
        let epoch = node.epoch;
        self.later(
            now.plus(millis(2)),
            Event::Stored {
                node: at,
                epoch,
                tip,
            },
        );
    }
}
