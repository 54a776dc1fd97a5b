//! `robust`: what a dispute does to those who take part in it, and to how bad an address is said to
//! be. Each against the formula of the specification, or against a case that must come to the same.

use slips_p2p::{
    domain::Timestamp,
    reputation::{Engine, Fact, Parameters, TrustModel},
};

use super::{
    robust_rules::{near, told, trust},
    world::{anchored, at, own, peer, says, subject},
};

const HOUR: f64 = 3600.0;
const ASKED: &str = "198.51.100.7";

/// What a reporter's part in an opinion is called, as a number.
fn number_of(engine: &Engine, of: &str, name: &str, wanted: &str, now: Timestamp) -> f64 {
    let explanation = engine.explain(subject(of), now);
    let share = explanation.shares.iter().find(|s| s.author.0 == peer(name));
    let parts = &share.expect("a reporter").parts;
    parts
        .iter()
        .find(|(part, _)| *part == wanted)
        .expect("a part")
        .1
}

/// Ann is right on four addresses of which nobody else speaks, bob on two where cid contradicts him.
fn tested_and_untested() -> Vec<(f64, Fact)> {
    let mut facts = Vec::new();
    for number in 0..4 {
        let (of, bad) = (format!("203.0.113.{number}"), f64::from(number % 2));
        facts.push((0.0, says("ann", &of, bad, 0.7)));
        facts.push((HOUR, own(&of, bad, 1.0)));
    }
    for number in 4..6 {
        let (of, bad) = (format!("203.0.113.{number}"), f64::from(number % 2));
        facts.push((0.0, says("bob", &of, bad, 0.7)));
        facts.push((0.0, says("cid", &of, 1.0 - bad, 0.7)));
        facts.push((HOUR, own(&of, bad, 1.0)));
    }
    facts
}

/// In a dispute the coins are those of the specification with `calm` of the untested mass; how far a
/// peer is proven and trusted stays the same.
#[test]
fn untested_proof_counts_little_in_a_dispute() {
    let p = Parameters::default().robust;
    let now = at(2.0 * HOUR);
    let mut facts = tested_and_untested();
    facts.push((2.0 * HOUR, says("ann", ASKED, 0.0, 0.7)));
    let alone = told(&[], &facts);
    facts.push((2.0 * HOUR, says("bob", ASKED, 1.0, 0.7)));
    let disputed = told(&[], &facts);
    let heard = |engine: &Engine, name, part| number_of(engine, ASKED, name, part, now);
    // Two malicious, q 0.9, and two benign, q 0.1, all rightly named an hour ago, but undecayed: the
    // fast window agrees.
    let coin = |mass: f64, assumed: f64| (0.9 * 2.0 * mass + p.k0 * assumed) / (2.0 * mass + p.k0);
    let says_benign = |mass: f64| {
        let (sens, spec) = (
            (mass * 1.8 + p.k0 * p.sens0) / (mass * 2.0 + p.k0),
            (mass * 1.8 + p.k0 * p.spec0) / (mass * 2.0 + p.k0),
        );
        assert!(near(sens, coin(mass, p.sens0)));
        ((1.0 - sens) / spec).ln()
    };
    let untested = heard(&alone, "ann", "says benign");
    assert!((untested - says_benign(1.0)).abs() < 0.01, "{untested}");
    let tested = heard(&disputed, "ann", "says benign");
    assert!(
        (tested - says_benign(p.calm)).abs() < 0.01,
        "{tested} {}",
        says_benign(p.calm)
    );
    for part in ["proven", "proven at first hand", "heard"] {
        assert_eq!(
            heard(&alone, "ann", part),
            heard(&disputed, "ann", part),
            "{part}"
        );
    }
    assert_eq!(trust(&alone, "ann", now), trust(&disputed, "ann", now));
    // Bob was tested: a dispute takes nothing from him.
    facts.retain(|(_, fact)| *fact != says("ann", ASKED, 0.0, 0.7));
    let bob = told(&[], &facts);
    assert_eq!(
        heard(&bob, "bob", "says malicious"),
        heard(&disputed, "bob", "says malicious")
    );
}

