//! Rules of `robust` whose numbers a golden script could not show: each against the formula of the
//! specification, or against a case that must come to the same.

use slips_p2p::{
    domain::Timestamp,
    reputation::{Engine, Fact, ModelKind, Parameters, TrustModel},
};

use super::{
    robust_gate::quarrel,
    world::{anchored, at, moved, own, peer, rated, says, subject},
};

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;
const ASKED: &str = "198.51.100.7";

pub fn told(settings: &[(&str, &str)], facts: &[(f64, Fact)]) -> Engine {
    let mut parameters = Parameters::default();
    for (key, value) in settings {
        parameters.set(key, value).expect("a parameter");
    }
    let mut engine = Engine::new(ModelKind::Robust, parameters);
    for (seconds, fact) in facts {
        engine.learn(fact, at(*seconds));
    }
    engine
}

/// The same, with all work done that is due by then.
pub fn prepared(mut engine: Engine, now: Timestamp) -> Engine {
    engine.prepare(subject(ASKED), now);
    engine
}

pub fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

pub fn part(engine: &Engine, name: &str, wanted: &str, now: Timestamp) -> f64 {
    let account = engine.account(peer(name), now).expect("a known peer");
    let found = account.parts.iter().find(|(part, _)| *part == wanted);
    found.unwrap_or_else(|| panic!("no part `{wanted}`")).1
}

pub fn trust(engine: &Engine, name: &str, now: Timestamp) -> f64 {
    engine.account(peer(name), now).expect("a known peer").trust
}

/// Says what the reports of an explanation must add up to, from the numbers of each: all said at
/// the time of the question, so that nothing has faded.
fn assert_adds_up(engine: &Engine, of: &str, now: Timestamp, gate: f64) {
    let p = Parameters::default().robust;
    let explanation = engine.explain(subject(of), now);
    let [mut first, mut second, mut unknown] = [0.0; 3];
    for share in &explanation.shares {
        assert_eq!(share.said_at, now);
        let number = |wanted: &str| {
            let found = share.parts.iter().find(|(name, _)| *name == wanted);
            found.expect("a part").1
        };
        let (rho, rho1) = (number("proven"), number("proven at first hand"));
        let (evidence, fits) = (number("evidence"), number("within the caps"));
        first += fits * rho1 * evidence;
        second += (rho - rho1) * evidence;
        unknown += (1.0 - rho) * number("reliability") * number("tenure") * evidence;
        unknown += (1.0 - fits) * rho1 * evidence;
    }
    let unproven = p.b * (unknown / p.b).tanh();
    let capped = p.b2 * (second / p.b2).tanh();
    // What only the unknown stand behind takes its place beside what they say, under one cap.
    let scaled = capped * p.b / p.b2;
    let beside = if unproven * scaled > 0.0 {
        scaled * (1.0 - unproven.abs() / p.b)
    } else {
        scaled
    };
    let second_hand = (1.0 - gate) * capped + gate * beside;
    for (name, expected) in [
        ("first hand", first),
        ("second hand", second_hand),
        ("unproven", unproven),
    ] {
        let found = explanation.totals.iter().find(|(total, _)| *total == name);
        let found = found.expect("a total").1;
        assert!(
            near(found, p.tau * expected),
            "{name}: {found}, not {}",
            p.tau * expected
        );
    }
}

#[test]
fn reports_add_up_under_their_caps() {
    for (anchor, gate) in [(0.0, 1.0), (0.4, 0.6), (1.0, 0.0)] {
        let mut facts = vec![(0.0, rated("bob", 0.8)), (0.0, anchored("zoe", 0.0))];
        if anchor > 0.0 {
            facts.push((0.0, anchored("zoe", anchor)));
        }
        facts.extend(quarrel(DAY));
        facts.push((DAY, says("zoe", "203.0.113.1", 1.0, 0.9)));
        let later = DAY + 7.0 * HOUR;
        for (of, said) in [
            (ASKED, [1.0, 0.9, 0.9, 1.0]),
            ("198.51.100.8", [0.0, 0.0, 1.0, 1.0]),
            ("198.51.100.9", [0.1, 0.3, 0.2, 0.0]),
        ] {
            for (name, score) in ["ann", "bob", "eve", "zoe"].iter().zip(said) {
                facts.push((later, says(name, of, score, 0.7)));
            }
        }
        let engine = told(&[], &facts);
        for of in [ASKED, "198.51.100.8", "198.51.100.9"] {
            assert_adds_up(&engine, of, at(later), gate);
        }
    }
}

