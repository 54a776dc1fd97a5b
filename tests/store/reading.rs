//! What the commands read, beside a running node and after it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use slips_p2p::{
    domain::{Conduct, Neighbour, Reliability},
    store::{Batch, PeerAddress, PeerConduct, Reader, ReportFilter, Store, StoreError, StoredFact},
};

use crate::world::*;

const ALL: ReportFilter = ReportFilter {
    ip: None,
    peer: None,
    since: None,
    after_id: None,
    limit: 1_000,
};

async fn ids(reader: &Reader, filter: ReportFilter) -> Vec<i64> {
    reader
        .reports(filter)
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect()
}

async fn some_reports(store: &Store) {
    let told = [
        (1, "192.0.2.1", 1),
        (2, "192.0.2.1", 2),
        (1, "192.0.2.2", 3),
        (2, "2001:db8::1", 4),
        (1, "192.0.2.1", 5),
    ];
    let told = told
        .into_iter()
        .enumerate()
        .map(|(n, (who, of, when))| says(who, of, n as f64 / 10.0, at(when)));
    store.commit(reports(told)).await.unwrap();
}

#[tokio::test]
async fn reports_are_found_by_address_peer_and_time() {
    let world = World::new();
    let store = world.open().await;
    some_reports(&store).await;
    let reader = world.reader().await;
    assert_eq!(ids(&reader, ALL).await, [1, 2, 3, 4, 5]);
    assert_eq!(
        ids(
            &reader,
            ReportFilter {
                ip: Some(ip("192.0.2.1")),
                ..ALL
            }
        )
        .await,
        [1, 2, 5]
    );
    assert_eq!(
        ids(
            &reader,
            ReportFilter {
                ip: Some(ip("::ffff:192.0.2.2")),
                ..ALL
            }
        )
        .await,
        [3]
    );
    assert_eq!(
        ids(
            &reader,
            ReportFilter {
                peer: Some(peer(2)),
                ..ALL
            }
        )
        .await,
        [2, 4]
    );
    assert_eq!(
        ids(
            &reader,
            ReportFilter {
                peer: Some(peer(9)),
                ..ALL
            }
        )
        .await,
        [0_i64; 0]
    );
    assert_eq!(
        ids(
            &reader,
            ReportFilter {
                since: Some(at(3)),
                ..ALL
            }
        )
        .await,
        [3, 4, 5]
    );
    let both = ReportFilter {
        ip: Some(ip("192.0.2.1")),
        peer: Some(peer(1)),
        since: Some(at(2)),
        ..ALL
    };
    assert_eq!(ids(&reader, both).await, [5]);
    assert_eq!(
        ids(&reader, ReportFilter { limit: 2, ..ALL }).await,
        [4, 5],
        "the newest, oldest of them first"
    );
    assert_eq!(
        ids(
            &reader,
            ReportFilter {
                after_id: Some(2),
                limit: 2,
                ..ALL
            }
        )
        .await,
        [3, 4],
        "the first after it"
    );
}

#[tokio::test]
async fn every_question_of_the_commands_has_an_index() {
    let world = World::new();
    world.open().await.close().await;
    use sqlx::{Connection, Row};
    let mut conn = sqlx::SqliteConnection::connect(&format!("sqlite://{}", world.path().display()))
        .await
        .unwrap();
    for question in [
        "SELECT * FROM report WHERE subject = '192.0.2.1' ORDER BY id DESC LIMIT 9",
        "SELECT * FROM report WHERE author = 1 ORDER BY id DESC LIMIT 9",
        "SELECT * FROM report WHERE subject = '192.0.2.1' AND author = 1 ORDER BY id DESC LIMIT 1",
        "SELECT * FROM report WHERE last_at < 5 ORDER BY last_at LIMIT 9",
        "SELECT * FROM report WHERE (last_at, id) > (1, 2) ORDER BY last_at, id LIMIT 9",
        "SELECT * FROM report WHERE heard_from = 1",
        "SELECT * FROM own_statement WHERE subject = '192.0.2.1' ORDER BY id DESC LIMIT 1",
        "SELECT * FROM peer WHERE peer_id = 'x'",
        "SELECT * FROM peer_address WHERE peer = 1 ORDER BY id DESC LIMIT 1",
        "SELECT * FROM opinion WHERE subject = '192.0.2.1'",
        "SELECT * FROM outbox WHERE id > 5 ORDER BY id LIMIT 9",
    ] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!(
            "EXPLAIN QUERY PLAN {question}"
        )))
        .fetch_all(&mut conn)
        .await
        .unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let found = plan
            .iter()
            .all(|step| step.starts_with("SEARCH") || step.contains("TEMP B-TREE"));
        assert!(found, "{question}: {plan:?}");
    }
}

#[tokio::test]
async fn a_reader_beside_a_writing_node_sees_whole_batches() {
    let world = World::new();
    let store = world.open().await;
    store.commit(outbox([message("x", at(0))])).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        async move {
            let mut n = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                let told = (0..10).map(|k| {
                    says(
                        1,
                        &format!("10.0.{}.{k}", n % 250),
                        f64::from(n % 7) / 7.0,
                        at(1),
                    )
                });
                store.commit(reports(told)).await.unwrap();
                n += 1;
            }
        }
    });
    let reader = world.reader().await;
    let mut seen = 0;
    while seen < 500 {
        let stats = reader.stats().await.unwrap();
        assert!(
            (stats.reports + stats.repeats).is_multiple_of(10)
                && stats.reports + stats.repeats >= seen
        );
        seen = stats.reports + stats.repeats;
        if seen > 0 {
            assert_eq!(reader.peers().await.unwrap().len(), 1);
        }
    }
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    store.close().await;
    assert!(
        reader.stats().await.unwrap().reports >= 500,
        "the reader outlives the node"
    );
}