/// Only who is believed can make a dispute: not a crowd of unknown, not a known liar.
#[test]
fn the_unknown_and_liars_make_no_dispute() {
    let now = at(2.0 * HOUR);
    let mut facts = tested_and_untested();
    facts.push((2.0 * HOUR, says("ann", ASKED, 0.0, 0.7)));
    let heard =
        |facts: &[(f64, Fact)]| number_of(&told(&[], facts), ASKED, "ann", "says benign", now);
    let alone = heard(&facts);
    for number in 0..100 {
        facts.push((
            2.0 * HOUR,
            says(&format!("newcomer {number}"), ASKED, 1.0, 0.7),
        ));
    }
    facts.push((2.0 * HOUR, says("cid", ASKED, 1.0, 0.7)));
    assert_eq!(heard(&facts), alone);
}

/// A dispute is whole from a third of what is believed on, and half of one at half of that.
#[test]
fn a_dispute_grows_with_the_weaker_side() {
    let now = at(2.0 * HOUR);
    let heard = |others: f64, settings: &[(&str, &str)]| {
        let mut facts = tested_and_untested();
        facts.push((2.0 * HOUR, anchored("zoe", 1.0)));
        facts.push((2.0 * HOUR, anchored("xan", others)));
        facts.push((2.0 * HOUR, says("ann", ASKED, 0.0, 0.7)));
        facts.push((2.0 * HOUR, says("zoe", ASKED, 0.0, 0.7)));
        facts.push((2.0 * HOUR, says("xan", ASKED, 1.0, 0.7)));
        number_of(&told(settings, &facts), ASKED, "ann", "says benign", now)
    };
    // The more the other side is believed, the less ann's untested word weighs.
    let growing = [0.001, 0.01, 0.05, 0.9].map(|others| heard(others, &[]));
    assert!(
        growing.is_sorted() && growing[0] < growing[3],
        "{growing:?}"
    );
    assert_eq!(heard(0.9, &[("calm", "1")]), heard(0.001, &[("calm", "1")]));
    let (none, whole) = (
        heard(0.5, &[("calm", "1")]),
        heard(0.5, &[("disp", "0.01")]),
    );
    let (some, more) = (
        heard(0.5, &[("disp", "0.5")]),
        heard(0.5, &[("disp", "0.4")]),
    );
    // The weaker side's share is the same in both: what is lost goes as 1 / disp.
    assert!(
        near((some - none) * 0.5, (more - none) * 0.4),
        "{none} {some} {more}"
    );
    assert!(whole > more);
}

/// To agree with what we have already said is no test; to contradict it is.
#[test]
fn who_speaks_after_us_is_not_tested_by_agreeing() {
    let facts = |late: f64| {
        let mut facts = Vec::new();
        for number in 0..3 {
            let of = format!("203.0.113.{number}");
            facts.push((0.0, says("ann", &of, 1.0, 0.7)));
            facts.push((0.0, says("cid", &of, 0.0, 0.7)));
            facts.push((HOUR, own(&of, 1.0, 1.0)));
        }
        facts.push((2.0 * HOUR, says("cid", "203.0.113.9", 0.0, 0.7)));
        facts.push((2.0 * HOUR, own("203.0.113.9", 1.0, 1.0)));
        facts.push((2.0 * HOUR, says("ann", "203.0.113.9", late, 0.7)));
        facts.push((2.0 * HOUR, anchored("zoe", 1.0)));
        facts.push((2.0 * HOUR, says("ann", ASKED, 1.0, 0.7)));
        facts.push((2.0 * HOUR, says("zoe", ASKED, 0.0, 0.7)));
        facts
    };
    let now = at(2.0 * HOUR);
    let heard = |late, calm| {
        let engine = told(&[("calm", calm)], &facts(late));
        number_of(&engine, ASKED, "ann", "says malicious", now)
    };
    assert!(
        heard(1.0, "0") != heard(1.0, "1"),
        "agreeing after us is untested"
    );
    assert_eq!(heard(0.0, "0"), heard(0.0, "1"), "contradicting us is not");
}

