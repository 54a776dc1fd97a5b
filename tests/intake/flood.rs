//! A flood of what is no message costs next to nothing (adversary V1).

use super::*;

/// The bound of the threat model, for a message of the usual length, and a KiB of a longer one.
const EACH: Duration = Duration::from_micros(20);

/// Processor time of this thread: it does not run on while others have the processor.
fn own_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes one timespec, which is ours.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0);
    Duration::new(
        time.tv_sec.try_into().expect("a time"),
        time.tv_nsec.try_into().expect("less than a second"),
    )
}

/// Processor time a message of one text takes, a hundred senders taking turns.
fn cost_of(text: &str) -> Duration {
    const BATCHES: u32 = 4;
    let peers: Vec<PeerId> = (0..100).map(|_| PeerId::random()).collect();
    let mut bench = Bench::sanitizing();
    let lines: Vec<(PeerId, &str)> = (0..256).map(|n| (peers[n % peers.len()], text)).collect();
    bench.hear(&lines);
    let before = own_time();
    for _ in 0..BATCHES {
        let outcome = bench.hear(&lines);
        assert!(outcome.batch.reports.is_empty());
    }
    (own_time() - before) / (BATCHES * 256)
}

/// Adversary V1, processor time: a malformed message is decoded, refused, held against its sender and
/// prepared for the database in at most 20 us; one of 64 KiB in 20 us a KiB.
#[test]
fn a_malformed_message_costs_at_most_twenty_microseconds() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let whole = "{\"key\": \"198.51.100.7\", \"evaluation\": {\"score\": ";
    for (kind, text) in [
        ("no base64", "198.51.100.7 is bad".into()),
        ("NULs", "\u{0}\u{0}\u{0}".into()),
        ("no JSON", BASE64_STANDARD.encode("198.51.100.7")),
        ("an empty object", BASE64_STANDARD.encode("{}")),
        ("NaN", BASE64_STANDARD.encode(format!("{whole}NaN}}}}"))),
        ("1e999", BASE64_STANDARD.encode(format!("{whole}1e999}}}}"))),
        (
            "a key twice",
            BASE64_STANDARD.encode(format!("{whole}1}}, \"key\": 2}}")),
        ),
        (
            "a zone",
            BASE64_STANDARD.encode(whole.replace("198.51.100.7", "fe80::1%eth0") + "1}}"),
        ),
        ("too deep", BASE64_STANDARD.encode("[".repeat(48_000))),
        (
            "huge",
            BASE64_STANDARD.encode(format!("{{\"key\": \"{}\"}}", "x".repeat(48_000))),
        ),
        (
            "many",
            BASE64_STANDARD.encode(format!("[{}0]", "0,".repeat(24_000))),
        ),
    ] {
        let cost = cost_of(&text);
        println!("{kind}, {} bytes: {cost:?}", text.len());
        let kib = u32::try_from(text.len() / 1024).expect("a length");
        assert!(cost <= EACH * kib.max(1), "{kind}: {cost:?}");
    }
}
