//! Hello, status and goodbye between nodes of our kind, and what is done with strangers.

use std::time::{Duration, Instant};

use libp2p::{PeerId, identity::Keypair};
use slips_p2p::{
    domain::{Conduct, Hello, Presence, Reachability, Status},
    network::{Event, Settings, UnknownPeers},
};
use testkit::netns;
use tokio::time::timeout;

use crate::{
    frames::send,
    node::{Node, calling, hasty, node, pair, pigeonlike, settings},
    raw::{Manner, Raw},
};

fn named(alias: &str, settings: Settings) -> Settings {
    Settings {
        alias: alias.into(),
        ..settings
    }
}

fn towards(policy: UnknownPeers) -> Settings {
    Settings {
        unknown_peers: policy,
        ..settings()
    }
}

async fn hello(node: &mut Node) -> (PeerId, Hello) {
    node.until("a hello", |event| match event {
        Event::Hello { peer, hello } => Some((peer, *hello)),
        _ => None,
    })
    .await
}

async fn status(node: &mut Node) -> Presence {
    node.until("a status", |event| match event {
        Event::Status { presence, .. } => Some(presence),
        _ => None,
    })
    .await
}

fn reason(state: &Reachability) -> &str {
    match state {
        Reachability::Connected => "connected",
        Reachability::Retrying { reason, .. } | Reachability::Unreachable { reason, .. } => reason,
    }
}

fn busy(seconds: u64) -> Presence {
    Presence::new(Status::Busy, "", Some(Duration::from_secs(seconds)))
}

#[tokio::test]
async fn both_say_who_they_are_at_once_and_then_how() {
    let mut a = node(named("north", settings())).await;
    a.handle
        .announce(Presence::new(Status::Degraded, "no Redis", None))
        .await;
    let mut b = node(named("\u{1b}[31msouth\u{202e}", calling(&a.address))).await;
    // Nobody has sent a line.
    let (from, said) = hello(&mut b).await;
    assert_eq!((from, said.alias.as_str()), (a.id, "north"));
    assert_eq!(said.presence.status, Status::Degraded);
    assert_eq!(said.protocol, "/slips/2.0");
    assert!(said.time.is_some() && said.software.starts_with("slips-p2p/"));
    let (from, said) = hello(&mut a).await;
    assert_eq!((from, said.alias.as_str()), (b.id, "south"));
    b.handle
        .announce(Presence::new(Status::Available, "well", None))
        .await;
    assert_eq!(status(&mut a).await.message, "well");
}

