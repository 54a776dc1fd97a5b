//! What is committed is there: at once, in order, and after a restart.

use std::collections::HashMap;

use slips_p2p::{
    domain::{Content, Done, Lane, Neighbour, Page, ParcelId},
    store::{Batch, ReportFilter, Store, StoreError, StoredFact},
};

use crate::world::*;

#[tokio::test]
async fn an_accepted_report_is_there_after_a_restart() {
    let world = World::new();
    let store = world.open().await;
    let mut report = says(1, "192.0.2.1", 0.25, at(1));
    report.heard_from = Neighbour(peer(2));
    store.commit(reports([report.clone()])).await.unwrap();
    store.close().await;

    let store = world.open().await;
    assert_eq!(
        facts(&store).await,
        [(at(1), StoredFact::Report(report, 0))]
    );
}

#[tokio::test]
async fn saying_the_same_again_refreshes_the_row_and_saying_otherwise_adds_one() {
    let world = World::new();
    let store = world.open().await;
    for (score, when) in [(0.5, 1), (0.5, 2), (0.7, 3), (0.5, 4), (0.5, 5), (0.5, 6)] {
        store
            .commit(reports([says(1, "192.0.2.1", score, at(when))]))
            .await
            .unwrap();
    }
    store
        .commit(reports([
            says(2, "192.0.2.1", 0.5, at(7)),
            says(1, "192.0.2.2", 0.5, at(8)),
        ]))
        .await
        .unwrap();

    let rows = world
        .reader()
        .await
        .reports(ReportFilter {
            limit: 100,
            ..Default::default()
        })
        .await
        .unwrap();
    let short: Vec<_> = rows
        .iter()
        .map(|r| (r.author, r.score.get(), r.first_at, r.last_at, r.repeats))
        .collect();
    assert_eq!(
        short,
        [
            (peer(1), 0.5, at(1), at(2), 1),
            (peer(1), 0.7, at(3), at(3), 0),
            (peer(1), 0.5, at(4), at(6), 2),
            (peer(2), 0.5, at(7), at(7), 0),
            (peer(1), 0.5, at(8), at(8), 0),
        ]
    );
}

#[tokio::test]
async fn one_batch_stores_what_many_commits_would() {
    let told: Vec<_> = (0..600_u16)
        .map(|n| {
            let (who, of) = ((n % 3) as u8, format!("192.0.2.{}", n % 5));
            says(who, &of, f64::from(n / 90 % 2) / 2.0, at(i64::from(n)))
        })
        .collect();
    let (one, many) = (World::new(), World::new());
    let store = one.open().await;
    store.commit(reports(told.clone())).await.unwrap();
    store.close().await;
    let store = many.open().await;
    for report in told {
        store.commit(reports([report])).await.unwrap();
    }
    store.close().await;

    let all = ReportFilter {
        limit: 1_000,
        ..Default::default()
    };
    let (one, many) = (
        one.reader().await.reports(all).await.unwrap(),
        many.reader().await.reports(all).await.unwrap(),
    );
    assert!(one.len() > 15);
    assert_eq!(one, many);
}

#[tokio::test]
async fn own_statements_follow_the_same_rule() {
    let world = World::new();
    let store = world.open().await;
    for (score, when) in [(1.0, 1), (1.0, 2), (0.0, 3)] {
        let statements = vec![we_say("192.0.2.9", score, at(when))];
        store
            .commit(Batch {
                statements,
                ..Batch::default()
            })
            .await
            .unwrap();
    }
    let rows = world
        .reader()
        .await
        .statements(subject("192.0.2.9"))
        .await
        .unwrap();
    let short: Vec<_> = rows
        .iter()
        .map(|r| (r.score.get(), r.first_at, r.last_at, r.repeats))
        .collect();
    assert_eq!(short, [(1.0, at(1), at(2), 1), (0.0, at(3), at(3), 0)]);
}

#[tokio::test]
async fn many_tasks_commit_at_once_and_each_keeps_its_order() {
    let world = World::new();
    let store = world.open().await;
    let tasks: Vec<_> = (0..32_u8)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut given = Vec::new();
                for n in 0..20 {
                    let text = format!("{task}/{n}");
                    let mut batch = reports([says(task, "192.0.2.1", f64::from(n) / 20.0, at(1))]);
                    batch.outbox = vec![message(&text, at(1))];
                    given.extend(store.commit(batch).await.unwrap().parcels);
                }
                given
            })
        })
        .collect();
    let mut given = HashMap::new();
    for task in tasks {
        let parcels = task.await.unwrap();
        assert!(
            parcels.is_sorted_by_key(|parcel| parcel.id),
            "the order of one caller's commits is kept"
        );
        given.extend(parcels.into_iter().map(|parcel| (parcel.id, parcel)));
    }
    let stored = messages(&store, 0, 10_000).await;
    assert_eq!(stored.len(), 640);
    assert!(
        stored
            .iter()
            .all(|parcel| given.get(&parcel.id) == Some(parcel))
    );
    assert_eq!(facts(&store).await.len(), 640);
}

