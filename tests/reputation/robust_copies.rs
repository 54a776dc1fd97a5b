//! Rules of `robust` on copies.

use slips_p2p::reputation::{Engine, Fact, ModelKind, Parameters, TrustModel};

use super::world::{at, peer, says, subject};

const HOUR: f64 = 3600.0;
const DAY: f64 = 24.0 * HOUR;
const ASKED: &str = "198.51.100.7";

fn told(facts: &[(f64, Fact)]) -> Engine {
    let mut engine = Engine::new(ModelKind::Robust, Parameters::default());
    for (seconds, fact) in facts {
        engine.learn(fact, at(*seconds));
    }
    engine
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// A report counts as so much its author's own as the surest of those it copies leaves of it.
#[test]
fn copies_are_told_by_agreement_within_two_days() {
    let own_share = |apart: f64, harm: f64, sure: f64, first_on_last: &str| {
        let mut facts = Vec::new();
        for number in 0..7 {
            let (of, hour) = (format!("203.0.113.{number}"), f64::from(number) * HOUR);
            facts.push((hour, says("ann", &of, 0.5, 0.5)));
            facts.push((hour + apart, says("eve", &of, 0.5 + harm, 0.5 + sure)));
        }
        facts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let second = if first_on_last == "ann" { "eve" } else { "ann" };
        facts.push((9.0 * DAY, says(first_on_last, ASKED, 0.9, 0.7)));
        facts.push((9.0 * DAY + 60.0, says(second, ASKED, 0.9, 0.7)));
        let explanation = told(&facts).explain(subject(ASKED), at(9.0 * DAY + 60.0));
        let eve = explanation
            .shares
            .iter()
            .find(|s| s.author.0 == peer("eve"));
        let parts = &eve.expect("she spoke").parts;
        parts
            .iter()
            .find(|(name, _)| *name == "its own")
            .expect("a part")
            .1
    };
    let copied = |matches: f64, of: f64| 1.0 - (matches / (of + 2.0) - 0.5) / 0.3;
    assert!(near(own_share(HOUR, 0.0, 0.0, "ann"), copied(8.0, 8.0)));
    assert!(
        near(own_share(2.0 * DAY, 0.0, 0.0, "ann"), copied(8.0, 8.0)),
        "two days to the second"
    );
    assert_eq!(own_share(2.0 * DAY + 1.0, 0.0, 0.0, "ann"), 1.0);
    assert!(
        near(own_share(HOUR, 0.09, -0.09, "ann"), copied(8.0, 8.0)),
        "nearly the same"
    );
    assert_eq!(own_share(HOUR, 0.11, 0.0, "ann"), 1.0);
    assert_eq!(own_share(HOUR, 0.0, 0.11, "ann"), 1.0);
    assert_eq!(
        own_share(HOUR, 0.0, 0.0, "eve"),
        1.0,
        "who is first copies nobody"
    );
}

/// A crowd is searched otherwise than a few are; what is found is the same.
#[test]
fn a_copy_is_found_in_a_crowd() {
    for crowd in [1, 15, 40] {
        let mut facts = Vec::new();
        for number in 0..7 {
            let (of, hour) = (format!("203.0.113.{number}"), f64::from(number) * HOUR);
            facts.push((hour, says("ann", &of, 0.9, 0.7)));
            facts.push((hour + 60.0, says("eve", &of, 0.9, 0.7)));
        }
        for number in 0..crowd {
            let name = format!("newcomer {number}");
            facts.push((DAY, says(&name, ASKED, 0.0, 0.1)));
        }
        facts.push((DAY, says("ann", ASKED, 0.9, 0.7)));
        facts.push((DAY + 60.0, says("eve", ASKED, 0.9, 0.7)));
        let explanation = told(&facts).explain(subject(ASKED), at(DAY + 60.0));
        let own = |name: &str| {
            let share = explanation.shares.iter().find(|s| s.author.0 == peer(name));
            let parts = &share.expect("a share").parts;
            parts
                .iter()
                .find(|(part, _)| *part == "its own")
                .expect("a part")
                .1
        };
        assert_eq!(own("ann"), 1.0);
        assert!(near(own("eve"), 0.0), "{crowd}: {}", own("eve"));
        assert_eq!(own("newcomer 0"), 1.0);
    }
}

/// Of several it copies, the surest counts, wherever it stands among them.
#[test]
fn of_several_copied_the_surest_counts() {
    for surest in 0..3 {
        let names = ["ann", "bob", "cid"];
        let mut facts = Vec::new();
        for number in 0..10 {
            let (of, hour) = (format!("203.0.113.{number}"), f64::from(number) * HOUR);
            for (place, name) in names.iter().enumerate() {
                // Eve agrees eight times in ten with two of them, nine times with one.
                let agrees = if place == surest { 9 } else { 8 };
                let score = if number < agrees { 0.5 } else { 0.9 };
                facts.push((hour, says(name, &of, score, 0.7)));
            }
            facts.push((hour + 60.0, says("eve", &of, 0.5, 0.7)));
        }
        for name in names {
            facts.push((DAY, says(name, ASKED, 0.5, 0.7)));
        }
        facts.push((DAY + 60.0, says("eve", ASKED, 0.5, 0.7)));
        let explanation = told(&facts).explain(subject(ASKED), at(DAY + 60.0));
        let eve = explanation
            .shares
            .iter()
            .find(|s| s.author.0 == peer("eve"));
        let parts = &eve.expect("she spoke").parts;
        let own = parts.iter().find(|(part, _)| *part == "its own");
        let expected = 1.0 - (10.0 / 13.0 - 0.5) / 0.3;
        assert!(near(own.expect("a part").1, expected), "{surest}: {own:?}");
    }
}
