//! `robust` against the vectors of its specification.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use slips_p2p::{
    domain::Timestamp,
    reputation::{Engine, ModelKind, Parameters, RobustParameters, TrustModel},
};

use super::world::{anchored, at, moved, own, peer, rated, says, subject};

/// The tolerance the specification sets.
const EPSILON: f64 = 1e-6;

#[derive(Deserialize)]
struct Expected {
    queries: Vec<Answer>,
    peers_at_end: BTreeMap<String, Standing>,
}

#[derive(Deserialize)]
struct Answer {
    id: u64,
    score: Option<f64>,
    confidence: Option<f64>,
    network_score: Option<f64>,
    x: Option<f64>,
    #[serde(rename = "U")]
    unproven: Option<f64>,
}

#[derive(Deserialize)]
struct Standing {
    pos: f64,
    neg: f64,
    rho: f64,
    rho1: f64,
    sens_spec_f: [f64; 3],
}

/// Replays a stream; each query's answers, and what is wrong with them.
struct Player {
    engine: Engine,
    now: Timestamp,
    answered: usize,
    wrong: Vec<String>,
}

impl Player {
    fn close(&mut self, what: &str, found: Option<f64>, expected: Option<f64>) {
        let agree = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() <= EPSILON,
            (found, expected) => found == expected,
        };
        if !agree {
            self.wrong
                .push(format!("{what}: found {found:?}, expected {expected:?}"));
        }
    }

    fn play(&mut self, line: &Value, expected: &Expected) {
        let word = |key: &str| line[key].as_str().unwrap_or_default();
        let said = |key: &str| line["evaluation"][key].as_f64().unwrap_or_default();
        self.now = at(line["t"].as_f64().expect("a time"));
        let mut facts = Vec::new();
        match word("type") {
            "peer_update" => {
                facts.extend(line["ip"].as_str().map(|ip| moved(word("peerid"), ip)));
                let reliability = line["reliability"].as_f64();
                facts.extend(reliability.map(|value| rated(word("peerid"), value)));
            }
            "report" => {
                let (score, confidence) = (said("score"), said("confidence"));
                facts.push(says(word("reporter"), word("key"), score, confidence));
            }
            "local" => facts.push(own(word("key"), said("score"), said("confidence"))),
            "anchor" => facts.push(anchored(
                word("peerid"),
                line["trust"].as_f64().unwrap_or_default(),
            )),
            "query" => self.ask(word("key"), &line["id"], expected),
            other => panic!("what is `{other}`?"),
        }
        for fact in facts {
            self.engine.learn(&fact, self.now);
        }
    }

    fn ask(&mut self, key: &str, id: &Value, expected: &Expected) {
        let of = subject(key);
        self.engine.prepare(of, self.now);
        let verdict = self.engine.verdict(of, self.now);
        let explained = self.engine.explain(of, self.now);
        assert_eq!(explained.verdict, verdict);
        let asked = expected
            .queries
            .iter()
            .find(|query| Some(query.id) == id.as_u64())
            .expect("a known query");
        let number = |get: fn(&slips_p2p::domain::Opinion) -> f64| verdict.as_ref().map(get);
        self.close(
            &format!("{id} score"),
            number(|o| o.score.get()),
            asked.score,
        );
        self.close(
            &format!("{id} confidence"),
            number(|o| o.confidence.get()),
            asked.confidence,
        );
        self.close(
            &format!("{id} network score"),
            number(|o| o.network_score.get()),
            asked.network_score,
        );
        let tau = RobustParameters::default().tau;
        let total = |wanted: &[&str]| -> f64 {
            let found = explained
                .totals
                .iter()
                .filter(|(name, _)| wanted.contains(name));
            found.map(|(_, value)| value / tau).sum()
        };
        if verdict.is_some() {
            self.close(
                &format!("{id} x"),
                Some(total(&["first hand", "second hand"])),
                asked.x,
            );
            self.close(
                &format!("{id} U"),
                Some(total(&["unproven"])),
                asked.unproven,
            );
        }
        self.answered += 1;
    }

    fn check_peers(&mut self, expected: &Expected) {
        for (name, standing) in &expected.peers_at_end {
            let account = self
                .engine
                .account(peer(name), self.now)
                .expect("a known peer");
            let part = |wanted: &str| {
                let found = account.parts.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| *value)
            };
            let [sens, spec, factor] = standing.sens_spec_f;
            for (what, value) in [
                ("says malicious", standing.pos),
                ("says benign", standing.neg),
                ("proven", standing.rho),
                ("proven at first hand", standing.rho1),
                ("sensitivity", sens),
                ("specificity", spec),
                ("heard", factor),
            ] {
                self.close(&format!("{name} {what}"), part(what), Some(value));
            }
        }
    }
}

fn check(name: &str, stream: &str) {
    let all: BTreeMap<String, Expected> =
        serde_json::from_str(include_str!("../vectors/robust/expected.json")).expect("vectors");
    let expected = &all[name];
    let mut player = Player {
        engine: Engine::new(ModelKind::Robust, Parameters::default()),
        now: Timestamp::ZERO,
        answered: 0,
        wrong: Vec::new(),
    };
    for line in stream.lines() {
        player.play(&serde_json::from_str(line).expect("a line"), expected);
    }
    player.check_peers(expected);
    assert_eq!(player.answered, expected.queries.len());
    assert!(player.wrong.is_empty(), "{}", player.wrong.join("\n"));
}

macro_rules! vector {
    ($test:ident, $name:literal) => {
        #[test]
        fn $test() {
            check(
                $name,
                include_str!(concat!("../vectors/robust/", $name, ".jsonl")),
            );
        }
    };
}

vector!(
    newcomers_duplicates_and_self_reports,
    "1_newcomer_duplicate_selfreport"
);
vector!(fifty_sybils_are_capped, "2_sybil_cap");
vector!(our_own_slips_proves_and_disproves, "3_local_feedback");
vector!(decay_and_spellings_of_addresses, "4_decay_and_ipv6");
vector!(proven_peers_prove_others, "5_second_hand_trust");
