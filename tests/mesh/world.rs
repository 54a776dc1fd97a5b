//! Nodes, links and stores on simulated time; the same seed does the same, frame by frame.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use slips_p2p::{
    domain::{Author, Neighbour, Subject, Timestamp, Tip},
    mesh::{Evidence, Found, Mesh, OwnLog, ReadId, Settings, Start, Stored},
};

pub use crate::{
    disk::Disk,
    parts::{Links, NETWORK, STEADY, author, key, millis, report},
};

mod settle;

pub struct Node {
    pub me: Neighbour,
    pub own: OwnLog,
    pub mesh: Mesh,
    pub disk: Disk,
    pub up: bool,
    /// Takes and tells, but hands nothing of others on.
    pub refuses: bool,
    /// Entries heard: author and number, when, and from whom.
    pub heard: BTreeMap<(Author, u64), (Timestamp, Neighbour)>,
    pub conduct: Vec<(Neighbour, String)>,
    /// Who says to know nothing of what.
    pub unknown: Vec<(Neighbour, Subject)>,
    pub forks: Vec<Evidence>,
    pub own_advanced: Option<Tip>,
    /// To whom its queue is full.
    pub full_to: Option<Neighbour>,
    /// Bytes and messages sent, by kind.
    pub sent: BTreeMap<&'static str, (u64, u64)>,
    epoch: u64,
}

#[derive(Debug)]
enum Event {
    Frame {
        from: usize,
        to: usize,
        link: u64,
        bytes: Arc<[u8]>,
    },
    Stored {
        node: usize,
        epoch: u64,
        tip: Tip,
    },
    Read {
        node: usize,
        epoch: u64,
        id: ReadId,
        found: Found,
    },
    Recalled {
        node: usize,
        epoch: u64,
        author: Author,
        stored: Option<Stored>,
        forked: bool,
    },
    Tick {
        node: usize,
    },
}

pub struct World {
    pub now: Timestamp,
    pub nodes: Vec<Node>,
    pub links: Links,
    pub settings: Settings,
    up: BTreeMap<(usize, usize), u64>,
    last_at: BTreeMap<(usize, usize), Timestamp>,
    queue: BTreeMap<(Timestamp, u64), Event>,
    count: u64,
    rng: ChaCha8Rng,
    /// The digest of everything sent so far.
    pub trace: [u8; 32],
}

impl World {
    pub fn new(nodes: usize, links: Links, seed: u64) -> Self {
        let mut world = Self {
            now: Timestamp::from_micros(1_800_000_000_000_000),
            nodes: Vec::new(),
            links,
            settings: Settings::default(),
            up: BTreeMap::new(),
            last_at: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            trace: [0; 32],
        };
        for number in 0..nodes {
            let node = world.node(number, Disk::default(), 0);
            world.nodes.push(node);
        }
        world
    }

    fn node(&self, number: usize, disk: Disk, epoch: u64) -> Node {
        let me = author(number as u64);
        let own = OwnLog::new(key(number as u64), NETWORK, disk.tips.get(&me).copied());
        let start = Start {
            me,
            network: NETWORK.into(),
            seed: number as u64,
            logs: disk.tips.keys().filter_map(|of| disk.stored(*of)).collect(),
            forks: disk.forks.clone(),
            settings: self.settings.clone(),
        };
        Node {
            me: Neighbour(me.0),
            own: own.expect("a key that signs"),
            mesh: Mesh::new(start, self.now),
            disk,
            up: true,
            refuses: false,
            heard: BTreeMap::new(),
            conduct: Vec::new(),
            unknown: Vec::new(),
            forks: Vec::new(),
            own_advanced: None,
            full_to: None,
            sent: BTreeMap::new(),
            epoch,
        }
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.rng.random_range(0..limit)
    }

    /// Every node dials so many others; the ring makes sure that all are connected.
    pub fn connect_all(&mut self, dials: usize) {
        let nodes = self.nodes.len();
        for a in 0..nodes {
            self.connect(a, (a + 1) % nodes);
            for _ in 1..dials {
                let b = self.below(nodes);
                self.connect(a, b);
            }
        }
    }

    pub fn is_linked(&self, a: usize, b: usize) -> bool {
        self.up.contains_key(&(a.min(b), a.max(b)))
    }

    pub fn connect(&mut self, a: usize, b: usize) {
        let pair = (a.min(b), a.max(b));
        if a == b || !self.nodes[a].up || !self.nodes[b].up || self.up.contains_key(&pair) {
            return;
        }
        self.count += 1;
        self.up.insert(pair, self.count);
        let now = self.now;
        for (here, there) in [(a, b), (b, a)] {
            let who = self.nodes[there].me;
            self.nodes[here].mesh.connected(who, now);
            self.drain(here);
        }
    }

