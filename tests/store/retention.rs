//! What is too old, too many or too big goes; the rest stays, and commits go on.

use slips_p2p::{
    domain::{Ban, Confidence, Opinion, ParcelId, Score, Trust},
    store::{Batch, PeerAddress, Pruned, ReportFilter, StoredFact},
};

use crate::world::*;

const ALL: ReportFilter = ReportFilter {
    ip: None,
    peer: None,
    since: None,
    after_id: None,
    limit: 100_000,
};

fn many(count: u32, from: i64) -> Batch {
    reports((0..count).map(|n| {
        says(
            1,
            &format!("10.{}.{}.1", n / 250, n % 250),
            0.5,
            at(from + i64::from(n)),
        )
    }))
}

fn opinion(of: &str) -> Opinion {
    Opinion {
        subject: subject(of),
        score: Score::MAX,
        confidence: Confidence::MAX,
        network_score: Trust::MAX,
        computed_at: at(1),
        reporters: 1,
    }
}

#[tokio::test]
async fn old_reports_go_with_the_opinions_they_made() {
    let world = World::new();
    let store = world.open().await;
    let mut batch = reports([
        says(1, "192.0.2.1", 0.5, at(1)),
        says(1, "192.0.2.2", 0.5, at(2)),
        says(2, "192.0.2.2", 0.5, at(500)),
        says(1, "192.0.2.3", 0.5, at(3)),
    ]);
    batch.statements = vec![
        we_say("192.0.2.1", 0.5, at(1)),
        we_say("192.0.2.2", 0.5, at(600)),
    ];
    batch.opinions = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(opinion).into();
    store.commit(batch).await.unwrap();
    // Said again: young again.
    store
        .commit(reports([says(1, "192.0.2.3", 0.5, at(400))]))
        .await
        .unwrap();

    let pruned = store.prune(at(1_100)).await.unwrap();
    assert_eq!(
        pruned,
        Pruned {
            reports: 2,
            statements: 1,
            opinions: 1,
            ..Pruned::default()
        }
    );
    let reader = world.reader().await;
    let left: Vec<_> = reader
        .reports(ALL)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.author, row.subject))
        .collect();
    assert_eq!(
        left,
        [
            (peer(2), subject("192.0.2.2")),
            (peer(1), subject("192.0.2.3"))
        ]
    );
    assert_eq!(reader.opinion(subject("192.0.2.1")).await.unwrap(), None);
    assert!(
        reader
            .opinion(subject("192.0.2.2"))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.prune(at(1_100)).await.unwrap(), Pruned::default());
}

#[tokio::test]
async fn the_oldest_reports_go_when_there_are_too_many() {
    let mut world = World::new();
    world.settings.retention.max_reports = 100;
    let store = world.open().await;
    store.commit(many(3_600, 0)).await.unwrap();
    let pruned = store.prune(at(0)).await.unwrap();
    assert_eq!(pruned.reports, 3_500);
    let left = world.reader().await.reports(ALL).await.unwrap();
    assert_eq!(left.len(), 100);
    assert!(left.iter().all(|row| row.first_at >= at(3_500)));
    let next = store.commit(many(1, 9_000)).await;
    assert!(next.is_ok());
    assert_eq!(
        world
            .reader()
            .await
            .reports(ALL)
            .await
            .unwrap()
            .last()
            .unwrap()
            .id,
        3_601,
        "ids are never used twice"
    );
}

#[tokio::test]
async fn the_oldest_reports_go_when_they_take_too_much_room() {
    let mut world = World::new();
    world.settings.retention.max_bytes = 600_000;
    let store = world.open().await;
    store.commit(many(10_000, 0)).await.unwrap();
    let before = world.reader().await.stats().await.unwrap();
    assert!(before.used_bytes > 600_000, "{before:?}");
    let pruned = store.prune(at(0)).await.unwrap();
    let after = world.reader().await.stats().await.unwrap();
    assert!(
        after.used_bytes <= 600_000 && after.reports > 1_000,
        "{after:?}"
    );
    assert_eq!(after.reports + pruned.reports, 10_000);
    assert_eq!(
        after.oldest_report,
        Some(at(i64::try_from(pruned.reports).unwrap()))
    );
}

#[tokio::test]
async fn old_messages_go_from_the_front_only() {
    let world = World::new();
    let store = world.open().await;
    let times = [1, 2, 500, 3];
    store
        .commit(outbox(
            times.map(|when| message(&when.to_string(), at(when))),
        ))
        .await
        .unwrap();
    assert_eq!(store.prune(at(1_100)).await.unwrap().outbox, 2);
    let left = messages(&store, 0, 9).await;
    assert_eq!(texts(&left), ["500", "3"]);
    assert_eq!(store.prune(at(2_000)).await.unwrap().outbox, 2);
    let given = store
        .commit(outbox([message("next", at(9))]))
        .await
        .unwrap()
        .parcels;
    assert_eq!(given[0].id, ParcelId(5));
    let stats = world.reader().await.stats().await.unwrap();
    assert_eq!((stats.dropped, stats.outbox), (4, 1));
}

