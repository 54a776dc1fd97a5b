//! Signed logs in the database: segments, heads, spans, proofs, what goes with age and size.

use slips_p2p::domain::Digest;
use slips_p2p::store::{Batch, LogFork, LogHead, LogSegment, LogSpan, StoredFact};

use super::world::{World, at, peer, says};

/// Entries `first..=last` of an author; the body tells which, the digest is made of the last.
fn segment(author: u8, first: u64, last: u64) -> LogSegment {
    LogSegment {
        network: "n".into(),
        author: peer(author),
        first,
        last,
        digest: digest(last),
        at: at(0),
        body: body(first, last),
    }
}

fn digest(last: u64) -> Digest {
    Digest([u8::try_from(last % 256).unwrap(); 32])
}

/// A hundred bytes for each entry.
fn body(first: u64, last: u64) -> Vec<u8> {
    let mut body = format!("{first}-{last}").into_bytes();
    body.resize(usize::try_from(last - first + 1).unwrap() * 100, 0);
    body
}

fn segments(segments: impl IntoIterator<Item = LogSegment>) -> Batch {
    Batch {
        segments: segments.into_iter().collect(),
        ..Batch::default()
    }
}

fn fork(author: u8) -> LogFork {
    LogFork {
        network: "n".into(),
        author: peer(author),
        number: 7,
        one: Digest([1; 32]),
        other: Digest([2; 32]),
        found_at: at(5),
        one_body: vec![1, 1],
        other_body: vec![2],
    }
}

fn span(bodies: &[(u64, u64)], kept_from: u64) -> LogSpan {
    LogSpan {
        segments: bodies.iter().map(|(a, b)| body(*a, *b)).collect(),
        kept_from,
    }
}

fn head(author: u8, last: u64, kept_from: u64) -> LogHead {
    LogHead {
        network: "n".into(),
        author: peer(author),
        last,
        digest: digest(last),
        kept_from,
        since: at(0),
        until: at(0),
    }
}

#[tokio::test]
async fn a_span_comes_back_in_order_and_bounded_in_bytes() {
    let world = World::new();
    let store = world.open().await;
    let batch = segments([
        segment(1, 1, 3),
        segment(2, 1, 1),
        segment(1, 4, 4),
        segment(1, 5, 9),
    ]);
    store.commit(batch).await.unwrap();
    let read = async |span, bytes| store.log_span("n", peer(1), span, bytes).await.unwrap();
    assert_eq!(
        read((1, 9), 9_999).await,
        span(&[(1, 3), (4, 4), (5, 9)], 1)
    );
    assert_eq!(read((4, 4), 9_999).await, span(&[(4, 4)], 1));
    assert_eq!(
        read((3, 5), 9_999).await,
        span(&[(1, 3), (4, 4), (5, 9)], 1)
    );
    assert_eq!(read((1, 9), 1).await, span(&[(1, 3)], 1), "at least one");
    assert_eq!(read((1, 9), 301).await, span(&[(1, 3), (4, 4)], 1));
    assert_eq!(read((10, 20), 9_999).await, span(&[], 1));
    let stranger = store.log_span("n", peer(3), (1, 9), 9_999).await.unwrap();
    assert_eq!(stranger, LogSpan::default());
}

#[tokio::test]
async fn heads_are_there_after_a_restart_and_known_segments_change_nothing() {
    let world = World::new();
    let store = world.open().await;
    store
        .commit(segments([segment(1, 1, 3), segment(2, 5, 6)]))
        .await
        .unwrap();
    store
        .commit(segments([
            segment(1, 4, 5),
            segment(1, 1, 3),
            segment(1, 4, 4),
        ]))
        .await
        .unwrap();
    store.close().await;
    let (store, loaded) = world.load().await;
    assert_eq!(loaded.logs, [head(1, 5, 1), head(2, 6, 5)]);
    let stats = world.reader().await.stats().await.unwrap().log;
    assert_eq!(
        (stats.authors, stats.segments, stats.entries, stats.bytes),
        (2, 3, 7, 700)
    );
    let mut seen = Vec::new();
    let reader = world.reader().await;
    reader
        .segments(|author, row| {
            assert_eq!(row.body, body(row.first, row.last));
            seen.push((author, row.first, row.last));
        })
        .await
        .unwrap();
    assert_eq!(seen, [(peer(1), 1, 3), (peer(1), 4, 5), (peer(2), 5, 6)]);
    store.close().await;
}

