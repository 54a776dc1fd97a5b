//! The events of a simulated network, in order of time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{
    super::chance::Chance,
    disk::Kept,
    figures::{CatchUp, Figures},
    ledger::{Ledger, Said},
    link::{FRAME_BYTES, Link},
    past::Past,
    person::{self, Person, Traffic},
    plan::{Plan, Senseless},
    queue::{Event, Queue, Work},
    rounds::Rounds,
    topology::Topology,
};
use crate::{
    domain::{PeerId, Timestamp},
    mesh::{AppendError, Output},
};

/// The first report may be said at this time, in seconds since 1970.
const START: i64 = 1_800_000_000;
/// Links are made in so long before.
const MEETING: Duration = Duration::from_secs(2);
/// After the last report and the end of the partition, so long is waited for what has not come.
const PATIENCE: Duration = Duration::from_secs(60);
/// When all has come, what is still under way goes on for so long: a recap.
const LINGER: Duration = Duration::from_secs(1);
/// How often it is told how far the simulation is, in simulated time.
const TELLING: Duration = Duration::from_millis(50);
/// Chance of the times of meeting, of what is said, and of the links.
const STREAMS: [u64; 3] = [111, 112, 113];

/// How far a simulation is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// The past is being signed.
    Past {
        /// Entries there are.
        made: u64,
        /// Entries to be made.
        of: u64,
    },
    /// Simulated time passes.
    Running {
        /// Seconds since the first report could be said; negative before.
        seconds: f64,
        /// Reports that are at every honest node.
        everywhere: u64,
        /// Reports in all.
        of: u64,
    },
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The plan makes no sense.
    #[error(transparent)]
    Senseless(#[from] Senseless),
    /// A key could not be made.
    #[error("cannot make a key: {0}")]
    Key(String),
    /// A node could not sign what it said.
    #[error("cannot sign: {0}")]
    Signing(#[from] AppendError),
}

/// Runs a network from its beginning to its end.
///
/// # Errors
/// [`Failure::Senseless`]; the others never happen with keys as they are made here.
pub fn run(plan: &Plan, told: &mut dyn FnMut(&Stage)) -> Result<Figures, Failure> {
    let speaking = plan.check()?;
    let mut world = World::new(plan, speaking, told)?;
    world.begin();
    let last_said = world.ledger.said.last().map_or(world.start, |said| said.at);
    let healed = plan.partition.map_or(world.start, |(_, to)| world.start.plus(to));
    let latest = last_said.max(healed).plus(PATIENCE);
    let mut end = None;
    let mut tell_at = world.now;
    while let Some((at, event)) = world.queue.next() {
        if at > end.unwrap_or(latest) {
            break;
        }
        world.now = at;
        world.happen(event)?;
        if end.is_none() && at >= healed && world.is_complete() {
            end = Some(at.plus(LINGER));
        }
        if at >= tell_at {
            tell_at = at.plus(TELLING);
            told(&world.stage());
        }
    }
    Ok(world.figures(healed))
}

struct World<'p> {
    plan: &'p Plan,
    start: Timestamp,
    now: Timestamp,
    queue: Queue,
    topology: Topology,
    links: Vec<Link>,
    people: Vec<Person>,
    numbers: BTreeMap<PeerId, usize>,
    ledger: Ledger,
    rounds: Option<Rounds>,
    chance: Chance,
    parted: bool,
    sessions: u64,
    lines: u64,
    trace: Sha256,
}

impl<'p> World<'p> {
    fn new(
        plan: &'p Plan,
        speaking: usize,
        told: &mut dyn FnMut(&Stage),
    ) -> Result<Self, Failure> {
        let start = Timestamp::from_micros(START * 1_000_000);
        let begin = start.minus(MEETING + plan.round_trip * 3);
        let topology = Topology::new(plan, speaking);
        let keys = (0..speaking).map(|node| person::key(plan.seed, node));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let authors: Vec<_> = topology.authors.iter().map(|at| keys[*at].clone()).collect();
        let past = if plan.past > 0 {
            Past::new(plan, &authors, begin, told)?
        } else {
            Past::default()
        };
        // The last honest one who has nothing of its own in the past.
        let misses = (0..speaking)
            .rev()
            .filter(|node| !topology.refuses[*node])
            .find(|node| !topology.authors.contains(node))
            .or(topology.authors.last().copied())
            .filter(|_| plan.missed > 0);
        let mut people = Vec::with_capacity(speaking);
        for (node, key) in keys.into_iter().enumerate() {
            let refusal = topology.refuses[node].then_some(plan.refusal);
            let disk = past.disk(misses == Some(node));
            let seed = plan.seed.wrapping_add(node as u64);
            people.push(Person::new(key, seed, refusal, disk, begin)?);
        }
        let mut links = Vec::new();
        for &[one, other] in &topology.links {
            for (here, there) in [(one, other), (other, one)] {
                if here < speaking && there < speaking {
                    let name = people[there].me.0;
                    people[here].ways.insert(name, links.len());
                } else if here < speaking {
                    people[here].pigeons.push(links.len());
                }
            }
            links.push(Link::new([one, other]));
        }
        let numbers = people.iter().zip(0..).map(|(person, at)| (person.me.0, at));
        let honest = topology.refuses.iter().filter(|refuses| !**refuses).count();
        Ok(Self {
            numbers: numbers.collect(),
            ledger: Ledger::new(speech(plan, &topology, start), honest),
            rounds: misses.map(|who| Rounds::new(who, past.targets.clone())),
            chance: Chance::stream(plan.seed, STREAMS[2]),
            queue: Queue::default(),
            parted: false,
            sessions: 0,
            lines: 0,
            trace: Sha256::new(),
            now: begin,
            plan,
            start,
            topology,
            links,
            people,
        })
    }

