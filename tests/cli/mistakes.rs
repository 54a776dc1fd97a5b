//! Mistakes an operator makes: each ends with the code of its kind, names the value and the remedy, and
//! says nothing twice.

use std::fs;

use super::fixture::{Ran, World, program};

/// The arguments, the exit code, and parts of what stands on stderr.
const MISTAKES: &[(&[&str], i32, &[&str])] = &[
    (
        &["db", "backup", "there.db"],
        1,
        &["there.db", "File exists", "name a new file"],
    ),
    (
        &["db", "backup", "no/where.db"],
        1,
        &[
            "no/where.db",
            "No such file",
            "a directory you can write to",
        ],
    ),
    (
        &["--database", "nowhere.db", "peers"],
        1,
        &["nowhere.db", "--database", "--config"],
    ),
    (
        &["--database", "nowhere.db", "peers", "pin", "brno"],
        1,
        &["nowhere.db", "--database"],
    ),
    (
        &["--database", "broken.db", "peers"],
        1,
        &["broken.db", "is not a usable database", "restore a backup"],
    ),
    (
        &["--config", "nowhere.toml", "peers"],
        2,
        &["nowhere.toml", "--config"],
    ),
    (
        &["replay", "nowhere.jsonl"],
        1,
        &["nowhere.jsonl", "- for stdin"],
    ),
    (&["replay", "."], 1, &["cannot read .", "Is a directory"]),
    (
        &[
            "simulate",
            "trust",
            "--scenario",
            "honest",
            "--plot",
            "no/where.svg",
        ],
        1,
        &["directory no", "--plot"],
    ),
    (
        &[
            "simulate",
            "network",
            "--nodes",
            "6",
            "--plot",
            "no/where.svg",
        ],
        1,
        &["directory no", "--plot"],
    ),
    (
        &["simulate", "network", "--nodes", "1"],
        2,
        &["--nodes 1", "2 to 2000"],
    ),
    (
        &["simulate", "network", "--loss", "2"],
        2,
        &["--loss 2", "0 to 0.9"],
    ),
    (&["init", "--dir", "there.db"], 1, &["there.db", "--dir"]),
];

#[test]
fn each_mistake_names_the_value_and_the_remedy_once() {
    let world = World::filled();
    fs::write(world.path().join("there.db"), "").unwrap();
    fs::write(world.path().join("broken.db"), "garbage").unwrap();
    for (arguments, code, parts) in MISTAKES {
        let mut command = program(world.path());
        if arguments[0] == "db" {
            command.arg("--database").arg(world.database());
        }
        command.args(*arguments);
        let ran = Ran::of(command).ending(*code);
        assert_eq!(ran.out, "", "{arguments:?}");
        for part in *parts {
            assert!(
                ran.err.contains(part),
                "{arguments:?}: `{part}` in {}",
                ran.err
            );
        }
        for cause in ["(os error", "No such file or directory"] {
            let times = ran.err.matches(cause).count();
            assert!(times <= 1, "{arguments:?}: {}", ran.err);
        }
    }
    for stray in ["nowhere.db", "nowhere.db.lock", "slips-p2p-data"] {
        assert!(!world.path().join(stray).exists(), "{stray} was made");
    }
}

#[test]
fn a_database_that_is_made_by_an_order_is_told() {
    let world = World::filled();
    let mut command = program(world.path());
    let peer = format!("/ip4/192.0.2.7/tcp/4001/p2p/{}", world.honest);
    command.args(["--database", "new.db", "peers", "add", &peer]);
    let ran = Ran::of(command).ending(0);
    assert!(
        ran.err.contains("there was no database at") && ran.err.contains("new.db"),
        "{}",
        ran.err
    );
}

#[test]
fn a_ban_without_a_reason_reads_well() {
    let world = World::filled();
    let id = world.honest.to_string();
    world.run(&["peers", "ban", &id, "--reason", " "]).ending(0);
    let peers = world.run(&["peers"]).ending(0).out;
    assert!(
        peers.contains("banned for ever: by the operator"),
        "{peers}"
    );
}
