//! The events of a simulated network, in order of time.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{
    super::chance::Chance,
    figures::Figures,
    ledger::Ledger,
    link::Link,
    person::{self, Person},
    plan::{Plan, Senseless},
    queue::{Event, Queue},
    rounds::Rounds,
    topology::Topology,
};
use crate::{
    domain::{Neighbour, PeerId, Timestamp},
    mesh::AppendError,
};

mod ends;
mod settle;

/// Links are made in so long before.
const MEETING: Duration = Duration::from_secs(2);
/// After the last report and the end of the partition, so long is waited for what has not come.
const PATIENCE: Duration = Duration::from_secs(60);
/// When all has come, what is still under way goes on for so long: a recap.
const LINGER: Duration = Duration::from_secs(1);
/// How often it is told how far the simulation is, in simulated time.
const TELLING: Duration = Duration::from_millis(50);
/// Chance of the times of meeting.
const MEETING_STREAM: u64 = 111;

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
    let healed = plan
        .partition
        .map_or(world.start, |(_, to)| world.start.plus(to));
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

impl World<'_> {
    /// Plans what happens by itself.
    fn begin(&mut self) {
        let mut chance = Chance::stream(self.plan.seed, MEETING_STREAM);
        for link in 0..self.links.len() {
            let after = MEETING.mul_f64(chance.between(0.0, 1.0));
            // Who missed something comes when the others know each other, to all at once.
            let comes_late = self.rounds.as_ref().map(|rounds| rounds.who);
            let late = comes_late.is_some_and(|who| self.links[link].ends.contains(&who));
            let at = if late {
                self.start
            } else {
                self.now.plus(after)
            };
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
        let caught_up = self
            .rounds
            .as_ref()
            .is_none_or(|rounds| rounds.done.is_some_and(|(at, _)| at <= self.now));
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
        self.queue
            .plan(self.now.plus(after), Event::Connect { link });
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
        let wait = self.chance.waiting(60.0 / self.plan.cuts);
        // Without cuts it is infinite: never.
        if let Ok(wait) = Duration::try_from_secs_f64(wait) {
            let event = Event::Cut { link, session };
            self.queue.plan(self.now.plus(wait), event);
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
        tell: impl Fn(&mut Person, Neighbour, Timestamp),
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
}
