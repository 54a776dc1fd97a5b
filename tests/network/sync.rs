//! `/slips/sync/1` between real swarms: sessions begin and end on both sides together, nothing is
//! dropped on the way in, and what has no room on the way out is refused.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId, identity::Keypair};
use slips_p2p::{
    domain::Neighbour,
    network::{
        self, Handle, Inlets, MAX_SYNC_FRAME_BYTES, SessionId, Settings, SyncEvent, SyncEvents,
        SyncRefused,
    },
};
use tokio::time::timeout;

use super::node::{LIMIT, Node, eventually, pigeonlike, settings};

/// A node that speaks sync, and what comes by it.
struct Syncing {
    node: Node,
    synced: SyncEvents,
}

async fn start(settings: Settings, room: usize) -> Syncing {
    let (lines_in, lines) = network::lines(1024);
    let (sync, synced) = network::sync_frames(room);
    let inlets = Inlets {
        lines: lines_in,
        sync: Some(sync),
    };
    let key = Keypair::generate_ed25519();
    let started = network::start(settings, key, Vec::new(), Vec::new(), inlets).await;
    let (handle, events, addresses) = started.expect("it starts");
    let id = handle.local_peer_id();
    let node = Node {
        handle,
        events,
        lines,
        // Nowhere, when nobody is to dial it.
        address: addresses.first().cloned().unwrap_or_else(Multiaddr::empty),
        id,
    };
    Syncing { node, synced }
}

async fn pair(settings: Settings, room: usize) -> (Syncing, Syncing) {
    let a = start(settings.clone(), room).await;
    let calling = Settings {
        static_peers: vec![a.node.address.clone()],
        ..settings
    };
    let b = start(calling, room).await;
    (a, b)
}

impl Syncing {
    fn handle(&self) -> &Handle {
        &self.node.handle
    }

    async fn next(&mut self) -> SyncEvent {
        timeout(LIMIT, self.synced.recv())
            .await
            .expect("an event in time")
            .expect("the network runs")
    }

    async fn ready(&mut self, with: PeerId) -> SessionId {
        match self.next().await {
            SyncEvent::Ready { peer, session, .. } if peer == with => session,
            other => panic!("not the beginning of a session with {with}: {other:?}"),
        }
    }

