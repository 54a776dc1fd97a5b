//! Both models against what real Slips 1.1.21 answered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use slips_p2p::{
    domain::Timestamp,
    reputation::{Explanation, Fact, ModelKind},
};

use super::world::{OF_SLIPS, at, bare, explain_after, moved, own, rated, says};

const EPSILON: f64 = 1e-9;

/// Reports with all they need, and the answer of Slips' formula.
#[derive(Deserialize)]
struct FormulaCase {
    /// Score, confidence, reliability, own score and own confidence of the address, address.
    reports: Vec<(f64, f64, f64, f64, f64, String)>,
    score: f64,
    confidence: f64,
    peer_trust: BTreeMap<String, f64>,
}

/// What was written into Slips' database, in that order, and its answer for one address.
#[derive(Deserialize)]
struct DatabaseCase {
    ops: Vec<Op>,
    ask: String,
    opinion: Value,
    peer_trust: BTreeMap<String, f64>,
}

#[derive(Deserialize, Clone, PartialEq)]
#[serde(untagged)]
enum Op {
    Report((String, String, String, f64, f64, f64)),
    Reputation((String, String, f64, f64, f64)),
    Reliability((String, String, f64, f64)),
    PeerIp((String, String, String, f64)),
}

impl Op {
    fn fact(&self) -> (Timestamp, Fact) {
        match self {
            Self::Report((kind, who, of, score, confidence, time)) => {
                assert_eq!(kind, "report");
                (at(*time), says(who, of, *score, *confidence))
            }
            Self::Reputation((kind, of, score, confidence, time)) => {
                assert_eq!(kind, "reputation");
                (at(*time), own(of, *score, *confidence))
            }
            Self::Reliability((kind, who, value, time)) => {
                assert_eq!(kind, "reliability");
                (at(*time), rated(who, *value))
            }
            Self::PeerIp((kind, who, ip, time)) => {
                assert_eq!(kind, "peer_ip");
                (at(*time), moved(who, ip))
            }
        }
    }
}

fn formula_cases() -> Vec<FormulaCase> {
    serde_json::from_str(include_str!("../vectors/slips-base-model.json")).expect("vectors")
}

fn database_cases() -> Vec<DatabaseCase> {
    serde_json::from_str(include_str!("../vectors/slips-base-database.json")).expect("vectors")
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= EPSILON
}

fn assert_close(found: &Explanation, score: f64, confidence: f64, case: usize) {
    let opinion = found
        .opinion
        .as_ref()
        .unwrap_or_else(|| panic!("case {case}: no opinion"));
    assert!(
        close(opinion.score.get(), score),
        "case {case}: {opinion:?}, not score {score}"
    );
    assert!(
        close(opinion.confidence.get(), confidence),
        "case {case}: {opinion:?}, not {confidence}"
    );
    let weights: f64 = found.shares.iter().map(|share| share.weight).sum();
    assert!(
        close(weights, 1.0),
        "case {case}: weights add up to {weights}"
    );
}

/// Slips keeps the trust of each reporter's address; of two reporters behind one, the last one's.
fn assert_trust(found: &Explanation, expected: &BTreeMap<String, f64>, case: usize) {
    let mut trust: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for share in found.shares.iter().filter(|share| share.left_out.is_none()) {
        let address = share.address.expect("one that counts has an address");
        trust
            .entry(address.to_string())
            .or_default()
            .push(share.trust);
    }
    assert!(
        trust.keys().eq(expected.keys()),
        "case {case}: {trust:?}, not {expected:?}"
    );
    for (address, value) in expected {
        assert!(
            trust[address].iter().any(|t| close(*t, *value)),
            "case {case}: {address}"
        );
    }
}