#[tokio::test]
async fn a_goodbye_names_its_reason_and_costs_nothing() {
    let mut a = node(settings()).await;
    let mut b = node(hasty(calling(&a.address))).await;
    // By then both know that the other speaks frames.
    hello(&mut b).await;
    hello(&mut a).await;
    let gone = a.id;
    a.handle.clone().goodbye(Duration::from_secs(5)).await;
    let mut tries = 0;
    b.until("some dials in vain", |event| {
        match event {
            Event::Conduct { peer, conduct } => {
                let blames = matches!(conduct, Conduct::Unreachable | Conduct::NoAnswer);
                assert!(peer.0 != gone || !blames, "{conduct}");
            }
            Event::Reachability { state, .. } if state != Reachability::Connected => {
                assert!(
                    reason(&state).contains("said goodbye: stopping"),
                    "{state:?}"
                );
                tries += 1;
            }
            _ => {}
        }
        (tries == 5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_busy_peer_is_spared_lines_for_all_and_gets_them_later() {
    let (mut a, mut b) = pair().await;
    hello(&mut a).await;
    b.handle.announce(busy(2)).await;
    assert_eq!(status(&mut a).await.status, Status::Busy);
    for number in 0..3 {
        let queued = a
            .handle
            .send_to_all(format!("to all {number}"), number)
            .await;
        assert_eq!(queued, 1);
    }
    // One of the same lane waits behind it; the others do not.
    let behind = a.handle.send(b.id, "behind".into(), 1);
    behind.await.expect("it is queued");
    let direct = a.handle.send(b.id, "direct".into(), 9);
    direct.await.expect("it is queued");
    assert_eq!(b.line().await.text, "direct");
    for line in ["to all 0", "to all 1", "to all 2", "behind"] {
        assert_eq!(b.line().await.text, line);
    }
    // What is well again gets its lines at once.
    b.handle.announce(busy(60)).await;
    status(&mut a).await;
    a.handle.send_to_all("at last".into(), 1).await;
    b.handle.announce(Presence::default()).await;
    assert_eq!(b.line().await.text, "at last");
}

#[tokio::test]
async fn what_a_busy_peer_is_spared_is_bounded_and_holds_the_sender_back() {
    let mut b = node(settings()).await;
    let mut a = node(Settings {
        send_queue_bytes: 64 * 1024,
        write_timeout: Duration::from_millis(200),
        ..calling(&b.address)
    })
    .await;
    hello(&mut a).await;
    b.handle.announce(busy(60)).await;
    status(&mut a).await;
    let mut queued = 0;
    while a.handle.send_to_all("x".repeat(1000), 0).await == 1 {
        queued += 1;
        assert!(queued < 100, "nothing bounds it");
    }
    // 64 KiB at 1,129 bytes a line.
    assert!((50..60).contains(&queued), "{queued} lines were taken");
    b.handle.announce(Presence::default()).await;
    for _ in 0..queued {
        b.line().await;
    }
}

#[tokio::test]
async fn nodes_of_two_networks_part() {
    let mut a = node(settings()).await;
    let mut b = node(Settings {
        rendezvous: "elsewhere".into(),
        ..calling(&a.address)
    })
    .await;
    for node in [&mut a, &mut b] {
        let state = node.lost().await;
        assert!(
            reason(&state).contains("other network") || reason(&state).contains("other_network"),
            "{state:?}"
        );
    }
    assert!(a.lines.try_recv().is_none() && b.lines.try_recv().is_none());
}

#[tokio::test]
async fn whoever_is_denied_is_closed_at_once_and_friends_are_not() {
    let friend = Keypair::generate_ed25519();
    let mut a = node(Settings {
        acquainted: vec![friend.public().to_peer_id()],
        ..towards(UnknownPeers::Deny)
    })
    .await;
    let stranger = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    timeout(crate::node::LIMIT, stranger.gone.cancelled())
        .await
        .expect("it is closed");
    let friend = Raw::dial(&friend, &a.address, Manner::Polite).await;
    assert_eq!(friend.say("ping\n").await, "pong\n");
    assert_eq!(a.connected().await, friend.id, "and nobody before");
}

#[tokio::test]
async fn a_parked_peer_may_say_hello_and_nothing_of_it_goes_on_until_it_is_accepted() {
    let mut a = node(towards(UnknownPeers::Ask)).await;
    let mut b = node(named("stranger", calling(&a.address))).await;
    b.connected().await;
    send(&b.handle, a.id, "a report").await;
    let parked = a.until("somebody who waits", |event| match event {
        Event::Parked { peer, .. } => Some(peer),
        event => panic!("{event:?} of a stranger"),
    });
    assert_eq!(parked.await, b.id);
    let (_, said) = hello(&mut a).await;
    assert_eq!(said.alias, "stranger");
    // A round trip later there is still nothing.
    b.handle
        .announce(Presence::new(Status::Available, "still here", None))
        .await;
    assert_eq!(status(&mut a).await.message, "still here");
    assert!(a.lines.try_recv().is_none());
    assert!(a.handle.connected().is_empty() && a.handle.send_to_all("x".into(), 0).await == 0);
    a.handle.admit(b.id).await;
    assert_eq!(a.connected().await, b.id);
    assert_eq!(a.line().await.text, "a report");
    send(&a.handle, b.id, "an answer").await;
    assert_eq!(b.line().await.text, "an answer");
}

#[tokio::test]
async fn a_parked_pigeon_is_greeted_and_not_heard() {
    let mut a = node(towards(UnknownPeers::Ask)).await;
    let pigeon = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    assert_eq!(pigeon.say("hello version1\n").await, "hello version1\n");
    assert_eq!(pigeon.say("a report\n").await, "");
    assert_eq!(pigeon.say("ping\n").await, "pong\n");
    for event in a.told() {
        assert!(matches!(event, Event::Parked { .. }), "{event:?}");
    }
    assert!(a.lines.try_recv().is_none());
}

#[tokio::test]
async fn a_rejected_peer_is_told_so_and_stays_away() {
    let (mut a, mut b) = pair().await;
    hello(&mut b).await;
    hello(&mut a).await;
    a.handle.refuse(b.id).await;
    let state = b.lost().await;
    assert!(reason(&state).contains("rejected"), "{state:?}");
    let state = a.lost().await;
    assert!(reason(&state).contains("rejected"), "{state:?}");
    let again = Raw::try_dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    assert!(again.is_some(), "others may come");
}

#[tokio::test]
async fn probation_is_slow_and_ends_when_the_peer_has_behaved() {
    let mut a = node(Settings {
        probation_lines_per_second: 2,
        probation_lines_burst: 5,
        probation_for: Duration::from_secs(3),
        ..towards(UnknownPeers::Probation)
    })
    .await;
    let b = node(calling(&a.address)).await;
    a.connected().await;
    let start = Instant::now();
    eventually_connected(&b, a.id).await;
    for number in 0..60 {
        send(&b.handle, a.id, number).await;
    }
    for number in 0..60 {
        assert_eq!(a.line().await.text, number.to_string());
        if number == 8 {
            assert!(start.elapsed() > Duration::from_secs(1), "it is held back");
        }
    }
    // At two a second it would take 27 s.
    assert!(start.elapsed() < Duration::from_secs(20));
    let flooding = |event: &Event| matches!(event, Event::Conduct { conduct, .. } if *conduct == Conduct::Flooding);
    assert!(
        !a.told().iter().any(flooding),
        "an honest peer is not blamed"
    );
}

#[tokio::test]
async fn so_many_are_on_probation_at_once() {
    let mut a = node(Settings {
        probation_connections: 2,
        ..towards(UnknownPeers::Probation)
    })
    .await;
    let mut raws = Vec::new();
    for _ in 0..2 {
        let raw = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
        assert_eq!(raw.say("ping\n").await, "pong\n");
        a.connected().await;
        raws.push(raw);
    }
    let third = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    third.try_say("ping\n").await;
    timeout(crate::node::LIMIT, third.gone.cancelled())
        .await
        .expect("one too many");
    assert_eq!(raws[0].say("ping\n").await, "pong\n");
}

async fn eventually_connected(node: &Node, to: PeerId) {
    crate::node::eventually("it is connected", || node.handle.connected().contains(&to)).await;
}

/// Everything between two machines is lost; both know within 15 s, whether data was under way or not,
/// and a pigeon's node too.
#[test]
fn a_silently_cut_link_shows_within_fifteen_seconds() {
    let name = "presence::a_silently_cut_link_shows_within_fifteen_seconds";
    netns::inside(name, |lan| {
        let (near, far) = (lan.host(1), lan.host(2));
        let listen = |host: &netns::Host, settings: Settings| Settings {
            listen: vec![
                format!("/ip4/{}/tcp/4001", host.ip)
                    .parse()
                    .expect("an address"),
            ],
            ..settings
        };
        let runtime = |host: netns::Host| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .on_thread_start(move || host.enter())
                .enable_all()
                .build()
                .expect("a runtime")
        };
        for (busy, kind) in [
            (false, settings()),
            (true, settings()),
            (true, pigeonlike()),
        ] {
            lan.connect(&near, true);
            let (here, there) = (runtime(near.clone()), runtime(far.clone()));
            let serving = listen(&near, kind.clone());
            let mut a = here.block_on(here.spawn(node(serving))).expect("it starts");
            let calling = listen(
                &far,
                Settings {
                    static_peers: vec![a.address.clone()],
                    ..kind
                },
            );
            let mut b = there
                .block_on(there.spawn(node(calling)))
                .expect("it starts");
            here.block_on(a.connected());
            there.block_on(b.connected());
            lan.connect(&near, false);
            let cut = Instant::now();
            if busy {
                here.block_on(a.handle.send_to_all("under way".into(), 0));
            }
            let state = here.block_on(a.lost());
            println!("busy {busy}: {:?} after {:?}", state, cut.elapsed());
            assert!(
                cut.elapsed() < Duration::from_secs(15),
                "{:?}",
                cut.elapsed()
            );
            there.block_on(b.lost());
            assert!(
                cut.elapsed() < Duration::from_secs(15),
                "{:?}",
                cut.elapsed()
            );
            here.shutdown_background();
            there.shutdown_background();
        }
    });
}
