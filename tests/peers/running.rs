//! Orders to a running node: pins, bans, trust; and what is left of them after a power cut.

use serde_json::Value;
use testkit::{
    sensor::{Sensor, Setup},
    slips::report,
    wait,
};

use super::bench::{row, run};

fn sensor() -> Sensor {
    Sensor::start(&Setup::default())
}

fn small() -> Setup {
    Setup {
        more: vec![(
            "limits",
            "connections = 1\nconnections_inbound = 1".to_owned(),
        )],
        ..Setup::default()
    }
}

/// Waits until a sensor's node has a peer in this state.
fn until_state(sensor: &Sensor, peer: &str, state: &str) -> Value {
    wait::until(&format!("{peer} is {state}"), wait::LIMIT, || {
        let ran = run(&sensor.database(), &["peers", "inspect", peer]);
        let row = (ran.code == Some(0)).then(|| ran.json()[0].clone())?;
        (row["state"] == state).then_some(row)
    })
}

fn pin(a: &Sensor, b: &mut Sensor, alias: &str) {
    let address = b.address().to_string();
    let added = row(
        &a.database(),
        &["peers", "add", &address, "--alias", alias, "--pin"],
    );
    assert_eq!(added["pinned"], true);
}

#[test]
fn a_pinned_peer_is_dialled_at_once_and_again_after_a_power_cut() {
    let (mut a, mut b) = (sensor(), sensor());
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
    a.node.kill();
    a.restart(&Setup::default());
    until_state(&a, "brno", "connected");
    let left = row(&a.database(), &["peers", "unpin", "brno"]);
    assert_eq!(
        (&left["pinned"], &left["state"]),
        (&false.into(), &"connected".into())
    );
}

#[test]
fn a_pinned_peer_comes_back_by_itself() {
    let (a, mut b) = (sensor(), sensor());
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
    let before = b.address();
    b.node.kill();
    until_state(&a, "brno", "retrying");
    b.restart(&Setup::default());
    // Its port is another now, as listen says 0; so it is told where to dial.
    wait::until("its new address", wait::LIMIT, || {
        (b.address() != before).then_some(())
    });
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
}

#[test]
fn pinned_peers_take_no_place_from_others() {
    let (mut a, mut b) = (Sensor::start(&small()), sensor());
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
    let peers = vec![a.address()];
    let mut c = Sensor::start(&Setup {
        peers,
        ..Setup::default()
    });
    let id = c.peer_id();
    until_state(&a, &id, "connected");
    // The one place is taken now; whoever is pinned gets in all the same.
    let mut d = sensor();
    pin(&a, &mut d, "ostrava");
    until_state(&a, "ostrava", "connected");
}

#[test]
fn a_ban_cuts_off_is_kept_over_a_restart_and_can_be_lifted() {
    let (mut a, mut b) = (sensor(), sensor());
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
    let banned = row(
        &a.database(),
        &["peers", "ban", "brno", "--reason", "too\u{1b}[31m loud"],
    );
    assert_eq!(banned["ban_reason"], "too loud");
    let cut = until_state(&a, "brno", "unreachable");
    assert_eq!(cut["ban_reason"], "too loud");
    a.node.kill();
    a.restart(&Setup::default());
    let cut = until_state(&a, "brno", "unreachable");
    assert_eq!(cut["ban_reason"], "too loud");
    row(&a.database(), &["peers", "unban", "brno"]);
    until_state(&a, "brno", "connected");
}

#[test]
fn a_ban_ends_by_itself() {
    let (a, mut b) = (sensor(), sensor());
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
    row(&a.database(), &["peers", "ban", "brno", "--for", "2s"]);
    until_state(&a, "brno", "unreachable");
    until_state(&a, "brno", "connected");
}

#[test]
fn a_rejected_peer_is_cut_off_until_it_is_accepted() {
    let (a, mut b) = (sensor(), sensor());
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
    row(&a.database(), &["peers", "reject", "brno"]);
    let cut = until_state(&a, "brno", "unreachable");
    assert_eq!(cut["reason"], "rejected: it is not wanted here");
    row(&a.database(), &["peers", "accept", "brno"]);
    until_state(&a, "brno", "connected");
}

#[test]
fn trust_changes_opinions_at_once_while_resting_and_after_a_restart() {
    let (mut a, mut b) = (sensor(), sensor());
    pin(&a, &mut b, "brno");
    until_state(&a, "brno", "connected");
    b.slips.send("*", &report("198.51.100.7", 0.9, 0.9));
    a.slips.hear_data();
    let network_score = |sensor: &Sensor, wanted: &dyn Fn(f64) -> bool| {
        wait::until("an opinion that follows trust", wait::LIMIT, || {
            let ran = run(&sensor.database(), &["explain", "198.51.100.7"]);
            let explained = (ran.code == Some(0)).then(|| ran.json())?;
            let score = explained["network_score"].as_f64()?;
            (wanted(score) && explained["recomputed_equal"] == true).then_some(score)
        })
    };
    let stranger = network_score(&a, &|_| true);
    row(&a.database(), &["peers", "trust", "brno"]);
    let trusted = network_score(&a, &|score| score > stranger + 0.1);
    let why = run(&a.database(), &["explain", "--peer", "brno"])
        .ending(0)
        .json();
    assert_eq!(why["anchor_trust"], 0.9);
    assert!(why["trust"].as_f64().unwrap() > 0.5, "{why:#}");

    a.node.kill();
    row(&a.database(), &["peers", "untrust", "brno"]);
    a.restart(&Setup::default());
    network_score(&a, &|score| score < trusted - 0.1);
    let why = run(&a.database(), &["explain", "--peer", "brno"])
        .ending(0)
        .json();
    assert_eq!(why["anchor_trust"], Value::Null);
    a.node.kill();
    row(&a.database(), &["peers", "trust", "brno", "--trust", "1"]);
    a.restart(&Setup::default());
    network_score(&a, &|score| score > stranger + 0.1);
}
