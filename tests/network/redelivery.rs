//! Frames that were not acknowledged go again, in their order; those that were are safe.

use std::{collections::BTreeSet, time::Duration};

use futures::AsyncWriteExt;
use libp2p::identity::Keypair;
use slips_p2p::{
    domain::Conduct,
    network::{SendError, Settings},
};

use crate::{
    frames::{ack, frame, message, put, send, unhurried},
    node::{LIMIT, Node, Start, calling, eventually, hasty, node, settings},
    raw::{Manner, Raw, RawListener},
    role::{self, Role},
};

/// A node that has dialled a peer of the test's and opens a stream of frames when a line waits.
async fn calling_raw() -> (Node, RawListener, Raw) {
    let mut listener = RawListener::new(&Keypair::generate_ed25519()).await;
    let mut a = node(Settings {
        // The test's peer comes back at once.
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(200),
        ..calling(&listener.address)
    })
    .await;
    let mut raw = listener.accept(Manner::Framed).await;
    assert_eq!(raw.line().await, "hello version1");
    a.connected().await;
    (a, listener, raw)
}

#[tokio::test]
async fn what_was_not_acknowledged_goes_first_after_a_reconnection() {
    let (a, mut listener, mut raw) = calling_raw().await;
    for number in 1..=3 {
        send(&a.handle, raw.id, number).await;
    }
    let mut stream = raw.opened().await;
    put(&mut stream, &ack(0)).await;
    for number in 1..=3 {
        assert_eq!(message(&mut stream).await, number.to_string());
    }
    put(&mut stream, &ack(1)).await;
    // Heard when it is no longer first in the queue; a round trip shows that.
    put(&mut stream, r#"{"type":"later"}"#).await;
    assert_eq!(
        frame(&mut stream).await.expect("an error")["code"],
        "unknown_type"
    );
    raw.hang_up();
    let mut raw = listener.accept(Manner::Framed).await;
    assert!(matches!(
        raw.line().await.as_str(),
        "hello version1" | "ping"
    ));
    let mut stream = raw.opened().await;
    put(&mut stream, &ack(0)).await;
    for number in 2..=3 {
        assert_eq!(message(&mut stream).await, number.to_string());
    }
    put(&mut stream, &ack(2)).await;
    eventually("it can be sent to", || a.handle.connected() == [raw.id]).await;
    send(&a.handle, raw.id, 4).await;
    assert_eq!(message(&mut stream).await, "4");
    put(&mut stream, &ack(3)).await;
    a.handle.flush(LIMIT).await;
}

#[tokio::test]
async fn a_stream_that_breaks_is_opened_again_and_a_line_that_breaks_three_is_given_up() {
    let (mut a, _listener, mut raw) = calling_raw().await;
    send(&a.handle, raw.id, "poison").await;
    send(&a.handle, raw.id, "good").await;
    for _ in 0..3 {
        let mut stream = raw.opened().await;
        put(&mut stream, &ack(0)).await;
        assert_eq!(message(&mut stream).await, "poison");
        stream.close().await.expect("closes");
    }
    a.conduct(raw.id, Conduct::NoAnswer).await;
    let mut stream = raw.opened().await;
    put(&mut stream, &ack(0)).await;
    assert_eq!(message(&mut stream).await, "good");
    put(&mut stream, &ack(1)).await;
    a.handle.flush(LIMIT).await;
}

#[tokio::test]
async fn an_acknowledgement_of_what_was_never_sent_is_a_fault() {
    let (mut a, _listener, mut raw) = calling_raw().await;
    send(&a.handle, raw.id, "a line").await;
    let mut stream = raw.opened().await;
    put(&mut stream, &ack(0)).await;
    assert_eq!(message(&mut stream).await, "a line");
    put(&mut stream, &ack(2)).await;
    a.conduct(raw.id, Conduct::MalformedLine).await;
    let mut stream = raw.opened().await;
    put(&mut stream, &ack(0)).await;
    assert_eq!(message(&mut stream).await, "a line");
}

#[tokio::test]
async fn a_peer_that_never_acknowledges_is_told_of_and_keeps_its_lines() {
    let mut listener = RawListener::new(&Keypair::generate_ed25519()).await;
    let quick = hasty(calling(&listener.address));
    let mut a = node(Settings {
        answer_timeout: Duration::from_secs(10),
        ..quick
    })
    .await;
    let mut raw = listener.accept(Manner::Framed).await;
    assert_eq!(raw.line().await, "hello version1");
    a.connected().await;
    send(&a.handle, raw.id, "a line").await;
    let mut stream = raw.opened().await;
    put(&mut stream, &ack(0)).await;
    assert_eq!(message(&mut stream).await, "a line");
    a.conduct(raw.id, Conduct::NoAnswer).await;
    put(&mut stream, &ack(1)).await;
    a.handle.flush(LIMIT).await;
}

/// A node that dials the one it is told and says what it takes before it acknowledges it. Nothing
/// happens without the role.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receiver() {
    let Some(sender) = role::own() else {
        return;
    };
    let sender = sender.parse().expect("an address");
    let mut start = Start::new(Settings {
        static_peers: vec![sender],
        backoff_min: Duration::from_millis(20),
        ..unhurried()
    });
    start.key = Keypair::ed25519_from_bytes([7; 32]).expect("a key");
    let mut node = start.start().await;
    loop {
        let Some(line) = node.lines.recv().await else {
            return;
        };
        role::say("took", &line.text);
        line.receipt.acknowledge();
    }
}

/// Both of them together have all the lines, so whatever the first acknowledged it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_receiver_loses_nothing_it_acknowledged() {
    const TOTAL: usize = 5_000;
    let a = node(settings()).await;
    let address = a.address.to_string();
    let to = Keypair::ed25519_from_bytes([7; 32])
        .expect("a key")
        .public()
        .to_peer_id();
    let took = std::thread::spawn(move || {
        let mut took = BTreeSet::new();
        let mut first = Role::play("redelivery::receiver", &address);
        took.extend((0..1_000).map(|_| first.says("took")));
        first.kill();
        while let Some(last_words) = first.next("took") {
            took.insert(last_words);
        }
        let mut second = Role::play("redelivery::receiver", &address);
        while took.len() < TOTAL {
            took.insert(second.says("took"));
        }
        second
    });
    for number in 0..TOTAL {
        loop {
            match a.handle.send(to, number.to_string(), 0).await {
                Ok(()) => break,
                Err(SendError::NotConnected(_)) => {
                    eventually("it is there", || a.handle.connected() == [to]).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    a.handle.flush(LIMIT).await;
    drop(took.join().expect("all lines were taken"));
}