#[tokio::test]
async fn after_a_long_rest_stale_messages_go_before_anything_is_delivered() {
    let world = World::new();
    let store = world.open().await;
    let times = [1, 2, 500].map(|when| message(&when.to_string(), at(when)));
    store.commit(outbox(times)).await.unwrap();
    store.close().await;
    let store = world.open().await;
    assert_eq!(store.drop_stale(at(1_100)).await.unwrap(), 2);
    let left = messages(&store, 0, 9).await;
    assert_eq!(texts(&left), ["500"]);
}

#[tokio::test]
async fn silent_peers_and_spent_bans_are_forgotten_and_can_come_back() {
    let world = World::new();
    let store = world.open().await;
    let ban = |who, until| Ban {
        peer: peer(who),
        since: at(1),
        until: at(until),
        reason: "flood".into(),
    };
    let mut batch = reports([
        says(1, "192.0.2.1", 0.5, at(1)),
        says(2, "192.0.2.1", 0.5, at(900)),
    ]);
    batch.greeted = vec![peer(1), peer(2)];
    batch.bans = vec![ban(1, 50), ban(3, 9_000)];
    store.commit(batch).await.unwrap();

    let pruned = store.prune(at(1_100)).await.unwrap();
    assert_eq!((pruned.reports, pruned.bans, pruned.peers), (1, 1, 1));
    let mut left: Vec<_> = world
        .reader()
        .await
        .peers()
        .await
        .unwrap()
        .iter()
        .map(|record| record.peer)
        .collect();
    left.sort();
    assert_eq!(left, [peer(2), peer(3)]);
    store
        .commit(reports([says(1, "192.0.2.7", 0.5, at(1_200))]))
        .await
        .unwrap();
    let back = world.reader().await.peer(peer(1)).await.unwrap().unwrap();
    assert_eq!(
        (back.first_seen, back.greeted, back.reports),
        (at(1_200), false, 1)
    );
}

#[tokio::test]
async fn the_address_a_kept_report_was_made_from_is_kept() {
    let world = World::new();
    let store = world.open().await;
    let lives_at = |place: &str, when| PeerAddress {
        peer: peer(1),
        ip: ip(place),
        multiaddr: String::new(),
        seen_at: at(when),
    };
    let addresses = vec![
        lives_at("10.0.0.1", 1),
        lives_at("10.0.0.2", 20),
        lives_at("10.0.0.3", 500),
    ];
    let batch = Batch {
        addresses,
        reports: vec![says(1, "192.0.2.1", 0.5, at(400)).into()],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    assert_eq!(store.prune(at(1_100)).await.unwrap().addresses, 1);
    let left: Vec<_> = facts(&store).await;
    let lived = |place: &str| StoredFact::PeerAddress {
        peer: peer(1),
        ip: ip(place),
    };
    assert_eq!(left[0], (at(20), lived("10.0.0.2")));
    assert_eq!(left[2], (at(500), lived("10.0.0.3")));
}

#[tokio::test]
async fn a_peer_that_moves_without_end_is_not_remembered_without_end() {
    let world = World::new();
    let store = world.open().await;
    let addresses = (0..600_u32)
        .map(|n| PeerAddress {
            peer: peer(1),
            ip: ip(&format!("10.0.{}.{}", n / 250, n % 250)),
            multiaddr: String::new(),
            seen_at: at(i64::from(n)),
        })
        .collect();
    store
        .commit(Batch {
            addresses,
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(store.prune(at(600)).await.unwrap().addresses, 344);
    let record = world.reader().await.peer(peer(1)).await.unwrap().unwrap();
    assert_eq!(record.ip, Some(ip("10.0.2.99")));
}

#[tokio::test]
async fn commits_go_on_while_much_is_pruned() {
    let mut world = World::new();
    world.settings.retention.max_reports = 0;
    let store = world.open().await;
    store.commit(many(20_000, 0)).await.unwrap();
    let pruning = tokio::spawn({
        let store = store.clone();
        async move { store.prune(at(0)).await.unwrap() }
    });
    let mut between = 0;
    while !pruning.is_finished() {
        store.commit(outbox([message("x", at(1))])).await.unwrap();
        between += 1;
    }
    // Twenty steps, and a commit gets its turn after each.
    assert!(between >= 10, "only {between} commits found room");
    assert_eq!(pruning.await.unwrap().reports, 20_000);
}