#[tokio::test]
async fn outbox_ids_ascend_for_ever() {
    let world = World::new();
    let store = world.open().await;
    let write_back = (
        at(2),
        Content::WriteBack(subject("2001:db8::1"), "{}".into()),
    );
    let first = store
        .commit(outbox([message("a", at(1)), write_back]))
        .await
        .unwrap()
        .parcels;
    assert_eq!(
        first.iter().map(|parcel| parcel.id.0).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(messages(&store, 0, 9).await, first[..1]);
    let opinions = |after| store.outbox_after(Lane::Opinions, ParcelId(after), 9);
    let page = Page {
        parcels: first[1..].to_vec(),
        up_to: ParcelId(2),
        is_all: true,
    };
    assert_eq!(opinions(0).await.unwrap(), page);
    assert_eq!(opinions(2).await.unwrap().parcels, []);
    store.commit(delivered(2, 2)).await.unwrap();
    assert_eq!(messages(&store, 0, 9).await, []);
    store.close().await;

    let (store, loaded) = world.load().await;
    assert_eq!((loaded.last_delivered, loaded.outbox_len), (done(2, 2), 0));
    let next = store
        .commit(outbox([message("c", at(3)), message("d", at(3))]))
        .await
        .unwrap()
        .parcels;
    assert_eq!(
        next.iter().map(|parcel| parcel.id.0).collect::<Vec<_>>(),
        [3, 4]
    );
    store.commit(delivered(3, 3)).await.unwrap();
    store.close().await;

    let (_store, loaded) = world.load().await;
    assert_eq!((loaded.last_delivered, loaded.outbox_len), (done(3, 3), 1));
}

fn done(all: i64, opinions: i64) -> Done {
    Done {
        all: ParcelId(all),
        opinions: ParcelId(opinions),
    }
}

fn delivered(all: i64, opinions: i64) -> Batch {
    Batch {
        delivered: Some(done(all, opinions)),
        ..Batch::default()
    }
}

#[tokio::test]
async fn opinions_may_be_done_before_the_messages_in_front_of_them() {
    let mut world = World::new();
    world.settings.outbox_max_rows = 4;
    let store = world.open().await;
    let opinion = |n: i64| {
        let content = Content::WriteBack(subject("192.0.2.1"), n.to_string());
        (at(n), content)
    };
    let rows = [
        message("a", at(1)),
        opinion(2),
        message("b", at(3)),
        opinion(4),
    ];
    store.commit(outbox(rows)).await.unwrap();
    store.commit(delivered(0, 2)).await.unwrap();
    store.close().await;

    let (store, loaded) = world.load().await;
    assert_eq!((loaded.last_delivered, loaded.outbox_len), (done(0, 2), 4));
    assert_eq!(texts(&messages(&store, 0, 9).await), ["a", "b"]);
    // Too many: of the two in front only the message was not delivered.
    let more = store
        .commit(outbox([opinion(5), opinion(6)]))
        .await
        .unwrap();
    assert_eq!(more.dropped, 1);
    assert_eq!(texts(&messages(&store, 0, 9).await), ["b"]);
    store.close().await;
    assert_eq!(world.load().await.1.last_delivered, done(2, 2));
}

#[tokio::test]
async fn what_nobody_waits_for_goes_with_the_next_and_alone_when_none_comes() {
    let world = World::new();
    let store = world.open().await;
    let patient = store
        .begin_patiently(outbox([message("a", at(1))]))
        .await
        .unwrap();
    let first = store.commit(outbox([message("b", at(1))])).await.unwrap();
    assert_eq!(
        first.parcels[0].id,
        ParcelId(2),
        "the order of the calls is kept"
    );
    assert_eq!(patient.await.unwrap().parcels[0].id, ParcelId(1));

    let alone = store
        .begin_patiently(outbox([message("c", at(1))]))
        .await
        .unwrap();
    let stored = tokio::time::timeout(LIMIT, alone)
        .await
        .expect("its patience ends");
    assert_eq!(stored.unwrap().parcels[0].id, ParcelId(3));
    let last = store
        .begin_patiently(outbox([message("d", at(1))]))
        .await
        .unwrap();
    store.close().await;
    assert_eq!(last.await.unwrap().parcels[0].id, ParcelId(4));
    assert_eq!(world.load().await.1.outbox_len, 4);
}

#[tokio::test]
async fn what_was_never_given_cannot_be_delivered() {
    let world = World::new();
    let store = world.open().await;
    store.commit(outbox([message("a", at(1))])).await.unwrap();
    let mut batch = outbox([message("b", at(1))]);
    batch.delivered = Some(done(1_000, 1_000));
    let parcels = store.commit(batch).await.unwrap().parcels;
    assert_eq!(messages(&store, 0, 9).await, parcels);
    assert_eq!(parcels[0].id, ParcelId(2));
}

#[tokio::test]
async fn the_oldest_messages_go_when_the_outbox_is_full() {
    let mut world = World::new();
    world.settings.outbox_max_rows = 3;
    let store = world.open().await;
    store
        .commit(outbox(["a", "b"].map(|text| message(text, at(1)))))
        .await
        .unwrap();
    store
        .commit(outbox(["c", "d", "e"].map(|text| message(text, at(2)))))
        .await
        .unwrap();
    let left = messages(&store, 0, 9).await;
    assert_eq!(texts(&left), ["c", "d", "e"]);
    assert_eq!(left[0].id, ParcelId(3));
    let stats = world.reader().await.stats().await.unwrap();
    assert_eq!(
        (stats.outbox, stats.dropped, stats.last_delivered),
        (3, 2, ParcelId(2))
    );
}

#[tokio::test]
async fn closing_stores_what_waits_and_refuses_what_comes_later() {
    let world = World::new();
    let store = world.open().await;
    let waiting: Vec<_> = (0..50_u8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(
                async move { store.commit(outbox([message(&n.to_string(), at(1))])).await },
            )
        })
        .collect();
    let clone = store.clone();
    let again = clone.clone();
    tokio::join!(clone.close(), again.close());
    let mut stored = 0;
    for task in waiting {
        match task.await.unwrap() {
            Ok(_) => stored += 1,
            Err(error) => assert!(matches!(error, StoreError::Closed), "{error}"),
        }
    }
    let late = store.commit(outbox([message("late", at(1))])).await;
    assert!(matches!(late, Err(StoreError::Closed)));
    assert_eq!(world.load().await.1.outbox_len, stored);
}

