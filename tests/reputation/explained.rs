//! What a person is shown of an opinion: the shares in their order, the numbers they are made of,
//! what would be had somebody kept silent, and why a peer is trusted.

use slips_p2p::{
    domain::{Author, Timestamp},
    reputation::{Account, Engine, Explanation, Fact, ModelKind, Parameters, Share, TrustModel},
};

use super::world::{anchored, at, bare, bits, moved, own, peer, rated, says, subject};

const ASKED: &str = "198.51.100.7";

/// An engine with the node's parameters but for these.
pub fn engine(kind: ModelKind, settings: &[(&str, &str)]) -> Engine {
    let mut parameters = Parameters::default();
    for (key, value) in settings {
        parameters.set(key, value).expect("a parameter");
    }
    Engine::new(kind, parameters)
}

pub fn told(mut engine: Engine, facts: &[(f64, Fact)]) -> Engine {
    for (seconds, fact) in facts {
        engine.learn(fact, at(*seconds));
    }
    engine
}

pub fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-9
}

pub fn part(parts: &[(&'static str, f64)], name: &str) -> f64 {
    let found = parts.iter().find(|(part, _)| *part == name);
    found
        .unwrap_or_else(|| panic!("no part `{name}` in {parts:?}"))
        .1
}

pub fn assert_parts(parts: &[(&'static str, f64)], expected: &[(&str, f64)]) {
    for (name, value) in expected {
        let found = part(parts, name);
        assert!(close(found, *value), "{name}: {found}, not {value}");
    }
}

pub fn share(explanation: &Explanation, name: &str) -> Share {
    let found = explanation
        .shares
        .iter()
        .find(|s| s.author == Author(peer(name)));
    found
        .unwrap_or_else(|| panic!("no share of {name}"))
        .clone()
}

pub fn account(engine: &Engine, name: &str, now: Timestamp) -> Account {
    let found = engine.account(peer(name), now);
    let found = found.unwrap_or_else(|| panic!("nobody knows {name}"));
    assert_eq!(found.peer, peer(name));
    found
}

/// Ann is sure, bob and cid less so and equally, cid said it later; dan speaks of itself, and so
/// does eve, later.
fn differently_sure() -> Vec<(f64, Fact)> {
    let mut facts = Vec::new();
    for (name, ip) in [
        ("ann", "192.0.2.1"),
        ("bob", "192.0.2.2"),
        ("cid", "192.0.2.3"),
        ("dan", ASKED),
        ("eve", ASKED),
    ] {
        facts.push((1.0, moved(name, ip)));
        facts.push((1.0, rated(name, if name == "ann" { 0.9 } else { 0.3 })));
    }
    for (second, name, confidence) in [
        (100.0, "dan", 0.9),
        (101.0, "bob", 0.4),
        (102.0, "cid", 0.4),
        (103.0, "ann", 0.8),
        (104.0, "eve", 0.9),
    ] {
        facts.push((second, says(name, ASKED, 0.9, confidence)));
    }
    facts
}

#[test]
fn the_strongest_share_comes_first_and_what_does_not_count_last() {
    for kind in ModelKind::ALL {
        let engine = told(engine(kind, &[("dep_max", "0")]), &differently_sure());
        let now = at(200.0);
        let explanation = engine.explain(subject(ASKED), now);
        assert_eq!(
            explanation.opinion,
            engine.opinion(subject(ASKED), now),
            "{kind}"
        );
        assert_eq!(
            explanation.verdict,
            engine.verdict(subject(ASKED), now),
            "{kind}"
        );
        let found: Vec<_> = explanation
            .shares
            .iter()
            .map(|share| share.author.0)
            .collect();
        // A peer that speaks of itself is not even kept by `robust`.
        let robust = kind == ModelKind::Robust;
        let expected: &[&str] = match kind {
            ModelKind::Robust => &["ann", "cid", "bob"],
            // With the median everybody counts the same, so the newest comes first.
            _ => &["ann", "cid", "bob", "eve", "dan"],
        };
        let expected: Vec<_> = expected.iter().map(|name| peer(name)).collect();
        assert_eq!(found, expected, "{kind}");
        let all: f64 = explanation.shares.iter().map(|share| share.weight).sum();
        assert!(close(all, 1.0), "{kind}: {all}");
        for (share, ip) in explanation
            .shares
            .iter()
            .zip(["192.0.2.1", "192.0.2.3", "192.0.2.2"])
        {
            assert_eq!(share.address, Some(subject(ip).ip()), "{kind}");
            assert!(share.weight > 0.0 && share.left_out.is_none(), "{kind}");
        }
        for share in explanation.shares.iter().skip(3) {
            assert_eq!(share.weight, 0.0, "{kind}");
            assert_eq!(
                share.left_out,
                Some("it speaks of its own address"),
                "{kind}"
            );
        }
        assert_eq!(
            explanation.shares.len(),
            if robust { 3 } else { 5 },
            "{kind}"
        );
    }
}

#[test]
fn of_equal_shares_of_one_time_the_order_is_that_of_the_peers() {
    for kind in ModelKind::ALL {
        let mut facts = Vec::new();
        let mut names = ["ann", "bob", "cid", "dan", "eve", "fay"].map(peer);
        for (name, ip) in ["fay", "bob", "eve", "ann", "dan", "cid"].iter().zip(1..) {
            facts.push((1.0, moved(name, &format!("192.0.2.{ip}"))));
            facts.push((1.0, rated(name, 0.5)));
            facts.push((9.0, says(name, ASKED, 0.9, 0.5)));
        }
        let engine = told(engine(kind, &[("dep_max", "0")]), &facts);
        let explanation = engine.explain(subject(ASKED), at(10.0));
        names.sort_unstable();
        let found: Vec<_> = explanation
            .shares
            .iter()
            .map(|share| share.author.0)
            .collect();
        assert_eq!(found, names, "{kind}");
        for share in &explanation.shares {
            assert!(close(share.weight, 1.0 / 6.0), "{kind}: {}", share.weight);
        }
    }
}

/// Where nobody is sure of anything all count alike.
#[test]
pub fn shares_without_weight_are_even() {
    for kind in ModelKind::ALL {
        let facts: Vec<_> = ["ann", "bob", "cid", "dan"]
            .iter()
            .zip(1..)
            .flat_map(|(name, ip)| {
                let moves = moved(name, &format!("192.0.2.{ip}"));
                // A claim in the middle says nothing in `robust`.
                [
                    (1.0, moves),
                    (1.0, rated(name, 0.5)),
                    (9.0, says(name, ASKED, 0.5, 0.0)),
                ]
            })
            .collect();
        let settings = [("initial_reputation", "0"), ("sens0", "0.6")];
        let engine = told(engine(kind, &settings), &facts);
        for share in &engine.explain(subject(ASKED), at(10.0)).shares {
            assert!(close(share.weight, 0.25), "{kind}: {}", share.weight);
        }
    }
}

/// Had somebody not spoken, the answer would be the one of an engine that never heard it speak.
#[test]
fn without_somebody_is_as_if_it_had_kept_silent() {
    // What a report does to others' trust stays: `even` and `dep_max 0` let it do nothing.
    let settings = [("dep_max", "0"), ("evaluation", "even")];
    for kind in ModelKind::ALL {
        let facts = differently_sure();
        let all = told(engine(kind, &settings), &facts);
        for name in ["ann", "bob", "cid", "dan"] {
            let mut kept = facts.clone();
            kept.retain(|(_, fact)| {
                !matches!(fact, Fact::Report { author, .. } if *author == Author(peer(name)))
            });
            let silent = told(engine(kind, &settings), &kept);
            let now = at(200.0);
            let without = all.without(subject(ASKED), Author(peer(name)), now);
            assert!(without.is_some(), "{kind}");
            let expected = silent.opinion(subject(ASKED), now);
            assert_eq!(
                bits(without.as_ref()),
                bits(expected.as_ref()),
                "{kind} {name}"
            );
        }
        let one = told(
            engine(kind, &settings),
            &[
                (1.0, moved("ann", "192.0.2.1")),
                (1.0, rated("ann", 0.5)),
                (2.0, says("ann", ASKED, 0.9, 0.5)),
            ],
        );
        assert!(one.opinion(subject(ASKED), at(3.0)).is_some(), "{kind}");
        assert!(
            one.without(subject(ASKED), Author(peer("ann")), at(3.0))
                .is_none(),
            "{kind}"
        );
    }
}

/// The base model: `(0.7 reliability + score x confidence of its address) / 2`.
#[test]
fn the_slips_models_name_the_numbers_of_their_formula() {
    for kind in super::world::OF_SLIPS {
        let facts = [
            (1.0, moved("ann", "192.0.2.1")),
            (1.0, rated("ann", 0.8)),
            (1.0, own("192.0.2.1", 0.5, 0.6)),
            (2.0, moved("bob", "192.0.2.2")),
            (2.0, rated("bob", 0.8)),
            (9.0, says("ann", ASKED, 0.9, 0.7)),
            (9.0, says("bob", ASKED, 0.9, 0.7)),
            (9.0, rated("cid", 0.8)),
            (9.0, says("cid", ASKED, 0.9, 0.7)),
        ];
        let engine = told(bare(kind), &facts);
        let explanation = engine.explain(subject(ASKED), at(10.0));
        let expected = [
            ("reliability", 0.8),
            ("own score of its address", 0.5),
            ("own confidence of its address", 0.6),
        ];
        let ann = share(&explanation, "ann");
        assert_eq!(ann.parts, expected);
        assert!(close(ann.trust, 0.43) && close(ann.weight, 1.0), "{ann:?}");
        assert_eq!(
            (ann.said_at, ann.score.get(), ann.confidence.get()),
            (at(9.0), 0.9, 0.7)
        );
        for (name, why) in [
            ("bob", "our Slips has never judged its address"),
            ("cid", "its address was not known when it said so"),
        ] {
            let left_out = share(&explanation, name);
            assert_eq!(left_out.left_out, Some(why));
            assert_eq!(
                (left_out.trust, left_out.weight, left_out.parts),
                (0.0, 0.0, vec![])
            );
        }
        let found = account(&engine, "ann", at(10.0));
        assert_eq!(found.parts, expected);
        assert!(close(found.trust, 0.43));
        assert_eq!(found.address, Some(subject("192.0.2.1").ip()));
        assert_eq!((found.first_seen, found.copies), (None, vec![]));
        assert_eq!(account(&engine, "ann", at(0.5)).address, None);
        let found = account(&engine, "bob", at(10.0));
        assert_eq!((found.trust, found.parts), (0.0, vec![]));
        assert_eq!(engine.account(peer("nobody"), at(10.0)), None);
        // The node takes an address nobody judged for harmless, and is hardly sure of it.
        let engine = told(self::engine(kind, &[]), &facts);
        let bob = share(&engine.explain(subject(ASKED), at(10.0)), "bob");
        assert_eq!(part(&bob.parts, "own confidence of its address"), 0.05);
        assert!(close(bob.trust, 0.28));
    }
}

#[test]
fn the_newest_reliability_counts_with_slips_and_the_first_with_compat() {
    for (kind, expected) in [(ModelKind::Slips, 0.4), (ModelKind::SlipsCompat, 0.8)] {
        let facts = [
            (1.0, moved("ann", "192.0.2.1")),
            (1.0, rated("ann", 0.8)),
            (2.0, rated("ann", 0.4)),
        ];
        let found = account(&told(engine(kind, &[]), &facts), "ann", at(3.0));
        assert_eq!(part(&found.parts, "reliability"), expected, "{kind}");
    }
}

#[test]
fn fides_names_the_numbers_of_its_trust() {
    let facts = [
        (1.0, moved("ann", "192.0.2.1")),
        (1.0, moved("bob", "192.0.2.2")),
        (1.0, rated("ann", 0.4)),
        (9.0, says("ann", ASKED, 0.9, 0.7)),
    ];
    let mut engine = told(engine(ModelKind::Fides, &[]), &facts);
    assert_eq!(
        engine.account(peer("bob"), at(10.0)),
        None,
        "it never reported"
    );
    let found = account(&engine, "ann", at(10.0));
    // 1 x 0.1 and 1 x 1, of satisfaction 1 both.
    assert_parts(
        &found.parts,
        &[
            ("reputation", 0.5),
            ("interactions", 2.0),
            ("competence", 1.0),
            ("integrity", 0.45),
        ],
    );
    let trust = 0.02 * (1.0 - 0.5 * 0.45) + 0.98 * 0.5;
    assert!(close(found.trust, trust), "{}", found.trust);
    assert_eq!(found.address, Some(subject("192.0.2.1").ip()));
    let ann = share(&engine.explain(subject(ASKED), at(10.0)), "ann");
    assert!(close(ann.trust, trust));
    let opinion = engine.opinion(subject(ASKED), at(10.0)).expect("ann spoke");
    assert!(close(opinion.network_score.get(), trust));
    engine.learn(&says("bob", ASKED, 0.9, 0.7), at(10.0));
    engine.learn(&says("bob", "198.51.100.8", 0.9, 0.7), at(10.0));
    let opinion = engine.opinion(subject(ASKED), at(10.0));
    let bob = account(&engine, "bob", at(10.0));
    assert_eq!(part(&bob.parts, "interactions"), 3.0);
    assert!(bob.trust > trust);
    let mean = opinion.expect("both spoke").network_score.get();
    assert!(close(mean, (trust + bob.trust) / 2.0), "{mean}");
    engine.learn(&anchored("ann", 0.9), at(11.0));
    assert_eq!(
        part(&account(&engine, "ann", at(12.0)).parts, "reputation"),
        0.9
    );
}

#[test]
fn the_yardsticks_believe_everybody() {
    for kind in [ModelKind::Mean, ModelKind::Median] {
        let engine = told(engine(kind, &[]), &differently_sure());
        let found = account(&engine, "ann", at(200.0));
        assert_eq!(
            (found.trust, found.address),
            (1.0, Some(subject("192.0.2.1").ip()))
        );
        let ann = share(&engine.explain(subject(ASKED), at(200.0)), "ann");
        assert_eq!(ann.trust, 1.0);
        let weight = if kind == ModelKind::Mean {
            0.5
        } else {
            1.0 / 3.0
        };
        assert!(close(ann.weight, weight), "{kind}: {}", ann.weight);
    }
}
