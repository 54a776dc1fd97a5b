//! Who takes part: identities, how long they are there, and how well they see.

use std::net::IpAddr;

use crate::domain::PeerId;

use super::{
    chance::Chance,
    scenario::Scenario,
    world::{DAY, END, Seconds, ip},
};

/// How many reporters there are besides newcomers. A guess: a federation of sensors.
const REPORTERS: usize = 30;
/// Streams of chance from here on belong to one identity each; those before to the world.
const FIRST_STREAM: u64 = 16;

/// One identity.
#[derive(Debug, Clone)]
pub struct Reporter {
    pub peer: PeerId,
    pub ip: IpAddr,
    /// When it appears.
    pub from: Seconds,
    /// When it is gone.
    pub until: Seconds,
    /// How often it calls malicious what is.
    pub sensitivity: f64,
    /// How often it calls benign what is.
    pub specificity: f64,
    /// Share of the active addresses it sees.
    pub diligence: f64,
    /// How sure it usually is.
    pub habit: f64,
    pub part: Part,
    /// Where chance for what it sees and says comes from.
    pub stream: u64,
}

/// What an identity is in the story.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    /// Says what it sees.
    Honest,
    /// Says what it sees, and the operator trusts it.
    Anchor,
    /// Lies as the scenario says.
    Liar,
    /// Repeats what another identity says, so many seconds later.
    Copies {
        /// Its place in the cast.
        whom: usize,
        /// How much later.
        after: Seconds,
    },
}

/// Everybody in a scenario: anchors first, then honest ones, liars, newcomers.
pub fn cast(scenario: &Scenario, seed: u64) -> Vec<Reporter> {
    let mut chance = Chance::stream(seed, 1);
    let mut cast: Vec<Reporter> = (0..REPORTERS)
        .map(|number| reporter(number, &mut chance))
        .collect();
    let liars = counted(scenario.liars, REPORTERS);
    let honest = REPORTERS - liars;
    let anchors = counted(scenario.anchors, REPORTERS).min(honest);
    for (number, one) in cast.iter_mut().enumerate() {
        one.part = match number {
            _ if number < anchors => Part::Anchor,
            _ if number < honest => Part::Honest,
            _ => Part::Liar,
        };
    }
    // Seconds later a twin has seen the same; a copy needs the original on its screen.
    copy(&mut cast[anchors..honest], anchors, scenario.twins, 60.0);
    copy(&mut cast[honest..], honest, scenario.copies, 3_600.0);
    if scenario.renewed {
        renew(&mut cast, honest);
    }
    newcomers(&mut cast, scenario, &mut chance);
    cast
}

fn reporter(number: usize, chance: &mut Chance) -> Reporter {
    Reporter {
        peer: identity(number),
        ip: ip(80, number),
        from: 0.0,
        until: END,
        sensitivity: chance.between(0.75, 0.95),
        specificity: chance.between(0.75, 0.95),
        diligence: chance.between(0.15, 0.45),
        habit: chance.between(0.5, 0.9),
        part: Part::Honest,
        stream: FIRST_STREAM + number as u64,
    }
}

/// A peer id of this number: the bytes themselves (multihash 0), eight of them.
fn identity(number: usize) -> PeerId {
    let bytes = [&[0, 8], &(number as u64).to_be_bytes()[..]].concat();
    // Eight bytes always are a peer id; a random one would only cost the story its repeatability.
    PeerId::from_bytes(&bytes).unwrap_or_else(|_| PeerId::random())
}

/// Lets the last share of a group repeat the others of it in turn.
fn copy(group: &mut [Reporter], start: usize, share: f64, after: Seconds) {
    let originals = (group.len() - counted(share, group.len())).max(1);
    for (number, one) in group.iter_mut().enumerate().skip(originals) {
        one.part = Part::Copies {
            whom: start + number % originals,
            after: after * (1 + number / originals) as f64,
        };
    }
}

/// Puts in place of each liar a chain of identities, one a day.
fn renew(cast: &mut Vec<Reporter>, honest: usize) {
    let liars = cast.split_off(honest);
    for liar in liars {
        let mut from = 0.0;
        while from < END {
            let number = cast.len();
            cast.push(Reporter {
                peer: identity(number),
                ip: ip(80, number),
                from,
                until: from + DAY,
                stream: FIRST_STREAM + number as u64,
                ..liar.clone()
            });
            from += DAY;
        }
    }
}

fn newcomers(cast: &mut Vec<Reporter>, scenario: &Scenario, chance: &mut Chance) {
    let new = scenario.newcomers;
    for _ in 0..new.count {
        let from = chance.between(0.0, END - DAY);
        let number = cast.len();
        cast.push(Reporter {
            from,
            until: (from + new.stays * DAY).min(END),
            diligence: new.diligence,
            part: Part::Liar,
            ..reporter(number, chance)
        });
    }
}

fn counted(share: f64, of: usize) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of some dozens"
    )]
    let count = (share.clamp(0.0, 1.0) * of as f64).round() as usize;
    count
}