#[tokio::test]
async fn a_closed_database_is_read_also_where_nothing_can_be_written() {
    let world = World::new();
    let store = world.open().await;
    some_reports(&store).await;
    store.close().await;
    assert!(
        !world.beside("slips-p2p.db-wal").exists(),
        "closing leaves no log behind"
    );
    let reader = world.reader().await;
    assert_eq!(ids(&reader, ALL).await.len(), 5);
    reader.close().await;

    let directory = world.path().parent().unwrap().to_owned();
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{ending}", world.path().display()));
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o500)).unwrap();
    let reader = world.reader().await;
    assert_eq!(ids(&reader, ALL).await.len(), 5);
    reader.close().await;
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_reader_cannot_change_anything() {
    let world = World::new();
    let store = world.open().await;
    some_reports(&store).await;
    store.close().await;
    let before = fs::read(world.path()).unwrap();
    let reader = world.reader().await;
    reader.check().await.unwrap();
    reader.stats().await.unwrap();
    reader.peers().await.unwrap();
    reader.close().await;
    assert_eq!(fs::read(world.path()).unwrap(), before);
}

#[tokio::test]
async fn a_backup_is_whole_and_overwrites_nothing() {
    let world = World::new();
    let store = world.open().await;
    some_reports(&store).await;
    let to = world.beside("copy.db");
    let reader = world.reader().await;
    reader.backup(&to).await.unwrap();
    assert_eq!(
        fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let error = reader.backup(&to).await.unwrap_err();
    assert!(matches!(error, StoreError::Backup { .. }), "{error}");
    assert!(error.to_string().contains("copy.db"), "{error}");

    let copy = Reader::open(&to).await.unwrap();
    assert_eq!(
        copy.reports(ALL).await.unwrap(),
        reader.reports(ALL).await.unwrap()
    );
    assert_eq!(copy.check().await.unwrap(), Vec::<String>::new());
    copy.close().await;
    let mut settings = world.settings.clone();
    settings.path = to;
    let (restored, loaded) = Store::open(settings).await.unwrap();
    assert_eq!(loaded.peers.len(), 2);
    some_reports(&restored).await;
}

#[tokio::test]
async fn a_damaged_database_is_found_out() {
    let world = World::new();
    let store = world.open().await;
    let told =
        (0..3_000_u32).map(|n| says(1, &format!("10.0.{}.{}", n / 250, n % 250), 0.5, at(1)));
    store.commit(reports(told)).await.unwrap();
    store.close().await;
    let mut bytes = fs::read(world.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4_096].fill(0x5a);
    fs::write(world.path(), bytes).unwrap();
    let reader = world.reader().await;
    match reader.check().await {
        Ok(faults) => assert!(!faults.is_empty()),
        Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error}"),
    }
}

#[tokio::test]
async fn facts_about_an_address_are_those_that_decide_its_opinion() {
    let world = World::new();
    let store = world.open().await;
    let lives_at = |who, place: &str, when| PeerAddress {
        peer: peer(who),
        ip: ip(place),
        multiaddr: format!("/ip4/{place}/tcp/1"),
        seen_at: at(when),
    };
    let stands = |who| PeerConduct {
        peer: peer(who),
        reliability: Reliability::clamped(0.5),
        good: 1.0,
        bad: 1.0,
        at: at(2),
        last: Some(Conduct::Alive),
    };
    let mut relayed = says(1, "192.0.2.1", 0.9, at(6));
    relayed.heard_from = Neighbour(peer(3));
    let batch = Batch {
        reports: vec![
            says(1, "192.0.2.1", 0.5, at(3)).into(),
            says(2, "192.0.2.2", 0.5, at(4)).into(),
            relayed.clone().into(),
        ],
        addresses: vec![lives_at(1, "10.0.0.1", 1), lives_at(2, "10.0.0.2", 1)],
        conduct: vec![stands(1), stands(2)],
        statements: vec![
            we_say("10.0.0.1", 0.1, at(5)),
            we_say("10.0.0.2", 0.2, at(5)),
            we_say("192.0.2.1", 1.0, at(5)),
        ],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let facts = world
        .reader()
        .await
        .facts_about(subject("192.0.2.1"))
        .await
        .unwrap();
    let expected = [
        (
            at(1),
            StoredFact::PeerAddress {
                peer: peer(1),
                ip: ip("10.0.0.1"),
            },
        ),
        (
            at(2),
            StoredFact::PeerReliability {
                peer: peer(1),
                reliability: Reliability::clamped(0.5),
            },
        ),
        (
            at(3),
            StoredFact::Report(says(1, "192.0.2.1", 0.5, at(3)), 0),
        ),
        (
            at(5),
            StoredFact::OwnStatement(we_say("192.0.2.1", 1.0, at(5))),
        ),
        (
            at(5),
            StoredFact::OwnStatement(we_say("10.0.0.1", 0.1, at(5))),
        ),
        (at(6), StoredFact::Report(relayed, 0)),
    ];
    assert_eq!(facts, expected);
    assert_eq!(
        world
            .reader()
            .await
            .facts_about(subject("192.0.2.77"))
            .await
            .unwrap(),
        []
    );
}
