//! The process contract: exit codes, signals, the parent's death, Redis going and coming.

use std::{
    io::Read,
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use testkit::{
    node::{PIGEON, program},
    pigeon_peer::{Heard, PIGEON_A, Settings},
    slips::{FROM_SLIPS, Slips, VERSION, free_port, report},
    wait,
};

use super::{Sensor, argv, slips_directory, started};

/// Slips waits for nobody: goodbye and all within this.
const STOP: Duration = Duration::from_secs(1);
/// What a refusal to start may take.
const REFUSE: Duration = Duration::from_secs(10);

#[test]
fn without_redis_it_ends_with_1() {
    let (_root, runtime) = slips_directory();
    let exit = started(&runtime, free_port(), "127.0.0.1", free_port())
        .start()
        .wait_exit(REFUSE);
    assert_eq!(exit.code(), Some(1), "{}", exit.log);
    assert!(
        exit.log.contains("edis"),
        "it says what is missing: {}",
        exit.log
    );
}

#[test]
fn a_port_in_use_ends_it_with_2() {
    let (_root, runtime) = slips_directory();
    let slips = Slips::start();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let exit = started(&runtime, port, "127.0.0.1", slips.port)
        .start()
        .wait_exit(REFUSE);
    assert_eq!(exit.code(), Some(2), "{}", exit.log);
    assert!(
        exit.log.contains(&port.to_string()),
        "it names the port: {}",
        exit.log
    );
}

#[test]
fn a_bad_host_or_flag_ends_it_with_2() {
    let (_root, runtime) = slips_directory();
    let slips = Slips::start();
    for host in ["", "203.0.113.1", "::1", "no-address"] {
        let exit = started(&runtime, free_port(), host, slips.port)
            .start()
            .wait_exit(REFUSE);
        assert_eq!(exit.code(), Some(2), "host `{host}`: {}", exit.log);
    }
    let exit = started(&runtime, free_port(), "127.0.0.1", slips.port)
        .args(["-x"])
        .start()
        .wait_exit(REFUSE);
    assert_eq!(exit.code(), Some(2));
    assert!(
        exit.log.contains("flag provided but not defined: -x"),
        "{}",
        exit.log
    );
}

#[test]
fn a_signal_ends_it_with_0_and_a_goodbye_to_everybody() {
    for signals in [
        &[libc::SIGTERM][..],
        &[libc::SIGINT],
        &[libc::SIGINT, libc::SIGINT, libc::SIGTERM],
    ] {
        let mut sensor = Sensor::start();
        let pigeon = sensor.met_by(Settings::local(PIGEON_A));
        let node = sensor.peer_id();
        let start = Instant::now();
        for signal in signals {
            sensor.node.signal(*signal);
        }
        let exit = sensor.node.wait_exit(wait::LIMIT);
        let took = start.elapsed();
        assert_eq!(exit.code(), Some(0), "{signals:?}: {}", exit.log);
        assert!(took < STOP, "{signals:?}: it took {took:?}");
        pigeon.hear("goodbye", wait::LIMIT, |heard| {
            (*heard == Heard::Goodbye(node)).then_some(())
        });
    }
}

#[test]
fn a_signal_ends_it_also_while_it_waits_for_a_silent_redis() {
    let (_root, runtime) = slips_directory();
    let slips = Slips::start();
    slips.freeze_redis();
    let mut node = started(&runtime, free_port(), "127.0.0.1", slips.port).start();
    // It is past its first steps when its database is there.
    wait::until("the database", wait::LIMIT, || {
        runtime.join("p2p4slips.db-wal").exists().then_some(())
    });
    let start = Instant::now();
    node.signal(libc::SIGTERM);
    let exit = node.wait_exit(wait::LIMIT);
    let took = start.elapsed();
    slips.thaw_redis();
    assert_eq!(exit.code(), Some(0), "{}", exit.log);
    assert!(took < STOP, "it took {took:?}");
}

#[test]
fn it_ends_when_slips_dies_and_learns_the_version_from_slips_directory() {
    let (root, _runtime) = slips_directory();
    let mut slips = Slips::start();
    let port = free_port();
    // The shell is Slips: it stands in Slips' directory, its child in the runtime directory.
    let script = r#"(cd permanent/p2p_trust_runtime && exec "$0" "$@") & wait"#;
    let mut shell = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(program(PIGEON))
        .args(argv(port, "127.0.0.1", slips.port))
        .current_dir(root.path())
        .env("SLIPS_P2P__NETWORK__LEGACY_MDNS", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let address = wait::until("multiAddress", wait::LIMIT, || slips.get("multiAddress"));
    let pigeon = testkit::pigeon_peer::Pigeon::start(Settings::local(PIGEON_A));
    pigeon.meet(&address.parse().expect("a multiaddr"));
    slips.hear("a message with the version", |json| {
        (json["version"] == VERSION).then_some(())
    });

    shell.kill().expect("our own child");
    shell.wait().expect("our own child");
    // Its stderr closes with its end.
    let mut stderr = shell.stderr.take().expect("piped");
    let (done, over) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut said = String::new();
        let _ = stderr.read_to_string(&mut said);
        let _ = done.send(said);
    });
    let said = over.recv_timeout(Duration::from_secs(5));
    assert!(said.is_ok(), "an orphan keeps running");
    assert!(
        TcpListener::bind(("127.0.0.1", port)).is_ok(),
        "the port is free again"
    );
}

#[test]
fn redis_may_come_and_go() {
    let mut sensor = Sensor::start();
    let pigeon = sensor.met_by(Settings::local(PIGEON_A));
    let (node, address) = (sensor.peer_id(), sensor.address());

    sensor.slips.kill_redis();
    let meanwhile = report("203.0.113.1", 0.8, 0.6);
    pigeon.send(node, &meanwhile);
    sensor.slips.restart_redis();
    assert_eq!(sensor.address(), address, "multiAddress is set again");
    assert_eq!(sensor.slips.hear_data().1, meanwhile);
    let after = report("203.0.113.2", 0.8, 0.6);
    sensor.slips.send("*", &after);
    assert_eq!(pigeon.hear_data(node), after);
}

#[test]
fn stop_process_ends_listening_and_leaves_the_process_to_slips_signal() {
    let mut sensor = Sensor::start();
    assert!(TcpStream::connect(("127.0.0.1", sensor.port)).is_ok());
    assert_eq!(sensor.slips.publish(FROM_SLIPS, "stop_process"), 1);
    wait::until("nobody to listen", wait::LIMIT, || {
        TcpStream::connect(("127.0.0.1", sensor.port))
            .is_err()
            .then_some(())
    });
    assert!(sensor.node.is_running());
    sensor.node.signal(libc::SIGINT);
    assert_eq!(sensor.node.wait_exit(wait::LIMIT).code(), Some(0));
}

#[test]
fn help_is_given_and_ends_with_0() {
    let (_root, runtime) = slips_directory();
    let exit = started(&runtime, 0, "", 0)
        .args(["-help"])
        .start()
        .wait_exit(REFUSE);
    assert_eq!(exit.code(), Some(0));
    assert!(
        exit.log.contains("stdout: Usage:") && exit.log.contains("stderr:   -redis-channel-pygo"),
        "{}",
        exit.log
    );
}
