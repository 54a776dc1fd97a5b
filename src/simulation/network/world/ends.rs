//! How a simulated network begins, and what came of it in the end.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{
    super::{
        super::chance::Chance,
        figures::{CatchUp, Figures},
        ledger::{Ledger, Said},
        link::Link,
        past::Past,
        person::{self, Person, Traffic},
        plan::Plan,
        queue::Queue,
        rounds::Rounds,
        topology::Topology,
    },
    Failure, MEETING, Stage, World,
};
use crate::{
    domain::{Digest, Timestamp},
    mesh::Counters,
};

/// The first report may be said at this time, in seconds since 1970.
const START: i64 = 1_800_000_000;
/// Chance of what is said, and of the links.
const STREAMS: [u64; 2] = [112, 113];

impl<'p> World<'p> {
    pub(super) fn new(
        plan: &'p Plan,
        speaking: usize,
        told: &mut dyn FnMut(&Stage),
    ) -> Result<Self, Failure> {
        let start = Timestamp::from_micros(START * 1_000_000);
        let begin = start.minus(MEETING + plan.round_trip * 3);
        let topology = Topology::new(plan, speaking);
        let keys = (0..speaking).map(|node| person::key(plan.seed, node));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let authors: Vec<_> = topology
            .authors
            .iter()
            .map(|at| keys[*at].clone())
            .collect();
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
            chance: Chance::stream(plan.seed, STREAMS[1]),
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

    pub(super) fn figures(mut self, healed: Timestamp) -> Figures {
        let honest: Vec<_> = self.people.iter().filter(|p| p.refusal.is_none()).collect();
        let counted = |of: fn(&Counters) -> u64| -> u64 {
            honest
                .iter()
                .map(|person| of(&person.mesh.counters()))
                .sum()
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
            trace: Digest(self.trace.finalize_reset().into()).to_string(),
        }
    }
}

/// Who says something when: at times by chance, each time one of the authors.
fn speech(plan: &Plan, topology: &Topology, start: Timestamp) -> Vec<Said> {
    let mut chance = Chance::stream(plan.seed, STREAMS[0]);
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
