//! What this machine can do just now: beside it stands what the nodes make of it.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use super::load::{self, Outcome};
use testkit::slips::{Slips, TO_SLIPS};

/// What a commit of one report writes to the log, in bytes: some ten pages.
const COMMIT: usize = 40 * 1024;
/// Syncs timed.
const SYNCS: usize = 400;
/// Messages a second through Redis alone, and for how long.
const RATE: u32 = 1_000;
const SECONDS: u32 = 2;

/// Both in one line each.
pub fn print() {
    let (overwriting, appending) = (syncs(true), syncs(false));
    println!(
        "{} KiB written and synced: over old blocks p50 {:.2}, p99 {:.2} ms; at the end of a file p50 {:.2}, p99 {:.2} ms",
        COMMIT / 1024,
        quantile(&overwriting, 0.5),
        quantile(&overwriting, 0.99),
        quantile(&appending, 0.5),
        quantile(&appending, 0.99),
    );
    let redis = through_redis();
    println!(
        "through one Redis at {RATE}/s: p50 {:.2}, p99 {:.2} ms (each way has two of them)",
        redis.quantile(0.5),
        redis.quantile(0.99)
    );
}

/// Milliseconds for each, ascending; in the directory where the nodes have their databases.
fn syncs(is_old: bool) -> Vec<f64> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("floor");
    let mut file = (OpenOptions::new().write(true).create(true).truncate(true))
        .open(path)
        .expect("a file");
    let bytes = vec![7; COMMIT];
    if is_old {
        for _ in 0..SYNCS {
            file.write_all(&bytes).expect("room on the disk");
        }
        file.sync_all().expect("a sync");
        file.seek(SeekFrom::Start(0)).expect("a beginning");
    }
    let mut took: Vec<f64> = (0..SYNCS)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            let begun = Instant::now();
            file.write_all(&bytes).expect("room on the disk");
            file.sync_data().expect("a sync");
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn through_redis() -> Outcome {
    let slips = Slips::start();
    let load = (RATE, SECONDS);
    let heard = super::super::run((slips.port, TO_SLIPS), &[slips.port], load, load::delivered);
    heard.into_iter().next().expect("a listener")
}