/// How a peer is heard changes once an hour, by whole hours, and never by being asked.
#[test]
fn trust_is_forgotten_hour_by_hour() {
    let facts = [
        (0.0, says("ann", "203.0.113.1", 1.0, 0.7)),
        (0.0, own("203.0.113.1", 1.0, 1.0)),
    ];
    let engine = told(&[], &facts);
    let called_so = |minutes: f64| {
        part(
            &engine,
            "ann",
            "first hand: malicious, called so",
            at(minutes * 60.0),
        )
    };
    for (minutes, hours) in [
        (0.0, 0.0),
        (59.0, 0.0),
        (60.0, 0.0),
        (61.0, 1.0),
        (119.0, 1.0),
        (150.0, 2.0),
        (2400.0, 40.0),
    ] {
        let expected = 0.9 * (-hours / 24.0 / 10.0_f64).exp2();
        assert!(
            near(called_so(minutes), expected),
            "after {minutes} minutes"
        );
    }
    // A new proof brings it up to the minute.
    let more = [
        (150.0 * 60.0, says("ann", "203.0.113.2", 1.0, 0.7)),
        (150.0 * 60.0, own("203.0.113.2", 1.0, 1.0)),
    ];
    let engine = told(&[], &[&facts[..], &more].concat());
    let expected = 0.9 + 0.9 * (-2.5 / 24.0 / 10.0_f64).exp2();
    let now = at(150.0 * 60.0);
    assert!(near(
        part(&engine, "ann", "first hand: malicious, called so", now),
        expected
    ));
    let early = 1.0 + (-2.5 / 24.0 / 10.0_f64).exp2();
    assert!(near(part(&engine, "ann", "said before we did", now), early));
}

/// What the specification says of echoes: credit for those who were right before us, a charge for
/// those who contradict, the weight halving in a week.
#[test]
fn what_is_said_after_us_counts_by_what_was_said_before_us() {
    let of = "203.0.113.1";
    let mass = |facts: &[(f64, Fact)], now: f64| {
        let engine = told(&[], facts);
        [
            "malicious, called so",
            "malicious, called benign",
            "benign, called malicious",
            "benign, called so",
        ]
        .iter()
        .map(|side| part(&engine, "ann", &format!("first hand: {side}"), at(now)))
        .sum::<f64>()
    };
    // A week between: half. (And what is found is not yet forgotten, being new.)
    let early = [
        (0.0, says("ann", of, 1.0, 0.7)),
        (7.0 * DAY, own(of, 1.0, 1.0)),
    ];
    assert!(near(mass(&early, 7.0 * DAY), 0.5));
    let late = [
        (0.0, own(of, 1.0, 1.0)),
        (7.0 * DAY, says("ann", of, 0.0, 0.7)),
    ];
    assert!(
        near(mass(&late, 7.0 * DAY), 0.5 * 0.3),
        "{}",
        mass(&late, 7.0 * DAY)
    );
    let echo = [(0.0, own(of, 1.0, 1.0)), (0.0, says("ann", of, 1.0, 0.7))];
    assert_eq!(mass(&echo, 0.0), 0.0);
    // A mass of 1.5 said early earns half the credit of 0.7, for echoes and for contradictions.
    let mut proven = Vec::new();
    for (number, sure) in [1.0, 0.5].iter().enumerate() {
        let of = format!("203.0.113.1{number}");
        proven.push((0.0, says("ann", &of, 1.0, 0.7)));
        proven.push((0.0, own(&of, 1.0, *sure)));
    }
    for claim in [1.0, 0.0] {
        let after = [(0.0, own(of, 1.0, 1.0)), (0.0, says("ann", of, claim, 0.7))];
        let facts = [&proven[..], &after].concat();
        assert!(near(mass(&facts, 0.0), 1.5 + 0.35), "{}", mass(&facts, 0.0));
        assert!(near(
            part(&told(&[], &facts), "ann", "said before we did", at(0.0)),
            1.5
        ));
    }
    // Wrong before us earns no credit.
    let wrong = [(0.0, says("ann", of, 0.0, 0.7)), (0.0, own(of, 1.0, 1.0))];
    assert_eq!(
        part(&told(&[], &wrong), "ann", "said before we did", at(0.0)),
        0.0
    );
}

