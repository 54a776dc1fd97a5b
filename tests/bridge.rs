//! The bridge against a real redis-server: in, out, one channel for both, and Slips' version.

mod common;
#[path = "bridge/faults.rs"]
mod faults;
#[path = "bridge/kit.rs"]
mod kit;
#[path = "bridge/urls.rs"]
mod urls;
#[path = "bridge/write_back.rs"]
mod write_back;

use std::{fs, time::Duration};

use common::redis::RedisServer;
use kit::{Listener, Rig, VERSION, arriving, message, settings, until, within};
use redis::Commands;
use slips_p2p::{
    bridge::{Counters, Finished, Inbound, Settings},
    domain::Recipient,
};

const BASE64: &str = "eyJtZXNzYWdlX3R5cGUiOiJyZXF1ZXN0In0=";
const PEER: &str = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";

fn to_all(message: &str) -> Inbound {
    Inbound::Send {
        recipient: Recipient::All,
        message: message.into(),
    }
}

#[tokio::test]
async fn what_slips_says_comes_in_in_order_and_what_cannot_be_read_is_counted() {
    let redis = RedisServer::start();
    let mut rig = Rig::start(settings(&redis)).await;
    let mut slips = redis.connection(0);
    for payload in [
        format!(r#"{{"message": "{BASE64}", "recipient": "*", "version": "1.1.21"}}"#),
        "rubbish".to_owned(),
        format!(r#"{{"message": "{BASE64}", "recipient": "{PEER}"}}"#),
        "stop_process".to_owned(),
    ] {
        let receivers: i64 = slips.publish("p2p_pygo", payload).unwrap();
        assert_eq!(
            receivers, 1,
            "the subscription was confirmed before the start was over"
        );
    }
    assert_eq!(rig.next().await, to_all(BASE64));
    let one = Recipient::One(PEER.parse().unwrap());
    assert_eq!(
        rig.next().await,
        Inbound::Send {
            recipient: one,
            message: BASE64.into()
        }
    );
    assert_eq!(rig.next().await, Inbound::StopProcess);
    assert_eq!(Counters::get(&rig.bridge.counters.refused), 1);
    assert_eq!(Counters::get(&rig.bridge.counters.received), 3);
    rig.cancel.cancel();
    assert_eq!(within("the end", rig.bridge.inbound.next()).await, None);
}

#[tokio::test]
async fn what_is_meant_for_slips_goes_out_in_order_with_the_version() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let rig = Rig::start(settings(&redis)).await;
    for n in 0..1000 {
        rig.say([message(n)]);
    }
    slips.until_heard(1000).await;
    assert_eq!(slips.heard(), (0..1000).map(arriving).collect::<Vec<_>>());
    rig.until_delivered(1000).await;
    assert_eq!(rig.shelf.kept(), 0);
    assert_eq!(Counters::get(&rig.bridge.counters.delivered), 1000);
    assert_eq!(Counters::get(&rig.bridge.counters.resent), 0);
}

#[tokio::test]
async fn what_was_left_from_before_and_what_was_never_handed_over_goes_out_in_order() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let shelf = kit::Shelf::default();
    shelf.put((0..700).map(message));
    let rig = Rig::start_with(settings(&redis), shelf).await;
    rig.say((700..800).map(message));
    // Committed and not handed over, then handed over in the wrong order.
    rig.shelf.put((800..900).map(message));
    let first = rig.shelf.put((900..950).map(message));
    rig.bridge
        .outbox
        .offer(rig.shelf.put((950..1000).map(message)));
    rig.bridge.outbox.offer(first);
    slips.until_heard(1000).await;
    assert_eq!(slips.heard(), (0..1000).map(arriving).collect::<Vec<_>>());
}

