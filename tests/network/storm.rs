//! Many names on few addresses come again and again, and open all they can (adversary V3).

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::AsyncWriteExt;
use libp2p::{Multiaddr, identity::Keypair};
use slips_p2p::network::Settings;
use testkit::netns::{self, Host};
use tokio::runtime::Runtime;

use crate::{
    node::{eventually, node, settings},
    raw::{Manner, Raw},
    role::{self, Role},
};

/// Names each attacking machine uses at once; four machines of one /24.
const NAMES: usize = 40;
const MACHINES: u8 = 4;
/// Streams each opens on which a line begins and never ends.
const STREAMS: usize = 40;
/// What one network may have; the default.
const PLACES: usize = 64;
/// Lines of the honest peer before and during the storm.
const LINES: usize = 200;

/// The node that is attacked, which takes every line. Nothing happens without the role.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let Some(ip) = role::own() else {
        return;
    };
    let listen = format!("/ip4/{ip}/tcp/4001").parse().expect("an address");
    let mut victim = node(Settings {
        listen: vec![listen],
        max_connections_per_network: PLACES.try_into().expect("a number"),
        ..settings()
    })
    .await;
    role::say("listening", &victim.address);
    while let Some(line) = victim.lines.recv().await {
        line.receipt.acknowledge();
    }
}

fn runtime(host: &Host) -> Runtime {
    let host = host.clone();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .on_thread_start(move || host.enter())
        .enable_all()
        .build()
        .expect("a runtime")
}

/// One name after the other: each that is let in stays and opens streams; each that is not is
/// followed by the next at once.
async fn storm(to: Multiaddr, inside: Arc<AtomicUsize>, turned_away: Arc<AtomicUsize>) {
    loop {
        let key = Keypair::generate_ed25519();
        let Some(raw) = Raw::try_dial(&key, &to, Manner::Polite).await else {
            turned_away.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        if raw.try_say("ping\n").await.as_deref() != Some("pong\n") {
            turned_away.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        inside.fetch_add(1, Ordering::Relaxed);
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let Some(mut stream) = raw.try_open().await else {
                break;
            };
            let _ = stream.write_all(&[b'A'; 2000]).await;
            streams.push(stream);
        }
        raw.gone.cancelled().await;
        inside.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says lines, each when the one before was taken; how long the slowest hundredth took.
async fn talk(raw: &Raw) -> Duration {
    let mut took = Vec::new();
    for n in 0..LINES {
        let started = Instant::now();
        raw.say(format!("line {n}\n")).await;
        took.push(started.elapsed());
    }
    took.sort();
    took[LINES * 99 / 100]
}

/// Adversary V3: one /24 has its 64 places and no more however many names it has, the honest peer
/// goes on, a newcomer from elsewhere is let in, and memory stays flat.
#[test]
fn a_storm_of_names_from_one_network_takes_its_places_and_no_more() {
    let name = "storm::a_storm_of_names_from_one_network_takes_its_places_and_no_more";
    if role::own().is_some() {
        return;
    }
    netns::inside(name, |lan| {
        let (at, from) = (lan.host(1), lan.host(2));
        let ip = at.ip.to_string();
        let place = at.clone();
        let started = std::thread::spawn(move || {
            place.enter();
            Role::play("storm::victim", &ip)
        });
        let mut victim = started.join().expect("it starts");
        let address: Multiaddr = victim.says("listening").parse().expect("an address");
        let honest_runtime = runtime(&from);
        let dial = |address: Multiaddr| async move {
            let raw = Raw::dial(&Keypair::generate_ed25519(), &address, Manner::Polite).await;
            assert_eq!(raw.say("ping\n").await, "pong\n");
            raw
        };
        let spawned = honest_runtime.spawn(dial(address.clone()));
        let honest = honest_runtime.block_on(spawned).expect("it connects");
        let quiet = honest_runtime.block_on(talk(&honest));
        let before = victim.resident();

        let (inside, turned_away) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let machines: Vec<Runtime> = (0..MACHINES)
            .map(|n| {
                let machine = runtime(&lan.host_at(Ipv4Addr::new(198, 51, 100, 100 + n)));
                for _ in 0..NAMES {
                    let (inside, away) = (Arc::clone(&inside), Arc::clone(&turned_away));
                    machine.spawn(storm(address.clone(), inside, away));
                }
                machine
            })
            .collect();
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        let full = "the network has its places and hundreds were turned away";
        honest_runtime.block_on(eventually(full, || {
            count(&inside) >= PLACES && count(&turned_away) >= 300
        }));
        let early = victim.resident();
        let stormy = honest_runtime.block_on(talk(&honest));
        let spawned = honest_runtime.spawn(dial(address.clone()));
        let newcomer = honest_runtime.block_on(spawned).expect("it is let in");
        honest_runtime.block_on(newcomer.say("a line\n"));
        let more = count(&turned_away) + 300;
        honest_runtime.block_on(eventually("hundreds more were turned away", || {
            count(&turned_away) >= more
        }));
        let late = victim.resident();
        println!(
            "p99 {quiet:?} before, {stormy:?} in the storm; {} inside, {} turned away; {before}, {early}, {late} KiB",
            count(&inside),
            count(&turned_away),
        );
        assert!(count(&inside) <= PLACES, "{}", count(&inside));
        assert!(!honest.gone.is_cancelled());
        assert!(stormy < Duration::from_secs(2), "{stormy:?}");
        assert!(late < before + 48 * 1024, "{before} to {late} KiB");
        assert!(late < early + 8 * 1024, "not flat: {early} to {late} KiB");
        machines.into_iter().for_each(Runtime::shutdown_background);
    });
}
