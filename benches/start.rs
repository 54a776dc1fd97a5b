//! How long a start takes on a database of many reports: `cargo bench --bench start`.
//!
//! Each line is a database of its own, made by the store's `commit`: reports of 1,000 peers on 50,000
//! addresses, spread evenly over so many days up to now, and some of what our own Slips said. Read:
//! the facts alone. Rebuilt: the model told them all, in this process, which may take both processors.
//! Ready: what `slips-p2p run` says it took from its start until it was ready, and its memory then.
//!
//! `REPORTS=5000000` asks for another size than 1,000,000, `DAYS=0.1,90` for other spans.

mod relay {
    pub mod usage;
}

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    str::FromStr,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use relay::usage::Usage;
use slips_p2p::{
    app::Recall,
    config::{self, Config},
    domain::{
        Author, Confidence, Neighbour, OwnStatement, PeerId, ReceivedReport, Reliability, Score,
        Subject, Timestamp,
    },
    reputation::TrustModel as _,
    store::{Batch, PeerAddress, PeerReliability, Retention, Settings, Store},
};
use testkit::{
    node::{self, Program},
    slips::{Slips, VERSION},
};

const PEERS: u32 = 1_000;
const ADDRESSES: u32 = 50_000;
/// One own statement for so many reports: our Slips speaks of a fraction of what it hears of.
const REPORTS_AN_OWN: u64 = 500;
/// Reports committed at once.
const CHUNK: u64 = 32_768;
/// Days between the first report and the last: one busy hour, a day, a month.
const DAYS: [f64; 3] = [1.0 / 24.0, 1.0, 30.0];

#[tokio::main]
async fn main() {
    // Run as a test it only tries out that everything runs.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let usual = if is_bench { 1_000_000 } else { 1_000 };
    let reports: u64 = asked("REPORTS").map_or(usual, |all| all[0]);
    let spans = asked("DAYS").unwrap_or_else(|| DAYS.to_vec());
    println!("{}", Usage::machine());
    println!("{reports} reports of {PEERS} peers on {ADDRESSES} addresses, `robust`");
    println!(
        "{:>8} {:>9} {:>10} {:>8} {:>11} {:>8} {:>8}",
        "days", "read s", "rebuilt s", "cpu s", "ready ms", "cpu s", "MiB"
    );
    for days in spans {
        one_span(reports, days).await;
    }
}

/// Numbers in the environment, parted by commas.
fn asked<T: FromStr>(name: &str) -> Option<Vec<T>> {
    let words = std::env::var(name).ok()?;
    words.split(',').map(|word| word.parse().ok()).collect()
}

async fn one_span(reports: u64, days: f64) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("slips-p2p.db");
    fill(&path, reports, Duration::from_secs_f64(days * 86_400.0)).await;

    let (store, _) = Store::open(settings(&path)).await.expect("it opens");
    let begun = Instant::now();
    let told = store.facts(|_, _| {}).await.expect("facts");
    let read = begun.elapsed().as_secs_f64();
    assert!(told >= reports, "{told} facts of {reports} reports");

    let config = config();
    let used = Usage::of(std::process::id()).cpu;
    let begun = Instant::now();
    let rebuilt = Recall::rebuild(&store, &config, Timestamp::now()).await;
    let held = rebuilt.expect("facts").engine.held();
    let rebuilt = begun.elapsed().as_secs_f64();
    let cpu = (Usage::of(std::process::id()).cpu - used).as_secs_f64();
    assert!(held.reports > 0, "{held:?}");
    store.close().await;

    let (ready, usage) = real_start(directory.path());
    println!(
        "{days:>8.2} {read:>9.2} {rebuilt:>10.2} {cpu:>8.2} {ready:>11} {:>8.2} {:>8.0}",
        usage.cpu.as_secs_f64(),
        usage.mib
    );
}

