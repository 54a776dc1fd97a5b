//! Doing what the engine wants done.

use std::{sync::atomic::Ordering, time::Instant};

use tokio::task::JoinError;

use super::{Asked, Look, Meshing, Seen, words};
use crate::domain::{Neighbour, PeerId, Span, Subject, Timestamp, Tip};
use crate::mesh::{Arrived, Evidence, Found, Output};
use crate::network::SyncRefused;
use crate::node::{FromLog, NodeError};
use crate::store::{LogSegment, Store, StoreError};
use crate::wire::sync::Message;

/// Reads under way at once: the store has two connections for reading, the publisher needs one.
const MAX_READS: usize = 2;

impl Meshing {
    /// Does everything the engine has waiting.
    pub(super) fn act(&mut self) {
        let now = Timestamp::now();
        while let Some(output) = self.mesh.poll() {
            match output {
                Output::Send { to, kind, bytes } => {
                    if let Err(refused) = self.network.send_sync(to.0, bytes.to_vec()) {
                        self.refused(to, refused, kind);
                    }
                }
                Output::Store(arrived) => self.store(arrived, now),
                Output::Read {
                    id,
                    spans,
                    max_bytes,
                } => self.ask(Look::Spans {
                    id,
                    spans,
                    max_bytes,
                }),
                Output::Recall(author) => self.ask(Look::Place(author)),
                Output::Conduct {
                    neighbour,
                    conduct,
                    why,
                } => {
                    tracing::debug!(peer = %neighbour, %conduct, why, "a neighbour hands over logs badly");
                    self.judging.push_back(FromLog::Conduct(neighbour, conduct));
                }
                Output::Fork(evidence) => self.fork(&evidence, now),
                Output::OwnAdvanced(tip) => self.advanced(tip),
                Output::NothingKnown { neighbour, subject } => {
                    tracing::debug!(peer = %neighbour, %subject, "a peer knows nothing");
                    self.counters.nothing_heard.add(1);
                    self.ignorance.note(neighbour.0, subject, Instant::now());
                }
            }
        }
        self.begin_reads();
    }

    /// What had no room comes later: the engine tells again and again of all it has.
    fn refused(&mut self, to: Neighbour, refused: SyncRefused, kind: &'static str) {
        self.counters.frames_shed.add(1);
        if matches!(refused, SyncRefused::Full(_)) {
            self.mesh.blocked(to);
        }
        tracing::debug!(%refused, kind, "a sync frame is shed");
    }

    /// Tells one who asked that we have looked and know nothing. A pigeon could not read it.
    pub(super) fn tell_nothing(&mut self, asker: PeerId, subject: Subject) {
        if !self.sessions.contains_key(&asker) {
            return;
        }
        if self.signing.check().is_err() {
            self.counters.nothing_shed.add(1);
            return;
        }
        let signed = (self.speaker.log).nothing_known(asker, subject, Timestamp::now());
        let message = match signed {
            Ok(statement) => Message::NothingKnown { statement },
            Err(error) => {
                tracing::warn!(%error, "a peer is not told that nothing is known");
                return;
            }
        };
        match self.network.send_sync(asker, message.encode()) {
            Ok(()) => {
                tracing::debug!(peer = %asker, %subject, "nothing is known of what a peer asks");
                self.counters.nothing_told.add(1);
            }
            Err(refused) => self.refused(Neighbour(asker), refused, message.kind()),
        }
    }

    fn store(&mut self, arrived: Arrived, now: Timestamp) {
        self.given += 1;
        let logged = words::logged(&self.name, arrived, now);
        self.judging.push_back(FromLog::Segment(logged));
    }

    fn fork(&mut self, evidence: &Evidence, now: Timestamp) {
        if evidence.author == self.speaker.log.author() {
            self.note_own_fork();
        }
        if let Some(fork) = words::fork(&self.name, evidence, now) {
            self.judging.push_back(FromLog::Fork(fork));
        }
    }

    /// Our own log has two ends; who knows that believes us no more.
    pub(super) fn note_own_fork(&self) {
        self.forked.store(true, Ordering::Release);
        tracing::error!(
            "our own key has signed two things as one: another node uses it, or the database is an old copy; nobody \
             believes this node any more, and its status is degraded: stop it and give it a new key (another \
             node.key_file); `slips-p2p peers evidence` shows the proof"
        );
    }

    /// What we signed in a former life is back.
    fn advanced(&mut self, tip: Tip) {
        tracing::warn!(
            entry = tip.seq,
            "the database lacked entries of our own log; others had them, and it goes on after them"
        );
        self.speaker.adopt(tip);
    }

    /// `incoming` has room, or has ended.
    pub(super) fn hand_over(&mut self, has_room: bool) {
        if !has_room {
            return self.judging.clear();
        }
        while let Some(next) = self.judging.pop_front() {
            if let Err(error) = self.judge.try_send(next) {
                return self.judging.push_front(error.into_inner());
            }
        }
    }

    fn ask(&mut self, look: Look) {
        let after = self.given;
        self.asked.push_back(Asked { after, look });
    }

    /// Starts the reads that see what was stored before them.
    pub(super) fn begin_reads(&mut self) {
        while self.reads.len() < MAX_READS
            && let Some(asked) = self.asked.pop_front_if(|asked| asked.after <= self.stored)
        {
            let (store, name) = (self.store.clone(), self.name.clone());
            self.reads.spawn(async move {
                match asked.look {
                    Look::Spans {
                        id,
                        spans,
                        max_bytes,
                    } => Seen::Spans(id, found(&store, &name, spans, max_bytes).await),
                    Look::Place(author) => {
                        Seen::Place(author, store.log_place(&name, author.0).await)
                    }
                }
            });
        }
    }

    pub(super) fn read(&mut self, seen: Result<Seen, JoinError>) -> Result<(), NodeError> {
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Ok(()),
            },
        };
        let now = Timestamp::now();
        let failed = |error: StoreError| tracing::warn!(%error, "a log could not be read");
        match seen {
            Seen::Spans(id, found) => {
                let found = found.map_err(failed).unwrap_or_default();
                self.mesh.read(id, found, now);
            }
            Seen::Place(author, Ok(place)) => {
                let stored = place.head.as_ref().map(words::stored);
                self.mesh.recalled(author, stored, place.forked, now);
            }
            Seen::Place(author, Err(error)) => {
                failed(error);
                self.mesh.not_recalled(author);
            }
        }
        self.begin_reads();
        Ok(())
    }

    pub(super) fn row(&self, tip: Tip, first: u64, bytes: &[u8], at: Timestamp) -> LogSegment {
        words::row(&self.name, tip, first, bytes, at)
    }
}

/// Reads spans in their order until they have `max_bytes`.
async fn found(
    store: &Store,
    network: &str,
    spans: Vec<Span>,
    max_bytes: usize,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let mut left = max_bytes;
    for Span { author, from, to } in spans {
        if left == 0 {
            break;
        }
        let read = store.log_span(network, author.0, (from, to), left).await?;
        if from < read.kept_from && !found.pruned.iter().any(|(known, _)| *known == author) {
            found.pruned.push((author, read.kept_from));
        }
        let bytes: usize = read.segments.iter().map(Vec::len).sum();
        left = left.saturating_sub(bytes);
        found.segments.extend(read.segments);
    }
    Ok(found)
}
