//! Two and three real nodes, each beside a real Redis: what one Slips says, the other hears.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::sensor::{Sensor, Setup};
use testkit::slips::{FROM_SLIPS, VERSION, report, request};
use testkit::wait;

/// Two sensors that know each other; the second dialled the first.
fn two() -> (Sensor, Sensor) {
    two_with(&Setup::default())
}

fn two_with(setup: &Setup) -> (Sensor, Sensor) {
    let mut a = Sensor::start(setup);
    let peers = vec![a.address()];
    let mut b = Sensor::start(&Setup {
        peers,
        ..setup.clone()
    });
    a.meet(&b.peer_id());
    b.meet(&a.peer_id());
    (a, b)
}

fn contents(json: &Value, kind: &str) -> Option<Value> {
    (json["message_type"] == kind).then(|| json["message_contents"].clone())
}

/// Waits until Slips' cache holds an opinion of an address that `wanted` takes.
fn opinion(sensor: &mut Sensor, ip: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait::until(&format!("an opinion of {ip}"), wait::LIMIT, || {
        let text = sensor.slips.cached("IPsInfo:p2p4slips", ip)?;
        let value: Value = serde_json::from_str(&text).expect("p2p4slips is JSON");
        wanted(&value).then_some(value)
    })
}

/// A node with the base model, whose numbers are easy to foretell.
fn base_model() -> Vec<(&'static str, String)> {
    vec![("reputation", "model = \"slips\"".to_owned())]
}

#[test]
fn what_the_default_model_says_is_written_back_and_explained_to_the_bit() {
    let (mut a, mut b) = two();
    for score in [0.9, 0.8] {
        a.slips.send("*", &report("198.51.100.7", score, 0.9));
        b.slips.hear_data();
    }
    let explained = wait::until("an opinion of the newer report", wait::LIMIT, || {
        let explained = b.ask(&["explain", "198.51.100.7"]);
        (explained["reports"][0]["score"] == 0.8).then_some(explained)
    });
    assert_eq!(explained["model"], "robust");
    assert_eq!(explained["recomputed_equal"], true, "{explained:#}");
    let score = explained["score"].as_f64().unwrap();
    assert!(score > 0.5, "one newcomer says malicious: {explained:#}");
    opinion(&mut b, "198.51.100.7", |opinion| {
        (opinion["score"].as_f64().unwrap() - score).abs() < 1e-12
    });
}

#[test]
fn a_running_node_tells_what_the_database_says_too() {
    let setup = Setup {
        more: base_model(),
        ..Setup::default()
    };
    let (mut a, mut b) = two_with(&setup);
    let of = ["198.51.100.7", "198.51.100.8", "198.51.100.9"];
    a.slips.send("*", &report(of[0], 0.8, 0.9));
    a.slips.send("*", &report(of[1], 0.4, 0.9));
    for ip in &of[..2] {
        opinion(&mut b, ip, |_| true);
    }
    let ask = |more: &[&str]| b.ask(&[&["score"][..], &of, more].concat());
    let told = ask(&[]);
    let model = ["--set", "reputation.model=slips"];
    let worked_out = ask(&[&model[..], &["--recompute"]].concat());
    let by = |answer: &Value| answer[0]["worked_out_by"].clone();
    assert_eq!(
        (by(&told), by(&worked_out)),
        ("node".into(), "database".into())
    );
    assert_eq!(
        by(&ask(&model)),
        "database",
        "what if: the node is not asked"
    );
    assert_eq!(by(&ask(&["--recompute"])), "database");
    for (told, worked_out) in told
        .as_array()
        .unwrap()
        .iter()
        .zip(worked_out.as_array().unwrap())
    {
        let (mut told, mut worked_out) = (told.clone(), worked_out.clone());
        for one in [&mut told, &mut worked_out] {
            let cells = one.as_object_mut().unwrap();
            for key in ["worked_out_by", "computed_at", "differs"] {
                cells.remove(key);
            }
        }
        assert_eq!(told, worked_out);
    }
    assert_eq!(told[0]["reports"].as_array().map(Vec::len), Some(1));
    assert_eq!(told[2]["score"], Value::Null);
    b.node.kill();
    assert_eq!(by(&b.ask(&["score", of[0]])), "database");
}

