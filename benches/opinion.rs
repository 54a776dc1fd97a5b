//! What an opinion costs against the number of reports held, and how much memory a report takes.
//!
//! `cargo bench --bench opinion` first prints p50, p99 and the worst of many single calls, and the
//! bytes a report takes, then criterion's figures. The goal: p99 at most 100 us, flat. Processor
//! time beside the clock's: on a busy machine p99 by the clock is how long others had the processor.
//! `REPORTS=10000000 cargo bench --bench opinion` does one size alone, `FULL=1` the full tables.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use criterion::Criterion;
use rand::{Rng, SeedableRng, rngs::StdRng};
use slips_p2p::{
    domain::{Author, Confidence, PeerId, Reliability, Score, Subject, Timestamp},
    reputation::{Engine, Fact, Limits, ModelKind, Parameters, TrustModel},
};

const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];
/// Reporters on an ordinary address, and on the most crowded one the model keeps.
const CROWDS: [u32; 2] = [20, 512];
const CALLS: usize = 20_000;

/// Counts what is allocated: the memory of a table is what its reports made it take.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A loaded engine, and what is needed to go on asking it.
struct Loaded {
    engine: Engine,
    peers: Vec<PeerId>,
    subjects: u32,
    rng: StdRng,
    now: Timestamp,
    bytes: usize,
}

fn address(base: u32, number: u32) -> IpAddr {
    Ipv4Addr::from_bits(base + number).into()
}

fn subject(number: u32) -> Subject {
    Subject::from_ip(address(0x1400_0000, number))
}

impl Loaded {
    /// `reports` reports, `crowd` on each address.
    fn new(kind: ModelKind, reports: u32, crowd: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(7);
        // 2^20 addresses, so that a million reports on as many addresses fit as well; and all reports.
        let limits = Limits {
            addresses: 1 << 20,
            reports: Limits::default().reports.max(reports as usize),
            ..Limits::default()
        };
        let mut engine = Engine::new(
            kind,
            Parameters {
                limits,
                ..Parameters::default()
            },
        );
        let peers: Vec<_> = (0..1_000).map(|_| PeerId::random()).collect();
        let mut now = Timestamp::from_micros(1_750_000_000_000_000);
        for (number, peer) in (0..).zip(&peers) {
            let reliability = Reliability::clamped(rng.random());
            engine.learn(
                &Fact::PeerAddress {
                    peer: *peer,
                    ip: address(0x0a00_0000, number),
                },
                now,
            );
            engine.learn(
                &Fact::PeerReliability {
                    peer: *peer,
                    reliability,
                },
                now,
            );
        }
        let subjects = reports.div_ceil(crowd);
        let before = ALLOCATED.load(Ordering::Relaxed);
        for number in 0..reports {
            now = now.plus(Duration::from_millis(1));
            // Each address gets `crowd` different peers, whatever the number of addresses.
            let (who, of) = (number / subjects + number % subjects, number % subjects);
            let author = peers[who as usize % peers.len()];
            engine.learn(&report(&mut rng, author, subject(of)), now);
        }
        let bytes = ALLOCATED.load(Ordering::Relaxed) - before;
        for number in 0..subjects.min(1_000) {
            engine.learn(&statement(&mut rng, subject(number)), now);
        }
        assert_eq!(engine.held().reports, u64::from(reports));
        Self {
            engine,
            peers,
            subjects,
            rng,
            now,
            bytes,
        }
    }

    /// One more report on some address, of a peer that may have spoken of it before.
    fn next(&mut self) -> (Fact, Subject, Timestamp) {
        self.now = self.now.plus(Duration::from_millis(1));
        let of = self.rng.random_range(0..self.subjects);
        let who = (of as usize + self.rng.random_range(0..20)) % self.peers.len();
        let fact = report(&mut self.rng, self.peers[who], subject(of));
        (fact, subject(of), self.now)
    }
}

fn report(rng: &mut StdRng, author: PeerId, subject: Subject) -> Fact {
    Fact::Report {
        author: Author(author),
        subject,
        score: Score::clamped(rng.random()),
        confidence: Confidence::clamped(rng.random()),
    }
}

fn statement(rng: &mut StdRng, subject: Subject) -> Fact {
    Fact::OwnStatement {
        subject,
        score: Score::clamped(rng.random()),
        confidence: Confidence::clamped(rng.random()),
    }
}

