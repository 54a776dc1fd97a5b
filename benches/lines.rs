//! Lines a second between nodes over `/slips/1.0`, both ends in this process.
//!
//! `cargo bench --bench lines` prints, for one recipient and for three, lines taken a second by each,
//! CPU time a line (sender and recipient together), and resident memory at the end.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, identity::Keypair};
use slips_p2p::network::{self, Event, Events, Handle, Lines, Settings};

/// As long as a report of Slips.
const LINE_BYTES: usize = 200;
/// Room in a recipient's queue; it takes lines as fast as they come.
const ROOM: usize = 1024;

#[tokio::main]
async fn main() {
    for (lanes, recipients, lines) in [(1, 1, 5_000), (64, 1, 30_000), (64, 3, 15_000)] {
        run(lanes, recipients, lines).await;
    }
}

async fn start(peers: Vec<Multiaddr>) -> (Handle, Events, Lines, Vec<Multiaddr>) {
    let settings = Settings {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
        static_peers: peers,
        legacy_mdns: false,
        // Held back by the recipient alone.
        lines_per_second: u32::MAX,
        bytes_per_second: u32::MAX,
        ..Settings::default()
    };
    let (into, lines) = network::lines(ROOM);
    let key = Keypair::generate_ed25519();
    let started = network::start(settings, key, Vec::new(), Vec::new(), into).await;
    let (handle, events, addresses) = started.expect("it starts");
    (handle, events, lines, addresses)
}

async fn run(lanes: u64, recipients: usize, lines: u64) {
    let (sender, mut events, _, addresses) = start(Vec::new()).await;
    let mut takers = Vec::new();
    let mut others = Vec::new();
    for _ in 0..recipients {
        let (handle, its_events, mut taken, _) = start(addresses.clone()).await;
        while !matches!(events.recv().await, Some(Event::Connected { .. })) {}
        others.push((handle, its_events));
        takers.push(tokio::spawn(async move {
            for _ in 0..lines {
                taken.recv().await.expect("a line").receipt.acknowledge();
            }
        }));
    }
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let text = "x".repeat(LINE_BYTES);
    for number in 0..lines {
        let reached = sender.send_to_all(text.clone(), number % lanes).await;
        assert_eq!(reached, recipients, "a peer took too long");
    }
    for taker in takers {
        taker.await.expect("all lines arrive");
    }
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    sender.goodbye(Duration::from_secs(1)).await;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand lines")]
    let (each, all) = (lines as f64, lines as f64 * recipients as f64);
    println!(
        "{recipients} recipient(s), {lanes} lane(s): {:.0} lines/s each, {:.0} us CPU a line, {} KiB resident",
        each / seconds,
        cpu * 1e6 / all,
        resident_kib()
    );
}

/// CPU time of this process: user and system, in hundredths of a second each.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("linux");
    let after_name = stat.rsplit(')').next().expect("fields");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<f64>().expect("a number") / 100.0)
        .sum()
}

fn resident_kib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("linux");
    let pages = statm.split(' ').nth(1).expect("a field");
    pages.parse::<u64>().expect("a number") * 4
}
