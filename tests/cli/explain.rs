//! `explain`, guards in `score`, and `replay --db`: what they say of a node's database.

use serde_json::{Value, json};
use slips_p2p::{
    config,
    domain::{Author, Neighbour, Opinion, Timestamp},
    reputation::TrustModel as _,
    store::{Batch, PeerAddress, Reader},
};

use super::fixture::{Ran, SIX, TALKED_OF, UNKNOWN, World, program, subject};

const ROBUST: [&str; 2] = ["--set", "reputation.model=robust"];

/// What `robust` thinks of an address at a time, from the database.
fn opinion(world: &World, of: &str, at: Timestamp) -> Opinion {
    let config = config::load(&config::Sources::default()).unwrap().config;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let reader = Reader::open(&world.database()).await.unwrap();
        let mut recall = slips_p2p::app::Recall::new(&config);
        let told = reader.facts(|then, fact| {
            if then <= at {
                recall.recall(then, fact);
            }
        });
        told.await.unwrap();
        recall.at(at).opinion(subject(of), at).unwrap()
    })
}

/// A world in which the node has stored its opinion of `TALKED_OF`.
fn judged() -> (World, Opinion) {
    let world = World::filled();
    let stored = opinion(&world, TALKED_OF, world.at(60));
    let opinions = vec![stored.clone()];
    world.store(|_| {
        vec![Batch {
            opinions,
            ..Batch::default()
        }]
    });
    (world, stored)
}

fn explained(world: &World, more: &[&str]) -> Value {
    world.json(&[&ROBUST[..], &["explain"], more].concat())
}

#[test]
fn the_opinion_explained_is_the_one_that_was_stored() {
    let (world, stored) = judged();
    let said = explained(&world, &[TALKED_OF]);
    for (key, value) in [
        ("score", stored.score.get()),
        ("confidence", stored.confidence.get()),
        ("network_score", stored.network_score.get()),
    ] {
        assert!(
            (said[key].as_f64().unwrap() - value).abs() <= 1e-12,
            "{key}: {said:#}"
        );
        let stored = said[format!("stored_{key}")].as_f64().unwrap();
        assert!((stored - value).abs() <= 1e-15);
    }
    assert_eq!(
        (&said["recomputed_equal"], &said["model"]),
        (&json!(true), &json!("robust"))
    );
    assert_eq!(said["own_score"], 1.0);
    assert!(
        said["with_own_score"].as_f64() > said["score"].as_f64(),
        "{said:#}"
    );
    let total: f64 = (said["log_odds"].as_array().unwrap().iter())
        .map(|it| it["value"].as_f64().unwrap())
        .sum();
    let sure = said["with_own_confidence"].as_f64().unwrap();
    assert!(
        (f64::tanh(total / 2.0).abs() - sure).abs() < 1e-12,
        "{said:#}"
    );
}

#[test]
fn each_report_has_its_trust_and_weight_and_what_would_be_without_it() {
    let (world, _) = judged();
    let said = explained(&world, &[TALKED_OF]);
    let reports = said["reports"].as_array().unwrap();
    let number = |of: &Value, key: &str| of[key].as_f64().unwrap();
    let weights: f64 = reports.iter().map(|it| number(it, "weight")).sum();
    assert!((weights - 1.0).abs() < 1e-12);
    let of = |peer: &str| reports.iter().find(|it| it["peer"] == peer).unwrap();
    let (honest, liar) = (
        of(&world.honest.to_string()).clone(),
        of(&world.liar.to_string()).clone(),
    );
    assert_eq!(
        (&honest["score"], &honest["times"], &honest["peer_ip"]),
        (&json!(0.9), &json!(2), &json!("203.0.113.10"))
    );
    assert!(
        number(&honest, "trust") > number(&liar, "trust"),
        "{said:#}"
    );
    assert!(number(&honest, "kept") > 0.999 && number(&honest, "kept") < 1.0);
    // Contradicted by our own Slips the liar has no voice left; the honest one is all there is.
    assert_eq!(honest["without_confidence"], 0.0, "{said:#}");
    let score = number(&said, "score");
    assert!(
        (number(&liar, "without_score") - score).abs() < 1e-12,
        "{said:#}"
    );
    let fewer = explained(&world, &[TALKED_OF, "--without", "1"]);
    let told = fewer["reports"].as_array().unwrap();
    assert_eq!(
        told.iter()
            .filter(|it| !it["without_score"].is_null())
            .count(),
        1
    );
}

