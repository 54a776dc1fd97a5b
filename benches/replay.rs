//! Lines a second of `slips-p2p replay`: the program on a file, as people run it.
//!
//! `cargo bench --bench replay`. The file: 1,000 peers, 20,000 addresses, 1,000,000 lines, of which
//! nine in ten are reports, the others questions and what our own Slips says.

use std::{
    fmt::Write as _,
    fs,
    process::{Command, Stdio},
    time::Instant,
};

const LINES: u64 = 1_000_000;
const PEERS: u64 = 1_000;
const ADDRESSES: u64 = 20_000;

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("events.jsonl");
    fs::write(&file, events()).expect("room for the file");
    println!("{:<14} {:>12} {:>8}", "model", "lines/s", "seconds");
    for model in ["robust", "slips", "slips-compat", "fides", "mean", "median"] {
        let started = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_slips-p2p"))
            .current_dir(&dir)
            .args(["replay", "--model", model])
            .arg(&file)
            .stdout(Stdio::null())
            .status()
            .expect("the program");
        assert!(status.success(), "{model}");
        let seconds = started.elapsed().as_secs_f64();
        println!("{model:<14} {:>12.0} {seconds:>8.2}", 1e6 / seconds);
    }
}

/// A small generator is enough: the same file on every run.
fn events() -> String {
    let mut state = 1_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = String::with_capacity(200 << 20);
    for line in 0..LINES {
        let (t, of) = (line / 10, next(ADDRESSES));
        let key = format!("203.{}.{}.{}", of >> 16, (of >> 8) & 255, of & 255);
        // Writing into a `String` cannot fail.
        let _ = match line % 20 {
            0 => writeln!(
                text,
                r#"{{"t": {t}, "type": "query", "id": {line}, "key": "{key}"}}"#
            ),
            1 => writeln!(
                text,
                r#"{{"t": {t}, "type": "local", "key": "{key}", "evaluation": {{"score": 0.8, "confidence": 0.9}}}}"#
            ),
            _ => writeln!(
                text,
                r#"{{"t": {t}, "type": "report", "reporter": "peer{}", "key_type": "ip", "key": "{key}", "evaluation_type": "score_confidence", "evaluation": {{"score": 0.{}, "confidence": 0.{}}}}}"#,
                next(PEERS),
                next(10),
                1 + next(9)
            ),
        };
    }
    text
}
