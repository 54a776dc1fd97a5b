//! The control socket itself: whose it is, what it makes of garbage, and a node that hangs.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::{
    node::{self, Program},
    sensor::{Sensor, Setup},
    wait,
};

use super::bench::{nobody, nowhere, row, run};

fn path(sensor: &Sensor) -> PathBuf {
    let mut name = sensor.database().into_os_string();
    name.push(".sock");
    name.into()
}

fn connect(sensor: &Sensor) -> UnixStream {
    let stream = UnixStream::connect(path(sensor)).expect("the node listens");
    stream.set_read_timeout(Some(wait::LIMIT)).unwrap();
    stream
}

fn say(stream: &mut UnixStream, line: &[u8]) -> Value {
    stream.write_all(line).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Connects once there is a seat: those of clients just gone are free only when the node has seen it.
fn seated(sensor: &Sensor) -> UnixStream {
    wait::until("a seat", wait::LIMIT, || {
        let mut client = connect(sensor);
        // Whoever is turned away may find the line closed before it has said anything.
        client.write_all(PING).ok()?;
        let mut answer = String::new();
        BufReader::new(&client).read_line(&mut answer).ok()?;
        let answer: Value = serde_json::from_str(&answer).ok()?;
        (answer["result"]["done"] == true).then_some(client)
    })
}

const PING: &[u8] = b"{\"id\":\"x\",\"type\":\"ping\"}\n";

#[test]
fn only_this_user_can_open_the_socket_and_it_goes_with_the_node() {
    let mut sensor = Sensor::start(&Setup::default());
    let path = path(&sensor);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    sensor.node.signal(libc::SIGTERM);
    assert_eq!(sensor.node.wait_exit(wait::LIMIT).code(), Some(0));
    assert!(!path.exists(), "a stopped node leaves no socket");
    sensor.restart(&Setup::default());
    sensor.node.kill();
    assert!(path.exists(), "a killed one does");
    sensor.restart(&Setup::default());
    assert_eq!(say(&mut connect(&sensor), PING)["id"], "x");
}

#[test]
fn garbage_is_answered_and_harms_nobody() {
    let sensor = Sensor::start(&Setup::default());
    let mut stream = connect(&sensor);
    for garbage in [
        &b"\n"[..],
        b"\0\0\0\n",
        b"\xff\xfe{}\n",
        b"[[[[[[[[[[\n",
        b"{\"id\":1,\"type\":\"ping\",\"type\":\"rm\"}\n",
        b"{\"id\":1,\"type\":\"rm\",\"input\":{}}\n",
        b"{\"id\":1e999,\"type\":\"ping\"}\n",
        b"{\"id\":1,\"type\":\"add\",\"input\":{\"peer\":\"\\ud800\"}}\n",
        b"GET / HTTP/1.1\r\n",
    ] {
        let answer = say(&mut stream, garbage);
        assert!(answer["msg"].is_string(), "{answer}");
        assert_eq!(answer["result"], Value::Null);
    }
    assert_eq!(
        say(&mut stream, PING)["result"]["done"],
        true,
        "the same connection goes on"
    );
    // A line without end is cut off at its limit, and the connection with it.
    let mut endless = connect(&sensor);
    let answer = say(&mut endless, &[b'x'; 16_385]);
    assert!(
        answer["msg"].as_str().unwrap().contains("16384"),
        "{answer}"
    );
    let mut rest = Vec::new();
    // A reset says the same as the end: what was not read is gone.
    let _ = endless.read_to_end(&mut rest);
    assert!(rest.is_empty());
    // Half a line and gone.
    connect(&sensor).write_all(b"{\"id\":1").unwrap();
    // More clients than there are seats: told so, and the node goes on when they leave.
    let crowd: Vec<UnixStream> = (0..15).map(|_| seated(&sensor)).collect();
    let mut refused = connect(&sensor);
    let mut answer = String::new();
    refused.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("too many connections"), "{answer}");
    drop((crowd, stream));
    row_after_the_crowd(&sensor);
}

fn row_after_the_crowd(sensor: &Sensor) {
    wait::until("a seat is free", wait::LIMIT, || {
        let ran = run(
            &sensor.database(),
            &["peers", "add", &nowhere(9), "--alias", "z"],
        );
        (ran.code == Some(0)).then_some(())
    });
    let found = row(&sensor.database(), &["peers", "inspect", "z"]);
    assert_eq!(found["peer"], nobody(9));
}

#[test]
fn a_node_that_hangs_is_unreachable_within_a_limit() {
    let sensor = Sensor::start(&Setup::default());
    sensor.node.signal(libc::SIGSTOP);
    let began = Instant::now();
    let ran = run(
        &sensor.database(),
        &["peers", "add", &nowhere(8), "--alias", "late"],
    )
    .ending(5);
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    assert!(ran.err.contains(".sock"), "{}", ran.err);
    sensor.node.signal(libc::SIGCONT);
    wait::until("it goes on where it was", wait::LIMIT, || {
        let ran = run(&sensor.database(), &["peers", "inspect", "late"]);
        (ran.code == Some(0)).then_some(())
    });
}

#[test]
fn two_nodes_cannot_have_one_socket() {
    let sensor = Sensor::start(&Setup::default());
    let socket = path(&sensor);
    let config = sensor
        .database()
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("config.toml");
    let other = tempfile::tempdir().unwrap();
    let mut second = Program::new(node::NODE)
        .args(["run", "--config"])
        .args([&config])
        .args(["--database"])
        .args([other.path().join("other.db")])
        .args([
            "--set",
            &format!("node.control_socket={}", socket.display()),
        ])
        .start();
    let exit = second.wait_exit(wait::LIMIT);
    assert_eq!(exit.code(), Some(1), "{}", exit.log);
    assert!(
        exit.log.contains("another node uses the control socket"),
        "{}",
        exit.log
    );
    assert_eq!(
        say(&mut connect(&sensor), PING)["id"],
        "x",
        "the first one goes on"
    );
}