#[test]
fn one_report_travels_from_slips_a_to_slips_b_is_scored_and_written_back() {
    let mut a = Sensor::start(&Setup::default());
    let peers = vec![a.address()];
    let mut b = Sensor::start(&Setup {
        peers,
        more: base_model(),
        ..Setup::default()
    });
    let (id_a, id_b) = (a.peer_id(), b.peer_id());
    let update = b
        .slips
        .hear("a peer_update of A", |json| contents(json, "peer_update"));
    assert_eq!(update["peerid"], id_a);
    assert_eq!(update["ip"], "127.0.0.1");
    assert!(
        update["reliability"]
            .as_str()
            .unwrap()
            .parse::<f64>()
            .unwrap()
            > 0.0,
        "{update}"
    );
    a.meet(&id_b);

    let message = report("198.51.100.7", 0.8, 0.9);
    a.slips.send("*", &message);
    let (envelope, data) = b.slips.hear("go_data", |json| {
        contents(json, "go_data").map(|data| (json.clone(), data))
    });
    assert_eq!(envelope["version"], VERSION);
    assert_eq!(data["reporter"], id_a);
    assert_eq!(data["message"], message);
    assert!(data["report_time"].is_i64());

    let written = opinion(&mut b, "198.51.100.7", |_| true);
    assert_eq!(written["score"], 0.8);
    let confidence = written["confidence"].as_f64().unwrap();
    let network = written["network_score"].as_f64().unwrap();
    assert!(confidence > 0.0 && confidence < 0.9, "{written}");
    assert!(
        (confidence - 0.9 * network).abs() < 1e-9,
        "one reporter: its confidence times its trust"
    );
    assert!(written["timestamp"].as_f64().unwrap() > 1e9);

    let score = &b.ask(&["score", "198.51.100.7", "--set", "reputation.model=slips"])[0];
    assert_eq!(score["score"], 0.8);
    let reports = b.ask(&["reports"]);
    assert_eq!(reports.as_array().unwrap().len(), 1, "{reports}");
    assert_eq!(a.ask(&["reports"]), json!([]), "A heard nothing");
    assert!(
        !a.slips
            .heard_so_far()
            .iter()
            .any(|text| text.contains("go_data")),
        "no echo"
    );
}

#[test]
fn a_message_to_all_reaches_both_and_one_to_a_peer_only_it() {
    let mut a = Sensor::start(&Setup::default());
    let setup = Setup {
        peers: vec![a.address()],
        ..Setup::default()
    };
    let (mut b, mut c) = (Sensor::start(&setup), Sensor::start(&setup));
    a.meet(&b.peer_id());
    a.meet(&c.peer_id());
    let (for_b, for_all) = (report("192.0.2.1", 1.0, 0.5), report("192.0.2.2", 1.0, 0.5));
    let id_b = b.peer_id();
    a.slips.send(&id_b, &for_b);
    a.slips.send("*", &for_all);
    let heard_b = [b.slips.hear_data().1, b.slips.hear_data().1];
    assert!(
        heard_b.contains(&for_b) && heard_b.contains(&for_all),
        "{heard_b:?}"
    );
    assert_eq!(c.slips.hear_data().1, for_all);
}

#[test]
fn reports_on_one_address_arrive_in_the_order_slips_sent_them() {
    let (mut a, b) = two();
    let sent: Vec<_> = (0..200)
        .map(|n| report("192.0.2.9", f64::from(n) / 200.0, 0.5))
        .collect();
    for message in &sent {
        a.slips.send("*", message);
    }
    let heard: Vec<_> = sent.iter().map(|_| b.slips.hear_data().1).collect();
    assert_eq!(heard, sent);
}