/// How bad an address is, worked out by hand from the parts of its reporters.
#[test]
fn severity_is_drawn_out_by_a_chorus_and_in_by_the_other_side() {
    let p = Parameters::default().robust;
    let mut facts = vec![
        (0.0, anchored("ann", 1.0)),
        (0.0, anchored("bob", 0.5)),
        (0.0, anchored("cid", 0.3)),
    ];
    for (name, score) in [("ann", 0.7), ("bob", 0.9), ("cid", 0.0)] {
        facts.push((0.0, says(name, ASKED, score, 0.7)));
    }
    let engine = told(&[], &facts);
    let explanation = engine.explain(subject(ASKED), at(0.0));
    let number = |name, part| number_of(&engine, ASKED, name, part, at(0.0));
    let weight = |name| {
        (number(name, "says malicious") - number(name, "says benign"))
            * (0.3 + 0.7 * number(name, "proven"))
            * 0.7
    };
    let (ann, bob) = (weight("ann"), weight("bob"));
    // All but the stronger of the two are the chorus, as far as each has decided: 0.7 is two thirds
    // malicious beyond undecided.
    let known = [number("ann", "proven") * 2.0 / 3.0, number("bob", "proven")];
    let chorus = p.chorus * known[0].min(known[1]);
    let severity = (ann * 0.7 + bob * 0.9 + 0.5 * 0.8 + chorus) / (ann + bob + 0.5 + chorus);
    // What speaks for either side: all that is proven, within the caps, and of the unproven no more
    // than `b` in all.
    let evidence = |name| number(name, "evidence");
    let first_hand =
        |name| number(name, "within the caps") * number(name, "proven") * evidence(name);
    let unproven = |name| {
        let beyond = (1.0 - number(name, "within the caps")) * number(name, "proven");
        ((1.0 - number(name, "proven")) * number(name, "tenure") + beyond) * evidence(name)
    };
    let said: f64 = ["ann", "bob", "cid"]
        .map(|name| unproven(name).abs())
        .iter()
        .sum();
    let fits = p.b * (said / p.b).tanh() / said;
    let speaks = |name| (first_hand(name) + fits * unproven(name)).abs();
    let (net, all) = (
        speaks("ann") + speaks("bob") - speaks("cid"),
        speaks("ann") + speaks("bob") + speaks("cid"),
    );
    let unity = (net / all / p.unity).min(1.0);
    assert!(
        unity < 0.9 && unity > 0.1,
        "the other side is heard: {unity}"
    );
    let opinion = explanation.opinion.expect("somebody spoke");
    let expected = 0.5 + (severity - 0.5) * unity * opinion.confidence.get();
    assert!(
        near(opinion.score.get(), expected),
        "{} {expected}",
        opinion.score.get()
    );
    // What our own Slips says weighs on either side as well.
    let verdict = |said: f64| {
        let mut facts = facts.clone();
        facts.push((0.0, own(ASKED, said, 0.6)));
        told(&[], &facts)
            .verdict(subject(ASKED), at(0.0))
            .expect("an answer")
    };
    let [against, with] = [0.0, 1.0].map(verdict);
    assert!(against.score.get() < opinion.score.get() && opinion.score.get() < with.score.get());
}

