//! Hello, ping, goodbye, and what is said of who gets them wrong.

use std::time::Duration;

use libp2p::identity::Keypair;
use slips_p2p::{
    domain::{Conduct, Reachability},
    network::{Event, Known, Settings},
};

use crate::{
    node::{Node, Start, calling, hasty, node, settings},
    raw::{Manner, Raw, RawListener},
};

async fn called() -> (Node, Raw) {
    let mut a = node(hasty(settings())).await;
    let raw = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    raw.say("ping\n").await;
    a.connected().await;
    (a, raw)
}

async fn calls(manner: Manner) -> (Node, Raw) {
    let mut pigeon = RawListener::new(&Keypair::generate_ed25519()).await;
    let a = node(hasty(calling(&pigeon.address))).await;
    (a, pigeon.accept(manner).await)
}

#[tokio::test]
async fn a_hello_is_answered_and_told() {
    let (mut a, raw) = called().await;
    assert_eq!(raw.say("hello version1\n").await, "hello version1\n");
    let greeted = a.until("the greeting", |event| match event {
        Event::Greeted { peer, version } => Some((peer, version)),
        _ => None,
    });
    assert_eq!(greeted.await, (raw.id, "version1".into()));
}

#[tokio::test]
async fn a_second_hello_is_answered_and_blamed() {
    let (mut a, raw) = called().await;
    raw.say("hello version1\n").await;
    a.conduct(raw.id, Conduct::Greeted).await;
    assert_eq!(raw.say("hello version1\n").await, "hello version1\n");
    a.conduct(raw.id, Conduct::RepeatedHello).await;
    assert_eq!(raw.say("hello version2\n").await, "hello version1\n");
    a.conduct(raw.id, Conduct::Greeted).await;
}

#[tokio::test]
async fn a_broken_hello_is_blamed_and_not_answered() {
    let (mut a, raw) = called().await;
    for words in ["hello\n", "hello to you\n"] {
        assert_eq!(raw.say(words).await, "");
        a.conduct(raw.id, Conduct::BrokenHello).await;
    }
}

#[tokio::test]
async fn a_ping_is_answered_and_a_hurried_one_blamed() {
    let mut a = node(settings()).await;
    let raw = Raw::dial(&Keypair::generate_ed25519(), &a.address, Manner::Polite).await;
    assert_eq!(raw.say("ping\n").await, "pong\n");
    a.conduct(raw.id, Conduct::Alive).await;
    assert_eq!(raw.say("ping\n").await, "pong\n");
    a.conduct(raw.id, Conduct::PingTooOften).await;
}

#[tokio::test]
async fn what_is_no_line_is_blamed_and_the_next_one_taken() {
    let (mut a, raw) = called().await;
    let long = [&[b'x'; 70_000][..], b"\n"].concat();
    let rude: [&[u8]; 6] = [b"\n", b" \t\n", b"no newline", b"", b"\xff\xfe\n", &long];
    for words in rude {
        assert_eq!(raw.say(words).await, "");
        a.conduct(raw.id, Conduct::MalformedLine).await;
    }
    raw.say("and a line\nand what nobody reads").await;
    assert_eq!(a.line().await.text, "and a line");
}

#[tokio::test]
async fn a_line_that_never_ends_is_given_up() {
    use futures::AsyncWriteExt;

    let (mut a, raw) = called().await;
    let mut stream = raw.open().await;
    stream.write_all(b"this takes ...").await.expect("writes");
    stream.flush().await.expect("writes");
    a.conduct(raw.id, Conduct::MalformedLine).await;
}

#[tokio::test]
async fn commands_need_exactly_their_words() {
    let (mut a, raw) = called().await;
    for words in ["ping\r", "Ping", " ping", "goodbye now", "hellooo"] {
        raw.say(format!("{words}\n")).await;
        assert_eq!(a.line().await.text, words);
    }
}

#[tokio::test]
async fn goodbye_ends_the_connection() {
    let (mut a, raw) = called().await;
    raw.say("goodbye\n").await;
    let state = a.lost().await;
    assert!(format!("{state:?}").contains("said goodbye"), "{state:?}");
    raw.gone.cancelled().await;
    assert_eq!(a.handle.connected(), []);
}

#[tokio::test]
async fn who_dials_says_hello_first() {
    let (mut a, mut raw) = calls(Manner::Polite).await;
    assert_eq!(raw.line().await, "hello version1");
    a.conduct(raw.id, Conduct::Greeted).await;
}

#[tokio::test]
async fn a_peer_greeted_in_an_earlier_run_is_only_pinged() {
    let key = Keypair::generate_ed25519();
    let mut pigeon = RawListener::new(&key).await;
    let known = vec![Known {
        peer: pigeon.id,
        addresses: vec![pigeon.address.clone()],
        greeted: true,
    }];
    let mut a = Start {
        known,
        ..Start::new(hasty(settings()))
    }
    .start()
    .await;
    let mut raw = pigeon.accept(Manner::Polite).await;
    assert_eq!(raw.line().await, "ping");
    a.conduct(raw.id, Conduct::Alive).await;
}

#[tokio::test]
async fn a_wrong_answer_to_hello_is_blamed() {
    let (mut a, raw) = calls(Manner::Wrong).await;
    a.conduct(raw.id, Conduct::BrokenHello).await;
}

#[tokio::test]
async fn no_answer_to_hello_is_blamed() {
    let (mut a, raw) = calls(Manner::Silent).await;
    a.conduct(raw.id, Conduct::NoAnswer).await;
}

#[tokio::test]
async fn a_peer_that_stops_answering_pings_is_given_up() {
    let mut pigeon = RawListener::new(&Keypair::generate_ed25519()).await;
    let settings = Settings {
        ping_after_min: Duration::from_millis(50),
        ping_after_max: Duration::from_millis(60),
        lost_after: Duration::from_millis(200),
        ..hasty(calling(&pigeon.address))
    };
    let mut a = node(settings).await;
    let mut raw = pigeon.accept(Manner::Polite).await;
    assert_eq!(raw.line().await, "hello version1");
    assert_eq!(raw.line().await, "ping");
    a.conduct(raw.id, Conduct::Alive).await;
    raw.silence();
    a.conduct(raw.id, Conduct::NoAnswer).await;
    let state = a.lost().await;
    assert!(
        matches!(&state, Reachability::Retrying { reason, .. } if reason.contains("no good ping")),
        "{state:?}"
    );
    raw.gone.cancelled().await;
}

#[tokio::test]
async fn leaving_says_goodbye_to_everybody_and_ends() {
    let (mut a, mut raw) = calls(Manner::Polite).await;
    let mut other = node(calling(&a.address)).await;
    a.connected().await;
    a.connected().await;
    other.connected().await;
    assert_eq!(raw.line().await, "hello version1");
    a.handle.clone().goodbye(Duration::from_secs(5)).await;
    a.handle.ended().await;
    assert_eq!(raw.line().await, "goodbye");
    let state = other.lost().await;
    assert!(format!("{state:?}").contains("goodbye"), "{state:?}");
    a.until("the end", |event| (event == Event::Stopped).then_some(()))
        .await;
}

#[tokio::test]
async fn dropping_every_handle_ends_the_network() {
    let (mut a, mut raw) = calls(Manner::Polite).await;
    assert_eq!(raw.line().await, "hello version1");
    a.connected().await;
    drop(a.handle);
    assert_eq!(raw.line().await, "goodbye");
    raw.gone.cancelled().await;
}
