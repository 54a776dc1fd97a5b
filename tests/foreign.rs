//! An independent implementation as peer: js-libp2p, driven line by line (`tests/foreign/peer.mjs`).

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::Instant,
};

use libp2p::Multiaddr;
use serde_json::{Value, json};
use testkit::{
    pigeon_peer::{PIGEON_A, Pigeon, Settings},
    sensor::{Sensor, Setup},
    slips::report,
    wait,
};

/// A js-libp2p peer in a process of its own.
struct Foreign {
    child: Child,
    commands: Option<ChildStdin>,
    events: mpsc::Receiver<Value>,
    address: Multiaddr,
    peer: String,
}

impl Foreign {
    fn start() -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
        assert!(
            home.join("node_modules/libp2p").is_dir(),
            "the packages of the foreign peer are missing; `npm ci --prefix tests/foreign` fetches them, `make test` does it by itself"
        );
        let mut child = Command::new("node")
            .arg("peer.mjs")
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start node ({error}); scripts/setup.sh test installs it")
            });
        let stdout = child.stdout.take().expect("piped");
        let (told, events) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let _ = told.send(event);
            }
        });
        let commands = child.stdin.take();
        let address = Multiaddr::empty();
        let mut foreign = Self {
            child,
            commands,
            events,
            address,
            peer: String::new(),
        };
        let listening = foreign.hear("listening");
        foreign.address = listening["address"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("a multiaddr");
        foreign.peer = listening["peer"].as_str().expect("a peer id").to_owned();
        foreign
    }

    fn tell(&mut self, command: &Value) {
        let commands = self.commands.as_mut().expect("running");
        writeln!(commands, "{command}").expect("the foreign peer lives");
    }

    /// Sends a line and takes the first line of the answer.
    fn ask(&mut self, to: &Multiaddr, line: &str) -> Value {
        self.tell(&json!({"address": to.to_string(), "line": line, "answer": true}));
        self.hear("answer")["line"].clone()
    }

    /// Sends a line for Slips.
    fn send(&mut self, to: &Multiaddr, line: &str) {
        self.tell(&json!({"address": to.to_string(), "line": line}));
        self.hear("sent");
    }

    fn hear(&self, event: &str) -> Value {
        self.hear_that(event, |_| true)
    }

    fn hear_that(&self, event: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + wait::LIMIT;
        let mut passed = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(heard) = self.events.recv_timeout(left) else {
                panic!("waited in vain for `{event}` of the foreign peer; it told {passed:#?}")
            };
            assert_ne!(heard["event"], "fault", "{heard}");
            if heard["event"] == event && wanted(&heard) {
                return heard;
            }
            passed.push(heard);
        }
    }

    fn hear_line(&self, line: &str) -> Value {
        self.hear_that("line", |heard| heard["line"] == line)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_foreign_peer_meets_a_plain_rust_listener() {
    let mut foreign = Foreign::start();
    let pigeon = Pigeon::start(Settings::local(PIGEON_A));
    assert_eq!(
        foreign.ask(&pigeon.address, "hello version1"),
        "hello version1"
    );
    foreign.send(&pigeon.address, "a line");
    let peer = foreign.peer.parse().expect("a peer id");
    assert_eq!(pigeon.hear_data(peer), "a line");
    pigeon.send(peer, "and back");
    foreign.hear_line("and back");
}

#[test]
fn the_foreign_peer_calls_and_reports_go_both_ways() {
    let mut foreign = Foreign::start();
    let mut sensor = Sensor::start(&Setup::default());
    let node = sensor.address();
    assert_eq!(foreign.ask(&node, "hello version1"), "hello version1");
    assert_eq!(foreign.ask(&node, "ping"), "pong");

    let from_it = report("203.0.113.9", 0.8, 0.6);
    foreign.send(&node, &from_it);
    assert_eq!(sensor.slips.hear_data(), (foreign.peer.clone(), from_it));
    let to_it = report("198.51.100.7", 1.0, 0.9);
    sensor.slips.send("*", &to_it);
    assert_eq!(foreign.hear_line(&to_it)["from"], sensor.peer_id());
}

#[test]
fn the_node_calls_the_foreign_peer_and_reports_go_both_ways() {
    let mut foreign = Foreign::start();
    let mut sensor = Sensor::start(&Setup {
        peers: vec![foreign.address.clone()],
        ..Setup::default()
    });
    assert_eq!(
        foreign.hear_line("hello version1")["from"],
        sensor.peer_id()
    );
    sensor.meet(&foreign.peer);

    let to_it = report("2001:db8::9", 0.2, 0.5);
    sensor.slips.send(&foreign.peer, &to_it);
    foreign.hear_line(&to_it);
    let from_it = report("203.0.113.9", 0.8, 0.6);
    foreign.send(&sensor.address(), &from_it);
    assert_eq!(sensor.slips.hear_data(), (foreign.peer.clone(), from_it));
}
