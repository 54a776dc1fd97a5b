//! Every command in every form `-o` knows: one JSON value, a JSON object a line, CSV with equal rows,
//! words for people; or a refusal that names the form.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::fixture::{Ran, SIX, TALKED_OF, UNKNOWN, World, program};
use slips_p2p::cli::command;

const FORMS: [&str; 4] = ["human", "json", "jsonl", "csv"];

/// What a command's rows have to do with each other in the forms for programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rows {
    /// The same rows with the same columns in all.
    Same,
    /// CSV has rows of its own, as its `--help` says: JSON nests them.
    Flat,
}
use Rows::{Flat, Same};

/// A command with `{}` where a new name stands, how it ends, and its rows.
type Case = (&'static [&'static str], i32, Rows);

const READING: &[Case] = &[
    (&["score", TALKED_OF, SIX, UNKNOWN], 0, Flat),
    (&["score", UNKNOWN], 3, Flat),
    (&["explain", TALKED_OF], 0, Flat),
    (&["explain", UNKNOWN], 3, Flat),
    (&["explain", "--peer", "honest"], 0, Same),
    (&["reports"], 0, Same),
    (&["reports", "--ip", UNKNOWN], 0, Same),
    (&["peers"], 0, Same),
    (&["peers", "honest"], 0, Same),
    (&["peers", "list"], 0, Same),
    (&["peers", "inspect", "honest"], 0, Same),
    (&["peers", "pending"], 0, Same),
    (&["peers", "evidence"], 0, Same),
    (&["identity", "show"], 0, Same),
    (&["config", "check"], 0, Same),
    (&["config", "check", "--set", "no.such=1"], 2, Same),
    (&["config", "show"], 0, Same),
    (&["config", "show", "--origin"], 0, Same),
    (&["db", "check"], 0, Same),
    (&["db", "stats"], 0, Same),
    (&["db", "backup", "{}"], 0, Same),
    (&["replay", "events.jsonl"], 0, Same),
    (&["replay", "events.jsonl", "--compare", "mean"], 0, Flat),
    (&["replay", "nothing.jsonl"], 0, Same),
    (&["replay", "broken.jsonl"], 1, Same),
    (&["replay", "broken.jsonl", "--lenient"], 0, Same),
    (&["replay", "--db", "slips-p2p.db"], 0, Same),
    (&["simulate", "trust", "--scenario", "list"], 0, Same),
    (
        &[
            "simulate",
            "trust",
            "--scenario",
            "honest",
            "--models",
            "mean,median",
        ],
        0,
        Same,
    ),
    (
        &[
            "simulate",
            "network",
            "--nodes",
            "6",
            "--reports",
            "4",
            "--authors",
            "2",
        ],
        0,
        Same,
    ),
];

/// They show the peer as it is from then on.
const CHANGING: &[Case] = &[
    (
        &[
            "peers",
            "add",
            "/ip4/192.0.2.9/tcp/4001/p2p/12D3KooWGzBvnJmeWZPsSsASLQAMHUJQeXTXBMsNJnAJRG5qFtRQ",
        ],
        0,
        Same,
    ),
    (&["peers", "rename", "honest", "honest"], 0, Same),
    (&["peers", "note", "honest", "of ours"], 0, Same),
    (&["peers", "tag", "honest", "lab", "eu"], 0, Same),
    (&["peers", "pin", "honest"], 0, Same),
    (&["peers", "unpin", "honest"], 0, Same),
    (&["peers", "trust", "honest"], 0, Same),
    (&["peers", "untrust", "honest"], 0, Same),
    (&["peers", "accept", "honest"], 0, Same),
    (&["peers", "reject", "honest"], 0, Same),
    (&["peers", "ban", "honest", "--for", "1h"], 0, Same),
    (&["peers", "unban", "honest"], 0, Same),
    (&["init", "--dir", "{}"], 0, Same),
];

