//! The signed logs: ours, in which everything stands on disk before anybody gets it, and those of
//! others. The one owner of the engine ([`crate::mesh`]), between network, store and `incoming`.
//!
//! It waits for nobody but what it waits for all at once: what `incoming` has no room for yet is held
//! in order, and while too much is held nothing more is taken from the network.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, atomic::AtomicBool};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::{
    Counters, FromLog, Logs, NodeError, SEGMENTS_WAITING, ignorance::Ignorance, incoming::Kept,
    presence::LogHealth,
};
use crate::domain::{Author, Neighbour, PeerId, Span, Subject, Timestamp, Tip};
use crate::mesh::{self, Evidence, Found, Mesh, OwnLog, ReadId, Start, Stored};
use crate::network::{Handle, SessionId, SyncEvent, SyncEvents};
use crate::store::{LogPlace, Store, StoreError};

mod acts;
mod mark;
mod own;
mod words;

use own::Speaker;

/// The longest the task sleeps when the engine has nothing to do: only against a clock set forward.
const IDLE: Duration = Duration::from_secs(60);
/// Answers of "nothing known" signed a second, for all who ask: 100 Slips ask as much, and RSA-4096
/// takes a third of a core for it.
const SIGNED_A_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("positive");

/// What joins the task to the others.
pub(super) struct Queues {
    /// What our Slips says to everybody.
    pub(super) own: mpsc::Receiver<String>,
    /// Told when all of that is on disk and handed to the network.
    pub(super) done: oneshot::Sender<()>,
    /// What `incoming` has on disk.
    pub(super) kept: mpsc::Receiver<Kept>,
    /// To `incoming`.
    pub(super) judge: mpsc::Sender<FromLog>,
    /// Who asked about what of which nothing is known.
    pub(super) unanswered: mpsc::Receiver<(PeerId, Subject)>,
    /// What peers say they know nothing of; written here, read by `outgoing`.
    pub(super) ignorance: Arc<Ignorance>,
}

/// A read for the engine, to be done when so many segments are on disk.
struct Asked {
    after: u64,
    look: Look,
}

/// What is to be read.
enum Look {
    Spans {
        id: ReadId,
        spans: Vec<Span>,
        max_bytes: usize,
    },
    Place(Author),
}

/// What was read.
enum Seen {
    Spans(ReadId, Result<Found, StoreError>),
    Place(Author, Result<LogPlace, StoreError>),
}

/// The task.
pub(super) struct Meshing {
    mesh: Mesh,
    speaker: Speaker,
    name: Arc<str>,
    store: Store,
    network: Handle,
    counters: Arc<Counters>,
    synced: SyncEvents,
    own: mpsc::Receiver<String>,
    /// What our Slips said and is not signed yet.
    waiting: Vec<String>,
    done: Option<oneshot::Sender<()>>,
    kept: mpsc::Receiver<Kept>,
    judge: mpsc::Sender<FromLog>,
    unanswered: mpsc::Receiver<(PeerId, Subject)>,
    /// How many of them may be signed.
    signing: DefaultDirectRateLimiter,
    ignorance: Arc<Ignorance>,
    sessions: HashMap<PeerId, SessionId>,
    /// For `incoming`, in order.
    judging: VecDeque<FromLog>,
    /// Segments handed out to be stored, and stored, since the start.
    given: u64,
    stored: u64,
    asked: VecDeque<Asked>,
    reads: JoinSet<Seen>,
    /// The network has ended.
    silent: bool,
    /// Our own key has signed two things as one.
    forked: Arc<AtomicBool>,
}

impl Meshing {
    /// Starts from what the database has.
    pub(super) fn new(
        logs: Logs,
        queues: Queues,
        store: Store,
        network: Handle,
        counters: Arc<Counters>,
    ) -> Result<Self, NodeError> {
        let own_id = logs.keypair.public().to_peer_id();
        let stored: Vec<Stored> = (logs.heads.iter())
            .filter(|head| head.network == logs.network)
            .map(words::stored)
            .collect();
        let mut tips = stored.iter().map(|log| log.tip);
        let own_tip = tips.find(|tip| tip.author.0 == own_id);
        let own = OwnLog::new(logs.keypair, &logs.network, own_tip).map_err(NodeError::Log)?;
        let forks: Vec<Evidence> = (logs.forks.into_iter())
            .filter(|fork| *fork.network == *logs.network)
            .map(words::evidence)
            .collect();
        let own_forked = forks.iter().any(|fork| fork.author == own.author());
        let mark = mark::Mark::beside(logs.key_file.as_deref(), &logs.network, own_id);
        let start = Start {
            me: own.author(),
            network: logs.network.clone(),
            seed: rand::random(),
            logs: stored,
            forks,
            settings: mesh::Settings::default(),
        };
        let now = Timestamp::now();
        let mesh = Mesh::new(start, now);
        let meshing = Self {
            mesh,
            speaker: Speaker::new(own, mark, own_tip.map_or(0, |tip| tip.seq), now),
            name: logs.network.into(),
            store,
            network,
            counters,
            synced: logs.synced,
            own: queues.own,
            waiting: Vec::new(),
            done: Some(queues.done),
            kept: queues.kept,
            judge: queues.judge,
            unanswered: queues.unanswered,
            signing: RateLimiter::direct(Quota::per_second(SIGNED_A_SECOND)),
            ignorance: queues.ignorance,
            sessions: HashMap::new(),
            judging: VecDeque::new(),
            given: 0,
            stored: 0,
            asked: VecDeque::new(),
            reads: JoinSet::new(),
            silent: false,
            forked: Arc::default(),
        };
        if own_forked {
            meshing.note_own_fork();
        }
        Ok(meshing)
    }