#[tokio::test]
async fn a_gap_makes_what_was_before_it_unknown() {
    let world = World::new();
    let store = world.open().await;
    store.commit(segments([segment(1, 1, 3)])).await.unwrap();
    store.commit(segments([segment(1, 8, 9)])).await.unwrap();
    let read = store.log_span("n", peer(1), (1, 9), 9_999).await.unwrap();
    assert_eq!(read, span(&[(8, 9)], 8));
    let stats = world.reader().await.stats().await.unwrap().log;
    assert_eq!((stats.segments, stats.entries), (1, 2));
}

#[tokio::test]
async fn old_segments_go_from_the_front_and_the_head_stays() {
    let world = World::new();
    let store = world.open().await;
    let long_ago = (1..=250).map(|n| segment(1, n, n));
    let late = LogSegment {
        at: at(5_000),
        ..segment(1, 251, 252)
    };
    store
        .commit(segments(long_ago.chain([late])))
        .await
        .unwrap();
    let pruned = store.prune(at(5_500)).await.unwrap();
    assert_eq!(pruned.segments, 250);
    let read = store
        .log_span("n", peer(1), (1, 252), 99_999)
        .await
        .unwrap();
    assert_eq!(read, span(&[(251, 252)], 251));
    store
        .commit(segments([segment(1, 253, 253)]))
        .await
        .unwrap();
    store.prune(at(50_000)).await.unwrap();
    store.prune(at(60_000)).await.unwrap();
    let read = store
        .log_span("n", peer(1), (1, 253), 99_999)
        .await
        .unwrap();
    assert_eq!(read, span(&[(253, 253)], 253), "the last stays");
    store.close().await;
    assert_eq!(world.load().await.1.logs, [head(1, 253, 253)]);
}

/// A peer id of a number.
fn throwaway(number: u32) -> slips_p2p::domain::PeerId {
    let mut bytes = vec![0x12, 0x20];
    bytes.extend(number.to_be_bytes());
    bytes.resize(34, 9);
    slips_p2p::domain::PeerId::from_bytes(&bytes).unwrap()
}

#[tokio::test]
async fn logs_that_ended_long_ago_are_forgotten_beyond_a_number_and_ours_never() {
    let world = World::new();
    let store = world.open().await;
    // Ours is the oldest of all.
    let own = throwaway(0);
    let log = |number: u32, when: i64| LogSegment {
        author: throwaway(number),
        at: at(when),
        ..segment(1, 1, 1)
    };
    let spoken = LogSegment {
        at: at(2),
        ..segment(2, 1, 1)
    };
    store.commit(segments([log(0, 1), spoken])).await.unwrap();
    let said = Batch {
        reports: vec![says(2, "192.0.2.1", 0.5, at(50_000)).into()],
        ..Batch::default()
    };
    store.commit(said).await.unwrap();
    let forks = (0..4_200).map(|number| LogFork {
        author: throwaway(number),
        found_at: at(10),
        ..fork(1)
    });
    let forks = Batch {
        forks: forks.collect(),
        ..Batch::default()
    };
    store.commit(forks).await.unwrap();
    for part in 0..17 {
        let some = (1..=1_000).map(|n| log(part * 1_000 + n, 3 + i64::from(part)));
        store.commit(segments(some)).await.unwrap();
    }
    let before = store.prune(at(50_001)).await.unwrap();
    assert_eq!((before.logs, before.forks), (0, 0), "whose log is ours?");
    store.keep_log_of(own);
    let pruned = store.prune(at(50_002)).await.unwrap();
    assert_eq!(pruned.logs, 17_002 - 16_384);
    // Of those whose log is gone.
    assert_eq!(pruned.forks, 4_200 - 4_096);
    let place = async |author| store.log_place("n", author).await.unwrap();
    assert_eq!(place(own).await.head.map(|head| head.last), Some(1));
    assert!(place(peer(2)).await.head.is_some(), "its reports are kept");
    assert!(place(throwaway(17_000)).await.head.is_some());
    let oldest = place(throwaway(1)).await;
    assert!(oldest.head.is_none() && !oldest.forked);
    // It may begin anew.
    store.commit(segments([log(1, 60_000)])).await.unwrap();
    let again = place(throwaway(1)).await.head.unwrap();
    assert_eq!((again.last, again.since), (1, at(60_000)));
    let young = place(throwaway(3_000)).await;
    assert!(young.forked && young.head.is_some());
}

