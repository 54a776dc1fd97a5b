//! A scenario with a seed: facts in the order a node learns them, and questions with their answers.

use crate::{
    domain::{Author, Confidence, Reliability, Score, Subject, Timestamp, Trust},
    reputation::Fact,
};

use super::{
    cast::{Part, Reporter, cast},
    chance::Chance,
    scenario::{Asked, Scenario},
    speech::{is_common_target, speeches},
    world::{Address, DAY, END, HOUR, Seconds, Statement, addresses, on_the_clock},
};

/// How far the operator trusts an anchor: not blindly. A guess.
const ANCHOR_TRUST: f64 = 0.95;
/// Nobody asks about an address sooner after it became active or changed sides: reporters need
/// time to see it, or every model would guess.
const ASKED_AFTER: Seconds = 6.0 * HOUR;
/// Nobody asks later than that after it became active. A guess.
const ASKED_UNTIL: Seconds = 4.0 * DAY;

/// Everything that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// In order of time.
    pub events: Vec<Event>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The node learns something.
    Fact(Fact),
    /// Somebody asks the node.
    Query(Query),
}

/// A question and its right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Its number; ascending in order of time.
    pub id: u64,
    /// About which address.
    pub subject: Subject,
    /// Whether it is malicious then.
    pub malicious: bool,
}

impl Story {
    /// The story of a scenario with this seed.
    #[must_use]
    pub fn tell(scenario: &Scenario, seed: u64) -> Self {
        let addresses = addresses(scenario, seed);
        let cast = cast(scenario, seed);
        let mut events = Vec::new();
        appear(&cast, &mut events);
        for (reporter, speech) in cast.iter().zip(speeches(&cast, &addresses, scenario, seed)) {
            let author = Author(reporter.peer);
            events.extend(speech.iter().map(|(place, said)| {
                let (score, confidence) = valued(said);
                let subject = addresses[*place].subject;
                let report = Fact::Report {
                    author,
                    subject,
                    score,
                    confidence,
                };
                fact(said.at, report)
            }));
        }
        for address in &addresses {
            events.extend(address.own.iter().map(|said| {
                let (score, confidence) = valued(said);
                let subject = address.subject;
                let own = Fact::OwnStatement {
                    subject,
                    score,
                    confidence,
                };
                fact(said.at, own)
            }));
        }
        ask(&addresses, scenario, seed, &mut events);
        // Stable: of one second, in the order above; questions last.
        events.sort_by_key(|event| event.at);
        number(&mut events);
        Self { events }
    }

    /// The questions, in order of time.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Query(query) => Some(query),
            What::Fact(_) => None,
        })
    }
}

fn fact(at: Seconds, fact: Fact) -> Event {
    Event {
        at: on_the_clock(at),
        what: What::Fact(fact),
    }
}

fn valued(said: &Statement) -> (Score, Confidence) {
    (
        Score::clamped(said.score),
        Confidence::clamped(said.confidence),
    )
}

fn appear(cast: &[Reporter], events: &mut Vec<Event>) {
    for Reporter {
        peer,
        ip,
        from,
        part,
        ..
    } in cast
    {
        let (peer, ip) = (*peer, *ip);
        events.push(fact(*from, Fact::PeerAddress { peer, ip }));
        // Everybody keeps to the rules of the wire: what is tried here is what they say.
        let reliability = Reliability::MAX;
        events.push(fact(*from, Fact::PeerReliability { peer, reliability }));
        if *part == Part::Anchor {
            let trust = Trust::clamped(ANCHOR_TRUST);
            events.push(fact(*from, Fact::Anchor { peer, trust }));
        }
    }
}

fn ask(addresses: &[Address], scenario: &Scenario, seed: u64, events: &mut Vec<Event>) {
    let mut chance = Chance::stream(seed, 2);
    for address in addresses {
        let newest = address.turns.last().copied();
        let newest = newest.unwrap_or(address.since);
        let earliest = (newest + ASKED_AFTER).max(scenario.asked_from * DAY);
        let latest = (newest + ASKED_UNTIL).min(END);
        let at = chance.between(earliest, latest);
        let is_asked = match scenario.asked {
            Asked::All => true,
            Asked::Targets => is_common_target(address, at, scenario),
        };
        if is_asked && earliest < latest && address.own.is_empty() {
            let query = Query {
                id: 0,
                subject: address.subject,
                malicious: address.is_malicious(at),
            };
            events.push(Event {
                at: on_the_clock(at),
                what: What::Query(query),
            });
        }
    }
}

fn number(events: &mut [Event]) {
    let mut next = 0;
    for event in events {
        if let What::Query(query) = &mut event.what {
            query.id = next;
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::SCENARIOS;

    #[test]
    fn a_seed_tells_the_same_story_again_and_another_seed_another() {
        for scenario in SCENARIOS {
            let story = Story::tell(scenario, 3);
            assert_eq!(story, Story::tell(scenario, 3), "{}", scenario.name);
            assert_ne!(story, Story::tell(scenario, 4), "{}", scenario.name);
            assert!(story.events.is_sorted_by_key(|event| event.at));
        }
    }

    #[test]
    fn who_lies_changes_neither_the_addresses_nor_who_speaks_of_them_when() {
        let outline = |name| {
            let story = Story::tell(Scenario::named(name).unwrap(), 5);
            let speaks = |event: &Event| match event.what {
                What::Fact(Fact::Report {
                    author, subject, ..
                }) => Some((event.at, author, subject)),
                _ => None,
            };
            let queries: Vec<Query> = story.queries().copied().collect();
            let reports: Vec<_> = story.events.iter().filter_map(speaks).collect();
            (queries, reports)
        };
        assert_eq!(outline("honest"), outline("liars-70"));
    }

    #[test]
    fn nobody_asks_about_what_our_own_slips_spoke_of() {
        for scenario in SCENARIOS {
            let story = Story::tell(scenario, 1);
            let own = |subject: Subject| {
                story.events.iter().any(|event| {
                    matches!(&event.what, What::Fact(Fact::OwnStatement { subject: other, .. }) if *other == subject)
                })
            };
            assert!(
                story.queries().all(|query| !own(query.subject)),
                "{}",
                scenario.name
            );
            let malicious = story.queries().filter(|query| query.malicious).count();
            assert!(
                malicious > 0 && malicious < story.queries().count(),
                "{}",
                scenario.name
            );
        }
    }
}
