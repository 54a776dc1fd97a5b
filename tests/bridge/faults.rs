//! Redis is killed, frozen, refuses, or changes its password: nothing is lost and order is kept.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng, rngs::StdRng};
use redis::Commands;
use slips_p2p::bridge::{Counters, DbError, Inbound, Settings};

use crate::{
    common::redis::{Options, RedisServer},
    kit::{Detour, Listener, Rig, arriving, message, settings, subject, until, within},
};

/// Kills and restarts Redis under load and compares what Slips heard with what was said.
async fn killed_under_load(rounds: u64, one_channel: bool, seed: u64) {
    let mut redis = RedisServer::start();
    let channel = if one_channel { "p2p_pygo" } else { "p2p_gopy" };
    let mut slips = Listener::start(&redis, channel).await;
    let rig = Rig::start(Settings {
        to_slips: channel.into(),
        ..settings(&redis)
    })
    .await;
    let mut random = StdRng::seed_from_u64(seed);
    let mut said = 0;
    for round in 1..=rounds {
        // The load goes on around the kill: some is on its way, some comes while Redis is away.
        let kill_after = random.random_range(1..20);
        for burst in 0..25 {
            let size = random.random_range(1..40);
            rig.say((said..said + size).map(message));
            said += size;
            if burst == kill_after {
                redis.kill();
            }
            if random.random_bool(0.5) {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(Duration::from_micros(random.random_range(1..2000))).await;
            }
        }
        redis.restart();
        slips.again(round + 1).await;
        slips.until_heard(said).await;
    }
    let expected: Vec<String> = (0..said).map(arriving).collect();
    assert_eq!(slips.heard_once(), expected, "seed {seed}");
    rig.until_delivered(said as i64).await;
    assert_eq!(rig.shelf.kept(), 0);
    assert!(Counters::get(&rig.bridge.counters.reconnected) >= rounds / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_and_restarted_fifty_times_under_load_loses_nothing_and_keeps_the_order() {
    killed_under_load(50, false, 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_one_channel_kills_lose_nothing_either() {
    killed_under_load(10, true, 8).await;
}

#[tokio::test]
async fn the_ear_is_back_within_a_second_and_the_address_is_set_again() {
    let mut redis = RedisServer::start();
    let mut rig = Rig::start(settings(&redis)).await;
    rig.bridge
        .set_multiaddress("/ip4/192.0.2.1/tcp/6668/p2p/Qm".into());
    for round in 0..5 {
        let mut voice = redis.connection(0);
        until("the address", || {
            voice
                .get::<_, Option<String>>("multiAddress")
                .unwrap()
                .is_some()
        })
        .await;
        let said = format!(r#"{{"message": "{round}", "recipient": "*"}}"#);
        let back = Instant::now();
        until("our ear", || {
            voice.publish::<_, _, i64>("p2p_pygo", &said).unwrap() > 0
        })
        .await;
        assert!(
            back.elapsed() < Duration::from_secs(1),
            "{:?}",
            back.elapsed()
        );
        assert!(
            matches!(rig.next().await, Inbound::Send { message, .. } if message == round.to_string())
        );
        redis.kill();
        tokio::time::sleep(Duration::from_millis(100 * round)).await;
        redis.restart();
    }
}

/// Hands over 10,000 messages after the first ten and asks a question, all without waiting for Redis.
async fn waits_for_nobody(rig: &Rig) {
    let began = Instant::now();
    for n in 0..100 {
        rig.say((10 + n * 100..110 + n * 100).map(message));
    }
    let offered = began.elapsed();
    assert!(
        offered < Duration::from_millis(500),
        "handing over never waits: {offered:?}"
    );
    let began = Instant::now();
    let answer = rig.bridge.slips_db.evaluation(subject("192.0.2.1")).await;
    let fault = matches!(answer, Err(DbError::TimedOut | DbError::Unavailable { .. }));
    assert!(fault, "{answer:?}");
    let asked = began.elapsed();
    assert!(
        asked < Duration::from_secs(2),
        "a question has a time limit: {asked:?}"
    );
}

#[tokio::test]
async fn a_frozen_redis_stalls_nobody_and_loses_nothing_either_way() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let mut rig = Rig::start(settings(&redis)).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut voice = client.get_multiplexed_async_connection().await.unwrap();
    voice.set_response_timeout(crate::kit::LIMIT);
    rig.say((0..10).map(message));
    slips.until_heard(10).await;

    redis.freeze();
    waits_for_nobody(&rig).await;
    // Slips goes on speaking meanwhile; its words wait in its own connection.
    let said = redis::cmd("PUBLISH")
        .arg("p2p_pygo")
        .arg(r#"{"message": "meanwhile", "recipient": "*"}"#)
        .to_owned();
    let speaking = tokio::spawn(async move { said.query_async::<i64>(&mut voice).await });
    // Longer than it takes to find out that nobody answers, and to try anew.
    tokio::time::sleep(Duration::from_secs(5)).await;
    redis.thaw();

    let receivers = within("Slips' message", speaking).await.unwrap().unwrap();
    assert_eq!(receivers, 1, "the subscription was kept");
    assert!(matches!(rig.next().await, Inbound::Send { message, .. } if message == "meanwhile"));
    slips.until_heard(10_010).await;
    assert_eq!(
        slips.heard_once(),
        (0..10_010).map(arriving).collect::<Vec<_>>()
    );
    rig.until_delivered(10_010).await;
    assert_eq!(
        rig.bridge.slips_db.evaluation(subject("192.0.2.1")).await,
        Ok(None)
    );
}

#[tokio::test]
async fn connections_killed_one_by_one_are_made_again_and_never_leave_a_second_ear() {
    let redis = RedisServer::start();
    let one = Settings {
        to_slips: "p2p_pygo".into(),
        ..settings(&redis)
    };
    let mut slips = Listener::start(&redis, "p2p_pygo").await;
    let rig = Rig::start(one).await;
    let mut admin = redis.connection(0);
    for round in 0..20_usize {
        rig.say((round * 10..round * 10 + 10).map(message));
        let kind = if round % 2 == 0 { "pubsub" } else { "normal" };
        let times = slips.times();
        let _: i64 = redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", kind, "SKIPME", "yes"])
            .query(&mut admin)
            .unwrap();
        if kind == "pubsub" {
            slips.again(times + 1).await;
        }
        slips.until_heard(round * 10 + 10).await;
        until("both ears", || {
            let ears: Vec<(String, i64)> = redis::cmd("PUBSUB")
                .arg("NUMSUB")
                .arg("p2p_pygo")
                .query(&mut admin)
                .unwrap();
            assert!(ears[0].1 <= 2, "two ears of ours: {ears:?}");
            ears[0].1 == 2
        })
        .await;
    }
    assert_eq!(
        slips.heard_once(),
        (0..200).map(arriving).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_silent_way_to_redis_is_given_up_and_the_server_drops_what_hung_on_it() {
    let redis = RedisServer::start();
    let detour = Detour::to(&redis).await;
    let slips = Listener::start(&redis, "p2p_pygo").await;
    let around = Settings {
        url: detour.url(),
        to_slips: "p2p_pygo".into(),
        ..settings(&redis)
    };
    let rig = Rig::start(around).await;
    rig.say((0..10).map(message));
    slips.until_heard(10).await;
    let mut admin = redis.connection(0);
    let mut ears = || -> i64 {
        let question = redis::cmd("PUBSUB")
            .arg("NUMSUB")
            .arg("p2p_pygo")
            .to_owned();
        question.query::<Vec<(String, i64)>>(&mut admin).unwrap()[0].1
    };
    for round in 1..=2 {
        detour.silence();
        rig.say((round * 10..round * 10 + 10).map(message));
        slips.until_heard(round * 10 + 10).await;
        let made_anew = || Counters::get(&rig.bridge.counters.reconnected) == round as u64;
        until("a new ear", made_anew).await;
        assert_eq!(ears(), 2, "Slips and one ear of ours, no forgotten one");
    }
    assert_eq!(
        slips.heard_once(),
        (0..30).map(arriving).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_changed_password_keeps_everything_until_it_fits_again() {
    let options = Options {
        password: Some("old secret".into()),
        ..Options::default()
    };
    let redis = RedisServer::with(options);
    let url = format!("redis://:old%20secret@127.0.0.1:{}/0", redis.port());
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut admin = client.get_connection().unwrap();
    let rig = Rig::start(Settings {
        url,
        ..settings(&redis)
    })
    .await;
    let mut set = |password: &str| {
        let _: () = redis::cmd("CONFIG")
            .arg(&["SET", "requirepass", password])
            .query(&mut admin)
            .unwrap();
        let kill = ["KILL", "TYPE", "pubsub"];
        let _: i64 = redis::cmd("CLIENT").arg(&kill).query(&mut admin).unwrap();
        let kill = ["KILL", "TYPE", "normal", "SKIPME", "yes"];
        let _: i64 = redis::cmd("CLIENT").arg(&kill).query(&mut admin).unwrap();
    };
    set("new secret");
    rig.say((0..10).map(message));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(rig.shelf.delivered(), 0);
    set("old secret");
    let mut ear = client.get_async_pubsub().await.unwrap();
    ear.subscribe("p2p_gopy").await.unwrap();
    rig.until_delivered(10).await;
}

#[tokio::test]
async fn a_user_who_may_not_publish_keeps_everything_until_he_may() {
    let redis = RedisServer::start();
    let mut admin = redis.connection(0);
    let mut grant = |channels: &[&str]| {
        let rights = [
            "SETUSER",
            "node",
            "on",
            ">secret",
            "~*",
            "+@all",
            "resetchannels",
        ];
        let _: () = redis::cmd("ACL")
            .arg(&rights)
            .arg(channels)
            .query(&mut admin)
            .unwrap();
    };
    grant(&["&p2p_pygo"]);
    let url = format!("redis://node:secret@127.0.0.1:{}/0", redis.port());
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let rig = Rig::start(Settings {
        url,
        ..settings(&redis)
    })
    .await;
    rig.say((0..10).map(message));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(rig.shelf.delivered(), 0);
    grant(&["&p2p_pygo", "&p2p_gopy"]);
    slips.until_heard(10).await;
    assert_eq!(slips.heard(), (0..10).map(arriving).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_outbox_that_fails_for_a_while_loses_nothing() {
    let redis = RedisServer::start();
    let slips = Listener::start(&redis, "p2p_gopy").await;
    let rig = Rig::start(settings(&redis)).await;
    rig.say([message(0)]);
    rig.until_delivered(1).await;
    rig.shelf.set_broken(true);
    rig.say((1..10).map(message));
    slips.until_heard(10).await;
    // Not handed over, so it must be read.
    rig.shelf.put((10..20).map(message));
    rig.say((20..30).map(message));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(rig.shelf.delivered(), 1);
    rig.shelf.set_broken(false);
    slips.until_heard(30).await;
    assert_eq!(slips.heard(), (0..30).map(arriving).collect::<Vec<_>>());
    rig.until_delivered(30).await;
}