    async fn frame(&mut self, of: PeerId) -> Vec<u8> {
        match self.next().await {
            SyncEvent::Frame { from, bytes, .. } if from == Neighbour(of) => bytes,
            other => panic!("not a frame of {of}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_every_length_come_whole_and_in_order_both_ways() {
    let (mut a, mut b) = pair(settings(), 8).await;
    let (id_a, id_b) = (a.node.id, b.node.id);
    a.ready(id_b).await;
    b.ready(id_a).await;
    let lengths = [0, 1, 255, 4096, MAX_SYNC_FRAME_BYTES];
    for (n, length) in lengths.into_iter().enumerate() {
        let frame = vec![u8::try_from(n).expect("few"); length];
        a.handle().send_sync(id_b, frame.clone()).expect("room");
        b.handle().send_sync(id_a, frame.clone()).expect("room");
        assert!(a.frame(id_b).await == frame && b.frame(id_a).await == frame);
    }
    let too_long = a
        .handle()
        .send_sync(id_b, vec![0; MAX_SYNC_FRAME_BYTES + 1]);
    assert_eq!(
        too_long,
        Err(SyncRefused::TooLong(MAX_SYNC_FRAME_BYTES + 1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_takes_nothing_fills_only_its_own_queue_and_loses_no_frame() {
    let (mut a, mut b) = pair(settings(), 1).await;
    let (id_a, id_b) = (a.node.id, b.node.id);
    a.ready(id_b).await;
    b.ready(id_a).await;
    let mut sent: u32 = 0;
    let mut refused = 0;
    // The streams on the way hold some frames before the queue is full for good.
    while refused < 20 {
        let mut frame = vec![0; 8 * 1024];
        frame[..4].copy_from_slice(&sent.to_be_bytes());
        match a.handle().send_sync(id_b, frame) {
            Ok(()) => (sent, refused) = (sent + 1, 0),
            Err(SyncRefused::Full(peer)) if peer == id_b => {
                refused += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(other) => panic!("{other}"),
        }
    }
    for n in 0..sent {
        let frame = b.frame(id_a).await;
        assert_eq!(frame[..4], n.to_be_bytes(), "in order, none missing");
    }
    match a.next().await {
        SyncEvent::Room { peer, .. } => assert_eq!(peer, id_b),
        other => panic!("room was to be told, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_connection_and_the_next_one_is_another() {
    // Only one of them can dial: two that dial each other at once have two connections for a moment,
    // and what is sent in the session of the one that goes is lost, as it may be.
    let mut a = start(settings(), 8).await;
    let calling = Settings {
        listen: Vec::new(),
        static_peers: vec![a.node.address.clone()],
        ..settings()
    };
    let mut b = start(calling, 8).await;
    let (id_a, id_b) = (a.node.id, b.node.id);
    let first = a.ready(id_b).await;
    b.ready(id_a).await;
    a.handle()
        .ban(id_b, slips_p2p::domain::Timestamp::now())
        .await;
    a.handle().unban(id_b).await;
    match a.next().await {
        SyncEvent::Gone { peer, session } => assert_eq!((peer, session), (id_b, first)),
        other => panic!("the session was to end, not {other:?}"),
    }
    assert!(matches!(b.next().await, SyncEvent::Gone { .. }));
    let second = a.ready(id_b).await;
    assert_ne!(first, second);
    b.ready(id_a).await;
    a.handle().send_sync(id_b, vec![1]).expect("room");
    assert_eq!(b.frame(id_a).await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_dial_each_other_at_once_end_with_one_session_on_both_sides() {
    let (mut a, mut b) = pair(settings(), 8).await;
    let (id_a, id_b) = (a.node.id, b.node.id);
    a.ready(id_b).await;
    b.ready(id_a).await;
    for round in 0..5_u8 {
        // Both know where the other listens, and the same seed has both wait as long.
        let now = slips_p2p::domain::Timestamp::now();
        a.handle().ban(id_b, now).await;
        a.handle().unban(id_b).await;
        // Each frame says for which session of its sender it is; what is sent in one that goes is
        // lost, and the next begins anew.
        let (mut told, mut heard) = (false, (false, false));
        while heard != (true, true) {
            let (here, there, event) = tokio::select! {
                event = a.next() => (&a, id_b, event),
                event = b.next() => (&b, id_a, event),
            };
            match event {
                SyncEvent::Gone { .. } => told = true,
                SyncEvent::Ready { .. } if told => {
                    let _ = here.handle().send_sync(there, vec![round]);
                }
                SyncEvent::Frame { bytes, .. } if bytes == [round] => {
                    if there == id_b {
                        heard.0 = true;
                    } else {
                        heard.1 = true;
                    }
                }
                _ => {}
            }
        }
    }
}

/// Sends frames until there is no room for long: all queues on the way are full.
async fn fill(from: &Syncing, to: PeerId) {
    let mut refused = 0;
    while refused < 20 {
        match from.handle().send_sync(to, vec![7; 8 * 1024]) {
            Ok(()) => refused = 0,
            Err(_) => {
                refused += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fills_its_way_to_a_busy_node_leaves_the_others_theirs() {
    // Room for 1,024 times 512 bytes, of which one alone fills a third: some 20 frames.
    let (mut a, mut flooder) = pair(settings(), 1024).await;
    let id_a = a.node.id;
    a.ready(flooder.node.id).await;
    flooder.ready(id_a).await;
    fill(&flooder, id_a).await;
    let calling = Settings {
        static_peers: vec![a.node.address.clone()],
        ..settings()
    };
    let mut late = start(calling, 8).await;
    late.ready(id_a).await;
    late.handle().send_sync(id_a, vec![1]).expect("room");
    late.handle().flush(LIMIT).await;
    let mut before = 0;
    loop {
        match a.next().await {
            SyncEvent::Frame { from, bytes, .. } if from == Neighbour(late.node.id) => {
                assert_eq!(bytes, [1]);
                break;
            }
            SyncEvent::Frame { .. } => before += 1,
            _ => {}
        }
        // A node that is busy with each.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(before <= 10, "{before} frames of the flooder came first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_is_held_to_its_rate_and_loses_nothing() {
    let (mut a, mut b) = pair(settings(), 8).await;
    let (id_a, id_b) = (a.node.id, b.node.id);
    a.ready(id_b).await;
    b.ready(id_a).await;
    let began = std::time::Instant::now();
    let sending = tokio::spawn(async move {
        for n in 0..6_000_u32 {
            while b.handle().send_sync(id_a, n.to_be_bytes().into()).is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        b
    });
    for n in 0..6_000_u32 {
        assert_eq!(a.frame(id_b).await, n.to_be_bytes());
    }
    // 4,000 at once, then 2,000 a second.
    assert!(began.elapsed() >= Duration::from_millis(950));
    sending.await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_pigeons_leave_out_who_has_a_session() {
    let (mut a, mut b) = pair(settings(), 8).await;
    let mut pigeon = super::node::node(Settings {
        static_peers: vec![a.node.address.clone()],
        ..pigeonlike()
    })
    .await;
    pigeon.connected().await;
    a.ready(b.node.id).await;
    b.ready(a.node.id).await;
    eventually("both are connected", || a.handle().connected().len() == 2).await;
    assert_eq!(a.handle().sync_sessions(), 1);
    assert_eq!(a.handle().send_to_pigeons("for pigeons".into(), 1).await, 1);
    assert_eq!(a.handle().send_to_all("for all".into(), 1).await, 2);
    assert_eq!(pigeon.line().await.text, "for pigeons");
    assert_eq!(pigeon.line().await.text, "for all");
    assert_eq!(b.node.line().await.text, "for all");
    let refused = a.handle().send_sync(pigeon.id, vec![]);
    assert_eq!(refused, Err(SyncRefused::NotReady(pigeon.id)));
}
