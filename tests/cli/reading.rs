//! `score` and `reports`: what they say in every format, and how they end.

use serde_json::{Value, json};

use super::fixture::{SIX, TALKED_OF, UNKNOWN, World};
use slips_p2p::store::Batch;

fn keys(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn score_says_what_is_thought_and_who_made_it_so() {
    let world = World::filled();
    let answer = world.json(&["score", TALKED_OF]);
    let one = &answer[0];
    assert_eq!(one["address"], TALKED_OF);
    assert_eq!(one["reporters"], 2);
    let score = one["score"].as_f64().unwrap();
    assert!(score > 0.1 && score < 0.9, "{one:#}");
    assert_eq!(one["model"], "slips");
    assert_eq!(one["own_score"], 1.0);
    assert_eq!(one["stored_score"], Value::Null);
    assert_eq!(one["differs"], true);
    let who: Vec<(&str, f64, u64)> = one["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (
                r["peer"].as_str().unwrap(),
                r["score"].as_f64().unwrap(),
                r["times"].as_u64().unwrap(),
            )
        })
        .collect();
    let (honest, liar) = (world.honest.to_string(), world.liar.to_string());
    assert_eq!(who, [(honest.as_str(), 0.9, 2), (liar.as_str(), 0.1, 1)]);
    let weights: f64 = one["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["weight"].as_f64().unwrap())
        .sum();
    assert!((weights - 1.0).abs() < 1e-9);
}

#[test]
fn score_shows_the_stored_opinion_beside_its_own_only_where_they_differ() {
    let world = World::filled();
    let computed = world.json(&["score", TALKED_OF])[0].clone();
    world.store(|world| {
        let mut told = world.opinion(TALKED_OF, 0.75, 60);
        let six = world.opinion(SIX, 0.25, 61);
        told.reporters = 1;
        vec![Batch {
            opinions: vec![told, six],
            ..Batch::default()
        }]
    });
    let now = world.json(&["score", TALKED_OF])[0].clone();
    assert_eq!(now["score"], computed["score"]);
    assert_eq!(now["stored_score"], 0.75);
    assert_eq!(now["differs"], true);
    let ran = world.run(&["score", TALKED_OF]).ending(0);
    assert!(
        ran.out.contains("Slips was told 0.750, confidence 0.500"),
        "{}",
        ran.out
    );
}

#[test]
fn score_knows_an_opinion_whose_reports_are_gone() {
    let world = World::filled();
    world.store(|world| {
        vec![Batch {
            opinions: vec![world.opinion(UNKNOWN, -0.5, 60)],
            ..Batch::default()
        }]
    });
    let answer = world.json(&["score", UNKNOWN]);
    assert_eq!(answer[0]["score"], -0.5);
    assert_eq!(answer[0]["reports"], json!([]));
}

#[test]
fn score_of_the_unknown_is_listed_with_nulls_and_ends_with_3() {
    let world = World::filled();
    let ran = world.run(&["-o", "json", "score", UNKNOWN]).ending(3);
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer[0]["address"], UNKNOWN);
    for key in [
        "score",
        "confidence",
        "network_score",
        "reporters",
        "computed_at",
        "own_score",
    ] {
        assert_eq!(answer[0][key], Value::Null, "{key}");
    }
    assert_eq!(answer[0]["reports"], json!([]));
    assert_eq!(answer[0]["differs"], false);
    world.run(&["score", UNKNOWN, TALKED_OF]).ending(0);
    world.run(&["score", UNKNOWN]).ending(3);
}

