//! What each identity says when: what it sees, what it makes of it, and what it copies.

use super::{
    cast::{Part, Reporter},
    chance::Chance,
    scenario::{Lie, Scenario, Victims},
    world::{Address, DAY, END, HOUR, NOTICED, Seconds, Statement, worded},
};

/// How often a reporter looks at an address a second time. A guess.
const LOOKS_AGAIN: f64 = 0.5;
/// How often a second look at what has not changed gives what the first gave: sensors err by rule,
/// not by chance. A guess.
const SAME_AGAIN: f64 = 0.8;
/// How often those who saw an address notice that it changed. A guess.
const NOTICES_TURN: f64 = 0.8;
/// How much of what it copies a copy repeats. A guess.
const COPIED: f64 = 0.8;

/// Streams of chance from here on are for what comes in a second time.
const REPLAYS: u64 = 1 << 32;

/// A statement on the address of this place.
pub type Said = (usize, Statement);

/// What everybody says, in the order of the cast.
pub fn speeches(
    cast: &[Reporter],
    addresses: &[Address],
    scenario: &Scenario,
    seed: u64,
) -> Vec<Vec<Said>> {
    let mut all: Vec<Vec<Said>> = Vec::with_capacity(cast.len());
    for reporter in cast {
        let mut chance = Chance::stream(seed, reporter.stream);
        let said = match reporter.part {
            Part::Copies { whom, after } => {
                // The cast puts originals before their copies.
                let original = all.get(whom).map_or(&[][..], Vec::as_slice);
                copied(original, after, &mut chance)
            }
            Part::Honest | Part::Anchor | Part::Liar => Speaker {
                reporter,
                scenario,
                chance,
            }
            .speech(addresses),
        };
        all.push(said);
    }
    for (reporter, said) in cast.iter().zip(&mut all) {
        let replayed = replayed(said, reporter, scenario, seed);
        said.extend(replayed);
    }
    all
}

/// What comes in a second time.
fn replayed(said: &[Said], reporter: &Reporter, scenario: &Scenario, seed: u64) -> Vec<Said> {
    if scenario.replayed <= 0.0 {
        return Vec::new();
    }
    let mut chance = Chance::stream(seed, REPLAYS + reporter.stream);
    let mut again = |(place, said): &Said| {
        let at = said.at + chance.waiting(scenario.replayed * HOUR);
        (*place, Statement { at, ..*said })
    };
    let again: Vec<Said> = said.iter().map(&mut again).collect();
    (again.into_iter().filter(|(_, said)| said.at < END)).collect()
}

fn copied(original: &[Said], after: Seconds, chance: &mut Chance) -> Vec<Said> {
    let later = |(place, said): &Said| {
        let at = said.at + after;
        (*place, Statement { at, ..*said })
    };
    original
        .iter()
        .filter(|_| chance.happens(COPIED))
        .map(later)
        .filter(|(_, said)| said.at < END)
        .collect()
}

struct Speaker<'a> {
    reporter: &'a Reporter,
    scenario: &'a Scenario,
    chance: Chance,
}

/// One look at an address.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Seconds,
    /// What the sensor makes of it.
    seen: bool,
}

impl Speaker<'_> {
    fn speech(mut self, addresses: &[Address]) -> Vec<Said> {
        let mut speech = Vec::new();
        for (place, address) in addresses.iter().enumerate() {
            // Drawn for each address, seen or not: who lies must not change who sees what.
            let sees = self.chance.happens(self.reporter.diligence);
            let lot = self.chance.between(0.0, 1.0);
            if sees {
                self.speak_of(address, lot, &mut |said| speech.push((place, said)));
            }
        }
        speech
    }

    fn speak_of(&mut self, address: &Address, lot: f64, say: &mut impl FnMut(Statement)) {
        let steady = self.chance.clone();
        for look in self.looks(address) {
            let (at, malicious) = self.claimed(address, look, lot);
            let is_liar = self.reporter.part == Part::Liar;
            let mut wording = if self.scenario.steady {
                steady.clone()
            } else {
                self.chance.clone()
            };
            // Liars want to be heard.
            let confidence = if is_liar {
                wording.between(0.7, 1.0)
            } else {
                self.reporter.habit + wording.between(-0.15, 0.15)
            };
            let said = worded(at, malicious, confidence, &mut wording);
            if !self.scenario.steady {
                self.chance = wording;
            }
            if said.at < self.reporter.until.min(END) {
                say(said);
            }
        }
    }

    /// When it looks while both are there, and what it sees.
    fn looks(&mut self, address: &Address) -> Vec<Look> {
        let starts = address.since.max(self.reporter.from);
        let mut times = vec![starts + self.chance.waiting(NOTICED)];
        if self.chance.happens(LOOKS_AGAIN) {
            times.push(times[0] + self.chance.waiting(DAY));
        }
        for turn in &address.turns {
            if self.chance.happens(NOTICES_TURN) {
                times.push(turn + self.chance.waiting(NOTICED / 2.0));
            }
        }
        times.sort_by(f64::total_cmp);
        let ends = address.until.min(self.reporter.until).min(END);
        let mut looks: Vec<Look> = Vec::with_capacity(times.len());
        for at in times {
            let truth = address.is_malicious(at);
            let fresh = self.sensed(truth);
            let is_same = self.chance.happens(SAME_AGAIN);
            let before = looks
                .last()
                .filter(|before| is_same && address.is_malicious(before.at) == truth);
            let seen = before.map_or(fresh, |before| before.seen);
            looks.push(Look { at, seen });
        }
        looks.retain(|look| look.at >= self.reporter.from && look.at < ends);
        looks
    }

    fn sensed(&mut self, truth: bool) -> bool {
        let hit = if truth {
            self.reporter.sensitivity
        } else {
            self.reporter.specificity
        };
        self.chance.happens(hit) == truth
    }

    /// What it says after a look, and when.
    fn claimed(&mut self, address: &Address, look: Look, lot: f64) -> (Seconds, bool) {
        let Look { at, seen } = look;
        if self.reporter.part != Part::Liar {
            return (at, seen);
        }
        let truth = address.is_malicious(at);
        let claim = match self.scenario.lie {
            Lie::Inverts => !seen,
            Lie::Knows => !truth,
            Lie::Tosses => self.chance.happens(0.5),
            Lie::OnOff { honest, lying } => seen != ((at / DAY) % (honest + lying) >= honest),
            Lie::Sleeps(until) => seen != (at >= until * DAY),
            Lie::Targets {
                share,
                victims,
                together,
            } => {
                let lot = if together { address.lot } else { lot };
                if is_target(truth, lot, share, victims) {
                    !truth
                } else {
                    seen
                }
            }
            Lie::Unverifiable => truth != address.own.is_empty(),
            Lie::Echoes => match address.own.first() {
                Some(own) => return (at.max(own.at + HOUR), own.malicious),
                None => !truth,
            },
        };
        (at, claim)
    }
}

fn is_target(truth: bool, lot: f64, share: f64, victims: Victims) -> bool {
    let can_be = match victims {
        Victims::Any => true,
        Victims::Benign => !truth,
        Victims::Malicious => truth,
    };
    can_be && lot < share
}

/// Whether all liars of a scenario have this address for a target.
pub fn is_common_target(address: &Address, at: Seconds, scenario: &Scenario) -> bool {
    match scenario.lie {
        Lie::Targets {
            share,
            victims,
            together: true,
        } => is_target(address.is_malicious(at), address.lot, share, victims),
        _ => false,
    }
}