    /// What is wrong with our own log, from now on.
    pub(super) fn health(&self) -> LogHealth {
        LogHealth {
            forked: Arc::clone(&self.forked),
            lost: self.speaker.lost(),
        }
    }

    /// Runs until the network has ended and what our Slips said is on disk.
    pub(super) async fn run(mut self) -> Result<(), NodeError> {
        loop {
            self.act();
            self.begin_own(Timestamp::now());
            if self.is_over() {
                return Ok(());
            }
            self.wake().await?;
        }
    }

    fn is_over(&mut self) -> bool {
        if self.speaker.has_ended()
            && self.waiting.is_empty()
            && let Some(done) = self.done.take()
        {
            let _ = done.send(());
        }
        self.done.is_none() && self.silent && self.judging.is_empty()
    }

    /// Waits for the next thing to happen and tells the engine.
    async fn wake(&mut self) -> Result<(), NodeError> {
        let sleep = self.sleep(Timestamp::now());
        let takes = !self.silent && self.judging.len() < SEGMENTS_WAITING;
        let room = self.speaker.room(self.waiting.len());
        let judge = self.judge.clone();
        tokio::select! {
            biased;
            news = self.speaker.news() => if let Some(committed) = news? {
                self.own_committed(committed);
            },
            Some(kept) = self.kept.recv() => self.kept(kept),
            permit = judge.reserve(), if !self.judging.is_empty() => {
                let has_room = permit.is_ok();
                drop(permit);
                self.hand_over(has_room);
            }
            Some(read) = self.reads.join_next() => self.read(read)?,
            n = self.own.recv_many(&mut self.waiting, room), if room > 0 => {
                self.speaker.heard(n);
            }
            event = self.synced.recv(), if takes => self.on_sync(event),
            Some((asker, subject)) = self.unanswered.recv() => self.tell_nothing(asker, subject),
            () = tokio::time::sleep(sleep) => self.mesh.tick(Timestamp::now()),
        }
        Ok(())
    }

    fn sleep(&mut self, now: Timestamp) -> Duration {
        let next = [self.mesh.next_time(now), self.speaker.next_time()];
        let next = next.into_iter().flatten().min();
        // A tick later, so that it is not a moment too early.
        next.map_or(IDLE, |next| next.since(now) + Duration::from_micros(500))
            .min(IDLE)
    }

    fn on_sync(&mut self, event: Option<SyncEvent>) {
        let now = Timestamp::now();
        match event {
            None => self.silent = true,
            Some(SyncEvent::Ready {
                peer,
                session,
                network,
            }) => {
                self.sessions.insert(peer, session);
                self.mesh.connected(Neighbour(peer), now);
                self.mesh.shares_with(Neighbour(peer), network, now);
            }
            Some(SyncEvent::Gone { peer, session }) => {
                if self.sessions.get(&peer) == Some(&session) {
                    self.sessions.remove(&peer);
                    self.mesh.disconnected(Neighbour(peer), now);
                }
            }
            Some(SyncEvent::Room { peer, .. }) => self.mesh.unblocked(Neighbour(peer), now),
            Some(SyncEvent::Frame {
                from,
                session,
                bytes,
            }) => {
                if self.sessions.get(&from.0) == Some(&session) {
                    self.mesh.received(from, &bytes, now);
                    if self.speaker.asks() && self.mesh.has_greeted(from) {
                        self.speaker.was_told();
                    }
                }
            }
        }
    }

    /// Segments of others are on disk.
    fn kept(&mut self, kept: Vec<Tip>) {
        let now = Timestamp::now();
        self.stored += kept.len() as u64;
        for tip in kept {
            self.mesh.stored(tip, now);
        }
        self.begin_reads();
    }
}
