//! Killed at random moments under load: what was accepted is there, and Slips hears all of it.

use std::collections::{BTreeSet, HashSet};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::chatter::Chatter;
use testkit::sensor::{Sensor, Setup};
use testkit::wait;

const NODE_KILLS: u32 = 200;
const REDIS_KILLS: u32 = 50;

/// A talking sensor, and one that hears it.
struct Pair {
    heard: Heard,
    b: Sensor,
    setup: Setup,
    _chatter: Option<Chatter>,
    _a: Sensor,
}

/// The messages B's Slips has heard, first occurrences in order.
#[derive(Default)]
struct Heard {
    order: Vec<String>,
    seen: HashSet<String>,
}

impl Heard {
    fn take(&mut self, sensor: &Sensor) {
        for text in sensor.slips.heard_so_far() {
            let json: Value = serde_json::from_str(&text).expect("Slips hears JSON");
            assert!(json["version"].is_string(), "{text}");
            if json["message_type"] == "go_data" {
                let message = json["message_contents"]["message"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                if self.seen.insert(message.clone()) {
                    self.order.push(message);
                }
            }
        }
    }

    fn wait_for_more(&mut self, sensor: &Sensor) {
        let before = self.order.len();
        wait::until("more reports", wait::LIMIT, || {
            self.take(sensor);
            (self.order.len() > before).then_some(())
        });
    }
}

impl Pair {
    fn start() -> Self {
        let mut a = Sensor::start(&Setup::default());
        let setup = Setup {
            peers: vec![a.address()],
            ..Setup::default()
        };
        let mut b = Sensor::start(&setup);
        a.meet(&b.peer_id());
        let chatter = Some(Chatter::start(a.slips.port));
        Self {
            heard: Heard::default(),
            b,
            setup,
            _chatter: chatter,
            _a: a,
        }
    }

    /// The addresses in B's database in the order in which they were accepted.
    fn stored(&self) -> Vec<String> {
        let reports = self.b.ask(&["reports", "--limit", "1000000"]);
        let mut rows: Vec<_> = reports
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                (
                    row["id"].as_i64().unwrap(),
                    row["address"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        rows.sort_unstable();
        rows.into_iter().map(|(_, ip)| ip).collect()
    }

    /// Ends the talk and holds what Slips heard against what the database holds.
    fn reckon(mut self) {
        self._chatter = None;
        let stored = self.settled();
        let heard: Vec<_> = self
            .heard
            .order
            .iter()
            .map(|message| subject(message))
            .collect();
        let (stored_set, heard_set): (BTreeSet<_>, BTreeSet<_>) =
            (stored.iter().collect(), heard.iter().collect());
        let lost: Vec<_> = stored_set.difference(&heard_set).take(5).collect();
        assert!(
            lost.is_empty(),
            "accepted, but Slips never heard of it: {lost:?}"
        );
        let unknown: Vec<_> = heard_set.difference(&stored_set).take(5).collect();
        assert!(
            unknown.is_empty(),
            "Slips heard of it, but it was not kept: {unknown:?}"
        );
        assert_eq!(heard, stored, "in the order in which they were accepted");
        assert_eq!(self.b.ask(&["db", "check"]), serde_json::json!([]));
    }

    /// Waits until everything stored has been heard and nothing more comes.
    fn settled(&mut self) -> Vec<String> {
        let mut stored = self.stored();
        wait::until(
            "Slips to hear everything that was accepted",
            wait::LIMIT,
            || {
                self.heard.take(&self.b);
                stored = self.stored();
                eprintln!("{} stored, {} heard", stored.len(), self.heard.order.len());
                (stored.len() == self.heard.order.len()).then_some(())
            },
        );
        stored
    }
}

fn subject(message: &str) -> String {
    use base64::Engine as _;
    let json = base64::prelude::BASE64_STANDARD.decode(message).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    json["key"].as_str().unwrap().to_owned()
}

/// A moment within the next 30 ms, the same on every run.
fn moment(seed: &mut u64) -> Duration {
    // Marsaglia's xorshift64.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    Duration::from_micros(*seed % 30_000)
}

#[test]
fn a_node_killed_two_hundred_times_under_load_loses_nothing_it_accepted() {
    let mut pair = Pair::start();
    let mut seed = 0x5EED;
    let mut slowest = Duration::ZERO;
    for _ in 0..NODE_KILLS {
        pair.heard.wait_for_more(&pair.b);
        thread::sleep(moment(&mut seed));
        pair.b.node.kill();
        let started = Instant::now();
        pair.b.restart(&pair.setup);
        slowest = slowest.max(started.elapsed());
    }
    pair.heard.wait_for_more(&pair.b);
    eprintln!(
        "slowest start after a kill: {slowest:?}; {} reports heard",
        pair.heard.order.len()
    );
    pair.reckon();
}

#[test]
fn a_redis_killed_fifty_times_under_load_costs_nothing_and_no_order() {
    let mut pair = Pair::start();
    let mut seed = 0xCAFE;
    for _ in 0..REDIS_KILLS {
        pair.heard.wait_for_more(&pair.b);
        thread::sleep(moment(&mut seed));
        pair.b.slips.kill_redis();
        thread::sleep(moment(&mut seed));
        pair.b.slips.restart_redis();
    }
    pair.heard.wait_for_more(&pair.b);
    pair.reckon();
}
