//! Lines arrive over `/slips/1.0`: all of them, in the order of their lane, however slow the receiver.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{AsyncWriteExt, future::join_all};
use libp2p::{Multiaddr, identity::Keypair};
use slips_p2p::{
    domain::Neighbour,
    network::{SendError, Settings},
};

use crate::{
    node::{Start, eventually, node, pair_of, pigeonlike as settings},
    raw::{Manner, Raw, answer},
};

fn calling(other: &Multiaddr) -> Settings {
    Settings {
        static_peers: vec![other.clone()],
        ..settings()
    }
}

#[tokio::test]
async fn two_nodes_exchange_lines_both_ways() {
    let (mut a, mut b) = pair_of(settings()).await;
    a.handle
        .send(b.id, "from a".into(), 0)
        .await
        .expect("queued");
    b.handle
        .send(a.id, "from b".into(), 0)
        .await
        .expect("queued");
    let at_b = b.line().await;
    assert_eq!((at_b.from, at_b.text.as_str()), (Neighbour(a.id), "from a"));
    assert!(at_b.ip.is_loopback());
    assert_eq!(a.line().await.text, "from b");
    assert_eq!(a.handle.connected(), [b.id]);
}

#[tokio::test]
async fn lines_of_a_lane_arrive_in_order() {
    let (a, mut b) = pair_of(settings()).await;
    let (lanes, each) = (7_u64, 150_u64);
    let sender = tokio::spawn(async move {
        for number in 0..each {
            for lane in 0..lanes {
                a.handle
                    .send(b.id, format!("{lane} {number}"), lane)
                    .await
                    .expect("queued");
            }
        }
        a
    });
    let mut next: BTreeMap<u64, u64> = BTreeMap::new();
    for _ in 0..lanes * each {
        let line = b.line().await;
        let (lane, number) = line.text.split_once(' ').expect("two numbers");
        let expected = next.entry(lane.parse().expect("a number")).or_default();
        assert_eq!(
            number.parse::<u64>().expect("a number"),
            *expected,
            "in lane {lane}"
        );
        *expected += 1;
    }
    sender.await.expect("the sender ends");
}

#[tokio::test]
async fn a_line_to_all_goes_to_every_peer() {
    let mut a = node(settings()).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(node(calling(&a.address)).await);
        a.connected().await;
    }
    assert_eq!(a.handle.send_to_all("to everybody".into(), 1).await, 3);
    for other in &mut others {
        assert_eq!(other.line().await.text, "to everybody");
    }
}

#[tokio::test]
async fn what_is_no_line_is_refused() {
    let (a, b) = pair_of(settings()).await;
    let send = async |text: &str| a.handle.send(b.id, text.into(), 0).await;
    assert_eq!(send("two\nlines").await, Err(SendError::NotALine));
    assert_eq!(send("  ").await, Err(SendError::NotALine));
    let (bytes, limit) = (65_537, 65_536);
    assert_eq!(
        send(&"x".repeat(bytes)).await,
        Err(SendError::TooLong { bytes, limit })
    );
    assert_eq!(
        a.handle.send(a.id, "to myself".into(), 0).await,
        Err(SendError::NotConnected(a.id))
    );
}

#[tokio::test]
async fn the_longest_line_arrives_whole() {
    let (a, mut b) = pair_of(settings()).await;
    let longest = "x".repeat(65_536);
    a.handle
        .send(b.id, longest.clone(), 0)
        .await
        .expect("queued");
    assert!(b.line().await.text == longest);
}

/// 20,000 lines to a node that takes none at first: the sender stops early, nothing piles up, and
/// once they are taken none is missing or doubled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_receiver_holds_the_sender_back_and_loses_nothing() {
    let total = 20_000;
    let mut b = Start {
        room: 16,
        ..Start::new(settings())
    }
    .start()
    .await;
    let mut a = node(calling(&b.address)).await;
    a.connected().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let sender = tokio::spawn({
        let (sent, to) = (Arc::clone(&sent), b.id);
        async move {
            for number in 0..total {
                a.handle
                    .send(to, format!("{number:0200}"), number % 64)
                    .await
                    .expect("queued");
                sent.fetch_add(1, Ordering::Relaxed);
            }
            a.handle.flush(crate::node::LIMIT).await;
            a
        }
    });
    let stuck_at = no_longer_growing(&sent).await;
    // 512 KiB of queue at 329 bytes a line, 64 in flight, the node's 16.
    assert!(
        stuck_at < 2_000,
        "{stuck_at} lines were taken although nobody reads them"
    );
    let mut seen = BTreeSet::new();
    for _ in 0..total {
        assert!(seen.insert(b.line().await.text), "a line came twice");
    }
    sender.await.expect("the sender ends");
    assert!(b.lines.try_recv().is_none(), "nothing is left over");
}