    /// Plans what happens by itself.
    fn begin(&mut self) {
        let mut chance = Chance::stream(self.plan.seed, STREAMS[0]);
        for link in 0..self.links.len() {
            let after = MEETING.mul_f64(chance.between(0.0, 1.0));
            // Who missed something comes when the others know each other, to all at once.
            let comes_late = self.rounds.as_ref().map(|rounds| rounds.who);
            let late = comes_late.is_some_and(|who| self.links[link].ends.contains(&who));
            let at = if late { self.start } else { self.now.plus(after) };
            self.queue.plan(at, Event::Connect { link });
        }
        if let Some((from, to)) = self.plan.partition {
            self.queue.plan(self.start.plus(from), Event::Part);
            self.queue.plan(self.start.plus(to), Event::Heal);
        }
        for (report, said) in self.ledger.said.iter().enumerate() {
            self.queue.plan(said.at, Event::Say { report });
        }
    }

    fn is_complete(&self) -> bool {
        let caught_up = self.rounds.as_ref().is_none_or(|rounds| {
            rounds.done.is_some_and(|(at, _)| at <= self.now)
        });
        self.ledger.is_complete() && caught_up && self.now >= self.start
    }

    fn stage(&self) -> Stage {
        Stage::Running {
            seconds: self.now.as_secs_f64() - self.start.as_secs_f64(),
            everywhere: self.ledger.everywhere,
            of: self.ledger.said.len() as u64,
        }
    }

    /// Writes into the trace what happens.
    fn note(&mut self, what: &str, one: usize, other: usize, bytes: &[u8]) {
        self.trace.update(self.now.as_micros().to_be_bytes());
        self.trace.update([what.len().to_be_bytes()[7]]);
        self.trace.update(what);
        for number in [one, other, bytes.len()] {
            self.trace.update((number as u64).to_be_bytes());
        }
        self.trace.update(bytes);
    }

    fn happen(&mut self, event: Event) -> Result<(), Failure> {
        let now = self.now;
        match event {
            Event::Connect { link } => return self.connect(link),
            Event::Cut { link, session } => {
                if self.links[link].open == Some(session) {
                    self.cut(link)?;
                    self.connect_later(link);
                }
            }
            Event::Part => {
                self.parted = true;
                for link in 0..self.links.len() {
                    if self.is_between_halves(link) && self.links[link].open.is_some() {
                        self.cut(link)?;
                    }
                }
            }
            Event::Heal => {
                self.parted = false;
                for link in 0..self.links.len() {
                    if self.is_between_halves(link) {
                        self.connect_later(link);
                    }
                }
            }
            Event::Frame {
                link,
                session,
                to,
                bytes,
                depth,
            } => {
                if self.links[link].open == Some(session) {
                    self.note("frame", link, to, &bytes);
                    let from = self.people[self.links[link].other(to)].name();
                    if let Some(rounds) = self.rounds.as_mut().filter(|_| depth > 0) {
                        rounds.came(to, link, depth);
                    }
                    self.people[to].mesh.received(from, &bytes, now);
                    self.settle(to)?;
                }
            }
            Event::Line { link, session } => {
                let arrives = self.links[link].open == Some(session);
                self.lines += u64::from(arrives);
            }
            Event::Room {
                link,
                session,
                node,
            } => {
                if self.links[link].open == Some(session) {
                    self.links[link].unblock(node);
                    let to = self.people[self.links[link].other(node)].name();
                    self.people[node].mesh.unblocked(to, now);
                    self.settle(node)?;
                }
            }
            Event::Wake { node } => {
                if self.people[node].wake == Some(now) {
                    self.note("wake", node, 0, &[]);
                    self.people[node].wake = None;
                    self.people[node].mesh.tick(now);
                    self.settle(node)?;
                }
            }
            Event::Disk { node } => {
                self.work_done(node);
                self.settle(node)?;
            }
            Event::Say { report } => {
                let author = self.ledger.said[report].author;
                self.note("say", author, report, &[]);
                self.people[author].waiting.push((now, report));
                for at in 0..self.people[author].pigeons.len() {
                    let link = self.people[author].pigeons[at];
                    if let Some(session) = self.links[link].open {
                        let bytes = person::line(report as u64).len();
                        let chance = &mut self.chance;
                        let sent = self.links[link].send(author, bytes, self.plan, chance, now);
                        self.queue.plan(sent.at, Event::Line { link, session });
                    }
                }
                self.settle(author)?;
            }
        }
        Ok(())
    }