#[tokio::test]
async fn logs_stay_within_their_share_of_the_file() {
    let mut world = World::new();
    world.settings.retention.max_bytes = 40_000;
    let store = world.open().await;
    let many = (1..=300).map(|n| segment(1, n, n));
    store.commit(segments(many)).await.unwrap();
    store.prune(at(1)).await.unwrap();
    let stats = world.reader().await.stats().await.unwrap().log;
    assert!(stats.bytes <= 20_000 && stats.entries >= 100, "{stats:?}");
    let read = store
        .log_span("n", peer(1), (1, 300), 99_999)
        .await
        .unwrap();
    assert_eq!(read.segments.len() as u64, stats.entries);
    assert_eq!(read.kept_from, 301 - stats.entries, "the newest stayed");
}

#[tokio::test]
async fn proofs_are_kept_once_and_told_to_the_models_at_their_time() {
    let world = World::new();
    let store = world.open().await;
    let batch = Batch {
        reports: vec![
            says(1, "192.0.2.1", 0.5, at(1)).into(),
            says(1, "192.0.2.1", 0.7, at(9)).into(),
        ],
        forks: vec![fork(1)],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let again = Batch {
        forks: vec![LogFork {
            number: 9,
            ..fork(1)
        }],
        ..Batch::default()
    };
    store.commit(again).await.unwrap();
    store.close().await;
    let (store, loaded) = world.load().await;
    assert_eq!(loaded.forks, [fork(1)]);
    let reader = world.reader().await;
    assert_eq!(reader.forks().await.unwrap(), [fork(1)]);
    let told = |fact: &StoredFact| matches!(fact, StoredFact::Forked(author) if *author == peer(1));
    let mut facts = Vec::new();
    reader
        .facts(|at, fact| facts.push((at, fact)))
        .await
        .unwrap();
    let about = reader
        .facts_about("192.0.2.1".parse().unwrap())
        .await
        .unwrap();
    for facts in [facts, about] {
        let places: Vec<_> = facts.iter().map(|(at, fact)| (*at, told(fact))).collect();
        assert_eq!(places, [(at(1), false), (at(5), true), (at(9), false)]);
    }
    let others = reader
        .facts_about("192.0.2.2".parse().unwrap())
        .await
        .unwrap();
    assert!(
        others.is_empty(),
        "of other addresses it is none of their affair"
    );
    store.close().await;
}

#[tokio::test]
async fn one_key_has_a_log_in_each_network() {
    let world = World::new();
    let store = world.open().await;
    let elsewhere = LogSegment {
        network: "m".into(),
        ..segment(1, 1, 1)
    };
    let batch = segments([segment(1, 1, 3), elsewhere.clone()]);
    store.commit(batch).await.unwrap();
    let read = async |network| {
        store
            .log_span(network, peer(1), (1, 9), 9_999)
            .await
            .unwrap()
    };
    assert_eq!(read("n").await, span(&[(1, 3)], 1));
    assert_eq!(read("m").await.segments, [elsewhere.body]);
    let logs = world.reader().await.logs().await.unwrap();
    assert_eq!(logs.iter().map(|log| log.last).collect::<Vec<_>>(), [3, 1]);
}