/// A crowd of unknown that says both draws in how bad an address is by no more than its cap, however
/// many they are.
#[test]
fn a_divided_crowd_takes_little_from_how_bad_an_address_is() {
    let score = |crowd: u32| {
        let mut facts = vec![(0.0, anchored("ann", 1.0)), (0.0, anchored("bob", 1.0))];
        for name in ["ann", "bob"] {
            facts.push((HOUR, says(name, ASKED, 1.0, 0.7)));
        }
        for number in 0..crowd {
            let name = format!("newcomer {number}");
            facts.push((HOUR, says(&name, ASKED, f64::from(number % 2), 0.7)));
        }
        let opinion = told(&[], &facts).opinion(subject(ASKED), at(HOUR));
        opinion.expect("somebody spoke").score.get()
    };
    let [none, some, many] = [0, 40, 400].map(score);
    assert!(none > 0.95, "{none}");
    assert!(
        (none - many).abs() < 0.02 && (some - many).abs() < 0.02,
        "{none} {some} {many}"
    );
}

/// Where all are of one mind, the share that is asked for changes nothing.
#[test]
fn of_one_mind_an_address_is_as_bad_as_they_say() {
    let score = |unity| {
        let facts = [
            (0.0, anchored("ann", 0.5)),
            (0.0, says("ann", ASKED, 0.9, 0.7)),
            (0.0, says("bob", ASKED, 0.8, 0.7)),
            (0.0, own(ASKED, 0.9, 0.5)),
        ];
        let engine = told(&[("unity", unity)], &facts);
        let verdict = engine.verdict(subject(ASKED), at(0.0));
        verdict.expect("an answer").score.get()
    };
    assert_eq!(score("1"), score("0.1"));
}

/// To be wrong before our own Slips counts in full in a dispute too, though nobody else disagreed.
#[test]
fn a_lie_is_not_forgiven_for_being_untested() {
    let now = at(2.0 * HOUR);
    let says_malicious = |lies: u32| {
        let mut facts = Vec::new();
        for number in 0..8 {
            let (of, bad) = (format!("203.0.113.{number}"), f64::from(number % 2));
            facts.push((0.0, says("eve", &of, bad, 0.7)));
            facts.push((HOUR, own(&of, bad, 1.0)));
        }
        for number in 0..lies {
            // Fifty say so with her, and our own Slips alone knows better.
            let of = format!("192.0.2.{number}");
            for crowd in 0..50 {
                facts.push((0.0, says(&format!("crowd {crowd}"), &of, 1.0, 0.7)));
            }
            facts.push((0.0, says("eve", &of, 1.0, 0.7)));
            facts.push((HOUR, own(&of, 0.0, 1.0)));
        }
        facts.push((2.0 * HOUR, anchored("ann", 1.0)));
        facts.push((2.0 * HOUR, says("ann", ASKED, 0.0, 0.7)));
        facts.push((2.0 * HOUR, anchored("zoe", 1.0)));
        facts.push((2.0 * HOUR, says("zoe", ASKED, 1.0, 0.7)));
        facts.push((2.0 * HOUR, says("eve", ASKED, 1.0, 0.7)));
        number_of(&told(&[], &facts), ASKED, "eve", "says malicious", now)
    };
    let (honest, some, many) = (says_malicious(0), says_malicious(3), says_malicious(6));
    assert!(honest > some && some > many, "{honest} {some} {many}");
    assert!(
        many < 0.1,
        "as often wrong as right when she says so: {many}"
    );
}

/// Who says undecided takes no side: it makes no dispute and no chorus.
#[test]
fn the_undecided_take_no_side() {
    let now = at(2.0 * HOUR);
    let with = |more: Option<f64>| {
        let mut facts = tested_and_untested();
        facts.push((2.0 * HOUR, anchored("zoe", 1.0)));
        facts.push((2.0 * HOUR, says("ann", ASKED, 0.0, 0.7)));
        facts.extend(more.map(|score| (2.0 * HOUR, says("zoe", ASKED, score, 0.7))));
        let engine = told(&[], &facts);
        number_of(&engine, ASKED, "ann", "says benign", now)
    };
    assert_eq!(with(None), with(Some(0.5)));
    assert!(
        with(Some(1.0)) > with(None),
        "a whole dispute weakens an untested word"
    );
}