/// How long this thread has had a processor.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes to the place it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let part = |number: i64| u64::try_from(number).expect("a time");
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// A number in the environment.
fn asked(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

fn percentile(sorted: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    #[expect(clippy::cast_precision_loss, reason = "few calls")]
    let index = ((sorted.len() - 1) as f64 * share) as usize;
    sorted[index].as_secs_f64() * 1e6
}

/// The table the README quotes.
fn print_percentiles() {
    println!("opinion after a new report (both are timed), {CALLS} calls, microseconds");
    println!(
        "model         reports    reporters/address  p50     p99     worst    p99 cpu  bytes/report"
    );
    if let Some(size) = asked("REPORTS") {
        for crowd in CROWDS {
            print_row(ModelKind::Robust, size, crowd);
        }
        return;
    }
    for kind in ModelKind::ALL {
        for crowd in CROWDS {
            for size in SIZES {
                print_row(kind, size, crowd);
            }
        }
    }
    for kind in [ModelKind::Robust, ModelKind::Slips] {
        let Loaded { bytes, .. } = Loaded::new(kind, 1_000_000, 1);
        println!(
            "{kind}: a million addresses with one report each: {} bytes/report",
            bytes / 1_000_000
        );
        print_full(kind);
    }
    print_rebuild();
}

/// What a fact waits for while `robust` rebuilds what a million reports say of their authors.
fn print_rebuild() {
    let mut loaded = Loaded::new(ModelKind::Robust, 1_000_000, CROWDS[0]);
    loaded.now = loaded.now.plus(Duration::from_secs(7 * 3600));
    let mut slices: Vec<_> = (0..100)
        .map(|_| {
            let (fact, _, now) = loaded.next();
            let start = Instant::now();
            loaded.engine.learn(&fact, now);
            start.elapsed()
        })
        .collect();
    let total: Duration = slices.iter().sum();
    slices.sort_unstable();
    println!(
        "robust: a rebuild over a million reports takes {total:.0?} in all, a fact waits {:.1} ms for it as a rule, {:.1} ms at worst",
        percentile(&slices, 0.5) / 1e3,
        percentile(&slices, 1.0) / 1e3,
    );
}

/// What an engine takes whose every table is full, as an attacker would have it.
fn print_full(kind: ModelKind) {
    let before = ALLOCATED.load(Ordering::Relaxed);
    let limits = Limits::default();
    let mut engine = Engine::new(kind, Parameters::default());
    let mut rng = StdRng::seed_from_u64(7);
    let peers: Vec<_> = (0..limits.peers).map(|_| PeerId::random()).collect();
    let mut fill = |fact: &Fact, number: usize| {
        let micros = i64::try_from(number).expect("a count of facts");
        engine.learn(fact, Timestamp::from_micros(micros));
    };
    for number in 0..limits.peers * limits.addresses_per_peer {
        let ip = address(0x0a00_0000, u32::try_from(number).expect("few addresses"));
        fill(
            &Fact::PeerAddress {
                peer: peers[number % peers.len()],
                ip,
            },
            number,
        );
    }
    let (score, confidence) = (Score::MAX, Confidence::MAX);
    for number in 0..u32::try_from(limits.statements).expect("few statements") {
        fill(
            &Fact::OwnStatement {
                subject: subject(number),
                score,
                confidence,
            },
            0,
        );
    }
    for number in 0..limits.reports {
        let of = subject(u32::try_from(number % limits.addresses).expect("few addresses"));
        fill(
            &report(
                &mut rng,
                peers[(number * 31 + number / 7) % peers.len()],
                of,
            ),
            number,
        );
    }
    let held = engine.held();
    drop(peers);
    let mebibytes = (ALLOCATED.load(Ordering::Relaxed) - before) >> 20;
    println!("{kind}: full tables take {mebibytes} MiB, {held:?}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmRSS")) {
        println!("{line}, of this whole process");
    }
}

fn print_row(kind: ModelKind, size: u32, crowd: u32) {
    let mut loaded = Loaded::new(kind, size, crowd);
    let bytes = loaded.bytes / size as usize;
    let (mut times, mut worked): (Vec<_>, Vec<_>) = (0..CALLS)
        .map(|_| {
            let (fact, of, now) = loaded.next();
            let (start, worked) = (Instant::now(), processor_time());
            loaded.engine.learn(&fact, now);
            black_box(loaded.engine.opinion(of, now));
            (start.elapsed(), processor_time() - worked)
        })
        .unzip();
    times.sort_unstable();
    worked.sort_unstable();
    let [p50, p99, worst] = [0.5, 0.99, 1.0].map(|share| percentile(&times, share));
    let cpu = percentile(&worked, 0.99);
    println!(
        "{kind:<13} {size:<10} {crowd:<18} {p50:<7.1} {p99:<7.1} {worst:<8.1} {cpu:<8.1} {bytes}"
    );
}

fn criterion_figures(criterion: &mut Criterion) {
    for (kind, size) in [ModelKind::Robust, ModelKind::Slips]
        .into_iter()
        .flat_map(|kind| SIZES.map(|size| (kind, size)))
    {
        let mut loaded = Loaded::new(kind, size, CROWDS[0]);
        criterion.bench_function(&format!("opinion/{kind}/{size}"), |bencher| {
            bencher.iter(|| {
                let (fact, of, now) = loaded.next();
                loaded.engine.learn(&fact, now);
                loaded.engine.opinion(of, now)
            });
        });
    }
}

fn main() {
    // Without `--bench` criterion only tries out that everything runs.
    if std::env::args().any(|argument| argument == "--bench") {
        if asked("FULL").is_some() {
            print_full(ModelKind::Robust);
            return;
        }
        print_percentiles();
        if asked("REPORTS").is_some() {
            return;
        }
    }
    let mut criterion = Criterion::default().configure_from_args();
    criterion_figures(&mut criterion);
    criterion.final_summary();
}