/// Agreement with somebody hardly proven is no agreement.
#[test]
fn a_faint_label_proves_nothing() {
    let found = |trust: f64| {
        let facts = [
            (0.0, anchored("zoe", 1.0)),
            (0.0, anchored("ann", trust)),
            (0.0, moved("zoe", "192.0.2.1")),
            (DAY, says("ann", "203.0.113.1", 1.0, 0.7)),
            (DAY, says("bob", "203.0.113.1", 1.0, 0.5)),
        ];
        let now = at(DAY + 7.0 * HOUR);
        let engine = prepared(told(&[], &facts), now);
        part(&engine, "bob", "second hand: malicious, called so", now)
    };
    assert_eq!(found(0.0001), 0.0);
    assert!(found(0.01) > 0.0);
}

/// Who is measured by proven peers: by the belief of the others, as old as it is, in both windows.
#[test]
fn second_hand_proof_is_the_belief_of_the_others() {
    let facts = [
        (0.0, anchored("ann", 1.0)),
        (0.0, moved("ann", "192.0.2.1")),
        (0.0, moved("bob", "192.0.2.2")),
        (DAY, says("ann", "203.0.113.1", 1.0, 0.7)),
        (2.0 * DAY, says("bob", "203.0.113.1", 1.0, 0.7)),
    ];
    let now = at(3.0 * DAY);
    let engine = prepared(told(&[], &facts), now);
    let heard = |wanted: &str| part(&engine, "ann", wanted, now);
    let p = Parameters::default().robust;
    // Ann alone, under the nested caps, a day old when bob spoke.
    let emphasis = 0.7 * 6.0 / (0.7 + 3.5);
    let evidence = heard("proven at first hand") * p.temper * emphasis * heard("says malicious");
    let said = evidence.min(p.cap0 + p.cap1 * 20.0);
    let faded = 2.0 * ((-2.0 * p.hazard).exp() * (said / 2.0).tanh()).atanh();
    let q = 1.0 / (1.0 + (-p.gam * faded).exp());
    let weight = (2.0 * q - 1.0) * (-1.0 / p.half_c).exp2();
    for (wanted, share) in [
        ("second hand: malicious, called so", q),
        ("second hand: benign, called malicious", 1.0 - q),
        ("second hand: malicious, called benign", 0.0),
        ("second hand: benign, called so", 0.0),
    ] {
        let found = part(&engine, "bob", wanted, now);
        assert!(
            near(found, weight * share),
            "{wanted}: {found}, not {}",
            weight * share
        );
    }
    // Bob is not proven at first hand, so nobody is measured by him: nor ann, by herself.
    assert_eq!(heard("second hand: malicious, called so"), 0.0);
}

/// ... and, where hardly anybody can be asked, also of those who are unknown, as far as the gate
/// lets them, each by its tenure and by what it is not proven for.
#[test]
fn second_hand_proof_of_the_unknown_goes_through_the_gate() {
    let facts = [
        (0.0, anchored("ann", 0.04)),
        (0.0, moved("ann", "192.0.2.1")),
        (0.0, moved("bob", "192.0.2.2")),
        (DAY, says("ann", "203.0.113.1", 1.0, 0.7)),
        (DAY, says("bob", "203.0.113.1", 1.0, 0.7)),
    ];
    let now = at(2.0 * DAY);
    let engine = prepared(told(&[], &facts), now);
    let heard = |wanted: &str| part(&engine, "ann", wanted, now);
    let p = Parameters::default().robust;
    let (rho1, mass) = (heard("proven at first hand"), 0.8);
    assert!(near(rho1, mass / (mass + p.n_half)));
    // What bob proves of her counts only where it lowers her.
    let (sens, spec) = ((0.4 + 2.0 * 0.58_f64) / 2.4, (0.4 + 2.0 * 0.60) / 2.4);
    let evidence = p.temper * (0.7 * 6.0 / (0.7 + 3.5)) * (sens / (1.0 - spec)).ln();
    let proven = (rho1 * evidence).min(p.cap0 + p.cap1 * mass);
    // A day in the network: 0.55 of its voice.
    let said = proven + (1.0 - 0.04) * (1.0 - rho1) * 0.55 * evidence;
    let q = 1.0 / (1.0 + (-p.gam * said).exp());
    let expected = (2.0 * q - 1.0) * (-1.0 / p.half_c).exp2() * q;
    let found = part(&engine, "bob", "second hand: malicious, called so", now);
    assert!(near(found, expected), "{found}, not {expected}");
}

