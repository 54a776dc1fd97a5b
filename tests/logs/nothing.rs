//! A question of which nothing is known is answered so, signed, and not put to that peer again.

use std::time::Duration;

use testkit::pigeon_peer::{PIGEON_A, Pigeon, Settings};
use testkit::sensor::{Sensor, Setup};
use testkit::slips::{report, request};
use testkit::wait;

use super::{LONG, calling, say, stat};

const UNKNOWN: &str = "192.0.2.1";

fn telling(setup: Setup) -> Setup {
    let mut more = setup.more;
    more.push(("log", "level = \"debug\"".to_owned()));
    Setup { more, ..setup }
}

/// Waits until both have a sync session: the entry of each comes by one.
fn syncing(a: &mut Sensor, b: &mut Sensor) {
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    a.meet(&id_b);
    b.meet(&id_a);
    say(a, 0, 1);
    say(b, 0, 1);
    for sensor in [a, b] {
        wait::until("an entry of each", LONG, || {
            (stat(sensor, "log_entries") == 2).then_some(())
        });
    }
}

/// Ends a node and gives the totals it says at its end.
fn totals(sensor: &mut Sensor) -> String {
    sensor.node.signal(libc::SIGTERM);
    let log = sensor.node.wait_exit(Duration::from_secs(20)).log;
    let said = log
        .lines()
        .find(|line| line.contains("totals since the start"));
    format!("{} ", said.unwrap_or_else(|| panic!("no totals in {log}")))
}

fn reliability(sensor: &Sensor, peer: &str) -> String {
    sensor.ask(&["peers", "inspect", peer])["reliability"].to_string()
}

#[test]
fn who_knows_nothing_says_so_and_is_spared_the_question_to_all() {
    let mut a = Sensor::start(&telling(Setup::default()));
    let mut b = Sensor::start(&telling(calling(&mut [&mut a])));
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    syncing(&mut a, &mut b);
    let pigeon = Pigeon::start(Settings::local(PIGEON_A));
    pigeon.meet(&a.address());
    a.meet(&pigeon.peer_id.to_string());
    let (question, author) = (request(UNKNOWN), id_a.parse().expect("an id"));
    let before = reliability(&a, &id_b);

    a.slips.send("*", &question);
    assert_eq!(pigeon.hear_data(author), question);
    let said = a.node.wait_for_line("a peer knows nothing");
    assert!(said.contains(&id_b) && said.contains(UNKNOWN), "{said}");
    // Others are asked again, and it itself when it alone is meant.
    a.slips.send("*", &question);
    assert_eq!(pigeon.hear_data(author), question);
    a.slips.send(&id_b, &question);
    let heard = |sensor: &Sensor| sensor.node.log().matches("a peer knows nothing").count();
    wait::until("a second answer", LONG, || (heard(&a) == 2).then_some(()));

    assert_eq!(
        reliability(&a, &id_b),
        before,
        "it is no merit and no fault"
    );
    assert!(a.ask(&["explain", UNKNOWN])["score"].is_null());
    let (of_a, of_b) = (totals(&mut a), totals(&mut b));
    for wanted in ["nothing_heard=2 ", "questions_spared=1 "] {
        assert!(of_a.contains(wanted), "{wanted}in {of_a}");
    }
    for wanted in ["nothing_told=2 ", "requests_unanswered=2 "] {
        assert!(of_b.contains(wanted), "{wanted}in {of_b}");
    }
}

#[test]
fn who_answers_nobody_says_nothing_and_a_pigeon_hears_nothing() {
    let quiet = Setup {
        more: vec![("forward", "answer_requests = \"none\"".to_owned())],
        ..Setup::default()
    };
    let mut a = Sensor::start(&Setup {
        more: vec![("forward", "answer_requests = \"node\"".to_owned())],
        ..Setup::default()
    });
    let mut b = Sensor::start(&Setup {
        more: quiet.more,
        ..calling(&mut [&mut a])
    });
    let id_a = a.peer_id();
    syncing(&mut a, &mut b);
    a.slips.send("*", &request(UNKNOWN));
    // On the same lane as the question, so after it.
    a.slips.send(&b.peer_id(), &report(UNKNOWN, 0.9, 0.8));
    b.slips.hear("the report", |json| {
        let message = json["message_contents"]["message"].as_str()?;
        (message == report(UNKNOWN, 0.9, 0.8)).then_some(())
    });

    let pigeon = Pigeon::start(Settings::local(PIGEON_A));
    pigeon.meet(&a.address());
    a.meet(&pigeon.peer_id.to_string());
    a.slips.set_evaluation("192.0.2.2", "0.8", "0.6");
    pigeon.send_to_all(&request(UNKNOWN));
    pigeon.send_to_all(&request("192.0.2.2"));
    let heard = pigeon.hear_data(id_a.parse().expect("an id"));
    assert_eq!(heard, report("192.0.2.2", 0.8, 0.6));
    let (of_a, of_b) = (totals(&mut a), totals(&mut b));
    assert!(of_b.contains("requests_unanswered=1 "), "{of_b}");
    for of in [of_a, of_b] {
        assert!(of.contains("nothing_told=0 "), "{of}");
        assert!(of.contains("nothing_heard=0 "), "{of}");
    }
}
