//! What stands still and goes on: Redis, the cache database, the node itself.

use std::{
    thread,
    time::{Duration, Instant},
};

use futures::AsyncWriteExt;
use libp2p::identity::Keypair;

use testkit::{
    pigeon_peer::{PIGEON_A, PIGEON_B, Pigeon, Settings},
    raw::{Manner, Raw, taken},
    sensor::{Sensor, Setup},
    slips::{Slips, report},
    wait,
};

use crate::scene;

/// How many reports the database holds.
fn stored(sensor: &Sensor) -> u64 {
    sensor.ask(&["db", "stats"])["reports"]
        .as_u64()
        .expect("a number")
}

#[test]
fn a_frozen_redis_stalls_neither_the_swarm_nor_the_store_and_gets_everything_in_the_end() {
    const REPORTS: u32 = 10_000;
    let mut sensor = Sensor::start(&Setup {
        // On probation so many would be held back for longer than the test takes.
        more: vec![("network", "unknown_peers = \"accept\"".into())],
        ..Setup::default()
    });
    let node = sensor.peer_id().parse().expect("a peer id");
    let address = sensor.address();
    let talker = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);

    sensor.slips.freeze_redis();
    for n in 0..REPORTS {
        talker.send(node, &scene::message(n));
    }
    let started = Instant::now();
    let newcomer = Pigeon::start(Settings::local(PIGEON_B));
    newcomer.meet(&address);
    let standing = newcomer.standing(node).expect("it met the node");
    assert_eq!(
        newcomer.ask(node, "ping"),
        Ok("pong".into()),
        "{standing:?}"
    );
    println!("greeted and pinged in {:?}", started.elapsed());
    wait::until("every report to be stored", wait::LIMIT, || {
        (stored(&sensor) == u64::from(REPORTS)).then_some(())
    });
    println!("{REPORTS} reports stored in {:?}", started.elapsed());
    scene::weigh("Redis frozen", &sensor);
    assert!(
        !sensor
            .slips
            .heard_so_far()
            .iter()
            .any(|text| text.contains("go_data")),
        "it was frozen"
    );

    // Long enough that the node has given up on an answer, and sends the same again later.
    sensor.node.wait_for_line("cannot publish");
    sensor.slips.thaw_redis();
    scene::hear_all(&sensor, (0..REPORTS).map(scene::message));
    sensor.meet(&newcomer.peer_id.to_string());
    scene::weigh("Redis thawed", &sensor);
}

#[test]
fn messages_flow_while_the_cache_database_is_away() {
    let mut cache = Slips::start();
    let mut sensor = Sensor::start(&Setup {
        more: vec![(
            "redis",
            format!("cache_url = \"redis://127.0.0.1:{}/1\"", cache.port),
        )],
        ..Setup::default()
    });
    let node = sensor.peer_id().parse().expect("a peer id");
    let peer = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    cache.kill_redis();
    for n in 0..600 {
        peer.send(node, &scene::message(n));
    }
    scene::hear_all(&sensor, (0..600).map(scene::message));

    cache.restart_redis();
    for n in [0, 599] {
        let ip = testkit::chatter::address(n).to_string();
        wait::until(&format!("the opinion of {ip}"), wait::LIMIT, || {
            cache.cached("IPsInfo:p2p4slips", &ip)
        });
    }
}

/// Timeouts that all run out while a node stands still.
fn hurried() -> Setup {
    let limits = [
        "read_timeout",
        "ack_timeout",
        "answer_timeout",
        "write_timeout",
    ];
    let mut more: Vec<_> = limits
        .iter()
        .map(|name| ("limits", format!("{name} = \"1s\"")))
        .collect();
    more.push((
        "network",
        "ping_after_min = \"6s\"\nping_after_max = \"6s\"".into(),
    ));
    Setup {
        more,
        ..Setup::default()
    }
}

#[test]
fn a_node_that_stood_still_cuts_nobody_off_and_takes_what_came_meanwhile() {
    /// Longer than every limit above; how long it stands still is the fault itself.
    const STILL: Duration = Duration::from_millis(2500);
    const LINES: u32 = 20;
    let runtime = scene::runtime();
    let setup = hurried();
    let mut sensor = Sensor::start(&setup);
    let node = sensor.peer_id().parse().expect("a peer id");
    let address = sensor.address();
    let mut other = Sensor::start(&Setup {
        peers: vec![address.clone()],
        ..Setup::default()
    });
    sensor.meet(&other.peer_id());
    other.meet(&sensor.peer_id());
    let pigeon = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    let raw = runtime.block_on(Raw::dial(
        &Keypair::generate_ed25519(),
        &address,
        Manner::Polite,
    ));
    let mut streams = runtime.block_on(async {
        let mut streams = Vec::new();
        for n in 0..LINES {
            let line = scene::message(n).into_bytes();
            let mut stream = raw.open().await;
            stream.write_all(&line[..100]).await.expect("writes");
            taken(&mut stream).await;
            streams.push((stream, line[100..].to_vec()));
        }
        streams
    });

    sensor.node.signal(libc::SIGSTOP);
    runtime.block_on(async {
        for (stream, rest) in &mut streams {
            rest.push(b'\n');
            stream.write_all(rest).await.expect("writes");
            stream.close().await.expect("closes");
        }
    });
    scene::publish(&other, "*", (100..150).map(scene::message));
    for n in 200..250 {
        pigeon.send(node, &scene::message(n));
    }
    thread::sleep(STILL);
    sensor.node.signal(libc::SIGCONT);

    let all = (0..LINES).chain(100..150).chain(200..250);
    scene::hear_all(&sensor, all.map(scene::message));
    assert_eq!(runtime.block_on(raw.say("ping\n")), "pong\n");
    assert_eq!(pigeon.ask(node, "ping"), Ok("pong".into()));
    assert_eq!(scene::banned(&sensor), Vec::<serde_json::Value>::new());
    assert_eq!(scene::banned(&other), Vec::<serde_json::Value>::new());
}

#[test]
fn what_waits_for_an_absent_cache_database_survives_a_kill() {
    const OF: &str = "198.51.100.77";
    let mut cache = Slips::start();
    let cache_url = format!("cache_url = \"redis://127.0.0.1:{}/1\"", cache.port);
    let setup = Setup {
        more: vec![("redis", cache_url)],
        ..Setup::default()
    };
    let mut sensor = Sensor::start(&setup);
    let node = sensor.peer_id().parse().expect("a peer id");
    let pigeon = scene::met(Pigeon::start(Settings::local(PIGEON_A)), &mut sensor);
    cache.kill_redis();
    pigeon.send(node, &report(OF, 0.9, 0.9));
    sensor.slips.hear_data();
    wait::until("the outbox to wait no longer", wait::LIMIT, || {
        let stats = sensor.ask(&["db", "stats"]);
        assert_eq!(stats["opinions"], 1, "{stats}");
        (stats["outbox"] == 0).then_some(())
    });
    sensor.node.kill();
    cache.restart_redis();
    sensor.restart(&setup);
    let told = wait::until("the opinion", wait::LIMIT, || {
        cache.cached("IPsInfo:p2p4slips", OF)
    });
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert!(told["score"].as_f64().expect("a score") > 0.5, "{told}");
}