#[tokio::test]
async fn an_empty_batch_costs_nothing() {
    let world = World::new();
    let store = world.open().await;
    assert_eq!(store.commit(Batch::default()).await.unwrap().parcels, []);
    assert_eq!(facts(&store).await, []);
}

#[tokio::test]
async fn everything_can_be_done_from_a_task() {
    let world = World::new();
    let store = world.open().await;
    store
        .commit(reports([says(1, "192.0.2.1", 0.5, at(1))]))
        .await
        .unwrap();
    let told = tokio::spawn({
        let store = store.clone();
        async move { store.facts(|_, _| ()).await.unwrap() }
    });
    assert_eq!(told.await.unwrap(), 1);
    tokio::spawn(async move { store.close().await })
        .await
        .unwrap();
}

#[tokio::test]
async fn dropping_every_handle_closes_too() {
    let world = World::new();
    let store = world.open().await;
    store
        .commit(reports([says(1, "192.0.2.1", 0.5, at(1))]))
        .await
        .unwrap();
    drop(store);
    let opened = async {
        loop {
            if let Ok((store, _)) = Store::open(world.settings.clone()).await {
                return store;
            }
            tokio::task::yield_now().await;
        }
    };
    let store = tokio::time::timeout(LIMIT, opened)
        .await
        .expect("the writer ends and lets go of the file");
    assert_eq!(facts(&store).await.len(), 1);
}

#[tokio::test]
async fn repetitions_are_found_alike_among_few_and_among_many() {
    const HOUR: i64 = 3600;
    // When, and what: said again, changed, as before, the same a day after its beginning.
    let rounds = [
        (0, 0.5),
        (HOUR, 0.5),
        (2 * HOUR, 0.25),
        (3 * HOUR, 0.5),
        (26 * HOUR, 0.5),
        (27 * HOUR, 0.5),
        (28 * HOUR, 0.5),
    ];
    let mut found = Vec::new();
    for at_once in [1, 7, 100] {
        let mut world = World::new();
        world.settings.retention.max_age = std::time::Duration::from_hours(1_000);
        let store = world.open().await;
        for (when, score) in rounds {
            let ips: Vec<String> = (0..100).map(|n| format!("10.0.0.{n}")).collect();
            for ips in ips.chunks(at_once) {
                let mut batch = reports(ips.iter().map(|ip| says(1, ip, score, at(when))));
                batch.statements = ips.iter().map(|ip| we_say(ip, score, at(when))).collect();
                store.commit(batch).await.unwrap();
            }
        }
        let stats = world.reader().await.stats().await.unwrap();
        assert_eq!(
            (stats.reports, stats.repeats, stats.statements),
            (400, 300, 400)
        );
        let mut told: Vec<String> = (facts(&store).await.iter())
            .map(|fact| format!("{fact:?}"))
            .collect();
        told.sort();
        found.push(told);
    }
    assert!(found[0] == found[1] && found[1] == found[2]);
}
