//! `robust`: how far a majority of unknown peers proves others, and when that ends.

use slips_p2p::reputation::Fact;

use super::{
    robust_rules::{near, prepared, told, trust},
    world::{anchored, at, lifted, moved, own, says},
};

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;

/// Two who agree and one who does not, on some addresses, at this time.
pub fn quarrel(seconds: f64) -> Vec<(f64, Fact)> {
    let mut facts = Vec::new();
    for number in 0..6 {
        let (of, bad) = (format!("203.0.113.{number}"), f64::from(number % 2));
        facts.push((seconds, says("ann", &of, bad, 0.7)));
        facts.push((seconds, says("bob", &of, bad, 0.5)));
        facts.push((seconds, says("eve", &of, 1.0 - bad, 0.7)));
    }
    facts
}

/// They have been here since the beginning.
fn known_since_the_beginning() -> Vec<(f64, Fact)> {
    let places = [
        ("ann", "192.0.2.1"),
        ("bob", "192.0.2.2"),
        ("eve", "192.0.2.66"),
    ];
    places.map(|(name, ip)| (0.0, moved(name, ip))).into()
}

/// How far bob is trusted after the rebuild that follows a quarrel, given what was known before.
fn bob_after(known: &[(f64, Fact)], quarrels_at: f64) -> f64 {
    let facts = [
        &known_since_the_beginning()[..],
        known,
        &quarrel(quarrels_at),
    ]
    .concat();
    let now = at(quarrels_at + 7.0 * HOUR);
    trust(&prepared(told(&[], &facts), now), "bob", now)
}

/// A majority of unknown peers proves others fully while nobody can be asked, and the less the more
/// the operator trusts anybody: not at all from a full anchor on.
#[test]
fn what_a_majority_proves_ends_with_anchors() {
    let anchors = |trusts: &[(&str, f64)]| {
        let told = |(name, trust): &(&str, f64)| (0.0, anchored(name, *trust));
        bob_after(&trusts.iter().map(told).collect::<Vec<_>>(), DAY)
    };
    let [none, some, more] = [&[][..], &[("zoe", 0.3)], &[("zoe", 0.7)]].map(anchors);
    assert!(
        none > some && some > more && more > 0.5,
        "{none} {some} {more}"
    );
    assert_eq!(anchors(&[("zoe", 1.0)]), 0.5);
    assert_eq!(anchors(&[("zoe", 0.6), ("yan", 0.6)]), 0.5);
    assert!(
        near(anchors(&[("zoe", 0.3), ("yan", 0.4)]), more),
        "they add up"
    );
    assert!(
        near(anchors(&[("zoe", 0.9), ("zoe", 0.3)]), some),
        "the last word counts"
    );
    let lift = |facts: &[(f64, Fact)]| bob_after(facts, DAY);
    let lifted_again = [
        (0.0, anchored("zoe", 0.3)),
        (0.0, anchored("yan", 0.4)),
        (1.0, lifted("yan")),
    ];
    assert!(near(lift(&lifted_again), some));
    let all = [(0.0, anchored("zoe", 0.3)), (1.0, lifted("zoe"))];
    assert_eq!(lift(&all), none);
    // Where trusted peers do not end it, they do not.
    let anchor = (0.0, anchored("zoe", 1.0));
    let facts = [&known_since_the_beginning()[..], &[anchor], &quarrel(DAY)].concat();
    let now = at(DAY + 7.0 * HOUR);
    let engine = prepared(told(&[("anchor_gate", "0")], &facts), now);
    assert!(near(trust(&engine, "bob", now), none));
}

/// ... and with what our own Slips says of addresses on which anybody had spoken.
#[test]
fn what_a_majority_proves_ends_with_statements_of_our_own() {
    let statements = |said: &[(f64, f64)]| {
        let facts = said.iter().enumerate().flat_map(|(number, (day, sure))| {
            let of = format!("20.0.0.{number}");
            [
                (day * DAY, says("zoe", &of, 1.0, 0.7)),
                (day * DAY, own(&of, 1.0, *sure)),
            ]
        });
        bob_after(&facts.collect::<Vec<_>>(), 11.0 * DAY)
    };
    let none = bob_after(&[], 11.0 * DAY);
    // A mass of 1.5 ends it; half of it leaves half.
    let half = statements(&[(10.0, 0.75)]);
    assert!(
        near(half, bob_after(&[(0.0, anchored("zoe", 0.5))], 11.0 * DAY)),
        "{half}"
    );
    assert!(none > half && half > 0.5);
    assert!(
        near(statements(&[(10.0, 0.5), (10.0, 0.25)]), half),
        "they add up"
    );
    assert_eq!(statements(&[(10.0, 1.0), (10.0, 1.0)]), 0.5);
    // Ten days halve it.
    assert!(near(statements(&[(0.0, 1.0), (10.0, 0.25)]), half));
    let unasked = [(10.0 * DAY, own("20.0.0.1", 1.0, 1.0))];
    assert_eq!(
        bob_after(&unasked, 11.0 * DAY),
        none,
        "nobody had spoken of it"
    );
    let undecided = [
        (10.0 * DAY, says("zoe", "20.0.0.1", 1.0, 0.7)),
        (10.0 * DAY, own("20.0.0.1", 0.5, 1.0)),
    ];
    assert_eq!(bob_after(&undecided, 11.0 * DAY), none);
}
