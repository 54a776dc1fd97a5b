//! What is known of peers, and the opinions their reports make.

use slips_p2p::{
    domain::{Ban, Conduct, Confidence, Opinion, Reachability, Reliability, Score, Trust},
    store::{Batch, PeerAddress, PeerConduct, PeerReachability, StoredFact},
};

use crate::world::*;

#[tokio::test]
async fn a_peer_that_only_called_has_no_address_to_dial() {
    let world = World::new();
    let store = world.open().await;
    let called = PeerAddress {
        peer: peer(1),
        ip: ip("10.0.0.1"),
        multiaddr: String::new(),
        seen_at: at(1),
    };
    let batch = Batch {
        addresses: vec![called],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    store.close().await;
    let (_store, loaded) = world.load().await;
    assert_eq!(loaded.peers[0].ip, Some(ip("10.0.0.1")));
    assert_eq!(loaded.peers[0].multiaddr, None);
}

#[tokio::test]
async fn a_peer_is_remembered_with_everything_known_of_it() {
    let world = World::new();
    let store = world.open().await;
    let seen = |place: &str, when| PeerAddress {
        peer: peer(1),
        ip: ip(place),
        multiaddr: format!("/ip4/{place}/tcp/4001"),
        seen_at: at(when),
    };
    let conduct = |value: f64, when, last| PeerConduct {
        peer: peer(1),
        reliability: Reliability::new(value).unwrap(),
        good: value * 3.0,
        bad: 0.125,
        at: at(when),
        last,
    };
    let ban = Ban {
        peer: peer(2),
        since: at(3),
        until: at(99),
        reason: "too much \"noise\"".into(),
    };
    let batch = Batch {
        reports: vec![says(1, "192.0.2.1", 0.5, at(4)).into()],
        addresses: vec![
            seen("10.0.0.1", 1),
            seen("10.0.0.1", 2),
            seen("10.0.0.2", 3),
        ],
        conduct: vec![
            conduct(0.1, 1, Some(Conduct::Greeted)),
            conduct(0.3, 5, None),
        ],
        reachability: vec![PeerReachability {
            peer: peer(1),
            state: Reachability::Retrying {
                reason: "refused".into(),
                next_try: at(60),
            },
            at: at(5),
        }],
        greeted: vec![peer(1)],
        bans: vec![ban.clone()],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    store.close().await;

    let (store, loaded) = world.load().await;
    assert_eq!(loaded.bans, std::slice::from_ref(&ban));
    let record = world.reader().await.peer(peer(1)).await.unwrap().unwrap();
    assert_eq!(record.ip, Some(ip("10.0.0.2")));
    assert_eq!(record.multiaddr.as_deref(), Some("/ip4/10.0.0.2/tcp/4001"));
    assert_eq!(
        (record.reliability.get(), record.bad, record.conduct_at),
        (0.3, 0.125, at(5))
    );
    assert_eq!(record.last_conduct, Some(Conduct::Greeted));
    assert_eq!(
        record.state,
        Reachability::Retrying {
            reason: "refused".into(),
            next_try: at(60)
        }
    );
    assert_eq!(
        (record.first_seen, record.last_seen, record.reports),
        (at(1), at(4), 1)
    );
    assert!(record.greeted);
    assert_eq!(world.reader().await.peers().await.unwrap().len(), 2);
    let mut without_count = record;
    without_count.reports = 0;
    assert!(loaded.peers.contains(&without_count));

    let reliability = |value: f64| StoredFact::PeerReliability {
        peer: peer(1),
        reliability: Reliability::clamped(value),
    };
    let address = |place: &str| StoredFact::PeerAddress {
        peer: peer(1),
        ip: ip(place),
    };
    let expected = [
        (at(1), address("10.0.0.1")),
        (at(1), reliability(0.1)),
        (at(3), address("10.0.0.2")),
        (
            at(4),
            StoredFact::Report(says(1, "192.0.2.1", 0.5, at(4)), 0),
        ),
        (at(5), reliability(0.3)),
    ];
    assert_eq!(facts(&store).await, expected);
}

#[tokio::test]
async fn a_ban_is_lifted_and_set_again() {
    let world = World::new();
    let store = world.open().await;
    let ban = |until| Ban {
        peer: peer(1),
        since: at(1),
        until: at(until),
        reason: "flood".into(),
    };
    store
        .commit(Batch {
            bans: vec![ban(10)],
            ..Batch::default()
        })
        .await
        .unwrap();
    let (first, second) = tokio::join!(
        store.commit(Batch {
            unbanned: vec![peer(1), peer(7)],
            ..Batch::default()
        }),
        store.commit(Batch {
            unbanned: vec![peer(1)],
            bans: vec![ban(20)],
            ..Batch::default()
        }),
    );
    first.and(second).unwrap();
    assert_eq!(
        world
            .reader()
            .await
            .peer(peer(1))
            .await
            .unwrap()
            .unwrap()
            .ban,
        Some(ban(20))
    );
    store
        .commit(Batch {
            unbanned: vec![peer(1)],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(
        world
            .reader()
            .await
            .peer(peer(1))
            .await
            .unwrap()
            .unwrap()
            .ban,
        None
    );
}

#[tokio::test]
async fn the_newest_opinion_of_an_address_is_kept() {
    let world = World::new();
    let store = world.open().await;
    let opinion = |score: f64, when| Opinion {
        subject: subject("192.0.2.1"),
        score: Score::new(score).unwrap(),
        confidence: Confidence::new(0.1).unwrap(),
        network_score: Trust::new(1.0 / 3.0).unwrap(),
        computed_at: at(when),
        reporters: 4,
    };
    store
        .commit(Batch {
            opinions: vec![opinion(0.1, 1), opinion(0.2, 2)],
            ..Batch::default()
        })
        .await
        .unwrap();
    store
        .commit(Batch {
            opinions: vec![opinion(0.3, 3)],
            ..Batch::default()
        })
        .await
        .unwrap();
    let reader = world.reader().await;
    assert_eq!(
        reader.opinion(subject("192.0.2.1")).await.unwrap(),
        Some(opinion(0.3, 3))
    );
    assert_eq!(reader.opinion(subject("192.0.2.2")).await.unwrap(), None);
    store.close().await;
    assert_eq!(world.load().await.1.opinions_count, 1);
}

#[tokio::test]
async fn nobody_is_connected_to_a_node_that_was_stopped() {
    let world = World::new();
    let store = world.open().await;
    let connected = PeerReachability {
        peer: peer(1),
        state: Reachability::Connected,
        at: at(1),
    };
    store
        .commit(Batch {
            reachability: vec![connected],
            ..Batch::default()
        })
        .await
        .unwrap();
    let during = world.reader().await.peer(peer(1)).await.unwrap().unwrap();
    assert_eq!(during.state, Reachability::Connected);
    store.close().await;
    let after = world.reader().await.peer(peer(1)).await.unwrap().unwrap();
    assert_eq!(after.state.word(), "retrying");
}
