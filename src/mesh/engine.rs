//! The engine: gossip and catch-up over signed logs, as a value without IO, clock or chance.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{
    output::{Counters, Evidence, Output, ReadId},
    own::Own,
    settings::{MAX_EVIDENCE, MAX_NEIGHBOURS, Settings},
};
use crate::{
    domain::{Author, Conduct, Neighbour, Timestamp, Tip},
    wire::{segment::Segment, sync::Message},
};

mod authors;
mod behind;
mod fetch;
mod forks;
mod log;
mod near;
mod receive;
mod serve;
mod shares;
mod spread;
mod take;
mod time;

use log::{Log, Standing, mark};
use near::Near;
pub use near::Score;

/// What the engine begins with: what the store has.
#[derive(Debug, Clone)]
pub struct Start {
    /// Who we are.
    pub me: Author,
    /// The name of our network.
    pub network: String,
    /// For the choices that could go either way.
    pub seed: u64,
    /// Where every author's log stands, ourselves included; the most useful are kept at hand.
    pub logs: Vec<Stored>,
    /// Authors proven to have two logs, oldest first; all count, the evidence of the last
    /// some dozen is shown to others.
    pub forks: Vec<Evidence>,
    /// Waits and budgets.
    pub settings: Settings,
}

/// Where an author's log stands in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its last entry.
    pub tip: Tip,
    /// When the first of what is kept of it was stored, by our clock.
    pub since: Timestamp,
    /// When the last was.
    pub until: Timestamp,
}

/// Gossip and catch-up; see [`super`] for who calls what.
#[derive(Debug)]
pub struct Mesh {
    me: Author,
    network: String,
    settings: Settings,
    rng: ChaCha8Rng,
    logs: BTreeMap<Author, Log>,
    authors: authors::Authors,
    near: BTreeMap<Neighbour, Near>,
    out: VecDeque<Output>,
    /// Segments taken by the present input, to be pushed at its end.
    fresh: Vec<spread::Fresh>,
    /// When missing entries are asked for.
    due: BTreeSet<(Timestamp, Author)>,
    /// When wants are given up.
    deadlines: BTreeSet<(Timestamp, Neighbour, u64)>,
    /// When collected tips are told.
    flush_at: Option<Timestamp>,
    /// Authors with entries since the last recap, and when the next is.
    recap: BTreeSet<Author>,
    recap_at: Option<Timestamp>,
    /// When the next sweep is, whom the last told, and up to which author.
    sweep_at: Option<Timestamp>,
    swept: (Option<Neighbour>, Option<Author>),
    reads: BTreeMap<ReadId, serve::Purpose>,
    comparing: usize,
    next_read: u64,
    next_want: u64,
    next_session: u64,
    held_bytes: usize,
    shares: shares::Shares,
    /// Whose evidence is kept, oldest first.
    evidence: VecDeque<Author>,
    own_claims: behind::Claims,
    /// How often all outputs were polled.
    bursts: u64,
    counters: Counters,
}

impl Mesh {
    /// An engine that goes on from what the store has.
    #[must_use]
    pub fn new(start: Start, now: Timestamp) -> Self {
        let Start {
            me,
            network,
            seed,
            logs,
            forks,
            settings,
        } = start;
        let mut mesh = Self {
            me,
            rng: ChaCha8Rng::seed_from_u64(seed),
            logs: BTreeMap::new(),
            authors: authors::Authors::default(),
            near: BTreeMap::new(),
            out: VecDeque::new(),
            fresh: Vec::new(),
            due: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            flush_at: None,
            recap: BTreeSet::new(),
            recap_at: None,
            sweep_at: None,
            swept: (None, None),
            reads: BTreeMap::new(),
            comparing: 0,
            next_read: 0,
            next_want: 0,
            next_session: 0,
            held_bytes: 0,
            shares: shares::Shares::default(),
            evidence: VecDeque::new(),
            own_claims: behind::Claims::default(),
            bursts: 0,
            counters: Counters::default(),
            network,
            settings,
        };
        mesh.begin_with(logs, now);
        mesh.add_log(me, None, now);
        mesh.begin_with_forks(forks, now);
        mesh
    }

    /// The next thing to do, in the order they must be done.
    pub fn poll(&mut self) -> Option<Output> {
        let next = self.out.pop_front();
        self.bursts += u64::from(next.is_none());
        next
    }

    /// A neighbour that speaks sync is connected. It is told our tips. A neighbour already connected
    /// is begun anew.
    pub fn connected(&mut self, neighbour: Neighbour, now: Timestamp) {
        self.disconnected(neighbour, now);
        if neighbour.0 == self.me.0 || self.near.len() >= MAX_NEIGHBOURS {
            return;
        }
        self.next_session += 1;
        let near = Near::new(self.next_session, &self.settings, now);
        self.near.insert(neighbour, near);
        if let Some(log) = self.logs.get_mut(&Author(neighbour.0)) {
            log.introduced_by = Some(neighbour);
        }
        if self.sweep_at.is_none() {
            self.sweep_at = Some(now.plus(self.settings.sweep));
        }
        self.greet(neighbour);
    }