/// They write no data, or in a form of its own.
const OF_ONE_FORM: &[&[&str]] = &[&["run"], &["completions", "bash"], &["man"]];
/// Too long for here: `tests/demo.rs` reads what they write.
const ELSEWHERE: &[&[&str]] = &[&["demo"]];
/// They say on stderr what became of it, and have no rows.
const SILENT: &[&[&str]] = &[&["peers", "rm"]];

fn ran(world: &World, form: Option<&str>, words: &[&str], name: &str) -> Ran {
    let words: Vec<String> = words.iter().map(|word| word.replace("{}", name)).collect();
    let mut command = program(world.path());
    command.env("SLIPS_P2P__REPUTATION__MODEL", "slips");
    let takes_settings = !matches!(
        words[0].as_str(),
        "init" | "simulate" | "completions" | "man"
    );
    if takes_settings {
        command.arg("--database").arg(world.database());
    }
    if let Some(form) = form {
        command.args(["-o", form]);
    }
    command.args(&words);
    Ran::of(command)
}

fn columns(row: &Value) -> Vec<String> {
    let object = row.as_object();
    let mut names: Vec<_> = (object.expect("a row is an object").keys().cloned()).collect();
    names.sort();
    names
}

/// What must have happened before a command can undo it.
fn undone(words: &[&str]) -> Option<&'static str> {
    match words {
        ["peers", "untrust", ..] => Some("trust"),
        ["peers", "unban", ..] => Some("ban"),
        _ => None,
    }
}

fn check((words, code, rows): Case, world: &World, number: usize) {
    let run = |form: &str| {
        if let Some(act) = undone(words) {
            ran(world, None, &["peers", act, words[2]], "").ending(0);
        }
        ran(world, Some(form), words, &format!("{form}-{number}")).ending(code)
    };
    let json = run("json").out;
    let whole: Value = serde_json::from_str(&json)
        .unwrap_or_else(|error| panic!("{words:?} -o json: {error}\n{json}"));
    let whole = match whole {
        Value::Array(rows) => rows,
        one => vec![one],
    };

    let jsonl = run("jsonl").out;
    let lines: Vec<Value> = (jsonl.lines())
        .map(|line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{words:?} -o jsonl: {error}\n{line}"))
        })
        .collect();
    assert_eq!(lines.len(), whole.len(), "{words:?}: lines and rows");
    for row in whole.iter().chain(&lines) {
        assert_eq!(columns(row), columns(&whole[0]), "{words:?}: equal columns");
    }

    let csv = run("csv").out;
    let mut reader = csv::ReaderBuilder::new()
        .flexible(false)
        .from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(Into::into).collect();
    let named: BTreeSet<&String> = header.iter().collect();
    assert!(
        !header.iter().any(String::is_empty),
        "{words:?} -o csv: {header:?}"
    );
    assert_eq!(named.len(), header.len(), "{words:?} -o csv: {header:?}");
    let records: Vec<csv::StringRecord> = reader
        .records()
        .map(|record| record.unwrap_or_else(|error| panic!("{words:?} -o csv: {error}\n{csv}")))
        .collect();
    if rows == Same {
        assert_eq!(records.len(), whole.len(), "{words:?} -o csv:\n{csv}");
        if let Some(row) = whole.first() {
            let mut header = header.clone();
            header.sort();
            assert_eq!(header, columns(row), "{words:?} -o csv");
        }
    }

    let human = run("human").out;
    assert_eq!(
        human.is_empty(),
        whole.is_empty(),
        "{words:?} -o human: {human}"
    );
    let is_json =
        |line: &str| line.starts_with(['{', '[']) && serde_json::from_str::<Value>(line).is_ok();
    assert!(
        !human.lines().any(is_json),
        "{words:?} -o human is for people:\n{human}"
    );
}