    pub fn cut(&mut self, a: usize, b: usize) {
        if self.up.remove(&(a.min(b), a.max(b))).is_some() {
            let now = self.now;
            for (here, there) in [(a, b), (b, a)] {
                let who = self.nodes[there].me;
                if self.nodes[here].up {
                    self.nodes[here].mesh.disconnected(who, now);
                    self.drain(here);
                }
            }
        }
    }

    /// The queue of a node to another has room again.
    pub fn make_room(&mut self, at: usize) {
        if let Some(to) = self.nodes[at].full_to.take() {
            let now = self.now;
            self.nodes[at].mesh.unblocked(to, now);
            self.drain(at);
        }
    }

    pub fn neighbours(&self, of: usize) -> Vec<usize> {
        let pairs = self.up.keys().filter(|(a, b)| *a == of || *b == of);
        pairs.map(|(a, b)| a + b - of).collect()
    }

    /// Stops at once, losing everything but its disk.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].up = false;
        for other in self.neighbours(node) {
            self.cut(node, other);
        }
    }

    /// Begins again with a disk.
    pub fn restart(&mut self, number: usize, disk: Disk) {
        let epoch = self.nodes[number].epoch + 1;
        let heard = std::mem::take(&mut self.nodes[number].heard);
        self.nodes[number] = self.node(number, disk, epoch);
        self.nodes[number].heard = heard;
    }

    /// A node says reports to all, in one append.
    pub fn say(&mut self, node: usize, reports: &[u64]) -> Tip {
        let now = self.now;
        let said: Vec<_> = reports.iter().map(|n| (now, report(*n))).collect();
        let this = &mut self.nodes[node];
        let unsent = this.own.append(&said).expect("reports");
        for (bytes, first, tip) in unsent.segments() {
            this.disk.put(tip, first, bytes.into(), false);
            this.disk.note(tip.author, now);
        }
        let tip = unsent.tip().expect("something was said");
        let own = this.own.persisted(unsent);
        this.mesh.appended(own, now);
        self.drain(node);
        tip
    }

    fn later(&mut self, at: Timestamp, event: Event) {
        self.count += 1;
        self.queue.insert((at, self.count), event);
    }

    pub fn send(&mut self, from: usize, to: usize, bytes: Arc<[u8]>) {
        let Some(link) = self.up.get(&(from.min(to), from.max(to))).copied() else {
            return;
        };
        let lost = self.rng.random_range(0..100) < self.links.loss;
        let jitter = self.links.jitter.as_micros() as u64;
        let jitter = Duration::from_micros(self.rng.random_range(0..=jitter));
        let mut at = self.now.plus(self.links.delay + jitter);
        if !self.links.reorders {
            let last = self.last_at.entry((from, to)).or_insert(at);
            at = at.max(*last);
            *last = at;
        }
        if !lost {
            let event = Event::Frame {
                from,
                to,
                link,
                bytes,
            };
            self.later(at, event);
        }
    }

    pub fn index(&self, who: Neighbour) -> usize {
        self.nodes.iter().position(|n| n.me == who).expect("a node")
    }

    pub fn run(&mut self, span: Duration) {
        self.run_until(span, |_| false);
    }

    /// Runs until a condition holds; gives how long it took, or `None` after the span.
    pub fn run_until(&mut self, span: Duration, done: impl Fn(&Self) -> bool) -> Option<Duration> {
        let start = self.now;
        let end = start.plus(span);
        loop {
            if done(self) {
                return Some(self.now.since(start));
            }
            let Some(((at, _), event)) = self.queue.pop_first() else {
                self.now = end;
                return None;
            };
            if at > end {
                self.later(at, event);
                self.now = end;
                return None;
            }
            self.now = at.max(self.now);
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        let at = match event {
            Event::Frame {
                from,
                to,
                link,
                bytes,
            } => {
                if self.up.get(&(from.min(to), from.max(to))) != Some(&link) {
                    return;
                }
                let who = self.nodes[from].me;
                self.nodes[to].mesh.received(who, &bytes, now);
                to
            }
            Event::Stored { node, epoch, tip } => {
                if !self.is_up(node, epoch) {
                    return;
                }
                self.nodes[node].mesh.stored(tip, now);
                node
            }
            Event::Read {
                node,
                epoch,
                id,
                found,
            } => {
                if !self.is_up(node, epoch) {
                    return;
                }
                self.nodes[node].mesh.read(id, found, now);
                node
            }
            Event::Recalled {
                node,
                epoch,
                author,
                stored,
                forked,
            } => {
                if !self.is_up(node, epoch) {
                    return;
                }
                self.nodes[node].mesh.recalled(author, stored, forked, now);
                node
            }
            Event::Tick { node } => {
                let this = &mut self.nodes[node];
                // Ticks of inputs long past: only one that is due does anything.
                if !this.up || this.mesh.next_time(now).is_none_or(|next| next > now) {
                    return;
                }
                this.mesh.tick(now);
                node
            }
        };
        self.drain(at);
    }

    fn is_up(&self, node: usize, epoch: u64) -> bool {
        self.nodes[node].up && self.nodes[node].epoch == epoch
    }
}
