//! `simulate trust`: the same seed gives the same bytes, and mistakes are named.

use std::path::Path;

use super::fixture::{Ran, program};
use slips_p2p::simulation::{Contestant, Scenario, Story};

fn simulate(dir: &Path, arguments: &[&str]) -> Ran {
    let mut command = program(dir);
    command.args(["simulate", "trust"]).args(arguments);
    Ran::of(command)
}

#[test]
fn one_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let run = |threads: &str, name: &str| {
        let (plot, export) = (format!("{name}.svg"), format!("{name}.d"));
        let arguments = [
            ["-o", "jsonl"],
            ["--scenario", "liars-3*,sybils"],
            ["--seed", "41"],
            ["--seeds", "2"],
            ["--threads", threads],
            ["--plot", &plot],
            ["--export", &export],
        ]
        .concat();
        let out = simulate(dir.path(), &arguments).ending(0).out;
        let read = |file: &str| std::fs::read_to_string(dir.path().join(file)).unwrap();
        let files = ["liars-30-41.events", "sybils-42.truth"];
        let files = files.map(|file| read(&format!("{export}/{file}.jsonl")));
        (out, read(&plot), files)
    };
    let one = run("1", "one");
    assert!(one == run("3", "three"));
    let rows: Vec<serde_json::Value> = one
        .0
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(rows.iter().any(|row| row["model"] == "robust:kappa=0"));
    assert!(
        rows.iter()
            .all(|row| row["seeds"] == 2 && row["auc"].is_f64())
    );
}

#[test]
fn exported_events_are_lines_of_the_five_kinds_with_a_truth_for_each_question() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = [
        "--scenario",
        "unverifiable-anchors",
        "--models",
        "mean",
        "--export",
        "e",
    ];
    simulate(dir.path(), &arguments).ending(0);
    let lines = |what: &str| -> Vec<serde_json::Value> {
        let file = dir
            .path()
            .join(format!("e/unverifiable-anchors-1.{what}.jsonl"));
        let text = std::fs::read_to_string(file).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let (events, truths) = (lines("events"), lines("truth"));
    for kind in ["peer_update", "report", "local", "anchor", "query"] {
        assert!(events.iter().any(|event| event["type"] == kind), "{kind}");
    }
    let asked = events.iter().filter(|event| event["type"] == "query");
    let pairs: Vec<_> = asked.zip(&truths).collect();
    assert_eq!(pairs.len(), truths.len());
    for (query, truth) in pairs {
        assert_eq!((&query["id"], &query["key"]), (&truth["id"], &truth["key"]));
        assert!(truth["malicious"].is_boolean());
    }
    let report = events
        .iter()
        .find(|event| event["type"] == "report")
        .unwrap();
    assert_eq!(report["key_type"], "ip");
    assert_eq!(report["evaluation_type"], "score_confidence");
    assert!(report["evaluation"]["score"].is_f64() && report["t"].is_i64());
}

#[test]
fn replayed_exported_events_give_the_opinions_of_the_simulation() {
    let dir = tempfile::tempdir().unwrap();
    for (scenario, model) in [("sybils", "robust"), ("liars-30", "slips")] {
        let arguments = ["--scenario", scenario, "--models", model, "--seed", "7"];
        let export = ["--export", "e"];
        simulate(dir.path(), &[&arguments[..], &export].concat()).ending(0);
        let mut replay = program(dir.path());
        let events = format!("e/{scenario}-7.events.jsonl");
        replay.args(["replay", "--model", model, &events]);
        let replayed: Vec<Option<(f64, f64)>> = Ran::of(replay)
            .ending(0)
            .out
            .lines()
            .map(|line| {
                let answer: serde_json::Value = serde_json::from_str(line).unwrap();
                Some((answer["score"].as_f64()?, answer["confidence"].as_f64()?))
            })
            .collect();
        let story = Story::tell(Scenario::named(scenario).unwrap(), 7);
        let heard = model.parse::<Contestant>().unwrap().hear(&story);
        let simulated: Vec<_> = heard.iter().map(|answer| answer.opinion).collect();
        assert!(simulated.iter().flatten().count() > 100, "{scenario}");
        assert_eq!(replayed.len(), simulated.len(), "{scenario}");
        for (number, (one, other)) in replayed.iter().zip(&simulated).enumerate() {
            let same = match (one, other) {
                (Some(one), Some(other)) => {
                    (one.0 - other.0).abs() <= 1e-12 && (one.1 - other.1).abs() <= 1e-12
                }
                (one, other) => one.is_none() && other.is_none(),
            };
            assert!(same, "{scenario}, answer {number}: {one:?}, {other:?}");
        }
    }
}

#[test]
fn scenarios_are_listed_and_mistakes_are_usage_mistakes() {
    let dir = tempfile::tempdir().unwrap();
    let listed = simulate(dir.path(), &["--scenario", "list"]).ending(0).out;
    for name in ["honest", "liars-70", "sybils", "whitewashing", "sleepers"] {
        assert!(listed.contains(name), "{listed}");
    }
    let unknown = simulate(dir.path(), &["--scenario", "sybil"]).ending(2);
    assert!(unknown.err.contains("did you mean sybils?"), "{unknown:?}");
    for wrong in [
        &["--scenario", "honest", "--models", "robust:kappa=7"][..],
        &["--scenario", "honest", "--models", "eigentrust"],
        &["--scenario", "honest", "--seeds", "0"],
        &[],
    ] {
        assert_eq!(simulate(dir.path(), wrong).ending(2).out, "", "{wrong:?}");
    }
    let unwritable = ["--scenario", "honest", "--plot", "no/such/dir/plot.svg"];
    let ran = simulate(dir.path(), &unwritable).ending(1);
    assert!(ran.err.contains("no/such/dir/plot.svg"), "{ran:?}");
}
