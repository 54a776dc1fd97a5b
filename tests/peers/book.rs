//! The book while no node runs: what is kept, what is refused, how a peer is named.

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::sensor::{Sensor, Setup};

use super::bench::{nobody, nowhere, row, run};

fn empty() -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("node.db");
    (dir, database)
}

/// What the operator wrote, without what depends on the moment.
fn written(row: &Value) -> Value {
    let keys = [
        "peer",
        "alias",
        "pinned",
        "tags",
        "note",
        "decision",
        "trust",
        "trust_organisation",
        "addresses",
        "ban_reason",
    ];
    keys.iter()
        .map(|key| (key.to_string(), row[*key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn what_is_written_offline_is_found_by_id_alias_and_beginning() {
    let (_dir, database) = empty();
    let (first, second) = (nobody(1), nobody(2));
    let added = row(
        &database,
        &[
            "peers",
            "add",
            &nowhere(1),
            "--alias",
            "Brno",
            "--pin",
            "--note",
            "rack 4",
            "--tag",
            "lab",
            "--tag",
            "eu",
        ],
    );
    assert_eq!(
        written(&added),
        json!({"peer": first, "alias": "Brno", "pinned": true, "tags": ["lab", "eu"], "note": "rack 4",
            "decision": null, "trust": null, "trust_organisation": null,
            "addresses": ["/ip4/127.0.0.1/tcp/1"], "ban_reason": null})
    );
    row(&database, &["peers", "add", &nowhere(2)]);
    for name in [&first[..], "brno", "BRNO", " br\u{200b}no\t", &first[..20]] {
        assert_eq!(
            row(&database, &["peers", "inspect", name])["peer"],
            first,
            "{name}"
        );
        assert_eq!(row(&database, &["peers", name])["peer"], first, "{name}");
    }
    row(&database, &["peers", "rename", "brno", "Ostrava"]);
    run(&database, &["peers", "inspect", "brno"]).ending(3);
    assert_eq!(
        row(&database, &["peers", "rename", &second, "brno"])["alias"],
        "brno"
    );
    assert_eq!(row(&database, &["peers", "note", "brno", "x"])["note"], "x");
    assert_eq!(
        row(&database, &["peers", "tag", "ostrava"])["tags"],
        json!([])
    );
    assert_eq!(
        row(&database, &["peers", "unpin", "ostrava"])["pinned"],
        false
    );
    run(&database, &["reports", "--peer", "ostrava"]).ending(0);
    let explained = run(&database, &["explain", "--peer", "brno"])
        .ending(0)
        .json();
    assert_eq!(
        (&explained["peer"], &explained["alias"]),
        (&json!(second), &json!("brno"))
    );
    run(&database, &["peers", "rm", "brno"]).ending(0);
    run(&database, &["peers", "inspect", "brno"]).ending(3);
}

#[test]
fn bans_and_decisions_and_trust_are_kept_with_their_ends() {
    let (_dir, database) = empty();
    let peer = nobody(3);
    let banned = row(
        &database,
        &["peers", "ban", &peer, "--for", "1h", "--reason", "floods"],
    );
    assert_eq!(banned["ban_reason"], "floods");
    assert!(banned["banned_until"].as_str().unwrap() < "9999");
    let banned = row(&database, &["peers", "ban", &peer]);
    assert_eq!(banned["banned_until"], "9999-12-30T22:00:00Z", "for ever");
    assert_eq!(
        row(&database, &["peers", "unban", &peer])["banned_until"],
        Value::Null
    );
    run(&database, &["peers", "unban", &peer]).ending(3);

    let trusted = row(
        &database,
        &[
            "peers",
            "trust",
            &peer,
            "--for",
            "30d",
            "--organisation",
            "CTU",
        ],
    );
    assert_eq!(
        (&trusted["trust"], &trusted["trust_organisation"]),
        (&json!(0.9), &json!("CTU"))
    );
    assert!(trusted["trust_until"].is_string());
    let explained = run(&database, &["explain", "--peer", &peer])
        .ending(0)
        .json();
    assert_eq!(explained["anchor_trust"], 0.9);
    assert_eq!(
        row(&database, &["peers", "untrust", &peer])["trust"],
        Value::Null
    );
    run(&database, &["peers", "untrust", &peer]).ending(3);

    assert_eq!(
        row(&database, &["peers", "reject", &peer])["decision"],
        "rejected"
    );
    assert_eq!(
        row(&database, &["peers", "accept", &peer])["decision"],
        "accepted"
    );
    assert_eq!(
        run(&database, &["peers", "pending"]).ending(0).json(),
        json!([])
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_value_and_remedy() {
    let (_dir, database) = empty();
    let peer = nobody(4);
    row(&database, &["peers", "add", &nowhere(4), "--alias", "brno"]);
    row(&database, &["peers", "add", &nowhere(5)]);
    let other = nobody(5);
    let over = |address: &str| format!("{address}/p2p/{other}");
    let (long, note) = ("x".repeat(41), "ý".repeat(201));
    for (arguments, code, said) in [
        (vec!["rename", &other[..], &long], 2, "has 41 characters"),
        (vec!["note", &other, &note], 2, "at most 200"),
        (vec!["note", &other, &note], 2, "shorten it by 1"),
        (vec!["tag", &other, "lab", &long], 2, "the tag `xxx"),
        (vec!["ban", &other, "--reason", &note], 2, "the reason `ý"),
        (
            vec!["trust", &other, "--organisation", &long],
            2,
            "at most 40",
        ),
        (vec!["inspect", &format!("brno{long}")], 3, "`brnox"),
        (vec!["rename", &other[..], "BRNO"], 2, "take another"),
        (
            vec!["rename", &other, "\u{200b}\u{202e}"],
            2,
            "visible character",
        ),
        (vec!["rename", &other, &peer], 2, "begins like one"),
        (vec!["rename", "nowhere", "x"], 3, "`nowhere`"),
        (vec!["trust", "brno", "--trust", "0"], 2, "more than 0"),
        (vec!["trust", "brno", "--trust", "1.5"], 2, "1.5"),
        (vec!["ban", "brno", "--for", "never"], 2, "`never`"),
        (vec!["add", "/ip4/192.0.2.7/tcp/4001"], 2, "/p2p/"),
        (vec!["add", "nonsense"], 2, "`nonsense`"),
        (
            vec!["add", &over("/ip4/192.0.2.7/udp/4001/quic-v1")],
            2,
            "`/ip4/192.0.2.7/udp/4001/quic-v1` is for QUIC",
        ),
        (
            vec!["add", &over("/ip4/192.0.2.7/udp/4001/quic-v1")],
            2,
            "or set network.quic = true",
        ),
        (
            vec!["add", &over("/dns4/example.org/tcp/4001")],
            2,
            "write the IP address the name stands for",
        ),
        (
            vec!["add", &over("/ip4/192.0.2.7/tcp/4001/ws")],
            2,
            "goes on after",
        ),
        (
            vec!["add", &over("/unix/run%2Fx.sock")],
            2,
            "does not begin with /ip4/ or /ip6/",
        ),
        (
            vec!["add", &over("/ip4/0.0.0.0/tcp/4001")],
            2,
            "the unspecified address",
        ),
        (vec!["ban", "12D3"], 2, "give more of it"),
    ] {
        let mut all = vec!["peers"];
        all.extend(&arguments);
        let ran = run(&database, &all).ending(code);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(
        row(&database, &["peers", "brno"])["peer"],
        peer,
        "nothing was changed"
    );
}

#[test]
fn the_running_node_knows_whether_it_dials_over_quic() {
    let address = format!("/ip4/127.0.0.1/udp/1/quic-v1/p2p/{}", nobody(8));
    let add = ["peers", "add", &address];
    let without = Sensor::start(&Setup::default());
    let refused = run(&without.database(), &add).ending(2);
    assert!(
        refused.err.contains("is for QUIC, which is off"),
        "{}",
        refused.err
    );
    let with = Sensor::start(&Setup {
        more: vec![("network", "quic = true".to_owned())],
        ..Setup::default()
    });
    // The command reads no configuration here, in which QUIC would be on.
    run(&with.database(), &add).ending(0);
}

#[test]
fn names_that_act_on_a_terminal_become_plain_words() {
    let (_dir, database) = empty();
    let nasty = "\u{1b}]0;owned\u{7}\u{1b}[31mbr\u{200b}no\u{202e}\r\n east";
    let added = row(
        &database,
        &[
            "peers",
            "add",
            &nowhere(6),
            "--alias",
            nasty,
            "--note",
            nasty,
            "--tag",
            nasty,
        ],
    );
    assert_eq!(added["alias"], "brno east");
    assert_eq!(added["note"], "brno east");
    assert_eq!(added["tags"], json!(["brno east"]));
    assert_eq!(
        row(&database, &["peers", "inspect", nasty])["peer"],
        nobody(6)
    );
    let banned = row(&database, &["peers", "ban", "brno east", "--reason", nasty]);
    assert_eq!(banned["ban_reason"], "brno east");
    let told = run(&database, &["peers", "note", "brno east", nasty]).ending(0);
    assert!(
        told.err.contains("the note is kept as `brno east`"),
        "{}",
        told.err
    );
    let plain = run(&database, &["peers", "note", "brno east", "Řež 東 2"]).ending(0);
    assert!(!plain.err.contains("is kept as"), "{}", plain.err);
}

#[test]
fn a_running_node_and_its_resting_database_come_to_the_same() {
    let sensor = Sensor::start(&Setup::default());
    let (_dir, offline) = empty();
    let peer = nobody(7);
    let orders: [&[&str]; 11] = [
        &[
            "add",
            &nowhere(7),
            "--alias",
            "a  \u{1b}[1mb",
            "--note",
            "n",
            "--tag",
            "x",
            "--tag",
            "x",
        ],
        &["add", &nowhere(7), "--tag", "y"],
        &["trust", "a b", "--trust", "0.7", "--organisation", "o"],
        &["ban", &peer, "--for", "2h", "--reason", "why"],
        &["pin", &peer],
        &["unban", &peer],
        &["reject", &peer],
        &["accept", &peer],
        &["rename", &peer, "c"],
        &["untrust", "c"],
        &["ban", "c"],
    ];
    for order in orders {
        let mut arguments = vec!["peers"];
        arguments.extend(order);
        let (online, offline) = (
            row(&sensor.database(), &arguments),
            row(&offline, &arguments),
        );
        assert_eq!(written(&online), written(&offline), "{order:?}");
    }
    let rm = ["peers", "rm", "c"];
    run(&sensor.database(), &rm).ending(0);
    run(&offline, &rm).ending(0);
    let left = |database| written(&row(database, &["peers", "inspect", &peer]));
    assert_eq!(left(&sensor.database()), left(&offline));
}
