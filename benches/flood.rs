//! Honest peers beside one that floods: `cargo bench --bench flood [-- RUNS [RATE]]`.
//!
//! Three peers offer RATE reports a second each (1,000 unless said) to a real node beside a real
//! Redis, alone and then beside a neighbour that sends reports as fast as it is let: in frames, or on
//! as many streams at once as the node takes. Each run has both halves on one node. What counts is
//! what of the honest ones has reached Slips when the last was due; the aim is 0.9 of what it is
//! without the flooder. With `RATE` beyond what the node can take, they compete for turns, and the
//! aim is each one's fair share, which is one of four.
//!
//! Everybody is on loopback, so all share the budget of one network: the hardest case there is.

mod flood {
    pub mod peers;
}
#[path = "relay/usage.rs"]
mod usage;

use std::time::{Duration, Instant};

use flood::peers::{Honest, flood_frames, flood_lines, offer};
use libp2p::Multiaddr;
use testkit::sensor::{Sensor, Setup};
use tokio_util::sync::CancellationToken;
use usage::Usage;

/// How long each half lasts.
const HALF: Duration = Duration::from_secs(4);
/// How long what is under way may take until the next half begins.
const SETTLE: Duration = Duration::from_secs(60);
/// Honest peers.
const HONEST: usize = 3;

/// How the flooder sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flood {
    /// In frames on one stream.
    Frames,
    /// A stream a line, 256 at once.
    Lines,
}

/// One half of a run.
struct Half {
    /// Honest reports that were there in time, a second.
    honest: f64,
    /// Honest reports offered that never came.
    lost: usize,
    p50: f64,
    p99: f64,
    /// Of the flooder, a second.
    flooder: f64,
}

fn main() {
    let numbers: Vec<u32> = (std::env::args().filter_map(|word| word.parse().ok())).collect();
    let runs = numbers.first().copied().unwrap_or(5);
    let rate = numbers.get(1).copied().unwrap_or(1_000);
    println!("{}", Usage::machine());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    for (flood, limits) in [
        (Flood::Frames, Limits::Default),
        (Flood::Lines, Limits::Default),
        (Flood::Frames, Limits::None),
        (Flood::Lines, Limits::None),
    ] {
        println!(
            "\n{HONEST} honest peers, {rate}/s each, for {} s; flooder: {flood:?}, limits of rate: {limits:?}",
            HALF.as_secs()
        );
        println!(
            "{:>9} {:>9} {:>6} {:>6} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8}",
            "alone/s",
            "beside/s",
            "ratio",
            "lost",
            "p50 ms",
            "p99 ms",
            "p50 ms",
            "p99 ms",
            "flood/s",
            "cpu s",
            "MiB"
        );
        let mut ratios: Vec<f64> = (0..runs)
            .map(|_| run(&runtime, flood, limits, rate))
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "ratio: median {:.3}, worst {:.3}",
            ratios[ratios.len() / 2],
            ratios[0]
        );
    }
}

/// Whether the flooder has a rate of its own beside the queue's fairness.
#[derive(Debug, Clone, Copy)]
enum Limits {
    Default,
    None,
}

fn run(runtime: &tokio::runtime::Runtime, flood: Flood, limits: Limits, rate: u32) -> f64 {
    let limits = match limits {
        Limits::Default => String::new(),
        Limits::None => "messages_per_second = 1000000\nburst = 1000000".into(),
    };
    let mut sensor = Sensor::start(&Setup {
        more: vec![
            ("limits", limits),
            ("network", "unknown_peers = \"accept\"".into()),
        ],
        ..Setup::default()
    });
    let address = sensor.address();
    let mut honest: Vec<Honest> = runtime.block_on(async {
        let mut honest = Vec::new();
        for _ in 0..HONEST {
            honest.push(Honest::call(&address).await);
        }
        honest
    });
    let alone = half(runtime, &sensor, &mut honest, rate, None);
    let beside = half(runtime, &sensor, &mut honest, rate, Some((flood, address)));
    let usage = Usage::of(sensor.node.pid());
    let ratio = beside.honest / alone.honest;
    println!(
        "{:>9.0} {:>9.0} {ratio:>6.3} {:>6} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {:>9.0} {:>8.1} {:>8.1}",
        alone.honest,
        beside.honest,
        alone.lost + beside.lost,
        alone.p50,
        alone.p99,
        beside.p50,
        beside.p99,
        beside.flooder,
        usage.cpu.as_secs_f64(),
        usage.mib
    );
    ratio
}

fn half(
    runtime: &tokio::runtime::Runtime,
    sensor: &Sensor,
    honest: &mut [Honest],
    rate: u32,
    flooder: Option<(Flood, Multiaddr)>,
) -> Half {
    let over = CancellationToken::new();
    let flooding = flooder.map(|(flood, address)| {
        let over = over.clone();
        runtime.spawn(async move {
            match flood {
                Flood::Frames => flood_frames(&address, over).await,
                Flood::Lines => flood_lines(&address, over).await,
            }
        })
    });
    if flooding.is_some() {
        // It floods for a while before the honest ones begin.
        std::thread::sleep(Duration::from_millis(500));
    }
    let before = sensor.slips.heard_so_far();
    drop(before);
    let start = Instant::now() + Duration::from_millis(50);
    let total = offer(runtime, honest, rate, HALF, start);
    let (mut delays, mut in_time, mut of_flooder) = (Vec::new(), 0_usize, 0_usize);
    let end = start + HALF;
    while delays.len() < total && start.elapsed() < HALF + SETTLE {
        for text in sensor.slips.heard_so_far() {
            let now = Instant::now();
            match honest.iter().find_map(|peer| peer.due(&text)) {
                Some(due) => {
                    delays.push(now.saturating_duration_since(due).as_secs_f64() * 1e3);
                    in_time += usize::from(now <= end + Duration::from_millis(100));
                }
                None => of_flooder += usize::from(now <= end && text.contains("\"go_data\"")),
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    over.cancel();
    if let Some(flooding) = flooding {
        runtime.block_on(flooding).expect("the flooder ends");
    }
    delays.sort_by(f64::total_cmp);
    let quantile = |share: f64| {
        let at = (delays.len().saturating_sub(1) as f64 * share).round() as usize;
        delays.get(at).copied().unwrap_or(f64::NAN)
    };
    Half {
        honest: in_time as f64 / HALF.as_secs_f64(),
        lost: total - delays.len(),
        p50: quantile(0.5),
        p99: quantile(0.99),
        flooder: of_flooder as f64 / HALF.as_secs_f64(),
    }
}