#[test]
fn score_refuses_what_is_no_address_and_names_it() {
    let world = World::filled();
    for wrong in ["192.0.2.256", "example.org", "fe80::1%eth0", ""] {
        let ran = world.run(&["score", wrong]).ending(2);
        assert!(ran.err.contains(&format!("`{wrong}`")), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
    world.run(&["score"]).ending(2);
}

#[test]
fn score_folds_the_spellings_of_an_address() {
    let world = World::filled();
    assert_eq!(
        world.json(&["score", "::ffff:192.0.2.7"])[0]["address"],
        TALKED_OF
    );
}

#[test]
fn score_in_csv_has_a_row_a_report_and_one_for_an_address_without() {
    let world = World::filled();
    let ran = world
        .run(&["-o", "csv", "score", TALKED_OF, UNKNOWN])
        .ending(0);
    let (header, rows) = ran.csv();
    assert_eq!(
        &header[..4],
        ["address", "score", "confidence", "network_score"]
    );
    assert_eq!(header[15], "report_peer");
    let addresses: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(addresses, [TALKED_OF, TALKED_OF, UNKNOWN]);
    assert_eq!(rows[2][1], "");
    assert!(rows[0][1].parse::<f64>().is_ok());
}

#[test]
fn score_for_people_is_a_table_of_addresses_and_one_of_reporters() {
    let world = World::filled();
    let ran = world.run(&["score", TALKED_OF, SIX]).ending(0);
    for part in [
        "ADDRESS",
        "NETWORK SCORE",
        "LAST SAID",
        TALKED_OF,
        SIX,
        "203.0.113.10",
        "0.900",
    ] {
        assert!(ran.out.contains(part), "{part} is missing in\n{}", ran.out);
    }
    assert!(
        !ran.out.contains('\u{1b}'),
        "no colours where nobody sees them"
    );
}

#[test]
fn reports_come_oldest_first_in_every_format() {
    let world = World::filled();
    let all = world.json(&["reports"]);
    let addresses: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["address"].as_str().unwrap())
        .collect();
    assert_eq!(addresses, [TALKED_OF, TALKED_OF, SIX]);
    let columns = [
        "address",
        "confidence",
        "first_at",
        "id",
        "last_at",
        "peer",
        "score",
        "times",
    ];
    assert_eq!(keys(&all[1]), columns);
    assert_eq!(all[1]["times"], 2);
    assert_eq!(all[1]["score"], 0.9);
    assert!(all[1]["id"].is_i64());
    assert!(all[1]["last_at"].as_str().unwrap().ends_with('Z'));

    let lines = world.run(&["-o", "jsonl", "reports"]).ending(0).out;
    let parsed: Vec<Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(Value::from(parsed), all);

    let (header, rows) = world.run(&["-o", "csv", "reports"]).ending(0).csv();
    assert_eq!(
        header,
        [
            "id",
            "last_at",
            "address",
            "score",
            "confidence",
            "times",
            "peer",
            "first_at"
        ]
    );
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1][3], "0.9");

    let table = world.run(&["reports"]).ending(0).out;
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.starts_with("LAST SAID"));
}

#[test]
fn reports_are_chosen_by_address_peer_time_and_number() {
    let world = World::filled();
    let count = |arguments: &[&str]| world.json(arguments).as_array().unwrap().len();
    assert_eq!(count(&["reports", "--ip", SIX]), 1);
    assert_eq!(count(&["reports", "--ip", UNKNOWN]), 0);
    assert_eq!(count(&["reports", "--peer", &world.liar.to_string()]), 1);
    let beginning: String = world.honest.to_string().chars().take(20).collect();
    assert_eq!(count(&["reports", "--peer", &beginning]), 2);
    assert_eq!(count(&["reports", "--since", "1h"]), 3);
    assert_eq!(count(&["reports", "--since", "1m"]), 0);
    assert_eq!(count(&["reports", "--since", &world.at(25).to_string()]), 2);
    assert_eq!(count(&["reports", "--limit", "0"]), 3);
    let newest = world.json(&["reports", "--limit", "1"]);
    assert_eq!(newest.as_array().unwrap().len(), 1);
    assert_eq!(newest[0]["address"], SIX);
    world
        .run(&["reports", "--peer", "12D3KooWnobody"])
        .ending(3);
    world.run(&["reports", "--peer", "12D3Koo"]).ending(2);
    world.run(&["reports", "--since", "soon"]).ending(2);
    world.run(&["reports", "--ip", "nonsense"]).ending(2);
}

#[test]
fn nothing_is_an_empty_list_never_null() {
    let world = World::filled();
    let none = ["reports", "--ip", UNKNOWN];
    let with = |format| {
        world
            .run(&[&["-o", format], &none[..]].concat())
            .ending(0)
            .out
    };
    assert_eq!(with("json"), "[]\n");
    assert_eq!(with("jsonl"), "");
    assert_eq!(
        with("csv"),
        "id,last_at,address,score,confidence,times,peer,first_at\n"
    );
    assert_eq!(with("human"), "");
}

#[test]
fn more_reports_than_are_shown_are_said_on_stderr() {
    let world = World::filled();
    let many = |world: &World| {
        let report = |n: u32| {
            let of = format!("10.0.{}.{}", n / 256, n % 256);
            world.report(world.honest, &of, 0.5, 0.5, 60)
        };
        vec![Batch {
            reports: (0..1500).map(report).map(Into::into).collect(),
            ..Batch::default()
        }]
    };
    world.store(many);
    let ran = world.run(&["-o", "jsonl", "reports"]).ending(0);
    assert_eq!(ran.out.lines().count(), 1000);
    assert!(ran.err.contains("--limit 0"), "{}", ran.err);
    let all = world
        .run(&["-o", "jsonl", "reports", "--limit", "0"])
        .ending(0);
    assert_eq!(all.out.lines().count(), 1503);
    assert_eq!(all.err, "");
}
