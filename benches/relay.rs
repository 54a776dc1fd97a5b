//! Redis to Redis through real nodes, open loop: `cargo bench --bench relay [-- WORD|RATE...]`.
//!
//! One sensor sends to one other, then to three at once, over `/slips/2.0`. With `lines` they speak
//! `/slips/1.0`; with `single` there is no second part and each message names its one recipient, so
//! that A has nothing to remember; otherwise they go to all, and each is a statement on A's disk too. Each line is one load: what was offered,
//! what was lost, the delay from when a message was due until Redis handed it to B's Slips, and
//! what it cost both sides. Every report is on B's disk before Slips hears of it. What the disk and
//! Redis alone take stands above.

mod relay {
    pub mod floor;
    pub mod load;
    pub mod usage;
}

use std::sync::mpsc;
use std::time::{Duration, Instant};

use relay::floor;
use relay::load::{self, Outcome};
use relay::usage::Usage;
use testkit::sensor::{Sensor, Setup};
use testkit::slips::{FROM_SLIPS, TO_SLIPS};

/// How long each load is offered, in seconds.
const SECONDS: u32 = 5;
/// How long nothing may arrive before the rest counts as lost.
const QUIET: Duration = Duration::from_secs(3);
/// Messages a second, when none are named.
const RATES: [u32; 5] = [10, 1_000, 3_000, 5_000, 10_000];
/// Listeners of the second part.
const THREE: usize = 3;

fn main() {
    let named: Vec<u32> = std::env::args()
        .filter_map(|word| word.parse().ok())
        .collect();
    let rates = if named.is_empty() {
        RATES.to_vec()
    } else {
        named
    };
    let said = |wanted: &str| std::env::args().any(|word| word == wanted);
    let kind = Kind {
        frames: !said("lines"),
        single: said("single"),
    };
    println!("{}", Usage::machine());
    floor::print();
    let parts: &[usize] = if kind.single { &[1] } else { &[1, THREE] };
    for &listeners in parts {
        println!(
            "\nto {listeners} over {}, {SECONDS} s each, 200-character messages",
            if kind.frames {
                "/slips/2.0"
            } else {
                "/slips/1.0"
            }
        );
        println!(
            "{:>8} {:>8} {:>6} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10} {:>8} {:>8}",
            "offered/s",
            "done/s",
            "lost",
            "p50 ms",
            "p99 ms",
            "worst ms",
            "took s",
            "cpu A us",
            "cpu B us",
            "A MiB",
            "B MiB"
        );
        for &rate in &rates {
            one_load(listeners, rate, kind);
        }
    }
}

/// What is measured.
#[derive(Clone, Copy)]
struct Kind {
    frames: bool,
    single: bool,
}

fn one_load(listeners: usize, rate: u32, kind: Kind) {
    // One peer's share is not what is measured here.
    let more = vec![
        (
            "limits",
            "messages_per_second = 1000000\nburst = 1000000".to_owned(),
        ),
        (
            "network",
            format!("frames = {}\nunknown_peers = \"accept\"", kind.frames),
        ),
    ];
    let mut a = Sensor::start(&Setup {
        more: more.clone(),
        ..Setup::default()
    });
    let setup = Setup {
        peers: vec![a.address()],
        more,
        ..Setup::default()
    };
    let mut others: Vec<_> = (0..listeners).map(|_| Sensor::start(&setup)).collect();
    let id_a = a.peer_id();
    for other in &mut others {
        a.meet(&other.peer_id());
        other.meet(&id_a);
    }
    let before = (Usage::of(a.node.pid()), Usage::of(others[0].node.pid()));
    let ports: Vec<_> = others.iter().map(|other| other.slips.port).collect();
    let recipient = match others.first_mut() {
        Some(other) if kind.single => other.peer_id(),
        _ => "*".into(),
    };
    let payload = |number| load::payload(number, &recipient);
    let outcomes = run((a.slips.port, FROM_SLIPS), &ports, (rate, SECONDS), payload);
    let after = (Usage::of(a.node.pid()), Usage::of(others[0].node.pid()));
    let arrived: usize = outcomes.iter().map(|outcome| outcome.arrived).sum();
    let offered = outcomes
        .iter()
        .map(|outcome| outcome.offered as usize)
        .sum::<usize>();
    let worst = outcomes
        .iter()
        .max_by(|x, y| x.quantile(0.99).total_cmp(&y.quantile(0.99)))
        .expect("a listener");
    let took = outcomes
        .iter()
        .map(|outcome| outcome.took)
        .max()
        .expect("a listener")
        .as_secs_f64();
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / f64::from(worst.offered);
    println!(
        "{rate:>8} {:>8.0} {:>6} {:>9.2} {:>9.2} {:>9.2} {took:>9.2} {:>10.0} {:>10.0} {:>8.1} {:>8.1}",
        f64::from(worst.offered) / took,
        offered - arrived,
        worst.quantile(0.5),
        worst.quantile(0.99),
        worst.quantile(1.0),
        each(after.0.cpu - before.0.cpu),
        each(after.1.cpu - before.1.cpu),
        after.0.mib,
        after.1.mib,
    );
}

/// Offers the load to a Redis and gathers what each other Redis hands out.
fn run(
    from: (u16, &str),
    to: &[u16],
    (rate, seconds): (u32, u32),
    payload: impl Fn(u32) -> String,
) -> Vec<Outcome> {
    let total = rate * seconds;
    let (ready, listening) = mpsc::channel();
    let listeners: Vec<_> = to
        .iter()
        .map(|&port| {
            let ready = ready.clone();
            std::thread::spawn(move || listen(port, total, &ready))
        })
        .collect();
    for _ in to {
        listening
            .recv_timeout(Duration::from_secs(10))
            .expect("the listeners subscribe");
    }
    let start = Instant::now();
    load::offer(from, payload, (rate, seconds), start).expect("redis-server takes the load");
    listeners
        .into_iter()
        .map(|listener| load::judge(&listener.join().expect("a listener"), rate, total, start))
        .collect()
}

fn listen(port: u16, total: u32, ready: &mpsc::Sender<()>) -> Vec<(Instant, String)> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/0")).expect("a URL");
    let mut connection = client.get_connection().expect("redis-server is there");
    let mut subscription = connection.as_pubsub();
    subscription
        .subscribe(TO_SLIPS)
        .expect("redis-server is there");
    // The first message may come as late as the load is long.
    subscription
        .set_read_timeout(Some(QUIET + Duration::from_secs(2)))
        .expect("a time-out");
    let _ = ready.send(());
    let mut heard = Vec::with_capacity(total as usize * 2);
    let mut data = 0;
    while data < total {
        let Ok(message) = subscription.get_message() else {
            break;
        };
        let text: String = message.get_payload().expect("text");
        data += u32::from(text.contains("\"go_data\""));
        heard.push((Instant::now(), text));
    }
    heard
}