fn with_files() -> World {
    let world = World::filled();
    ran(&world, None, &["init"], "").ending(0);
    let id = world.honest.to_string();
    ran(&world, None, &["peers", "rename", &id, "honest"], "").ending(0);
    let line = r#"{"t":1,"type":"report","reporter":"p","key":"192.0.2.7","evaluation":{"score":1,"confidence":1}}"#;
    let query =
        |id: &str, key: &str| format!(r#"{{"t":2,"type":"query","id":{id},"key":"{key}"}}"#);
    let ids = [
        "17",
        "-1",
        "\"=1+1,\\\"x\\\"\"",
        "18446744073709551615",
        "1.5e3",
        "null",
    ];
    let queries: Vec<String> = (ids.iter())
        .map(|id| query(id, "192.0.2.7"))
        .chain([query("9", UNKNOWN)])
        .collect();
    let events = format!("{line}\n{}\n", queries.join("\n"));
    let broken = format!("{line}\n{}\nnonsense\n", queries[0]);
    for (name, text) in [
        ("events.jsonl", events),
        ("nothing.jsonl", format!("{line}\n")),
        ("broken.jsonl", broken),
    ] {
        fs::write(world.path().join(name), text).unwrap();
    }
    world
}

#[test]
fn every_command_answers_in_every_form() {
    let world = with_files();
    for (number, case) in READING.iter().chain(CHANGING).enumerate() {
        check(*case, &world, number);
    }
}

#[test]
fn what_has_one_form_refuses_the_others_by_name() {
    let world = World::filled();
    for words in OF_ONE_FORM {
        for form in &FORMS[1..] {
            let refused = ran(&world, Some(form), words, "").ending(2);
            assert_eq!(refused.out, "", "{words:?}");
            for part in [&format!("-o {form}"), "leave -o out"] {
                assert!(refused.err.contains(part), "{words:?}: {}", refused.err);
            }
        }
    }
}

#[test]
fn what_reads_no_settings_refuses_them_by_name() {
    let world = World::filled();
    for words in [
        &["simulate", "trust", "--scenario", "list"][..],
        &["completions", "bash"],
        &["man"],
        &["demo"],
    ] {
        for flag in [
            &["--set", "reputation.kappa=0"][..],
            &["--config", "x.toml"],
            &["--database", "x.db"],
        ] {
            let mut command = program(world.path());
            command.args(words).args(flag);
            let refused = Ran::of(command).ending(2);
            assert!(
                refused.err.contains(&format!("leave {} out", flag[0])),
                "{}",
                refused.err
            );
        }
    }
}

#[test]
fn replay_without_a_form_writes_json_lines() {
    let world = with_files();
    for words in [
        &["replay", "events.jsonl"][..],
        &["replay", "--db", "slips-p2p.db"],
    ] {
        let plain = ran(&world, None, words, "").ending(0).out;
        assert_eq!(plain, ran(&world, Some("jsonl"), words, "").ending(0).out);
    }
    let csv = ran(
        &world,
        Some("csv"),
        &["replay", "events.jsonl", "--compare", "mean"],
        "",
    );
    let (header, rows) = csv.ending(0).csv();
    assert_eq!(header[5], "compare_model");
    let ids: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let expected = [
        "17",
        "-1",
        "'=1+1,\"x\"",
        "18446744073709551615",
        "1.5e3",
        "",
        "9",
    ];
    assert_eq!(ids, expected);
    assert_eq!(rows[6][2..5], ["", "", ""], "no opinion");
}

/// Every command of the program is in one of the tables here.
#[test]
fn no_command_is_forgotten() {
    fn leaves(words: &[String], command: &clap::Command, all: &mut BTreeSet<Vec<String>>) {
        let subs = command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help");
        let mut is_leaf = true;
        for sub in subs {
            is_leaf = false;
            leaves(&[words, &[sub.get_name().to_owned()]].concat(), sub, all);
        }
        if is_leaf {
            all.insert(words.to_vec());
        }
    }
    let mut all = BTreeSet::new();
    leaves(&[], &command(), &mut all);
    let cases = READING.iter().chain(CHANGING).map(|(words, ..)| *words);
    let others = OF_ONE_FORM.iter().chain(ELSEWHERE).chain(SILENT).copied();
    for words in cases.chain(others) {
        all.retain(|leaf| {
            !(words.len() >= leaf.len() && leaf.iter().zip(words).all(|(a, b)| a == b))
        });
    }
    assert!(all.is_empty(), "{all:?}");
}
