//! The addresses: what they are in truth, when they are active, and what our own Slips says of some.

use std::net::{IpAddr, Ipv4Addr};

use crate::domain::{Subject, Timestamp};

use super::{
    chance::Chance,
    scenario::{Change, Scenario},
};

/// Seconds.
pub type Seconds = f64;

/// An hour and a day.
pub const HOUR: Seconds = 3_600.0;
/// See [`HOUR`].
pub const DAY: Seconds = 86_400.0;

/// How many addresses there are. A guess: what a few sensors share in ten days, few enough for a
/// thousand seeds in a minute.
const ADDRESSES: usize = 200;
/// How long the story lasts: long enough for a fast and a slow window of trust. A guess.
pub const END: Seconds = 10.0 * DAY;
/// The last addresses become active so long before the end, so that somebody speaks of them.
const LAST_START: Seconds = END - 0.5 * DAY;
/// How long an address is active. A guess.
const ACTIVE: Seconds = 3.0 * DAY;
/// How long reporters and our own Slips take to see an active address, on average. A guess.
pub const NOTICED: Seconds = 12.0 * HOUR;
/// How often our own sensor is right: what the models take for granted (`loc_acc`).
const OWN_ACCURACY: f64 = 0.9;
/// The second of the epoch at which stories begin; the one of the vectors of the trust model.
const EPOCH: f64 = 1_750_000_000.0;

/// An address in truth.
#[derive(Debug, Clone)]
pub struct Address {
    pub subject: Subject,
    /// When it becomes active.
    pub since: Seconds,
    /// When it falls silent.
    pub until: Seconds,
    /// When it changes sides, ascending.
    pub turns: Vec<Seconds>,
    /// What our own Slips says of it, in order of time.
    pub own: Vec<Statement>,
    /// Where it stands among all when liars choose common targets, in 0..1.
    pub lot: f64,
    at_first: bool,
}

impl Address {
    /// Whether it is malicious at a time.
    pub fn is_malicious(&self, at: Seconds) -> bool {
        let turned = self.turns.iter().filter(|turn| **turn <= at).count() % 2 == 1;
        self.at_first != turned
    }
}

/// Something said of an address at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statement {
    pub at: Seconds,
    /// Whether it calls the address malicious.
    pub malicious: bool,
    pub score: f64,
    pub confidence: f64,
}

/// How a statement is worded: the number for what is meant.
pub fn worded(at: Seconds, malicious: bool, confidence: f64, chance: &mut Chance) -> Statement {
    // Slips' threat levels with what evidence of different strength makes of them; one report in
    // ten hardly takes sides. A guess.
    let (low, high) = match (chance.happens(0.1), malicious) {
        (true, true) => (0.5, 0.65),
        (true, false) => (0.35, 0.5),
        (false, true) => (0.65, 1.0),
        (false, false) => (0.0, 0.3),
    };
    Statement {
        at,
        malicious,
        score: thousandths(chance.between(low, high)),
        confidence: thousandths(confidence.clamp(0.05, 1.0)),
    }
}

fn thousandths(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// The time of a story on the clock of the models, to the second.
pub fn on_the_clock(at: Seconds) -> Timestamp {
    Timestamp::from_secs_f64(EPOCH + at.round())
}

/// All addresses of a scenario.
pub fn addresses(scenario: &Scenario, seed: u64) -> Vec<Address> {
    let mut chance = Chance::stream(seed, 0);
    let (by_class, by_own, by_change) = (
        places(&mut chance),
        places(&mut chance),
        places(&mut chance),
    );
    (0..ADDRESSES)
        .map(|number| {
            let mut address = Address {
                subject: Subject::from_ip(ip(5, number)),
                since: chance.between(0.0, LAST_START),
                until: 0.0,
                turns: Vec::new(),
                own: Vec::new(),
                lot: chance.between(0.0, 1.0),
                at_first: is_among(by_class[number], scenario.malicious),
            };
            address.turns = turns(&address, by_change[number], scenario.change, &mut chance);
            address.until = address.turns.last().unwrap_or(&address.since) + ACTIVE;
            let speaks = is_among(by_own[number], scenario.local);
            let own = own_statements(&address, &mut chance);
            address.own = if speaks { own } else { Vec::new() };
            address
        })
        .collect()
}

/// Of each address its place in a random order.
fn places(chance: &mut Chance) -> Vec<usize> {
    chance.shuffled(ADDRESSES)
}

/// Whether a place is among the first share of all.
fn is_among(place: usize, share: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "some hundred addresses")]
    let (place, all) = (place as f64, ADDRESSES as f64);
    place + 0.5 < share * all
}

fn turns(address: &Address, place: usize, change: Change, chance: &mut Chance) -> Vec<Seconds> {
    // Drawn in every scenario, so that the rest of the world stays the same.
    let first = address.since + chance.between(1.0, 2.0) * DAY;
    match change {
        Change::Reassigned(share) if is_among(place, share) => vec![first],
        Change::Returns(share) if is_among(place, share) => vec![first, first + DAY],
        _ => Vec::new(),
    }
}

/// Our own Slips speaks when the address becomes active, and again after each turn.
fn own_statements(address: &Address, chance: &mut Chance) -> Vec<Statement> {
    let starts = [address.since].into_iter().chain(address.turns.clone());
    starts
        .map(|start| {
            let at = start + chance.waiting(NOTICED);
            let right = chance.happens(OWN_ACCURACY);
            let confidence = chance.between(0.6, 1.0);
            worded(at, address.is_malicious(at) == right, confidence, chance)
        })
        .filter(|said| said.at < END)
        .collect()
}

/// The address of this number in a network. Public ones: private, reserved and documentation
/// addresses have no opinion outside a node, so a replay would not answer for them.
pub fn ip(network: u8, number: usize) -> IpAddr {
    let [.., high, middle, low] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(network, 64 + high, middle, low))
}