#[test]
fn both_models_have_the_formula_of_slips() {
    for kind in OF_SLIPS {
        let cases = formula_cases();
        assert_eq!(cases.len(), 62);
        for (number, case) in cases.iter().enumerate() {
            let mut facts = Vec::new();
            for (n, (said, sure, reliability, view, view_sure, ip)) in
                case.reports.iter().enumerate()
            {
                let name = format!("peer {n}");
                facts.push((at(1.0), moved(&name, ip)));
                facts.push((at(1.0), rated(&name, *reliability)));
                facts.push((at(1.0), own(ip, *view, *view_sure)));
                facts.push((at(2.0), says(&name, "203.0.113.7", *said, *sure)));
            }
            let found = explain_after(bare(kind), &facts, "203.0.113.7");
            assert_close(&found, case.score, case.confidence, number);
            assert_trust(&found, &case.peer_trust, number);
        }
    }
}

#[test]
fn compat_answers_as_the_database_of_slips() {
    let cases = database_cases();
    assert_eq!(cases.len(), 60);
    for (number, case) in cases.iter().enumerate() {
        let facts: Vec<_> = case.ops.iter().map(Op::fact).collect();
        let found = explain_after(bare(ModelKind::SlipsCompat), &facts, &case.ask);
        assert_trust(&found, &case.peer_trust, number);
        match &case.opinion {
            Value::Null => {
                assert_eq!(
                    (&found.opinion, found.failed),
                    (&None, None),
                    "case {number}"
                );
            }
            Value::Array(pair) => {
                let [score, confidence] = [0, 1].map(|i| pair[i].as_f64().expect("a number"));
                assert_close(&found, score, confidence, number);
                assert_eq!(found.failed, None, "case {number}");
            }
            raises => {
                assert_eq!(raises["raises"], "TypeError");
                assert_eq!(found.opinion, None, "case {number}");
                assert!(found.failed.is_some(), "case {number} does not fail");
            }
        }
    }
}

/// The database as it would have to be for 1.1.21 to compute what was meant: of each peer only its
/// newest report on the address and its newest reliability, 0 where there is none.
fn without_quirks(case: &DatabaseCase) -> Vec<(Timestamp, Fact)> {
    let mut newest: BTreeMap<(bool, &str), &Op> = BTreeMap::new();
    let mut rest = Vec::new();
    for op in &case.ops {
        let (key, time) = match op {
            Op::Report((_, who, of, .., time)) if *of == case.ask => ((true, who.as_str()), *time),
            Op::Reliability((_, who, _, time)) => ((false, who.as_str()), *time),
            Op::Report(_) => continue,
            other => {
                rest.push(other.fact());
                continue;
            }
        };
        match newest.get(&key) {
            Some(known) if known.fact().0 > at(time) => {}
            _ => drop(newest.insert(key, op)),
        }
    }
    let unrated = newest
        .keys()
        .filter(|(report, who)| *report && !newest.contains_key(&(false, who)));
    rest.extend(unrated.map(|(_, who)| (at(1.0), rated(who, 0.0))));
    rest.extend(newest.values().map(|op| op.fact()));
    rest
}

#[test]
fn slips_answers_as_the_database_of_slips_would_without_its_quirks() {
    let mut answers = 0;
    for (number, case) in database_cases().iter().enumerate() {
        let facts: Vec<_> = case.ops.iter().map(Op::fact).collect();
        let meant = explain_after(bare(ModelKind::Slips), &facts, &case.ask);
        let expected = explain_after(
            bare(ModelKind::SlipsCompat),
            &without_quirks(case),
            &case.ask,
        );
        assert_eq!(
            meant.opinion.is_some(),
            expected.opinion.is_some(),
            "case {number}"
        );
        if let Some(opinion) = &expected.opinion {
            assert_close(
                &meant,
                opinion.score.get(),
                opinion.confidence.get(),
                number,
            );
            assert_eq!(
                meant.opinion.as_ref().map(|o| o.reporters),
                Some(opinion.reporters)
            );
            answers += 1;
        }
    }
    assert!(answers >= 15, "only {answers} cases had an answer");
}