#[test]
fn a_question_reaches_slips_only_when_it_can_answer() {
    let (mut a, mut b) = two();
    // Unknown to B's Slips, which would die of it.
    a.slips.send("*", &request("192.0.2.1"));
    b.slips.set_evaluation("192.0.2.2", "0.8", "0.6");
    a.slips.send("*", &request("192.0.2.2"));
    assert_eq!(
        b.slips.hear_data().1,
        request("192.0.2.2"),
        "the first went nowhere"
    );
}

#[test]
fn a_node_that_answers_by_itself_invents_nothing() {
    let setup = Setup {
        more: vec![("forward", "answer_requests = \"node\"".into())],
        ..Setup::default()
    };
    let (mut a, mut b) = two_with(&setup);
    b.slips.set_evaluation("192.0.2.2", "0.8", "0.6");
    a.slips.send("*", &request("192.0.2.1"));
    a.slips.send("*", &request("192.0.2.2"));
    assert_eq!(
        a.slips.hear_data(),
        (b.peer_id(), report("192.0.2.2", 0.8, 0.6))
    );
    assert!(
        !b.slips
            .heard_so_far()
            .iter()
            .any(|text| text.contains("go_data"))
    );
}

#[test]
fn one_channel_for_both_ways_neither_echoes_nor_loses() {
    let setup = Setup {
        to_slips: Some(FROM_SLIPS),
        ..Setup::default()
    };
    let (mut a, b) = two_with(&setup);
    let sent: BTreeSet<_> = (0..50)
        .map(|n| report(&format!("192.0.2.{n}"), 0.5, 0.5))
        .collect();
    for message in &sent {
        a.slips.send("*", message);
    }
    let heard: BTreeSet<_> = sent.iter().map(|_| b.slips.hear_data().1).collect();
    assert_eq!(heard, sent);
    assert!(
        !a.slips
            .heard_so_far()
            .iter()
            .any(|text| text.contains("go_data"))
    );
    assert!(
        !b.node.log().contains("WARN"),
        "own messages are no errors: {}",
        b.node.log()
    );
}

#[test]
fn what_comes_while_slips_is_away_waits_and_arrives_in_order() {
    let (mut a, mut b) = two();
    b.slips.go_away();
    let sent: Vec<_> = (0..100)
        .map(|n| report("192.0.2.9", f64::from(n) / 100.0, 0.5))
        .collect();
    for message in &sent {
        a.slips.send("*", message);
    }
    let ask = |b: &Sensor| {
        b.ask(&["reports", "--limit", "1000"])
            .as_array()
            .unwrap()
            .len()
    };
    wait::until("100 reports in B's database", wait::LIMIT, || {
        (ask(&b) == 100).then_some(())
    });
    b.slips.come_back();
    let heard: Vec<_> = sent.iter().map(|_| b.slips.hear_data().1).collect();
    assert_eq!(heard, sent);
}

#[test]
fn a_node_that_was_stopped_knows_its_peer_and_its_reports_again() {
    let (mut a, mut b) = two();
    a.slips.send("*", &report("192.0.2.9", 0.8, 0.5));
    b.slips.hear_data();
    b.node.signal(libc::SIGTERM);
    let exit = b.node.wait_exit(Duration::from_secs(5));
    assert_eq!(exit.code(), Some(0), "{}", exit.log);
    // Without static peers: what it finds, it remembers.
    b.restart(&Setup {
        more: base_model(),
        ..Setup::default()
    });
    wait::until("A to be connected again", wait::LIMIT, || {
        (a.node.log().matches(": connected peer=").count() == 2).then_some(())
    });
    a.slips.send("*", &report("192.0.2.9", 0.4, 0.5));
    b.slips.hear_data();
    opinion(&mut b, "192.0.2.9", |opinion| opinion["score"] == 0.4);
    assert_eq!(b.ask(&["reports"]).as_array().unwrap().len(), 2);
}