    /// A neighbour is gone, or speaks sync no longer.
    pub fn disconnected(&mut self, neighbour: Neighbour, now: Timestamp) {
        let Some(near) = self.near.remove(&neighbour) else {
            return;
        };
        for (id, want) in near.wants {
            self.deadlines.remove(&(want.deadline, neighbour, id));
            for span in want.spans {
                if let Some(log) = self.logs.get_mut(&span.author) {
                    log.asking.remove(&(neighbour, id));
                }
                self.ask_at(span.author, now);
            }
        }
        for log in self.logs.values_mut() {
            if log.parent == Some(neighbour) {
                log.parent = None;
                log.orphan = true;
            }
        }
        let near = &self.near;
        let me = self.me;
        let mut gone = Vec::new();
        self.logs.retain(|author, log| {
            let keep = log.tip.seq > 0
                || !log.is_good()
                || !log.held.is_empty()
                || *author == me
                || near.values().any(|near| near.has.contains_key(author));
            if !keep {
                gone.extend(log.due.map(|due| (due, *author)));
            }
            keep
        });
        for due in gone {
            self.due.remove(&due);
        }
        self.plan(now);
    }

    /// Own segments are stored: all neighbours get them.
    pub fn appended(&mut self, segments: Vec<Own>, now: Timestamp) {
        for own in segments {
            let Some(log) = self.logs.get_mut(&self.me) else {
                continue;
            };
            if own.tip.seq <= log.tip.seq {
                continue;
            }
            log.tip = own.tip;
            log.stored = own.tip;
            log.remember(own.tip, mark(signature_of(&own.bytes)));
            self.fresh.push(spread::Fresh {
                first: own.first,
                tip: own.tip,
                bytes: own.bytes,
                from: None,
            });
            self.tell_later(own.tip, now);
        }
        self.push(now);
    }

    /// The store has an [`Output::Store`]: call it with its tip.
    pub fn stored(&mut self, tip: Tip, now: Timestamp) {
        let Some(log) = self.logs.get_mut(&tip.author) else {
            return;
        };
        for (from, bytes) in log.store(tip) {
            self.shares.take_back(from, bytes);
        }
        let stored = log.stored;
        if tip.author == self.me {
            self.out.push_back(Output::OwnAdvanced(stored));
        }
        self.tell_later(stored, now);
        self.plan(now);
    }

    /// The store could not take an [`Output::Store`]. Everything of this author that was handed out
    /// and is not stored is void; it will be asked for again, not at once.
    pub fn not_stored(&mut self, author: Author, now: Timestamp) {
        if let Some(log) = self.logs.get_mut(&author) {
            for (from, bytes) in log.roll_back() {
                self.shares.take_back(from, bytes);
            }
            self.held_bytes -= log.drop_held();
            log.tries += 1;
            self.ask_at(author, now.plus(self.settings.recap));
        }
    }

    /// A neighbour's queue is full: nothing is sent to it for now but what it is told later.
    pub fn blocked(&mut self, neighbour: Neighbour) {
        if let Some(near) = self.near.get_mut(&neighbour) {
            near.blocked = true;
            near.recall_forks(self.bursts);
        }
    }

    /// A neighbour's queue has room again.
    pub fn unblocked(&mut self, neighbour: Neighbour, now: Timestamp) {
        if let Some(near) = self.near.get_mut(&neighbour) {
            near.blocked = false;
            self.flush_at
                .get_or_insert(now.plus(self.settings.lazy_delay));
            self.serve(neighbour, now);
        }
    }

    /// Whether a neighbour has told its tips since it connected.
    #[must_use]
    pub fn has_greeted(&self, neighbour: Neighbour) -> bool {
        self.near.get(&neighbour).is_some_and(|near| near.greeted)
    }

    /// Where every log stands that the store has something of, forked ones excepted.
    pub fn tips(&self) -> impl Iterator<Item = Tip> {
        let logs = self.logs.values();
        logs.filter(|log| log.is_good() && log.stored.seq > 0)
            .map(|log| log.stored)
    }

    /// Authors proven to have two logs.
    pub fn forked(&self) -> impl Iterator<Item = Author> {
        let logs = self.logs.iter();
        logs.filter(|(_, log)| matches!(log.standing, Standing::Forked(_)))
            .map(|(author, _)| *author)
    }

    /// How many entries neighbours say they have that are not here.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let missing = |(author, log): (&Author, &Log)| {
            let most = self.near.values().map(|near| near.has(*author)).max();
            most.unwrap_or(0).saturating_sub(log.tip.seq)
        };
        let good = self.logs.iter().filter(|(_, log)| log.is_good());
        good.map(missing).fold(0, u64::saturating_add)
    }

    /// How useful a neighbour was since it connected.
    #[must_use]
    pub fn score(&self, neighbour: Neighbour) -> Option<Score> {
        self.near.get(&neighbour).map(|near| near.score)
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn keep_evidence(&mut self, evidence: Arc<Evidence>) {
        let author = evidence.author;
        if let Some(log) = self.logs.get_mut(&author) {
            log.standing = Standing::Forked(Some(evidence));
            self.evidence.push_back(author);
        }
        if self.evidence.len() > MAX_EVIDENCE
            && let Some(oldest) = self.evidence.pop_front()
            && let Some(log) = self.logs.get_mut(&oldest)
        {
            log.standing = Standing::Forked(None);
            for near in self.near.values_mut() {
                near.forks_told.remove(&oldest);
                near.forks_due.remove(&oldest);
            }
        }
    }

    fn send(&mut self, to: Neighbour, message: &Message) {
        self.out.push_back(Output::Send {
            to,
            kind: message.kind(),
            bytes: message.encode().into(),
        });
    }

    fn conduct(&mut self, neighbour: Neighbour, conduct: Conduct, why: String) {
        self.out.push_back(Output::Conduct {
            neighbour,
            conduct,
            why,
        });
    }
}

/// The signature of bytes that are known to be a segment.
fn signature_of(bytes: &[u8]) -> &[u8] {
    Segment::decode(bytes).map_or(&[], |segment| segment.signature)
}
