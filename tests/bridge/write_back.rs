//! Opinions in Slips' database: both layouts, other writers, and a database that is away.

use std::time::Duration;

use redis::Commands;
use slips_p2p::{
    bridge::{Counters, Layout, Settings},
    domain::{Content, ParcelId},
};

use crate::{
    common::redis::RedisServer,
    kit::{Listener, Rig, arriving, message, opinion, settings, subject, until},
};

#[tokio::test]
async fn the_current_layout_is_a_hash_of_its_own_that_expires_where_the_server_can() {
    let redis = RedisServer::start();
    let mut cache = redis.connection(1);
    let errors = |cache: &mut redis::Connection| -> u64 {
        let info: redis::InfoDict = redis::cmd("INFO").arg("stats").query(cache).unwrap();
        info.get("total_error_replies").unwrap()
    };
    let before = errors(&mut cache);
    let rig = Rig::start(settings(&redis)).await;
    for n in 0..20 {
        rig.say([opinion("192.0.2.1", n), opinion("2001:db8::1", n)]);
        rig.until_delivered(2 * n as i64 + 2).await;
    }
    for ip in ["192.0.2.1", "2001:db8::1"] {
        let stored: String = cache.hget("IPsInfo:p2p4slips", ip).unwrap();
        assert_eq!(stored, r#"{"score":19}"#);
    }
    let asked = errors(&mut cache) - before;
    let mut left = redis::cmd("HTTL");
    left.arg(&["IPsInfo:p2p4slips", "FIELDS", "1", "192.0.2.1"]);
    match left.query::<Vec<i64>>(&mut cache) {
        Ok(seconds) => assert!((7100..=7200).contains(&seconds[0]), "{seconds:?}"),
        Err(_) => assert_eq!(asked, 1, "an old server is asked once, not once a row"),
    }
}

#[tokio::test]
async fn a_batch_writes_the_newest_opinion_of_each_address() {
    let redis = RedisServer::start();
    let rig = Rig::start(settings(&redis)).await;
    let ip = |n: usize| format!("10.0.{}.{}", n / 250, n % 250);
    rig.say((0..3000).map(|n| opinion(&ip(n % 1000), n)));
    rig.until_delivered(3000).await;
    let mut cache = redis.connection(1);
    for n in 0..1000 {
        let stored: String = cache.hget("IPsInfo:p2p4slips", ip(n)).unwrap();
        assert_eq!(stored, format!(r#"{{"score":{}}}"#, n + 2000));
    }
    assert_eq!(cache.hlen::<_, usize>("IPsInfo:p2p4slips").unwrap(), 1000);
}

#[tokio::test]
async fn without_write_back_opinions_are_done_at_once() {
    let redis = RedisServer::start();
    let rig = Rig::start(Settings {
        write_back: false,
        ..settings(&redis)
    })
    .await;
    rig.say([opinion("192.0.2.1", 1)]);
    rig.until_delivered(1).await;
    assert!(
        !redis
            .connection(1)
            .exists::<_, bool>("IPsInfo:p2p4slips")
            .unwrap()
    );
}

#[tokio::test]
async fn the_older_layout_keeps_every_other_key_as_it_was() {
    let redis = RedisServer::start();
    let mut cache = redis.connection(1);
    let stored = r#"{"SNI": [], "VirusTotal": {"URL": 0.30, "big": 12345678901234567890123}, "p2p4slips": {"old": 1}, "geocountry": "é"}"#;
    let _: i64 = cache.hset("IPsInfo", "192.0.2.1", stored).unwrap();
    let _: i64 = cache.hset("IPsInfo", "192.0.2.3", "no object").unwrap();
    let rig = Rig::start(Settings {
        layout: Layout::Json,
        ..settings(&redis)
    })
    .await;
    rig.say([
        opinion("192.0.2.1", 5),
        opinion("192.0.2.2", 6),
        opinion("192.0.2.3", 7),
    ]);
    rig.until_delivered(3).await;
    let mut get = |ip: &str| cache.hget::<_, _, String>("IPsInfo", ip).unwrap();
    assert_eq!(
        get("192.0.2.1"),
        stored.replace(r#"{"old": 1}"#, r#"{"score":5}"#)
    );
    assert_eq!(get("192.0.2.2"), r#"{"p2p4slips":{"score":6}}"#);
    assert_eq!(get("192.0.2.3"), "no object");
    assert_eq!(Counters::get(&rig.bridge.counters.written_back), 2);
    assert_eq!(Counters::get(&rig.bridge.counters.write_backs_dropped), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_of_one_row_lose_nothing() {
    const COUNTS: usize = 2000;
    let redis = RedisServer::start();
    let rig = Rig::start(Settings {
        layout: Layout::Json,
        ..settings(&redis)
    })
    .await;
    let mut other = redis.connection(1);
    let counting = tokio::task::spawn_blocking(move || {
        let count = redis::Script::new(
            "local row = cjson.decode(redis.call('HGET', 'IPsInfo', KEYS[1]) or '{}')
             row.n = (row.n or 0) + 1
             redis.call('HSET', 'IPsInfo', KEYS[1], cjson.encode(row))
             return row.n",
        );
        for _ in 0..COUNTS {
            let _: usize = count.key("192.0.2.1").invoke(&mut other).unwrap();
        }
    });
    let mut last = 0;
    while !counting.is_finished() || last < 200 {
        last += 1;
        rig.say([opinion("192.0.2.1", last)]);
        rig.until_delivered(last as i64).await;
    }
    counting.await.unwrap();
    let stored: String = redis.connection(1).hget("IPsInfo", "192.0.2.1").unwrap();
    let row: serde_json::Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(row["n"], COUNTS, "{row}");
    assert_eq!(row["p2p4slips"]["score"], last, "{row}");
}

#[tokio::test]
async fn a_cache_that_is_away_delays_no_message_and_gets_the_newest_when_it_is_back() {
    let redis = RedisServer::start();
    let mut cache = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let elsewhere = Settings {
        cache_url: Some(cache.url_of(1)),
        ..settings(&redis)
    };
    let rig = Rig::start(elsewhere).await;
    rig.say([message(0)]);
    rig.until_delivered(1).await;
    cache.kill();
    for n in 0..50 {
        rig.say([opinion("192.0.2.1", n), message(n + 1)]);
    }
    slips.until_heard(51).await;
    assert_eq!(slips.heard(), (0..51).map(arriving).collect::<Vec<_>>());
    let kept = rig.shelf.kept();
    assert!(
        kept >= 2,
        "the outbox keeps the opinion and what follows it: {kept}"
    );
    cache.restart();
    rig.until_delivered(101).await;
    let stored: String = cache
        .connection(1)
        .hget("IPsInfo:p2p4slips", "192.0.2.1")
        .unwrap();
    assert_eq!(stored, r#"{"score":49}"#);
}

#[tokio::test]
async fn after_a_while_the_outbox_does_not_wait_for_the_cache_any_more() {
    let redis = RedisServer::start();
    let mut cache = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let elsewhere = Settings {
        cache_url: Some(cache.url_of(1)),
        ..settings(&redis)
    };
    let rig = Rig::start(elsewhere).await;
    cache.kill();
    rig.say([opinion("192.0.2.1", 1), message(1)]);
    slips.until_heard(1).await;
    assert_eq!(rig.shelf.delivered(), 0);
    rig.until_delivered(2).await;
    cache.restart();
    until("the opinion", || {
        Counters::get(&rig.bridge.counters.written_back) == 1
    })
    .await;
}

#[tokio::test]
async fn a_read_only_or_full_server_takes_messages_and_gets_the_opinions_later() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let rig = Rig::start(settings(&redis)).await;
    let mut admin = redis.connection(0);
    let mut set = |command: &str, arguments: &[&str]| {
        let _: () = redis::cmd(command)
            .arg(arguments)
            .query(&mut admin)
            .unwrap();
    };
    let mut heard = 0;
    let troubles: [(&str, &[&str], &[&str]); 2] = [
        ("REPLICAOF", &["127.0.0.1", "1"], &["NO", "ONE"]),
        (
            "CONFIG",
            &["SET", "maxmemory", "1"],
            &["SET", "maxmemory", "0"],
        ),
    ];
    for (command, trouble, cure) in troubles {
        set(command, trouble);
        // Two messages: a server without memory refuses transactions.
        rig.say([
            opinion("192.0.2.1", heard),
            message(heard),
            message(heard + 1),
        ]);
        heard += 2;
        slips.until_heard(heard).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let rows = heard as i64 / 2 * 3;
        assert_eq!(rig.shelf.delivered(), rows - 3, "{command}");
        set(command, cure);
        rig.until_delivered(rows).await;
        let written = Counters::get(&rig.bridge.counters.written_back);
        assert_eq!(written, heard as u64 / 2, "{command}");
    }
}

#[tokio::test]
async fn while_nobody_listens_opinions_are_written_and_withdrawn_and_messages_wait_in_order() {
    let redis = RedisServer::start();
    let mut cache = redis.connection(1);
    let stored = |cache: &mut redis::Connection, ip: &str| -> Option<String> {
        cache.hget("IPsInfo:p2p4slips", ip).unwrap()
    };
    let rig = Rig::start(settings(&redis)).await;
    // More than the hand-over holds of messages: they are read from the outbox later.
    let filler = "x".repeat(40_000);
    let long = |n: usize| Content::Publish(format!(r#"{{"n":{n},"filler":"{filler}"}}"#));
    for n in 0..150 {
        rig.say([long(n), opinion("192.0.2.1", n), message(n)]);
    }
    rig.say([opinion("192.0.2.2", 7)]);
    until("the newest opinions", || {
        stored(&mut cache, "192.0.2.1").as_deref() == Some(r#"{"score":149}"#)
            && stored(&mut cache, "192.0.2.2").is_some()
    })
    .await;
    rig.say([Content::Withdraw(subject("192.0.2.1")), message(150)]);
    until("the withdrawal", || {
        stored(&mut cache, "192.0.2.1").is_none()
    })
    .await;
    until("the word to the outbox", || {
        rig.shelf.done().opinions == ParcelId(453)
    })
    .await;
    assert_eq!((rig.shelf.delivered(), rig.shelf.kept()), (0, 453));

    // What was written is not written again by the next run: Slips may have taken it away.
    let Rig {
        bridge,
        shelf,
        cancel,
    } = rig;
    cancel.cancel();
    drop(bridge);
    let _: () = cache.hdel("IPsInfo:p2p4slips", "192.0.2.2").unwrap();
    let rig = Rig::start_with(settings(&redis), shelf).await;
    rig.say([opinion("192.0.2.3", 1)]);
    until("an opinion of the next run", || {
        stored(&mut cache, "192.0.2.3").is_some()
    })
    .await;
    assert_eq!(stored(&mut cache, "192.0.2.1"), None);
    assert_eq!(stored(&mut cache, "192.0.2.2"), None);

    let slips = Listener::start(&redis, "p2p_gopy").await;
    slips.until_heard(301).await;
    let heard: Vec<String> = (slips.heard().into_iter())
        .filter(|text| !text.contains("filler"))
        .collect();
    assert_eq!(heard, (0..151).map(arriving).collect::<Vec<_>>());
    rig.until_delivered(454).await;
    assert_eq!(rig.shelf.kept(), 0);
}