    fn is_between_halves(&self, link: usize) -> bool {
        let [one, other] = self.links[link].ends;
        self.topology.upper_half[one] != self.topology.upper_half[other]
    }

    fn connect_later(&mut self, link: usize) {
        let after = self.plan.redial.mul_f64(self.chance.between(0.0, 1.0));
        self.queue.plan(self.now.plus(after), Event::Connect { link });
    }

    fn connect(&mut self, link: usize) -> Result<(), Failure> {
        let is_impossible = self.parted && self.is_between_halves(link);
        if is_impossible || self.links[link].open.is_some() {
            return Ok(());
        }
        self.note("connect", link, 0, &[]);
        self.sessions += 1;
        let session = self.sessions;
        self.links[link].open(session);
        if self.plan.cuts > 0.0 {
            let after = Duration::from_secs_f64(self.chance.waiting(60.0 / self.plan.cuts));
            let event = Event::Cut { link, session };
            self.queue.plan(self.now.plus(after), event);
        }
        self.both_ends(link, |here, there, now| here.mesh.connected(there, now))
    }

    fn cut(&mut self, link: usize) -> Result<(), Failure> {
        self.note("cut", link, 0, &[]);
        self.links[link].open = None;
        self.both_ends(link, |here, there, now| here.mesh.disconnected(there, now))
    }

    /// Tells both ends of a link, where both speak sync.
    fn both_ends(
        &mut self,
        link: usize,
        tell: impl Fn(&mut Person, crate::domain::Neighbour, Timestamp),
    ) -> Result<(), Failure> {
        let [one, other] = self.links[link].ends;
        if other.max(one) >= self.people.len() {
            return Ok(());
        }
        for (here, there) in [(one, other), (other, one)] {
            let name = self.people[there].name();
            tell(&mut self.people[here], name, self.now);
            self.settle(here)?;
        }
        Ok(())
    }

    /// Does what a node wants done, until it wants nothing more.
    fn settle(&mut self, node: usize) -> Result<(), Failure> {
        while let Some(output) = self.people[node].mesh.poll() {
            match output {
                Output::Send { to, kind, bytes } => self.send(node, to.0, kind, bytes),
                Output::Store(arrived) => {
                    let done_at = self.now.plus(self.plan.disk);
                    if let Some(rounds) = self.rounds.as_mut().filter(|rounds| rounds.who == node) {
                        rounds.taken(arrived.tip.author, arrived.tip.seq, done_at);
                    }
                    let new_from = arrived.said.first().map_or(arrived.tip.seq, |said| said.seq);
                    let kept = Kept {
                        first: arrived.first,
                        tip: arrived.tip,
                        bytes: arrived.bytes,
                    };
                    self.work(node, Work::Store { kept, new_from });
                }
                Output::Read {
                    id,
                    spans,
                    max_bytes,
                } => {
                    let work = Work::Read {
                        id,
                        spans,
                        max_bytes,
                    };
                    self.work(node, work);
                }
                Output::OwnAdvanced(tip) => self.people[node].log.adopt(tip),
                // Nobody here forks or makes statements; conduct is counted by the engine.
                Output::Conduct { .. } | Output::Fork(_) | Output::NothingKnown { .. } => {}
            }
        }
        if self.people[node].sign()? {
            self.work(node, Work::Own);
        }
        let person = &mut self.people[node];
        if let Some(next) = person.mesh.next_time(self.now) {
            // What is due already was due before this input: it is done in the next instant.
            let next = next.max(self.now.plus(Duration::from_micros(1)));
            if person.wake.is_none_or(|wake| next < wake) {
                person.wake = Some(next);
                self.queue.plan(next, Event::Wake { node });
            }
        }
        Ok(())
    }

    fn work(&mut self, node: usize, work: Work) {
        self.people[node].works.push_back(work);
        let done_at = self.now.plus(self.plan.disk);
        self.queue.plan(done_at, Event::Disk { node });
    }

