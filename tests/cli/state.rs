//! `peers` and `db`: what they say in every format, and how they end.

use serde_json::{Value, json};

use super::fixture::{NASTY, Ran, TALKED_OF, World, program};

/// What may never reach a terminal, whatever peers wrote.
fn is_harmless(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c != '\n' && slips_p2p::cli::text::is_unsafe(c))
}

#[test]
fn nobody_is_connected_to_a_node_that_does_not_run() {
    let world = World::filled();
    let state = |value: &Value, who: slips_p2p::domain::PeerId| {
        let rows = value.as_array().unwrap().clone();
        rows.into_iter()
            .find(|row| row["peer"] == who.to_string().as_str())
            .unwrap()
    };
    let stopped = world.json(&["peers"]);
    assert_eq!(state(&stopped, world.honest)["state"], "unknown");
    assert_eq!(
        state(&stopped, world.honest)["reason"],
        "this node was stopped"
    );
    assert_eq!(state(&stopped, world.liar)["next_try"], Value::Null);
    assert!(world.run(&["peers"]).err.contains("no node is running"));

    let running = world.running(|world| vec![world.peers()]);
    let live = world.json(&["peers"]);
    assert_eq!(state(&live, world.honest)["state"], "connected");
    assert_eq!(state(&live, world.liar)["state"], "retrying");
    assert!(state(&live, world.liar)["next_try"].is_string());
    assert_eq!(state(&live, world.banned)["state"], "unreachable");
    assert_eq!(world.run(&["peers"]).ending(0).err, "");
    drop(running);
}

#[test]
fn nobody_is_connected_to_a_node_that_was_killed() {
    let world = World::filled();
    let running = world.running(|world| vec![world.peers()]);
    // What a kill leaves: the files as they are, and nobody who holds the lock.
    let copy = world.path().join("killed.db");
    for ending in ["", "-wal"] {
        let with = |path: &std::path::Path| format!("{}{ending}", path.display());
        std::fs::copy(with(&world.database()), with(&copy)).unwrap();
    }
    let mut command = program(world.path());
    command.args(["-o", "json", "peers", "--database", "killed.db"]);
    let rows: Value = serde_json::from_str(&Ran::of(command).ending(0).out).unwrap();
    let honest = world.honest.to_string();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["peer"] == honest.as_str())
        .unwrap();
    assert_eq!(row["state"], "unknown");
    assert_eq!(row["reason"], "the node ended without a stop");
    drop(running);
}

#[test]
fn peers_tell_reliability_reports_and_bans() {
    let world = World::filled();
    let one = world.json(&["peers", &world.banned.to_string()])[0].clone();
    assert_eq!(one["ban_reason"], "51 malformed messages");
    assert!(one["banned_until"].is_string());
    assert_eq!(one["reliability"], Value::Null, "never judged");
    assert_eq!(one["reports"], 0);
    let beginning: String = world.honest.to_string().chars().take(20).collect();
    let honest = world.json(&["peers", &beginning])[0].clone();
    assert_eq!(honest["reliability"], 0.9);
    assert_eq!(honest["ip"], "203.0.113.10");
    assert_eq!(honest["multiaddr"], "/ip4/203.0.113.10/tcp/4001");
    assert_eq!(honest["reports"], 2);
    assert_eq!(honest["banned_until"], Value::Null);
    let detail = world.run(&["peers", &beginning]).ending(0).out;
    assert!(detail.contains(&world.honest.to_string()), "{detail}");
    world.run(&["peers", "12D3"]).ending(2);
    world.run(&["peers", "Qmnobody"]).ending(3);
}

#[test]
fn text_of_peers_cannot_act_on_a_terminal_or_a_spreadsheet() {
    let world = World::filled();
    for format in ["human", "json", "jsonl", "csv"] {
        for arguments in [vec!["peers"], vec!["peers", &world.liar.to_string()]] {
            let mut all = vec!["-o", format];
            all.extend(arguments);
            let ran = world.run(&all).ending(0);
            assert!(is_harmless(&ran.out), "{format}: {:?}", ran.out);
            assert!(ran.out.contains("HYPERLINK"), "{format}: {}", ran.out);
        }
    }
    let liar = world.json(&["peers", &world.liar.to_string()])[0].clone();
    assert_eq!(liar["reason"], NASTY, "JSON loses nothing");
    let (header, rows) = world
        .run(&["-o", "csv", "peers", &world.liar.to_string()])
        .ending(0)
        .csv();
    let at = header.iter().position(|name| name == "reason").unwrap();
    assert!(rows[0][at].starts_with("'="), "{}", rows[0][at]);
}

#[test]
fn db_counts_checks_and_copies() {
    let world = World::filled();
    let stats = world.json(&["db", "stats"]);
    assert_eq!(stats["reports"], 3);
    assert_eq!(stats["repeats"], 1);
    assert_eq!(stats["peers"], 3);
    assert_eq!(world.json(&["db", "check"]), json!([]));
    world.run(&["db", "check"]).ending(0);

    let copy = world.path().join("copy.db");
    let name = copy.to_str().unwrap();
    assert_eq!(world.json(&["db", "backup", name])["file"], name);
    let again = world.run(&["db", "backup", name]).ending(1);
    assert!(again.err.contains(name), "{}", again.err);
    let mut of_copy = program(world.path());
    of_copy.args(["-o", "json", "reports", "--database", name]);
    let rows: Value = serde_json::from_str(&Ran::of(of_copy).ending(0).out).unwrap();
    assert_eq!(rows, world.json(&["reports"]));
}

#[test]
fn a_damaged_database_ends_the_check_with_4() {
    let world = World::filled();
    let file = world.database();
    let mut bytes = std::fs::read(&file).unwrap();
    let page = 4096;
    // The first page stays, so that it is still a database.
    let broken = bytes.len() - 3 * page;
    bytes[broken..].fill(0xA5);
    std::fs::write(&file, bytes).unwrap();
    let ran = world.run(&["-o", "json", "db", "check"]).ending(4);
    assert!(
        !serde_json::from_str::<Value>(&ran.out)
            .unwrap()
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_missing_database_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &["reports"][..],
        &["peers"],
        &["score", TALKED_OF],
        &["db", "stats"],
    ] {
        let mut command = program(dir.path());
        command.args(["--database", "none.db"]).args(arguments);
        let ran = Ran::of(command).ending(1);
        assert!(ran.err.contains("none.db"), "{}", ran.err);
        assert_eq!(ran.out, "");
        assert!(
            !dir.path().join("none.db").exists(),
            "looking makes nothing"
        );
    }
}