/// Lines of both kinds wait for a node that is busy: who opens a stream for each has as much of it as
/// who sends frames, by what they cost, and is not starved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_in_a_stream_of_its_own_waits_longer_for_its_turn() {
    let mut b = Start {
        room: 64,
        ..Start::new(crate::node::settings())
    }
    .start()
    .await;
    let mut senders = Vec::new();
    for (word, settings) in [("stream", settings()), ("frame", crate::node::settings())] {
        let mut a = node(slips_p2p::network::Settings {
            static_peers: vec![b.address.clone()],
            ..settings
        })
        .await;
        a.connected().await;
        let (sent, to) = (Arc::new(AtomicUsize::new(0)), b.id);
        let counted = Arc::clone(&sent);
        tokio::spawn(async move {
            for number in 0..20_000 {
                let line = format!("{word} {number:0200}");
                if a.handle.send(to, line, number % 64).await.is_err() {
                    return;
                }
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        senders.push(sent);
    }
    for sent in &senders {
        no_longer_growing(sent).await;
    }
    let mut of_frames = 0;
    for taken in 0..464 {
        // What was in the queue before both waited is not counted.
        let is_frame = b.line().await.text.starts_with("frame");
        of_frames += u32::from(taken >= 64 && is_frame);
        // A node that is busy with each.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Eight of nine.
    assert!((320..400).contains(&of_frames), "{of_frames} of 400");
}

async fn no_longer_growing(count: &AtomicUsize) -> usize {
    let (mut last, mut still) = (0, 0);
    eventually("the sender is held back", || {
        let now = count.load(Ordering::Relaxed);
        still = if now == last && now > 0 { still + 1 } else { 0 };
        last = now;
        still == 60
    })
    .await;
    last
}

/// A peer that opens as many streams as yamux lets it, to a node that is slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_at_once_lose_nothing() {
    let total = 1000;
    let mut b = Start {
        room: 4,
        ..Start::new(settings())
    }
    .start()
    .await;
    let raw = Raw::dial(&Keypair::generate_ed25519(), &b.address, Manner::Polite).await;
    let storm = join_all((0..total).map(|number| {
        let raw = &raw;
        async move {
            let mut stream = raw.open().await;
            stream
                .write_all(format!("line {number}\n").as_bytes())
                .await
                .expect("writes");
            stream.close().await.expect("closes");
            answer(&mut stream).await
        }
    }));
    let taken = async {
        let mut seen = BTreeSet::new();
        while seen.len() < total {
            assert!(seen.insert(b.line().await.text), "a line came twice");
        }
    };
    tokio::join!(storm, taken);
}

#[tokio::test]
async fn a_peer_that_never_closes_costs_only_its_time() {
    use slips_p2p::domain::Conduct;

    use crate::{node::hasty, raw::RawListener};

    let mut pigeon = RawListener::new(&Keypair::generate_ed25519()).await;
    let settings = hasty(calling(&pigeon.address));
    let mut a = node(slips_p2p::network::Settings {
        answer_timeout: Duration::from_secs(10),
        ..settings
    })
    .await;
    let mut raw = pigeon.accept(Manner::Polite).await;
    assert_eq!(raw.line().await, "hello version1");
    a.connected().await;
    raw.silence();
    for number in 0..3 {
        a.handle
            .send(raw.id, format!("line {number}"), 0)
            .await
            .expect("queued");
    }
    for number in 0..3 {
        assert_eq!(raw.line().await, format!("line {number}"));
        a.conduct(raw.id, Conduct::NoAnswer).await;
    }
}
