//! What the stories here have in common: what the node says of a peer, how much it holds, and
//! everything that anybody tells its Redis.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::mpsc,
    thread,
};

use serde_json::Value;
use testkit::{
    chatter,
    pigeon_peer::Pigeon,
    sensor::Sensor,
    slips::{FROM_SLIPS, VERSION, report},
    wait,
};

/// The most the node may hold under any attack, in MiB: the promise of the threat model.
pub const MOST_MIB: u64 = 128;

/// A runtime for raw peers, beside the test's own thread.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A pigeon that has met the node.
pub fn met(pigeon: Pigeon, sensor: &mut Sensor) -> Pigeon {
    pigeon.meet(&sensor.address());
    sensor.meet(&pigeon.peer_id.to_string());
    pigeon
}

/// What `slips-p2p peers` says of a peer; `Null` when it knows none.
pub fn row(sensor: &Sensor, peer: &str) -> Value {
    let rows = sensor.ask(&["peers"]);
    let mut rows = rows.as_array().expect("a list").iter();
    rows.find(|row| row["peer"] == peer)
        .cloned()
        .unwrap_or_default()
}

/// The peers that are cut off.
pub fn banned(sensor: &Sensor) -> Vec<Value> {
    let rows = sensor.ask(&["peers"]);
    let rows = rows.as_array().expect("a list").iter();
    rows.filter(|row| !row["ban_reason"].is_null())
        .cloned()
        .collect()
}

/// The report numbered `n`, on an address of its own.
pub fn message(n: u32) -> String {
    report(&chatter::address(n).to_string(), 0.8, 0.9)
}

/// Messages of Slips for `recipient`, all handed to Redis in one go.
pub fn publish(sensor: &Sensor, recipient: &str, messages: impl Iterator<Item = String>) {
    let mut connection = connect(sensor);
    let mut pipe = redis::pipe();
    for message in messages {
        let text = format!(
            r#"{{"message": "{message}", "recipient": "{recipient}", "version": "{VERSION}"}}"#
        );
        pipe.publish(FROM_SLIPS, text);
    }
    let heard: Vec<usize> = pipe.query(&mut connection).expect("redis-server is there");
    assert!(heard.iter().all(|heard| *heard == 1), "the node listens");
}

/// Forgets where the node listens, so that the next one's word is waited for.
pub fn forget_address(sensor: &Sensor) {
    let mut connection = connect(sensor);
    redis::cmd("DEL")
        .arg("multiAddress")
        .exec(&mut connection)
        .expect("redis-server is there");
}

fn connect(sensor: &Sensor) -> redis::Connection {
    redis::Client::open(format!("redis://127.0.0.1:{}/0", sensor.slips.port))
        .and_then(|client| client.get_connection())
        .expect("redis-server is there")
}

/// Waits until Slips has heard all of these, in whatever order; more than once does not matter.
pub fn hear_all(sensor: &Sensor, messages: impl Iterator<Item = String>) {
    let mut missing: BTreeSet<String> = messages.collect();
    while !missing.is_empty() {
        let (_, message) = sensor.slips.hear_data();
        missing.remove(&message);
    }
}

/// Resident memory of the node in MiB: now, and the most it ever was.
pub fn resident(sensor: &Sensor) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", sensor.node.pid()));
    let status = status.expect("the node runs");
    let field = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse().ok()).expect("a number")
    };
    (field("VmRSS:") / 1024, field("VmHWM:") / 1024)
}

/// Says what the node holds, and that it never was more than it may be.
pub fn weigh(what: &str, sensor: &Sensor) {
    let (now, most) = resident(sensor);
    println!("{what}: VmRSS {now} MiB, {most} MiB at most");
    assert!(most <= MOST_MIB, "{what}: the node held {most} MiB");
}

/// Every command that a Redis gets, from whomever.
pub struct Monitor {
    commands: mpsc::Receiver<String>,
}

impl Monitor {
    pub fn of(sensor: &Sensor) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", sensor.slips.port)).expect("connects");
        stream.write_all(b"MONITOR\r\n").expect("writes");
        let mut lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some(&b"+OK\r"[..]));
        let (tell, commands) = mpsc::channel();
        thread::spawn(move || {
            for line in lines {
                if tell
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    return;
                }
            }
        });
        Self { commands }
    }

    /// Everything up to now.
    pub fn so_far(&self, sensor: &mut Sensor) -> Vec<String> {
        const MARK: &str = "the end of what is looked at";
        sensor.slips.publish("nobody", MARK);
        let mut commands = Vec::new();
        loop {
            let command = self.commands.recv_timeout(wait::LIMIT).expect("the mark");
            if command.contains(MARK) {
                return commands;
            }
            commands.push(command);
        }
    }
}
