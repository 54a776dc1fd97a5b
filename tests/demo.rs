//! `slips-p2p demo` holds what it promises: all checks hold, and no process is left however it ends.

use std::{fs, path::Path, time::Duration};

use tempfile::TempDir;
use testkit::{
    node::{NODE, Program, Running},
    wait,
};

/// What the demo promises, and somewhat more for a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A demo whose directories are made in a directory of this test.
fn demo(arguments: &[&str]) -> (TempDir, Running) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let running = Program::new(NODE)
        .args(["demo"])
        .args(arguments)
        .env("TMPDIR", place.path())
        .start();
    (place, running)
}

/// Processes that work in the demo's directories: its nodes and servers.
fn left_behind(place: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc")
        .expect("procfs")
        .filter_map(Result::ok);
    let working_there = processes.filter(|process| {
        fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(place))
    });
    working_there
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}

fn nobody_is_left(place: &Path) {
    wait::until(
        "every process of the demo to end",
        Duration::from_secs(10),
        || left_behind(place).is_empty().then_some(()),
    );
}

#[test]
fn all_checks_hold_and_nothing_is_left() {
    let (place, mut running) = demo(&["-o", "csv"]);
    let exit = running.wait_exit(LIMIT);
    assert_eq!(exit.code(), Some(0), "{}", exit.log);
    let rows = (exit.log.lines()).filter_map(|line| line.strip_prefix("stdout: "));
    let table: Vec<u8> = rows
        .flat_map(|row| format!("{row}\n").into_bytes())
        .collect();
    let mut table = csv::Reader::from_reader(&table[..]);
    let columns = table.headers().expect("a header").len();
    let rows: Vec<_> = table
        .records()
        .map(|row| row.expect("equal columns"))
        .collect();
    assert_eq!((columns, rows.is_empty()), (5, false), "{}", exit.log);
    assert!(
        exit.log.contains("checks, all hold") && exit.log.contains("stdout: 203.0.113.66"),
        "{}",
        exit.log
    );
    assert_eq!(left_behind(place.path()), Vec::<String>::new());
    assert_eq!(
        fs::read_dir(place.path()).expect("our directory").count(),
        0,
        "its files are gone"
    );
}

#[test]
fn interrupted_it_stops_everything_first() {
    let (place, mut running) = demo(&[]);
    running.wait_for_line("node A");
    assert!(!left_behind(place.path()).is_empty());
    running.signal(libc::SIGINT);
    assert_eq!(running.wait_exit(LIMIT).code(), Some(1));
    assert_eq!(left_behind(place.path()), Vec::<String>::new());
}

#[test]
fn killed_it_takes_everything_along() {
    let (place, mut running) = demo(&[]);
    running.wait_for_line("node A");
    running.kill();
    nobody_is_left(place.path());
}

#[test]
fn kept_it_goes_on_until_its_script_stops_it() {
    let (place, mut running) = demo(&["--keep"]);
    let exit = running.wait_exit(LIMIT);
    assert_eq!(exit.code(), Some(0), "{}", exit.log);
    assert_eq!(
        left_behind(place.path()).len(),
        8,
        "four servers and four nodes"
    );
    let script = exit
        .log
        .lines()
        .find_map(|line| line.split_once("remove its files: sh "))
        .expect("how to stop it")
        .1;
    let stopped = Program::at(Path::new("sh"))
        .args([script])
        .start()
        .wait_exit(LIMIT);
    assert_eq!(stopped.code(), Some(0), "{}", stopped.log);
    nobody_is_left(place.path());
    assert!(!Path::new(script).exists(), "its files are gone");
}
