//! What a node does that was away: round trips and CPU to fetch what it missed.
//!
//! `cargo bench --bench catch_up [-- ENTRIES]` builds the logs of 50 authors with 1,000,000 entries
//! together (or ENTRIES), of which one node lacks the last 1,000, said one at a time: each has a
//! signature of its own. It counts the frames' trips between the two and measures the time that the
//! engines take. The goal: 2 round trips, at most 500 ms of CPU.

use std::{
    collections::BTreeMap,
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use libp2p::identity::Keypair;
use slips_p2p::{
    domain::{Author, Confidence, Neighbour, Score, Subject, Timestamp, Tip},
    mesh::{Found, Mesh, Output, OwnLog, Settings, Start, Stored},
    wire::message,
};

const NETWORK: &str = "slips";
const AUTHORS: u64 = 50;
const MISSED: u64 = 1_000;

/// Segments by author and last number, with their first.
type Disk = BTreeMap<(Author, u64), (u64, Arc<[u8]>)>;

struct Side {
    me: Neighbour,
    mesh: Mesh,
    disk: Disk,
    taken: usize,
    cpu: Duration,
}

impl Side {
    fn new(number: u8, tips: Vec<Tip>, disk: Disk, now: Timestamp) -> Self {
        let me = key(u64::from(number) + 1_000).public().to_peer_id();
        let start = Start {
            me: Author(me),
            network: NETWORK.into(),
            seed: 1,
            logs: tips.into_iter().map(stored).collect(),
            forks: Vec::new(),
            settings: Settings::default(),
        };
        Self {
            me: Neighbour(me),
            mesh: Mesh::new(start, now),
            disk,
            taken: 0,
            cpu: Duration::ZERO,
        }
    }

    /// Feeds the engine and gives the frames it sends; only the engine's time counts.
    fn act(&mut self, act: impl FnOnce(&mut Mesh), now: Timestamp) -> Vec<Arc<[u8]>> {
        let mut frames = Vec::new();
        let start = Instant::now();
        act(&mut self.mesh);
        self.cpu += start.elapsed();
        loop {
            let start = Instant::now();
            let output = self.mesh.poll();
            self.cpu += start.elapsed();
            match output {
                None => return frames,
                Some(Output::Send { bytes, .. }) => frames.push(bytes),
                Some(Output::Store(arrived)) => {
                    self.taken += arrived.said.len();
                    let start = Instant::now();
                    self.mesh.stored(arrived.tip, now);
                    self.cpu += start.elapsed();
                }
                Some(Output::Read { id, spans, .. }) => {
                    let mut found = Found::default();
                    for span in spans {
                        let from = (span.author, span.from)..=(span.author, u64::MAX);
                        let held = self.disk.range(from);
                        let held = held.take_while(|(_, (first, _))| *first <= span.to);
                        found.segments.extend(held.map(|(_, (_, s))| s.to_vec()));
                    }
                    let start = Instant::now();
                    self.mesh.read(id, found, now);
                    self.cpu += start.elapsed();
                }
                Some(other) => panic!("{other:?}"),
            }
        }
    }
}

/// How a log stands whose past is of no consequence here.
fn stored(tip: Tip) -> Stored {
    let (since, until) = (Timestamp::from_micros(0), Timestamp::from_micros(0));
    Stored { tip, since, until }
}

fn key(number: u64) -> Keypair {
    let mut secret = [9; 32];
    secret[..8].copy_from_slice(&number.to_be_bytes());
    Keypair::ed25519_from_bytes(secret).expect("32 bytes")
}

fn report(number: u64) -> String {
    let address = std::net::Ipv4Addr::from_bits(0x0b00_0000 + (number as u32 & 0xff_ffff));
    let subject: Subject = address.to_string().parse().expect("an address");
    let score = Score::new(0.5).expect("in range");
    message::encode_report(subject, score, Confidence::new(0.25).expect("in range"))
}

fn main() {
    // Cargo passes `--bench`.
    let entries = env::args().skip(1).find_map(|word| word.parse().ok());
    let entries: u64 = entries.unwrap_or(1_000_000).max(MISSED * 2);
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let (mut disk, mut old, mut new) = (Disk::new(), Vec::new(), Vec::new());
    let each = entries / AUTHORS;
    let missed = MISSED / AUTHORS;
    for number in 0..AUTHORS {
        let mut log = OwnLog::new(key(number), NETWORK, None).expect("a key that signs");
        let mut say = |messages: &[(Timestamp, String)]| {
            let unsent = log.append(messages).expect("reports");
            for (bytes, first, tip) in unsent.segments() {
                disk.insert((tip.author, tip.seq), (first, bytes.into()));
            }
            let tip = unsent.tip();
            let _ = log.persisted(unsent);
            tip.expect("something was said")
        };
        let early: Vec<_> = (0..each - missed).map(|n| (now, report(n))).collect();
        old.push(say(&early));
        let late: Vec<_> = (0..missed).map(|n| say(&[(now, report(n))])).collect();
        new.extend(late.last());
    }
    let mut full = Side::new(1, new.clone(), disk, now);
    let mut behind = Side::new(2, old, Disk::new(), now);

    let (who, whom) = (full.me, behind.me);
    let mut to_full = behind.act(|mesh| mesh.connected(who, now), now);
    let mut to_behind = full.act(|mesh| mesh.connected(whom, now), now);
    let mut trips = 0;
    let mut bytes = 0;
    while behind.taken < MISSED as usize {
        assert!(trips < 100, "it does not end");
        trips += 1;
        let (mut next_full, mut next_behind) = (Vec::new(), Vec::new());
        for frame in to_full {
            next_behind.extend(full.act(|mesh| mesh.received(whom, &frame, now), now));
        }
        for frame in to_behind {
            bytes += frame.len();
            next_full.extend(behind.act(|mesh| mesh.received(who, &frame, now), now));
        }
        (to_full, to_behind) = (next_full, next_behind);
    }
    println!("{MISSED} of {entries} entries of {AUTHORS} authors missed, one signature each");
    println!("round trips: {} (the goal: 2)", f64::from(trips) / 2.0);
    println!("fetched: {} KiB in frames", bytes / 1024);
    println!(
        "CPU of the node that was away: {:?} (the goal: 500 ms)",
        behind.cpu
    );
    println!("CPU of the node that has it: {:?}", full.cpu);
    println!("verifications: {}", behind.mesh.counters().verified);
}