#[test]
fn an_opinion_after_a_restart_still_counts_who_spoke_before_it() {
    let (mut a, mut c) = (
        Sensor::start(&Setup::default()),
        Sensor::start(&Setup::default()),
    );
    let setup = Setup {
        peers: vec![a.address(), c.address()],
        more: base_model(),
        ..Setup::default()
    };
    let mut b = Sensor::start(&setup);
    let id_b = b.peer_id();
    a.meet(&id_b);
    c.meet(&id_b);
    c.slips.send("*", &report("192.0.2.9", 0.0, 0.5));
    opinion(&mut b, "192.0.2.9", |opinion| opinion["score"] == 0.0);
    b.node.kill();
    b.restart(&setup);
    wait::until("A to be connected again", wait::LIMIT, || {
        (a.node.log().matches(": connected peer=").count() == 2).then_some(())
    });
    a.slips.send("*", &report("192.0.2.9", 1.0, 0.5));
    let both = opinion(&mut b, "192.0.2.9", |opinion| opinion["score"] != 0.0);
    let score = both["score"].as_f64().unwrap();
    assert!(
        (0.3..0.7).contains(&score),
        "one says 1, one said 0 before the restart: {both}"
    );
}

#[test]
fn quic_carries_a_report_when_it_is_switched_on() {
    let more = vec![("network", "quic = true".to_owned())];
    let mut a = Sensor::start(&Setup {
        more: more.clone(),
        ..Setup::default()
    });
    let line = a.node.wait_for_line("/quic-v1/");
    let address = line
        .split("address=")
        .nth(1)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let mut b = Sensor::start(&Setup {
        more,
        peers: vec![address],
        ..Setup::default()
    });
    a.meet(&b.peer_id());
    b.meet(&a.peer_id());
    let message = report("192.0.2.1", 0.8, 0.9);
    a.slips.send("*", &message);
    assert_eq!(b.slips.hear_data().1, message);
    assert!(
        b.node.log().contains("/quic-v1"),
        "over QUIC: {}",
        b.node.log()
    );
}

#[test]
fn a_second_node_on_the_same_database_is_refused() {
    let mut a = Sensor::start(&Setup::default());
    let mut second = a.second();
    let exit = second.wait_exit(Duration::from_secs(10));
    assert_eq!(exit.code(), Some(1));
    assert!(exit.log.contains("another"), "{}", exit.log);
    assert!(a.node.is_running());
}

#[test]
fn a_stop_is_orderly_and_quick_even_when_redis_is_frozen() {
    let (_a, mut b) = two();
    b.slips.freeze_redis();
    b.node.signal(libc::SIGINT);
    b.node.signal(libc::SIGINT);
    let exit = b.node.wait_exit(Duration::from_secs(3));
    assert_eq!(exit.code(), Some(0), "{}", exit.log);
    b.slips.thaw_redis();
}

#[test]
fn opinions_come_and_go_while_nobody_listens_and_messages_wait() {
    let (mut a, mut b) = two();
    let id_b = b.peer_id();
    b.slips.go_away();
    let ips = ["198.51.100.7", "198.51.100.8"];
    for ip in ips {
        a.slips.send("*", &report(ip, 0.9, 0.9));
        a.slips.send(&id_b, &report(ip, 0.8, 0.9));
    }
    for ip in ips {
        opinion(&mut b, ip, |_| true);
    }
    // The next run must not judge one of them; nor is the other lost with a sudden end.
    b.node.kill();
    let never = "[[never_block]]\nnetwork = \"198.51.100.7\"";
    b.restart(&Setup {
        peers: vec![a.address()],
        more: vec![("log", never.to_owned())],
        ..Setup::default()
    });
    wait::until("the withdrawal", wait::LIMIT, || {
        let left = b.slips.cached("IPsInfo:p2p4slips", ips[0]);
        left.is_none().then_some(())
    });
    opinion(&mut b, ips[1], |_| true);
    assert!(
        b.slips
            .heard_so_far()
            .iter()
            .all(|text| !text.contains("go_data"))
    );

    b.slips.come_back();
    let mut missing: BTreeSet<String> = (ips.iter())
        .flat_map(|ip| [report(ip, 0.9, 0.9), report(ip, 0.8, 0.9)])
        .collect();
    b.slips.hear("what waited", |json| {
        let message = contents(json, "go_data")?["message"].as_str()?.to_owned();
        missing.remove(&message);
        missing.is_empty().then_some(())
    });
}