#[test]
fn people_get_lines_and_a_table() {
    let (world, _) = judged();
    let ran = world
        .run(&[&ROBUST[..], &["explain", TALKED_OF]].concat())
        .ending(0);
    for part in [
        "192.0.2.7: 0.",
        "by robust from 2 reporters at ",
        "worked out anew from the database: what the node stored",
        "our own Slips said 1.000 (0.950)",
        "WITHOUT IT",
        "log-odds: prior +0.000",
        "203.0.113.10",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(
        !ran.out.contains('\u{1b}') && !ran.out.contains('█'),
        "no terminal here: {}",
        ran.out
    );
    let csv = world
        .run(&[&["-o", "csv"], &ROBUST[..], &["explain", TALKED_OF]].concat())
        .ending(0);
    assert_eq!(csv.csv().1.len(), 2);
}

#[test]
fn another_model_says_so() {
    let (world, _) = judged();
    let said = explained(&world, &[TALKED_OF, "--model", "slips"]);
    assert_eq!(
        (&said["model"], &said["recomputed_equal"]),
        (&json!("slips"), &json!(false))
    );
    let unknown = world
        .run(&[&ROBUST[..], &["-o", "json", "explain", UNKNOWN]].concat())
        .ending(3);
    let said: Value = serde_json::from_str(&unknown.out).unwrap();
    assert_eq!(
        (&said["score"], &said["reports"]),
        (&Value::Null, &json!([]))
    );
    world.run(&["explain"]).ending(2);
    world.run(&["explain", TALKED_OF, "--peer", "x"]).ending(2);
}

#[test]
fn a_peer_is_explained_by_the_numbers_of_the_model() {
    let world = World::filled();
    let peer = world.liar.to_string();
    let said = explained(&world, &["--peer", &peer]);
    assert_eq!(said["peer"], peer.as_str());
    let honest = explained(&world, &["--peer", &world.honest.to_string()]);
    assert!(
        said["trust"].as_f64() < honest["trust"].as_f64(),
        "contradicted by our Slips: {said:#}"
    );
    assert_eq!(
        (&said["ip"], &said["guard"]),
        (&json!("203.0.113.20"), &json!("peer"))
    );
    assert_eq!(said["anchor_trust"], Value::Null);
    let anchored = format!("[[anchor]]\npeer = \"{peer}\"\ntrust = 0.9\ncomment = \"ours\"\n");
    std::fs::write(world.path().join("config.toml"), anchored).unwrap();
    let trusted = explained(&world, &["--peer", &peer]);
    assert_eq!(
        (&trusted["anchor_trust"], &trusted["anchor_comment"]),
        (&json!(0.9), &json!("ours"))
    );
    assert!(trusted["trust"].as_f64() > said["trust"].as_f64());
    let ran = world
        .run(&[&ROBUST[..], &["explain", "--peer", &peer]].concat())
        .ending(0);
    for part in [
        "trusted by the operator: 0.9 (ours)",
        "sensitivity",
        "at 203.0.113.20",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    world.run(&["explain", "--peer", "nobody"]).ending(3);
}

#[test]
fn a_guarded_address_is_shown_with_the_guard_that_held() {
    let world = World::filled();
    world.store(|world| {
        let reports = ["192.168.1.7", "203.0.113.10", "198.51.100.7"];
        let report = |of: &&str| world.report(world.liar, of, 0.9, 0.9, 70);
        vec![Batch {
            reports: reports.iter().map(report).map(Into::into).collect(),
            ..Batch::default()
        }]
    });
    let list = "[[never_block]]\nnetwork = \"198.51.100.0/24\"\ncomment = \"customers\"\n";
    std::fs::write(world.path().join("config.toml"), list).unwrap();
    for (of, guard, reason) in [
        ("192.168.1.7", "private", "a private address"),
        ("203.0.113.10", "peer", "the address of peer 12D3"),
        (
            "198.51.100.7",
            "never_block",
            "never to be blocked (198.51.100.0/24: customers)",
        ),
    ] {
        let said = explained(&world, &[of]);
        assert_eq!(said["guard"], guard, "{said:#}");
        assert!(
            said["guard_reason"].as_str().unwrap().starts_with(reason),
            "{said:#}"
        );
        assert!(said["score"].is_number(), "computed inside all the same");
        let score = world.json(&[&ROBUST[..], &["score", of]].concat());
        assert_eq!(score[0]["guard"], guard);
        let ran = world.run(&[&ROBUST[..], &["score", of]].concat()).ending(0);
        assert!(ran.out.contains("nothing leaves this node"), "{}", ran.out);
    }
    assert_eq!(explained(&world, &[TALKED_OF])["guard"], Value::Null);
}

#[test]
fn score_shows_what_slips_was_told_as_long_as_the_model_stands_by_it() {
    let (world, stored) = judged();
    let said = world.json(&[&ROBUST[..], &["score", TALKED_OF]].concat());
    assert_eq!(said[0]["score"], stored.score.get());
    assert_eq!(said[0]["differs"], false);
}

#[test]
fn a_database_is_replayed_as_of_a_time() {
    let world = World::filled();
    let database = world.database().display().to_string();
    let replay = |more: &[&str]| -> Vec<Value> {
        let mut command = program(world.path());
        command.args([&["replay", "--db", &database, "--model", "robust"], more].concat());
        let ran = Ran::of(command).ending(0);
        ran.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let all = replay(&[]);
    let keys: Vec<_> = all.iter().map(|it| it["key"].as_str().unwrap()).collect();
    assert_eq!(keys, [TALKED_OF, SIX]);
    assert_eq!(all[1]["id"], 2);
    let then = world.at(60).to_string();
    let network = replay(&["--network-only", "--until", &then, "--address", TALKED_OF]);
    let expected = opinion(&world, TALKED_OF, then_of(&then));
    assert_eq!(network.len(), 1);
    assert_eq!(network[0]["score"], expected.score.get());
    let before = world.at(15).to_string();
    let early = replay(&["--until", &before, "--compare", "slips"]);
    assert_eq!(early.len(), 1, "only one address was spoken of by then");
    assert_eq!(early[0]["compare"]["model"], "slips");
}

fn then_of(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

#[test]
fn a_peer_that_is_cut_off_guards_nothing() {
    let world = World::filled();
    world.store(|world| {
        let place = PeerAddress {
            peer: world.banned,
            ip: "203.0.113.30".parse().unwrap(),
            multiaddr: "/ip4/203.0.113.30/tcp/4001".into(),
            seen_at: world.start,
        };
        let mut report = world.report(world.honest, "203.0.113.30", 0.9, 0.9, 70);
        (report.author, report.heard_from) = (Author(world.honest), Neighbour(world.honest));
        vec![Batch {
            addresses: vec![place],
            reports: vec![report.into()],
            ..Batch::default()
        }]
    });
    assert_eq!(explained(&world, &["203.0.113.30"])["guard"], Value::Null);
}
