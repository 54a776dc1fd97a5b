//! `init`, `config`, `identity` and the mistakes `run` ends with before anything is opened.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};

use super::fixture::{Ran, program};

fn run(dir: &Path, arguments: &[&str]) -> Ran {
    let mut command = program(dir);
    command.args(arguments);
    Ran::of(command)
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_writes_a_right_config_and_a_private_key_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = json_of(&run(dir.path(), &["-o", "json", "init"]).ending(0));
    assert_eq!(first["key"], "created");
    let config = dir.path().join("config.toml");
    let key = dir.path().join(first["key_file"].as_str().unwrap());
    assert_eq!((mode(&config), mode(&key)), (0o600, 0o600));
    run(dir.path(), &["config", "check"]).ending(0);
    let id = json_of(&run(dir.path(), &["-o", "json", "identity", "show"]).ending(0));
    assert_eq!(id["peer_id"], first["peer_id"]);
    assert_eq!(id["key_type"], "ed25519");

    fs::write(&config, "# mine\n").unwrap();
    let refused = run(dir.path(), &["init"]).ending(1);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(fs::read_to_string(&config).unwrap(), "# mine\n");

    let bytes = fs::read(&key).unwrap();
    let forced = json_of(&run(dir.path(), &["-o", "json", "init", "--force"]).ending(0));
    assert_eq!(forced["key"], "kept");
    assert_eq!(forced["peer_id"], first["peer_id"]);
    assert_eq!(fs::read(&key).unwrap(), bytes);
    assert!(fs::read_to_string(&config).unwrap().contains("[redis]"));
    assert_eq!(mode(&config), 0o600);
}

#[test]
fn init_elsewhere_makes_a_config_that_means_the_same_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let made = json_of(&run(dir.path(), &["-o", "json", "init", "--dir", "etc/node"]).ending(0));
    let elsewhere = tempfile::tempdir().unwrap();
    let config = dir.path().join("etc/node/config.toml");
    let shown = run(
        elsewhere.path(),
        &[
            "-o",
            "json",
            "identity",
            "show",
            "--config",
            config.to_str().unwrap(),
        ],
    );
    assert_eq!(json_of(&shown.ending(0))["peer_id"], made["peer_id"]);
    run(
        dir.path(),
        &["init", "--set", "redis.url=redis://127.0.0.1"],
    )
    .ending(2);
}

#[test]
fn init_leaves_a_damaged_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let made = json_of(&run(dir.path(), &["-o", "json", "init"]).ending(0));
    let key = dir.path().join(made["key_file"].as_str().unwrap());
    fs::write(&key, b"no key").unwrap();
    let ran = run(dir.path(), &["init", "--force"]).ending(1);
    assert!(ran.err.contains("node.key"), "{}", ran.err);
    assert_eq!(fs::read(&key).unwrap(), b"no key");
    run(dir.path(), &["identity", "show"]).ending(1);
}

#[test]
fn no_key_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let ran = run(dir.path(), &["identity", "show"]).ending(3);
    assert!(ran.err.contains("slips-p2p init"), "{}", ran.err);
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        0,
        "showing makes nothing"
    );
}

#[test]
fn config_check_names_place_key_value_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("config.toml"),
        "[redis]\nulr = \"x\"\n[log]\nlevel = 7\n",
    )
    .unwrap();
    let ran = run(dir.path(), &["-o", "json", "config", "check"]).ending(2);
    let problems = json_of(&ran);
    assert_eq!(problems.as_array().unwrap().len(), 2);
    assert_eq!(problems[0]["file"], "config.toml");
    assert_eq!(problems[0]["line"], 2);
    assert_eq!(problems[0]["key"], "redis.ulr");
    assert!(
        problems[0]["remedy"]
            .as_str()
            .unwrap()
            .contains("redis.url"),
        "{problems:#}"
    );
    assert_eq!(problems[1]["line"], 4);
    let human = run(dir.path(), &["config", "check"]).ending(2);
    assert!(human.out.contains("config.toml:2"), "{}", human.out);
    let named = run(dir.path(), &["config", "check", "--config", "none.toml"]).ending(2);
    assert!(named.out.contains("none.toml"), "{}", named.out);
}

#[test]
fn a_right_config_has_no_rows() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        json_of(&run(dir.path(), &["-o", "json", "config", "check"]).ending(0)),
        json!([])
    );
}

#[test]
fn config_show_says_what_holds_and_why_and_hides_passwords() {
    let dir = tempfile::tempdir().unwrap();
    let file = "[redis]\nurl = \"redis://u:hunter2@127.0.0.1:6379\"\n[limits]\nburst = 77\n";
    fs::write(dir.path().join("config.toml"), file).unwrap();
    let rows = |arguments: &[&str]| {
        let all = [
            &["-o", "json", "config", "show", "--set", "log.level=debug"],
            arguments,
        ]
        .concat();
        json_of(&run(dir.path(), &all).ending(0))
    };
    let find = |rows: &Value, key: &str| {
        rows.as_array()
            .unwrap()
            .iter()
            .find(|row| row["key"] == key)
            .unwrap()
            .clone()
    };
    let shown = rows(&["--origin"]);
    assert_eq!(find(&shown, "limits.burst")["value"], 77);
    assert_eq!(find(&shown, "limits.burst")["origin"], "config.toml:4");
    assert_eq!(find(&shown, "log.level")["origin"], "flag --set");
    assert_eq!(find(&shown, "log.format")["origin"], "default");
    assert!(!shown.to_string().contains("hunter2"));
    assert!(rows(&["--secrets"]).to_string().contains("hunter2"));
    for format in ["human", "jsonl", "csv"] {
        let ran = run(dir.path(), &["-o", format, "config", "show", "--origin"]).ending(0);
        assert!(
            !ran.out.contains("hunter2") && ran.out.contains("***"),
            "{format}: {}",
            ran.out
        );
    }
}

#[test]
fn flags_stand_above_the_environment_and_the_environment_above_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.toml"), "[log]\nlevel = \"warn\"\n").unwrap();
    let level = |arguments: &[&str]| {
        let mut command = program(dir.path());
        command
            .args(["-o", "jsonl", "config", "show"])
            .args(arguments);
        command.env("SLIPS_P2P__LOG__LEVEL", "error");
        Ran::of(command).ending(0).out
    };
    assert!(level(&[]).contains("{\"key\":\"log.level\",\"value\":\"error\"}"));
    assert!(
        level(&["--set", "log.level=debug"])
            .contains("{\"key\":\"log.level\",\"value\":\"debug\"}")
    );
}

#[test]
fn run_ends_with_2_on_a_mistake_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for wrong in [
        &["run", "--redis-url", "http://127.0.0.1"][..],
        &["run", "--listen", "nowhere"],
        &["run", "--log-level", "loud"],
        &["run", "--set", "no.such=1"],
    ] {
        let ran = run(dir.path(), wrong).ending(2);
        assert!(ran.err.contains(wrong[1]), "{wrong:?}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
