//! Taking reports in as the node does, beside bare inserts of the same rows in the same run:
//! `cargo bench --bench intake [-- REPORTS [RUNS]]`.
//!
//! Ours: each line decoded, checked, weighed, its opinion computed, and everything committed
//! (FULL sync) in batches of the node's size. Bare: the rows that came of it (reports, messages
//! for Slips, opinions), ready made, by plain bulk statements on one connection, same batches.

mod intake {
    pub mod bare;
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use intake::bare;
use rand::{Rng, SeedableRng, rngs::StdRng};
use slips_p2p::domain::{Confidence, Neighbour, PeerId, Score, Subject, Timestamp};
use slips_p2p::network::{Line, Receipt};
use slips_p2p::node::{
    AnswerRequests, Counters, Forward, Intake, MAX_LINES_A_BATCH, Peers, Settings,
};
use slips_p2p::reputation::{
    Engine, ModelKind, Parameters, anchors::Anchors, guards::Guards, reliability,
};
use slips_p2p::store::{Batch, Retention, Store};
use slips_p2p::wire::message;

/// Who reports, and on how many addresses.
const PEERS: u8 = 100;
const ADDRESSES: u32 = 100_000;
/// Without end, as far as a bench goes.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

#[tokio::main]
async fn main() {
    let mut words = std::env::args().filter_map(|word| word.parse::<usize>().ok());
    let reports = words.next().unwrap_or(100_000);
    let runs = words.next().unwrap_or(5);
    println!(
        "{reports} reports of {PEERS} peers on {ADDRESSES} addresses, batches of {MAX_LINES_A_BATCH}, {runs} runs in turn"
    );
    let lines = lines(reports);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let (rate, batches) = taken_in(&lines).await;
        let bare = bare::insert(&batches).await;
        println!(
            "{rate:>10.0} reports/s taken in {bare:>10.0} reports/s bare {:>6.2}",
            rate / bare
        );
        ours.push(rate);
        theirs.push(bare);
        ratios.push(rate / bare);
    }
    let (ours, theirs, ratios) = (spread(ours), spread(theirs), spread(ratios));
    println!(
        "median {:.0}/s (worst {:.0}), bare {:.0}/s, ratio {:.2} (worst {:.2})",
        ours.0, ours.1, theirs.0, ratios.0, ratios.1
    );
}

/// Median and least.
fn spread(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    let middle = figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN);
    (middle, figures.first().copied().unwrap_or(f64::NAN))
}

fn lines(reports: usize) -> Vec<Line> {
    let mut random = StdRng::seed_from_u64(1);
    let peers: Vec<PeerId> = (0..PEERS).map(|_| PeerId::random()).collect();
    (0..reports)
        .map(|number| {
            let who = random.random_range(0..PEERS);
            let address = 0x0A00_0000 + random.random_range(0..ADDRESSES);
            let text = message::encode_report(
                Subject::from_ip(std::net::Ipv4Addr::from(address).into()),
                Score::clamped(f64::from(random.random_range(0..=100)) / 100.0),
                Confidence::clamped(f64::from(random.random_range(0..=100)) / 100.0),
            );
            Line {
                from: Neighbour(peers[usize::from(who)]),
                ip: std::net::Ipv4Addr::new(192, 0, 2, who).into(),
                text,
                received_at: Timestamp::from_micros(1_795_132_800_000_000 + number as i64 * 50),
                receipt: Receipt::default(),
            }
        })
        .collect()
}

/// Reports a second from the lines to the disk, and what was stored.
async fn taken_in(lines: &[Line]) -> (f64, Vec<Batch>) {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, _) = Store::open(store_settings(dir.path().join("a.db")))
        .await
        .expect("a new database");
    let settings = Settings {
        forward: Forward::Sanitized { blame: false },
        answer_requests: AnswerRequests::Slips,
        write_back: true,
        write_again_after: Some(Duration::from_secs(3600)),
        reliability: reliability::Parameters::default(),
        cut_off_for: FOR_EVER,
        remember_for: Duration::from_secs(90 * 24 * 3600),
        max_peers: 10_000,
        guards: Guards::default(),
        anchors: Anchors::default(),
    };
    let engine = Engine::new(ModelKind::Slips, Parameters::default());
    let mut intake = Intake::new(
        settings,
        Peers::default(),
        engine,
        Arc::new(Counters::default()),
    );
    let chunks: Vec<Vec<Line>> = lines
        .chunks(MAX_LINES_A_BATCH)
        .map(<[Line]>::to_vec)
        .collect();
    let mut batches = Vec::with_capacity(chunks.len());
    let mut taken = Duration::ZERO;
    for chunk in chunks {
        let begun = Instant::now();
        let now = chunk
            .last()
            .map_or(Timestamp::ZERO, |line| line.received_at);
        let batch = intake.take(vec![], vec![], chunk, now).batch;
        taken += begun.elapsed();
        batches.push(batch.clone());
        let begun = Instant::now();
        store.commit(batch).await.expect("a commit");
        taken += begun.elapsed();
    }
    store.close().await;
    (lines.len() as f64 / taken.as_secs_f64(), batches)
}

fn store_settings(path: std::path::PathBuf) -> slips_p2p::store::Settings {
    let retention = Retention {
        max_age: FOR_EVER,
        max_reports: 1 << 40,
        max_bytes: 1 << 40,
    };
    slips_p2p::store::Settings {
        path,
        max_batch_rows: 4096,
        retention,
        outbox_max_age: FOR_EVER,
        outbox_max_rows: 1 << 40,
    }
}