/// Starts the program on the database of a directory; how many milliseconds it says it took.
fn real_start(directory: &Path) -> (u64, Usage) {
    let slips = Slips::start();
    let text = format!(
        "[node]\ndata_dir = \"{}\"\n[redis]\nurl = \"redis://127.0.0.1:{}\"\nversion = \"{VERSION}\"\n\
         [network]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\nlegacy_mdns = false\n[store]\nmax_reports = 1000000000\n",
        directory.display(),
        slips.port,
    );
    let config = directory.join("config.toml");
    std::fs::write(&config, text).expect("the config can be written");
    let mut node = Program::new(node::NODE)
        .args(["run", "--config"])
        .args([&config])
        .dir(directory)
        .start();
    let ready = node.wait_long_for_line("ready ms=", Duration::from_secs(600));
    let usage = Usage::of(node.pid());
    let took = ready
        .rsplit("ms=")
        .next()
        .and_then(|ms| ms.trim().parse().ok());
    (took.expect("milliseconds"), usage)
}

fn config() -> Config {
    let loaded = config::load(&config::Sources::default());
    loaded.expect("the defaults").config
}

fn settings(path: &Path) -> Settings {
    Settings {
        path: path.to_owned(),
        max_batch_rows: 65_536,
        retention: Retention {
            max_age: Duration::from_hours(24_000),
            max_reports: 1 << 40,
            max_bytes: 1 << 40,
        },
        outbox_max_age: Duration::from_hours(24_000),
        outbox_max_rows: 1 << 40,
    }
}

fn address(base: u32, number: u32) -> IpAddr {
    Ipv4Addr::from_bits(base + number).into()
}

/// Fills a new database, the last report just now.
async fn fill(path: &Path, reports: u64, span: Duration) {
    let (store, _) = Store::open(settings(path)).await.expect("it opens");
    let mut rng = StdRng::seed_from_u64(7);
    let peers: Vec<_> = (0..PEERS).map(|_| PeerId::random()).collect();
    let start = Timestamp::now().minus(span);
    store
        .commit(introduced(&peers, start, &mut rng))
        .await
        .expect("a commit");
    let micros = u64::try_from(span.as_micros()).expect("a span");
    let at = |number: u64| {
        let since = u128::from(micros) * u128::from(number + 1) / u128::from(reports + 1);
        start.plus(Duration::from_micros(
            u64::try_from(since).expect("within the span"),
        ))
    };
    for first in (0..reports).step_by(usize::try_from(CHUNK).expect("small")) {
        let mut batch = Batch::default();
        for number in first..reports.min(first + CHUNK) {
            let author = peers[rng.random_range(0..peers.len())];
            let report = ReceivedReport {
                author: Author(author),
                heard_from: Neighbour(author),
                subject: subject(&mut rng),
                score: Score::clamped(rng.random()),
                confidence: Confidence::clamped(rng.random()),
                received_at: at(number),
            };
            batch.reports.push(report.into());
            if number % REPORTS_AN_OWN == 0 {
                batch.statements.push(OwnStatement {
                    subject: subject(&mut rng),
                    score: Score::clamped(rng.random()),
                    confidence: Confidence::clamped(rng.random()),
                    said_at: at(number),
                });
            }
        }
        store.commit(batch).await.expect("a commit");
    }
    store.close().await;
}

fn subject(rng: &mut StdRng) -> Subject {
    Subject::from_ip(address(0x1400_0000, rng.random_range(0..ADDRESSES)))
}

/// Where the peers are and what their conduct is worth.
fn introduced(peers: &[PeerId], at: Timestamp, rng: &mut StdRng) -> Batch {
    let mut batch = Batch::default();
    for (number, peer) in (0..).zip(peers) {
        let ip = address(0x0a00_0000, number);
        batch.addresses.push(PeerAddress {
            peer: *peer,
            ip,
            multiaddr: format!("/ip4/{ip}/tcp/4001"),
            seen_at: at,
        });
        batch.told.push(PeerReliability {
            peer: *peer,
            reliability: Reliability::clamped(rng.random()),
            at,
        });
    }
    batch
}
