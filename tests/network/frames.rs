//! Lines in frames: in order, many at once, acknowledged when they are safe; and what is no frame.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{PeerId, core::muxing::SubstreamBox, identity::Keypair};
use serde_json::{Value, json};
use slips_p2p::{
    domain::Conduct,
    network::{Event, Handle, Settings},
};
use tokio::time::timeout;

use crate::{
    node::{
        LIMIT, Node, Start, calling, eventually, hasty, node, pair, pair_of, pigeonlike, settings,
    },
    raw::{Manner, Raw, RawListener},
};

/// Nobody is held back for its rate.
pub fn unhurried() -> Settings {
    Settings {
        lines_per_second: u32::MAX,
        lines_burst: u32::MAX,
        ..settings()
    }
}

pub async fn put(stream: &mut SubstreamBox, body: &str) {
    let length = u32::try_from(body.len()).expect("a length").to_be_bytes();
    let bytes = [&length[..], body.as_bytes()].concat();
    stream.write_all(&bytes).await.expect("writes");
    stream.flush().await.expect("flushes");
}

/// The next frame; `None` at the end of the stream.
pub async fn frame(stream: &mut SubstreamBox) -> Option<Value> {
    let read = async {
        let mut length = [0; 4];
        stream.read_exact(&mut length).await.ok()?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut body).await.ok()?;
        Some(serde_json::from_slice(&body).expect("JSON"))
    };
    timeout(LIMIT, read).await.expect("a frame in time")
}

pub async fn message(stream: &mut SubstreamBox) -> String {
    let mut frame = self::frame(stream).await.expect("a message");
    while frame["type"] == "hello" || frame["type"] == "status" {
        frame = self::frame(stream).await.expect("a message");
    }
    assert_eq!(frame["type"], "message", "{frame}");
    frame["text"].as_str().expect("text").to_owned()
}

pub fn ack(count: u64) -> String {
    json!({"type": "ack", "count": count}).to_string()
}

/// A node and a stream of frames to it, which has said that it is ready.
async fn framed() -> (Node, Raw, SubstreamBox) {
    framed_with(settings()).await
}

async fn framed_with(settings: Settings) -> (Node, Raw, SubstreamBox) {
    let node = node(settings).await;
    let raw = Raw::dial(&Keypair::generate_ed25519(), &node.address, Manner::Framed).await;
    let mut stream = raw.open_framed().await;
    assert_eq!(
        frame(&mut stream).await,
        Some(json!({"type": "ack", "count": 0}))
    );
    (node, raw, stream)
}

pub async fn send(handle: &Handle, to: PeerId, line: impl ToString) {
    handle
        .send(to, line.to_string(), 0)
        .await
        .expect("it is queued");
}

#[tokio::test]
async fn who_sends_frames_as_fast_as_it_is_let_is_held_back_and_not_blamed() {
    let (mut node, _raw, mut stream) = framed_with(Settings {
        lines_per_second: 200,
        lines_burst: 20,
        ..settings()
    })
    .await;
    let started = Instant::now();
    for number in 0..220 {
        let message = json!({"type": "message", "text": number.to_string()});
        put(&mut stream, &message.to_string()).await;
    }
    for number in 0..220 {
        assert_eq!(node.line().await.text, number.to_string());
    }
    assert!(
        started.elapsed() >= Duration::from_millis(950),
        "200 lines beyond the burst take 1 s"
    );
    let blamed = |event: &Event| matches!(event, Event::Conduct { .. });
    let told = node.told();
    assert!(!told.iter().any(blamed), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_messages_go_both_ways_in_order() {
    const TOTAL: usize = 50_000;
    async fn talk(mut node: Node, to: PeerId) -> Node {
        let handle = node.handle.clone();
        let sender = tokio::spawn(async move {
            for number in 0..TOTAL {
                // Every message has a lane of its own.
                let lane = number as u64;
                handle
                    .send(to, format!("{number}"), lane)
                    .await
                    .expect("queued");
            }
            handle.flush(LIMIT).await;
        });
        for number in 0..TOTAL {
            assert_eq!(node.line().await.text, number.to_string());
        }
        sender.await.expect("all is acknowledged");
        node
    }
    let (a, b) = pair_of(unhurried()).await;
    let (to_a, to_b) = (a.id, b.id);
    let (mut a, mut b) = tokio::join!(talk(a, to_b), talk(b, to_a));
    assert!(a.lines.try_recv().is_none() && b.lines.try_recv().is_none());
}

/// What is under way is what the queue holds, wherever it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_receiver_holds_the_sender_back() {
    const TOTAL: usize = 20_000;
    let mut b = Start {
        room: 16,
        ..Start::new(unhurried())
    }
    .start()
    .await;
    let mut a = node(calling(&b.address)).await;
    a.connected().await;
    let sent = Arc::new(AtomicUsize::new(0));
    let sender = tokio::spawn({
        let (sent, to) = (Arc::clone(&sent), b.id);
        async move {
            for number in 0..TOTAL {
                send(&a.handle, to, format!("{number:0200}")).await;
                sent.fetch_add(1, Ordering::Relaxed);
            }
            a.handle.flush(LIMIT).await;
            a
        }
    });
    let (mut last, mut still) = (0, 0);
    eventually("the sender is held back", || {
        let now = sent.load(Ordering::Relaxed);
        still = if now == last && now > 0 { still + 1 } else { 0 };
        last = now;
        still == 60
    })
    .await;
    // 512 KiB of queue at 329 bytes a line, until they are acknowledged.
    assert!((1_000..1_650).contains(&last), "{last} lines were taken");
    for number in 0..TOTAL {
        assert_eq!(b.line().await.text, format!("{number:0200}"));
    }
    sender.await.expect("the sender ends");
}

#[tokio::test]
async fn a_line_is_acknowledged_when_whoever_took_it_says_so() {
    let (mut node, _raw, mut stream) = framed().await;
    for number in 1..=3 {
        put(
            &mut stream,
            &json!({"type": "message", "text": format!("line {number}")}).to_string(),
        )
        .await;
    }
    let mut lines = Vec::new();
    for number in 1..=3 {
        let line = node.unacknowledged().await;
        assert_eq!(line.text, format!("line {number}"));
        lines.push(line);
    }
    lines.remove(1).receipt.acknowledge();
    assert_eq!(frame(&mut stream).await.expect("an ack")["count"], 2);
    lines.remove(1).receipt.acknowledge();
    assert_eq!(frame(&mut stream).await.expect("an ack")["count"], 3);
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_and_the_peer_stays() {
    let (mut node, raw, mut stream) = framed().await;
    stream.write_all(&[0xff; 4]).await.expect("writes");
    stream.flush().await.expect("flushes");
    let refused = frame(&mut stream).await.expect("an error");
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("error"), &json!("too_long"))
    );
    assert_eq!(frame(&mut stream).await, None);
    node.conduct(raw.id, Conduct::MalformedLine).await;
    assert_eq!(raw.say("ping\n").await, "pong\n");
}