#[tokio::test]
async fn more_than_the_hand_over_holds_is_read_from_the_outbox() {
    let redis = RedisServer::start();
    let rig = Rig::start(settings(&redis)).await;
    let filler = "x".repeat(20_000);
    let big = |n: usize| {
        slips_p2p::domain::Content::Publish(format!(r#"{{"n":{n},"filler":"{filler}"}}"#))
    };
    // Nobody listens yet: 20 MB wait.
    for n in 0..1000 {
        rig.say([big(n)]);
    }
    let slips = Listener::start(&redis, "p2p_gopy").await;
    slips.until_heard(1000).await;
    let heard: Vec<String> = slips
        .heard()
        .iter()
        .map(|text| text[..12].to_owned())
        .collect();
    let expected: Vec<String> = (0..1000)
        .map(|n| format!(r#"{{"n":{n},"filler""#)[..12].to_owned())
        .collect();
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn rows_dropped_from_the_outbox_stop_nothing() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let rig = Rig::start(settings(&redis)).await;
    rig.say([message(1)]);
    rig.until_delivered(1).await;
    rig.shelf.put((2..10).map(message));
    rig.shelf.forget(2..10);
    let late = rig.shelf.put([message(10)]);
    rig.shelf.forget(10..11);
    rig.bridge.outbox.offer(late);
    slips.until_heard(2).await;
    assert_eq!(slips.heard(), [arriving(1), arriving(10)]);
}

#[tokio::test]
async fn on_one_channel_own_messages_are_no_errors_and_our_own_ear_is_no_receiver() {
    let redis = RedisServer::start();
    let one = Settings {
        to_slips: "p2p_pygo".into(),
        ..settings(&redis)
    };
    let mut rig = Rig::start(one).await;
    rig.say((0..10).map(message));
    let own = |rig: &Rig| Counters::get(&rig.bridge.counters.own);
    until("the first attempt", || own(&rig) >= 10).await;
    assert_eq!(rig.shelf.delivered(), 0, "only we ourselves have heard it");

    let slips = Listener::start(&redis, "p2p_pygo").await;
    slips.until_heard(10).await;
    rig.until_delivered(10).await;
    assert_eq!(slips.heard(), (0..10).map(arriving).collect::<Vec<_>>());

    let mut voice = redis.connection(0);
    let said = format!(r#"{{"message": "{BASE64}", "recipient": "*"}}"#);
    let _: i64 = voice.publish("p2p_pygo", said).unwrap();
    assert_eq!(rig.next().await, to_all(BASE64));
    assert_eq!(Counters::get(&rig.bridge.counters.refused), 0);
    assert_eq!(Counters::get(&rig.bridge.counters.received), 1);
}

#[tokio::test]
async fn without_a_subscriber_everything_is_kept_and_goes_out_promptly_when_one_comes() {
    let redis = RedisServer::start();
    let rig = Rig::start(settings(&redis)).await;
    rig.say((0..500).map(message));
    let mut connection = redis.connection(0);
    let commands = |connection: &mut redis::Connection| -> u64 {
        let info: redis::InfoDict = redis::cmd("INFO").arg("stats").query(connection).unwrap();
        info.get("total_commands_processed").unwrap()
    };
    until("the first attempt", || commands(&mut connection) > 256).await;
    let before = commands(&mut connection);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let busy = commands(&mut connection) - before;
    assert!(
        busy < 50,
        "waiting for Slips took {busy} commands in a second"
    );
    assert_eq!(rig.shelf.delivered(), 0);

    let slips = Listener::start(&redis, "p2p_gopy").await;
    let came = std::time::Instant::now();
    slips.until_heard(500).await;
    assert!(
        came.elapsed() < Duration::from_secs(2),
        "{:?}",
        came.elapsed()
    );
    assert_eq!(slips.heard(), (0..500).map(arriving).collect::<Vec<_>>());
}

#[tokio::test]
async fn messages_wait_for_the_version_and_follow_it_when_it_changes() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let waiting = Settings {
        version: None,
        version_wait: kit::LIMIT,
        ..settings(&redis)
    };
    let rig = Rig::start(waiting).await;
    rig.say([message(0)]);
    let mut voice = redis.connection(0);
    let mut hear = |version: &str| {
        let said =
            format!(r#"{{"message": "{BASE64}", "recipient": "*", "version": "{version}"}}"#);
        let _: i64 = voice.publish("p2p_pygo", said).unwrap();
    };
    hear("no \\\" version");
    hear(VERSION);
    slips.until_heard(1).await;
    assert_eq!(slips.heard(), [arriving(0)]);
    hear("1.1.22");
    until("three messages in", || {
        Counters::get(&rig.bridge.counters.received) == 3
    })
    .await;
    rig.say([message(1)]);
    slips.until_heard(2).await;
    assert_eq!(slips.heard()[1], arriving(1).replace(VERSION, "1.1.22"));
}

#[tokio::test]
async fn the_version_is_read_from_the_file_of_slips_and_followed() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("VERSION");
    fs::write(&file, format!("{VERSION}\n")).unwrap();
    let from_file = Settings {
        version: None,
        version_files: vec![file.clone()],
        version_wait: kit::LIMIT,
        ..settings(&redis)
    };
    let rig = Rig::start(from_file).await;
    rig.say([message(0)]);
    slips.until_heard(1).await;
    assert_eq!(slips.heard(), [arriving(0)]);
    fs::write(&file, "1.1.22-live\n").unwrap();
    let mut n = 0;
    within("the new version", async {
        while !slips
            .heard()
            .last()
            .is_some_and(|text| text.contains(r#""1.1.22-live""#))
        {
            n += 1;
            rig.say([message(n)]);
            slips.until_heard(n + 1).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn when_the_version_stays_unknown_messages_go_without_it() {
    let redis = RedisServer::start();
    let without = Settings {
        version: None,
        version_wait: Duration::from_millis(50),
        ..settings(&redis)
    };
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let rig = Rig::start(without).await;
    rig.say([message(0)]);
    slips.until_heard(1).await;
    assert!(!slips.heard()[0].contains("version"));
}

#[tokio::test]
async fn a_full_queue_drops_the_newest_and_counts_them() {
    let redis = RedisServer::start();
    let mut rig = Rig::start(Settings {
        queue_bytes: 10_000,
        ..settings(&redis)
    })
    .await;
    let mut voice = redis.connection(0);
    let counts = |rig: &Rig| {
        let counters = &rig.bridge.counters;
        (
            Counters::get(&counters.received),
            Counters::get(&counters.dropped),
        )
    };
    for n in 0..1000 {
        let said = format!(r#"{{"message": "{n}", "recipient": "*"}}"#);
        let _: i64 = voice.publish("p2p_pygo", said).unwrap();
    }
    until("all to be seen", || counts(&rig).0 + counts(&rig).1 == 1000).await;
    let (received, dropped) = counts(&rig);
    assert!(received > 10 && dropped > 10, "{received} {dropped}");
    for n in 0..received {
        assert_eq!(rig.next().await, to_all(&n.to_string()));
    }
}

/// Everything but the tasks is dropped.
fn let_go(bridge: slips_p2p::bridge::Bridge) -> slips_p2p::bridge::Tasks {
    bridge.tasks
}

#[tokio::test]
async fn stopping_delivers_what_was_handed_over_and_ends() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let rig = Rig::start(settings(&redis)).await;
    rig.say((0..300).map(message));
    let Rig {
        bridge,
        shelf,
        cancel,
    } = rig;
    cancel.cancel();
    assert_eq!(let_go(bridge).finish(kit::LIMIT).await, Finished::Clean);
    slips.until_heard(300).await;
    assert_eq!(shelf.delivered(), 300);

    let rig = Rig::start_with(settings(&redis), shelf).await;
    drop(slips);
    rig.say([message(300)]);
    let Rig {
        bridge,
        shelf,
        cancel,
    } = rig;
    cancel.cancel();
    let end = let_go(bridge).finish(Duration::from_millis(300)).await;
    assert_eq!(end, Finished::Cut(vec!["acknowledger", "publisher"]));
    assert_eq!(shelf.kept(), 1, "what nobody took stays in the outbox");
}
