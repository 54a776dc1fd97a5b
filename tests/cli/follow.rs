//! `reports --follow`, and output whose reader goes away.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
};

use super::fixture::{LIMIT, SIX, World, ended, signal};
use slips_p2p::store::Batch;

/// A follower, ended with the test however that ends, and what it writes.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

/// What a child writes, read by a thread so that waiting for it can have a limit.
fn lines_of(out: impl Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = sync_channel(64);
    let out = BufReader::new(out);
    std::thread::spawn(move || {
        out.lines()
            .map_while(Result::ok)
            .try_for_each(|l| to.send(l))
    });
    lines
}

impl Follower {
    fn of(world: &World, arguments: &[&str]) -> Self {
        Self::running(world.command(&[arguments, &["reports", "--follow"]].concat()))
    }

    fn running(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines
            .recv_timeout(LIMIT)
            .expect("a line within the limit")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Both fail where it has ended already, which is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn one_more(world: &World, score: f64, at: u64) {
    world.store(|world| {
        let reports = vec![world.report(world.liar, SIX, score, 0.5, at).into()];
        vec![Batch {
            reports,
            ..Batch::default()
        }]
    });
}

#[test]
fn new_reports_are_shown_as_they_come_and_repetitions_are_not() {
    let world = World::filled();
    let mut follower = Follower::of(&world, &["-o", "jsonl"]);
    for _ in 0..3 {
        follower.line();
    }
    one_more(&world, 0.7, 100);
    assert!(follower.line().contains("\"score\":0.7"));
    one_more(&world, 0.7, 110);
    one_more(&world, 0.8, 120);
    assert!(
        follower.line().contains("\"score\":0.8"),
        "a repetition is no new report"
    );
    signal(&follower.child, "INT");
    assert_eq!(ended(&mut follower.child).code(), Some(0));
}

#[test]
fn what_did_not_fit_before_may_fit_later() {
    let world = World::filled();
    let liar = world.liar.to_string();
    let arguments = [
        "-o", "csv", "reports", "--follow", "--since", "1s", "--peer", &liar,
    ];
    let follower = Follower::running(world.command(&arguments));
    assert!(follower.line().starts_with("id,"));
    one_more(&world, 0.7, 100);
    assert!(follower.line().contains(&format!(",0.7,0.5,1,{liar},")));
}

#[test]
fn json_is_whole_when_a_signal_ends_it() {
    let world = World::filled();
    let mut follower = Follower::of(&world, &["-o", "json"]);
    // A row's line ends when the next begins.
    let mut text: String = (0..3).map(|_| follower.line() + "\n").collect();
    signal(&follower.child, "TERM");
    assert_eq!(ended(&mut follower.child).code(), Some(0));
    text.extend(follower.lines.iter());
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 3);
}

#[test]
fn the_table_goes_on_without_a_second_heading() {
    let world = World::filled();
    let follower = Follower::of(&world, &[]);
    assert!(follower.line().starts_with("LAST SAID"));
    let known = [follower.line(), follower.line(), follower.line()];
    one_more(&world, 0.7, 100);
    let new = follower.line();
    let column = known[2].find(SIX).unwrap();
    assert_eq!(new.find(SIX), Some(column), "{known:?}\n{new}");
}

#[test]
fn it_ends_quietly_when_the_reader_goes_though_nothing_new_comes() {
    let world = World::filled();
    let mut child = world
        .command(&["-o", "jsonl", "reports", "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    assert_eq!(ended(&mut child).code(), Some(0));
    let mut complaint = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut complaint)
        .unwrap();
    assert!(!complaint.contains("error"), "{complaint}");
}

#[test]
fn output_to_a_closed_pipe_ends_quietly() {
    let world = World::filled();
    world.store(|world| {
        let report = |n: u32| {
            let of = format!("10.{}.{}.1", n / 256, n % 256);
            world.report(world.honest, &of, 0.5, 0.5, 60)
        };
        vec![Batch {
            reports: (0..4000).map(report).map(Into::into).collect(),
            ..Batch::default()
        }]
    });
    for format in ["human", "json", "jsonl", "csv"] {
        let mut child = world
            .command(&["-o", format, "reports", "--limit", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::with_capacity(16, child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        drop(out);
        assert_eq!(ended(&mut child).code(), Some(0), "{format}");
        let mut complaint = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut complaint)
            .unwrap();
        assert_eq!(complaint, "", "{format}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let world = World::filled();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = world.command(&["reports"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "));
}