#[tokio::test]
async fn what_is_no_frame_costs_its_sender_and_ends_the_stream() {
    let not_lines = [
        json!({"type": "message", "text": "two\nlines"}).to_string(),
        json!({"type": "message", "text": "x".repeat(65_537)}).to_string(),
    ];
    for garbage in ["", "garbage", "{}", &not_lines[0], &not_lines[1]] {
        let (mut node, raw, mut stream) = framed().await;
        put(&mut stream, r#"{"type":"message","text":"a line"}"#).await;
        put(&mut stream, garbage).await;
        node.conduct(raw.id, Conduct::MalformedLine).await;
        assert_eq!(frame(&mut stream).await.expect("an error")["type"], "error");
        // What came before it counts.
        assert_eq!(node.line().await.text, "a line");
        assert_eq!(frame(&mut stream).await.expect("an ack")["count"], 1);
        assert_eq!(frame(&mut stream).await, None);
    }
}

#[tokio::test]
async fn a_type_nobody_knows_is_answered_and_the_stream_goes_on() {
    let (mut node, _raw, mut stream) = framed().await;
    put(&mut stream, r#"{"type":"tips","tips":[]}"#).await;
    assert_eq!(
        frame(&mut stream).await.expect("an error")["code"],
        "unknown_type"
    );
    put(&mut stream, &ack(0)).await;
    assert_eq!(
        frame(&mut stream).await.expect("an error")["code"],
        "unexpected"
    );
    put(
        &mut stream,
        r#"{"type":"message","text":"a line","later":1}"#,
    )
    .await;
    assert_eq!(node.line().await.text, "a line");
    assert_eq!(frame(&mut stream).await.expect("an ack")["count"], 1);
}

#[tokio::test]
async fn a_frame_that_does_not_end_ends_the_stream() {
    let mut node = node(hasty(settings())).await;
    let raw = Raw::dial(&Keypair::generate_ed25519(), &node.address, Manner::Framed).await;
    let mut stream = raw.open_framed().await;
    frame(&mut stream).await.expect("it is ready");
    stream.write_all(b"\0\0\0\x20{").await.expect("writes");
    stream.flush().await.expect("flushes");
    node.conduct(raw.id, Conduct::MalformedLine).await;
    assert_eq!(frame(&mut stream).await.expect("an error")["type"], "error");
    assert_eq!(frame(&mut stream).await, None);
}

#[tokio::test]
async fn a_new_stream_replaces_the_one_before() {
    let (mut node, raw, mut old) = framed().await;
    let mut new = raw.open_framed().await;
    frame(&mut new).await.expect("it is ready");
    put(&mut new, r#"{"type":"message","text":"on the new"}"#).await;
    assert_eq!(node.line().await.text, "on the new");
    assert_eq!(frame(&mut old).await, None);
}

#[tokio::test]
async fn a_peer_without_frames_gets_a_stream_a_line() {
    // One that says so by identify, one that shows it by refusing.
    let mut a = node(settings()).await;
    let mut plain = node(Settings {
        static_peers: vec![a.address.clone()],
        ..pigeonlike()
    })
    .await;
    a.connected().await;
    plain.connected().await;
    send(&a.handle, plain.id, "to the plain").await;
    assert_eq!(plain.line().await.text, "to the plain");
    send(&plain.handle, a.id, "from the plain").await;
    assert_eq!(a.line().await.text, "from the plain");

    let mut pigeon = RawListener::new(&Keypair::generate_ed25519()).await;
    let mut a = node(calling(&pigeon.address)).await;
    let mut raw = pigeon.accept(Manner::Polite).await;
    assert_eq!(raw.line().await, "hello version1");
    a.connected().await;
    send(&a.handle, raw.id, "to the pigeon").await;
    assert_eq!(raw.line().await, "to the pigeon");
    a.handle.flush(LIMIT).await;
}

#[tokio::test]
async fn the_longest_line_and_one_of_escapes_arrive_whole() {
    let (a, mut b) = pair().await;
    for line in [
        "x".repeat(65_536),
        "\"\\\t\u{1}\r é".into(),
        "short".to_owned(),
    ] {
        send(&a.handle, b.id, &line).await;
        assert!(b.line().await.text == line);
    }
}