/// What is worked out beforehand for a crowd holds for an hour, and no longer.
#[test]
fn a_crowd_is_heard_as_its_members_are() {
    let mut facts = vec![
        (0.0, moved("ann", "192.0.2.1")),
        (0.0, says("ann", "203.0.113.1", 1.0, 0.7)),
        (0.0, own("203.0.113.1", 1.0, 1.0)),
    ];
    for number in 0..100 {
        facts.push((1.0, says(&format!("newcomer {number}"), ASKED, 1.0, 0.7)));
    }
    facts.push((1.0, says("ann", ASKED, 1.0, 0.7)));
    let engine = told(&[], &facts);
    for hours in [0.0, 1.5, 40.0, 400.0_f64] {
        let mass = (-hours.floor() / 24.0 / 10.0).exp2();
        let found = part(&engine, "ann", "proven at first hand", at(hours * HOUR));
        assert!(
            near(found, mass / (mass + 1.5)),
            "after {hours} hours: {found}"
        );
    }
}

/// A peer at an address our own Slips suspects.
#[test]
fn the_suspected_are_muffled() {
    let heard = |harm: f64, sure: f64| {
        let facts = [
            (0.0, moved("ann", "192.0.2.1")),
            (0.0, anchored("ann", 1.0)),
            (0.0, own("192.0.2.1", harm, sure)),
        ];
        let engine = told(&[], &facts);
        ["heard", "says malicious", "says benign"]
            .map(|wanted| part(&engine, "ann", wanted, at(0.0)))
    };
    let [factor, pos, neg] = heard(0.5, 1.0);
    assert!(factor == 1.0 && pos > 1.0 && neg < -1.0);
    for (harm, sure, left) in [
        (0.8, 0.5, 0.7),
        (0.75, 1.0, 0.5),
        (1.0, 0.25, 0.75),
        (1.0, 1.0, 0.0),
    ] {
        let found = heard(harm, sure);
        for (found, full) in found.iter().zip([factor, pos, neg]) {
            assert!(near(*found, full * left), "{harm} {sure}: {found}");
        }
    }
}

/// ... in a crowd as well, where what was worked out before must not outlive what it was made of.
#[test]
fn the_suspected_are_muffled_in_a_crowd() {
    let mut facts = vec![(0.0, moved("ann", "192.0.2.1"))];
    for number in 0..100 {
        facts.push((1.0, says(&format!("newcomer {number}"), ASKED, 1.0, 0.7)));
    }
    facts.push((1.0, says("ann", ASKED, 1.0, 0.7)));
    let mut engine = told(&[("max_statements", "2")], &facts);
    let heard = |engine: &Engine| part(engine, "ann", "heard", at(1.0));
    assert_eq!(heard(&engine), 1.0);
    for (fact, expected) in [
        (own("192.0.2.1", 1.0, 0.5), 0.5),
        (own("192.0.2.1", 1.0, 0.75), 0.25),
        (own("192.0.2.1", 0.0, 1.0), 1.0),
        (own("192.0.2.1", 1.0, 1.0), 0.0),
        (moved("ann", "192.0.2.2"), 1.0),
        (own("192.0.2.2", 1.0, 0.5), 0.5),
        (moved("ann", "192.0.2.1"), 0.0),
        // There is no room for that any more after one on another address, a harmless one.
        (own("203.0.113.1", 0.0, 0.5), 1.0),
    ] {
        engine.learn(&fact, at(1.0));
        assert_eq!(heard(&engine), expected, "{fact:?}");
        engine.prepare(subject(ASKED), at(1.0));
        assert_eq!(heard(&engine), expected, "{fact:?}, once prepared");
    }
}

/// A cap of nothing lets nothing through, and breaks nothing.
#[test]
fn a_cap_may_be_nothing() {
    let later = at(DAY + 7.0 * HOUR);
    let mut facts = vec![
        (0.0, moved("ann", "192.0.2.1")),
        (0.0, moved("bob", "192.0.2.2")),
    ];
    facts.extend(quarrel(DAY));
    let totals = |settings: &[(&str, &str)]| {
        let engine = prepared(told(settings, &facts), later);
        let explanation = engine.explain(subject("203.0.113.1"), later);
        let opinion = explanation.opinion.expect("three spoke");
        assert!(opinion.confidence.get().is_finite());
        let total = |wanted: &str| {
            let found = explanation.totals.iter().find(|(name, _)| *name == wanted);
            found.expect("a total").1
        };
        (total("second hand"), total("unproven"))
    };
    let (second_hand, unproven) = totals(&[]);
    assert!(
        second_hand > 0.0 && unproven > 0.0,
        "{second_hand} {unproven}"
    );
    let (second_hand, unproven) = totals(&[("b2", "0")]);
    assert!(
        second_hand == 0.0 && unproven > 0.0,
        "{second_hand} {unproven}"
    );
    assert_eq!(totals(&[("b", "0")]), (0.0, 0.0));
}