    fn work_done(&mut self, node: usize) {
        let now = self.now;
        let is_honest = self.people[node].refusal.is_none();
        let person = &mut self.people[node];
        match person.works.pop_front() {
            Some(Work::Store { kept, new_from }) => {
                let tip = kept.tip;
                person.disk.add(kept);
                person.mesh.stored(tip, now);
                if let Some(author) = self.numbers.get(&tip.author.0).filter(|_| is_honest) {
                    self.ledger.came(*author, new_from, tip.seq, now);
                }
                self.note("stored", node, 0, &tip.digest.0);
            }
            Some(Work::Read {
                id,
                spans,
                max_bytes,
            }) => {
                let found = person.disk.find(&spans, max_bytes);
                person.mesh.read(id, found, now);
            }
            Some(Work::Own) => {
                if let Some((from, reports)) = person.signed(now) {
                    self.ledger.entered(node, from, &reports);
                }
            }
            None => {}
        }
    }

    fn send(&mut self, from: usize, to: PeerId, kind: &str, bytes: Arc<[u8]>) {
        let Some(&link) = self.people[from].ways.get(&to) else {
            return;
        };
        let (Some(session), Some(bytes)) =
            (self.links[link].open, self.people[from].lets_out(bytes))
        else {
            return;
        };
        self.people[from].sent.add(kind, bytes.len() + FRAME_BYTES);
        let chance = &mut self.chance;
        let sent = self.links[link].send(from, bytes.len(), self.plan, chance, self.now);
        if let Some(until) = sent.full_until {
            self.people[from].mesh.blocked(crate::domain::Neighbour(to));
            let event = Event::Room {
                link,
                session,
                node: from,
            };
            self.queue.plan(until, event);
        }
        let to = self.links[link].other(from);
        let rounds = self.rounds.as_ref();
        let event = Event::Frame {
            link,
            session,
            to,
            bytes,
            depth: rounds.map_or(0, |rounds| rounds.sending(from, to, link)),
        };
        self.queue.plan(sent.at, event);
    }

    fn figures(mut self, healed: Timestamp) -> Figures {
        let honest: Vec<_> = self.people.iter().filter(|p| p.refusal.is_none()).collect();
        let counted = |of: fn(&crate::mesh::Counters) -> u64| -> u64 {
            honest.iter().map(|person| of(&person.mesh.counters())).sum()
        };
        let tips = honest.first().map(|person| person.disk.tips());
        let agree = honest
            .iter()
            .all(|person| Some(person.disk.tips()) == tips && person.disk.is_whole());
        let mut sent = Traffic::default();
        for person in &self.people {
            sent.merge(person.sent);
        }
        let (delays, by_report) = Figures::delays_of(&self.ledger);
        let catch_up = self.rounds.as_ref().map(|rounds| CatchUp {
            took: rounds.done.map(|(at, _)| at.since(self.start)),
            round_trips: rounds.done.map(|(_, depth)| f64::from(depth) / 2.0),
        });
        let most_sent = self.people.iter().map(|person| person.sent.bytes).max();
        Figures {
            honest: honest.len(),
            refusers: self.people.len() - honest.len(),
            pigeons: self.plan.pigeons,
            links: self.links.len(),
            cut_off: self.topology.cut_off(),
            reports: self.ledger.said.len() as u64,
            everywhere: self.ledger.everywhere,
            pairs: self.ledger.pairs(),
            delays,
            by_report,
            lines: self.lines,
            repeated: counted(|counters| counters.repeated),
            refused: counted(|counters| counters.refused),
            shed: counted(|counters| counters.shed),
            wants: counted(|counters| counters.wants),
            broken: counted(|counters| counters.broken),
            verified: counted(|counters| counters.verified),
            sent,
            most_sent: most_sent.unwrap_or(0),
            healed_after: self
                .plan
                .partition
                .and_then(|_| self.ledger.complete_after(healed)),
            catch_up,
            agree,
            lasted: self.now.since(self.start),
            trace: crate::domain::Digest(self.trace.finalize_reset().into()).to_string(),
        }
    }
}

/// Who says something when: at times by chance, each time one of the authors.
fn speech(plan: &Plan, topology: &Topology, start: Timestamp) -> Vec<Said> {
    let mut chance = Chance::stream(plan.seed, STREAMS[1]);
    let mut at = start;
    let mut said = Vec::new();
    for _ in 0..plan.reports {
        at = at.plus(Duration::from_secs_f64(chance.waiting(1.0 / plan.rate)));
        let author = chance.below(topology.authors.len());
        said.push(Said {
            at,
            author: topology.authors[author],
            came: Vec::new(),
        });
    }
    said
}
