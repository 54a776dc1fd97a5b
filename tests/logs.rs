//! Signed logs between real nodes, each beside a real Redis: what one says to everybody reaches all,
//! is its own whoever handed it over, survives a kill, and cannot be said twice in two ways.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::chatter::{self, Chatter};
use testkit::pigeon_peer::{PIGEON_A, Pigeon, Settings};
use testkit::sensor::{Sensor, Setup};
use testkit::slips::{FROM_SLIPS, VERSION, report};
use testkit::wait;

#[path = "logs/asleep.rs"]
mod asleep;
#[path = "logs/forks.rs"]
mod forks;
#[path = "logs/nothing.rs"]
mod nothing;

/// Long enough for hundreds of reports through three loaded nodes.
const LONG: Duration = Duration::from_secs(60);
/// How often our own node is killed while it signs.
const KILLS: u32 = 50;

fn alone() -> Sensor {
    Sensor::start(&Setup::default())
}

fn calling(others: &mut [&mut Sensor]) -> Setup {
    Setup {
        peers: others.iter_mut().map(|other| other.address()).collect(),
        ..Setup::default()
    }
}

/// Slips of a sensor says `count` reports to everybody, on the addresses from number `first`.
fn say(sensor: &mut Sensor, first: u32, count: u32) {
    for n in first..first + count {
        let message = report(&chatter::address(n).to_string(), 0.8, 0.9);
        let text =
            format!(r#"{{"message": "{message}", "recipient": "*", "version": "{VERSION}"}}"#);
        sensor.slips.publish(FROM_SLIPS, &text);
    }
}

fn addresses(first: u32, count: u32) -> BTreeSet<Ipv6Addr> {
    (first..first + count).map(chatter::address).collect()
}

/// The addresses a peer has reported on, as a sensor has it in its database.
fn heard_of(sensor: &Sensor, author: &str) -> BTreeSet<Ipv6Addr> {
    let reports = sensor.ask(&["reports", "--limit", "1000000"]);
    let rows = reports.as_array().expect("a list").iter();
    rows.filter(|row| row["peer"] == author)
        .map(|row| {
            row["address"]
                .as_str()
                .expect("a text")
                .parse()
                .expect("an address")
        })
        .collect()
}

fn wait_for(sensor: &Sensor, author: &str, wanted: &BTreeSet<Ipv6Addr>) {
    let what = format!("{} reports of {author}", wanted.len());
    wait::until(&what, LONG, || {
        (heard_of(sensor, author) == *wanted).then_some(())
    });
}

fn stat(sensor: &Sensor, name: &str) -> u64 {
    sensor.ask(&["db", "stats"])[name]
        .as_u64()
        .expect("a number")
}

/// No log is broken, and nobody is known to have forked.
fn is_sound(sensor: &Sensor) {
    assert_eq!(sensor.ask(&["db", "check"]), json!([]));
    assert_eq!(sensor.ask(&["peers", "evidence"]), json!([]));
}

#[test]
fn a_report_to_everybody_goes_by_the_log_and_a_message_to_one_peer_does_not() {
    let mut a = alone();
    let mut b = Sensor::start(&calling(&mut [&mut a]));
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    b.meet(&id_a);
    a.meet(&id_b);
    let (for_all, for_b) = (report("192.0.2.1", 0.9, 0.8), report("192.0.2.2", 0.9, 0.8));
    a.slips.send("*", &for_all);
    assert_eq!(b.slips.hear_data(), (id_a.clone(), for_all));
    a.slips.send(&id_b, &for_b);
    assert_eq!(b.slips.hear_data(), (id_a, for_b));
    assert_eq!((stat(&a, "log_entries"), stat(&b, "log_entries")), (1, 1));
    assert_eq!((stat(&a, "log_authors"), stat(&b, "log_authors")), (1, 1));
    assert!(
        a.slips
            .heard_so_far()
            .iter()
            .all(|text| !text.contains("go_data")),
        "no echo"
    );
    is_sound(&a);
    is_sound(&b);
}

#[test]
fn of_three_in_a_line_the_last_hears_the_first_in_its_own_name() {
    let mut a = alone();
    let mut b = Sensor::start(&calling(&mut [&mut a]));
    let c = Sensor::start(&calling(&mut [&mut b]));
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    b.meet(&id_a);
    c.meet(&id_b);
    let message = report("192.0.2.1", 0.9, 0.8);
    a.slips.send("*", &message);
    assert_eq!(c.slips.hear_data(), (id_a.clone(), message));
    say(&mut a, 0, 100);
    let mut wanted = addresses(0, 100);
    wait_for_all(&c, &id_a, &mut wanted);
    assert_eq!(
        c.ask(&["reports", "--peer", &id_b]),
        json!([]),
        "B said nothing"
    );
    is_sound(&c);
}

/// Like [`wait_for`], beside what was said before on IPv4 addresses.
fn wait_for_all(sensor: &Sensor, author: &str, wanted: &mut BTreeSet<Ipv6Addr>) {
    wait::until(
        &format!("{} reports of {author}", wanted.len()),
        LONG,
        || {
            let reports = sensor.ask(&["reports", "--limit", "1000000"]);
            let rows = reports.as_array().expect("a list").iter();
            let heard: BTreeSet<Ipv6Addr> = rows
                .filter(|row| row["peer"] == author)
                .filter_map(|row| row["address"].as_str().expect("a text").parse().ok())
                .collect();
            (heard == *wanted).then_some(())
        },
    );
}

#[test]
fn a_node_that_is_killed_while_reports_flow_comes_back_and_has_all() {
    let mut a = alone();
    let mut b = Sensor::start(&calling(&mut [&mut a]));
    let setup = calling(&mut [&mut a, &mut b]);
    let mut c = Sensor::start(&setup);
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    c.meet(&id_a);
    c.meet(&id_b);
    for round in 0..3 {
        say(&mut a, round * 500, 250);
        say(&mut b, round * 500, 250);
        c.node.kill();
        say(&mut a, round * 500 + 250, 250);
        say(&mut b, round * 500 + 250, 250);
        c.restart(&setup);
    }
    wait_for(&c, &id_a, &addresses(0, 1500));
    wait_for(&c, &id_b, &addresses(0, 1500));
    is_sound(&c);
    assert_eq!(stat(&c, "log_entries"), 3000);
}

#[test]
fn no_number_is_signed_twice_however_often_the_signer_is_killed() {
    let mut b = Sensor::start(&Setup::default());
    let setup = calling(&mut [&mut b]);
    let mut a = Sensor::start(&setup);
    let id_a = a.peer_id();
    b.meet(&id_a);
    let talk = Chatter::start(a.slips.port);
    for n in 0..KILLS {
        thread::sleep(Duration::from_millis(u64::from(n * 37 % 120)));
        a.node.kill();
        a.restart(&setup);
    }
    drop(talk);
    // What was signed last shows that B has heard all before it, or proof of a fork.
    say(&mut a, 1_000_000, 1);
    let last = chatter::address(1_000_000);
    wait::until("the last report", LONG, || {
        heard_of(&b, &id_a).contains(&last).then_some(())
    });
    is_sound(&b);
    is_sound(&a);
    assert_eq!(stat(&a, "log_entries"), stat(&b, "log_entries"));
    assert!(
        stat(&a, "log_entries") > u64::from(KILLS),
        "there was something to sign"
    );
}

#[test]
fn a_pigeon_gets_its_line_and_what_it_says_is_in_no_log() {
    let mut a = alone();
    let mut b = Sensor::start(&calling(&mut [&mut a]));
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    b.meet(&id_a);
    a.meet(&id_b);
    let pigeon = Pigeon::start(Settings::local(PIGEON_A));
    pigeon.meet(&a.address());
    a.meet(&pigeon.peer_id.to_string());
    let (ours, theirs) = (report("192.0.2.1", 0.9, 0.8), report("192.0.2.2", 0.9, 0.8));
    a.slips.send("*", &ours);
    assert_eq!(pigeon.hear_data(id_a.parse().expect("an id")), ours);
    assert_eq!(b.slips.hear_data(), (id_a.clone(), ours));
    pigeon.send_to_all(&theirs);
    assert_eq!(a.slips.hear_data(), (pigeon.peer_id.to_string(), theirs));
    // The next of A comes after whatever A would have handed on of the pigeon.
    let next = report("192.0.2.3", 0.9, 0.8);
    a.slips.send("*", &next);
    assert_eq!(b.slips.hear_data(), (id_a, next));
    assert_eq!((stat(&a, "log_authors"), stat(&b, "log_authors")), (1, 1));
}

#[test]
fn switched_off_everything_goes_by_lines() {
    let off = |setup: Setup| Setup {
        more: vec![("network", "sync = false".to_owned())],
        ..setup
    };
    let mut a = Sensor::start(&off(Setup::default()));
    let mut b = Sensor::start(&calling(&mut [&mut a]));
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    b.meet(&id_a);
    a.meet(&id_b);
    let (of_a, of_b) = (report("192.0.2.1", 0.9, 0.8), report("192.0.2.2", 0.9, 0.8));
    a.slips.send("*", &of_a);
    assert_eq!(b.slips.hear_data(), (id_a, of_a));
    b.slips.send("*", &of_b);
    assert_eq!(a.slips.hear_data(), (id_b, of_b));
    // Nobody tells B what it has, so it signs only after having asked for a while.
    wait::until("an entry of B", LONG, || {
        (stat(&b, "log_entries") == 1).then_some(())
    });
    assert_eq!(stat(&a, "log_entries"), 0);
}

#[test]
fn a_neighbour_that_stands_still_holds_up_nobody_else() {
    let mut a = alone();
    let mut b = Sensor::start(&calling(&mut [&mut a]));
    let mut c = Sensor::start(&calling(&mut [&mut a]));
    let id_a = a.peer_id();
    b.meet(&id_a);
    c.meet(&id_a);
    a.meet(&b.peer_id());
    a.meet(&c.peer_id());
    b.node.signal(libc::SIGSTOP);
    say(&mut a, 0, 3000);
    wait_for(&c, &id_a, &addresses(0, 3000));
    b.node.signal(libc::SIGCONT);
    wait_for(&b, &id_a, &addresses(0, 3000));
    is_sound(&b);
}

#[test]
fn what_was_said_while_nobody_was_there_is_caught_up() {
    let mut a = alone();
    say(&mut a, 0, 200);
    let id_a = a.peer_id();
    wait::until("200 entries", LONG, || {
        (stat(&a, "log_entries") == 200).then_some(())
    });
    let b = Sensor::start(&calling(&mut [&mut a]));
    wait_for(&b, &id_a, &addresses(0, 200));
    let heard: Value = b.ask(&["reports", "--limit", "1"]);
    assert_eq!(heard[0]["peer"], Value::String(id_a));
}

#[test]
fn who_lost_its_database_signs_nothing_until_it_has_its_log_back() {
    let mut b = alone();
    let setup = calling(&mut [&mut b]);
    let mut a = Sensor::start(&setup);
    let id_a = a.peer_id();
    b.meet(&id_a);
    say(&mut a, 0, 2);
    wait_for(&b, &id_a, &addresses(0, 2));
    a.node.kill();
    let database = a.database();
    let (dir, name) = (database.parent().unwrap(), database.file_name().unwrap());
    for file in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let found = file.file_name();
        if found
            .as_encoded_bytes()
            .starts_with(name.as_encoded_bytes())
        {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    b.node.signal(libc::SIGSTOP);
    a.restart(&setup);
    // Longer than the first words of a log wait for a neighbour.
    thread::sleep(Duration::from_secs(3));
    say(&mut a, 10, 1);
    b.node.signal(libc::SIGCONT);
    wait::until("its log to be back", LONG, || {
        (stat(&a, "log_entries") == 2).then_some(())
    });
    say(&mut a, 11, 1);
    wait::until("what it says now", LONG, || {
        heard_of(&b, &id_a)
            .contains(&chatter::address(11))
            .then_some(())
    });
    is_sound(&b);
    is_sound(&a);
}
