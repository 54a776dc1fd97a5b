//! What a hostile peer can make a node hold. Both are processes of their own, made from this program.

use std::{sync::Arc, time::Duration};

use futures::AsyncWriteExt;
use libp2p::{Multiaddr, identity::Keypair};
use slips_p2p::network::Settings;

use crate::{
    node::{eventually, node, settings},
    raw::{Manner, Raw},
    role::{self, Role},
};

/// A node that takes every line. Nothing happens without the role.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    if role::own().is_none() {
        return;
    }
    let read_timeout = Duration::from_secs(60);
    let mut victim = node(Settings {
        read_timeout,
        ..settings()
    })
    .await;
    role::say("listening", &victim.address);
    while victim.lines.recv().await.is_some() {}
}

/// Four peers offer 600 streams each with 250 KiB that never become a line, 600 MiB in all.
/// Nothing happens without the role.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacker() {
    let Some(victim) = role::own() else {
        return;
    };
    let victim = victim.parse().expect("an address");
    let payload: Arc<[u8]> = vec![b'x'; 250 * 1024].into();
    for _ in 0..4 {
        let raw = Raw::dial(&Keypair::generate_ed25519(), &victim, Manner::Polite).await;
        let raw = Arc::new(raw);
        for _ in 0..600 {
            let (raw, payload) = (Arc::clone(&raw), Arc::clone(&payload));
            tokio::spawn(async move {
                let mut stream = raw.open().await;
                let _ = stream.write_all(&payload).await;
                std::future::pending::<()>().await;
            });
        }
    }
    std::future::pending().await
}

/// The node holds what its settings allow, and an honest peer is served meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_streams_are_held_at_the_socket() {
    let mut victim = Role::play("memory::victim", "victim");
    let address: Multiaddr = victim.says("listening").parse().expect("an address");
    let honest = Raw::dial(&Keypair::generate_ed25519(), &address, Manner::Polite).await;
    assert_eq!(honest.say("ping\n").await, "pong\n");
    let before = victim.resident();
    let _attacker = Role::play("memory::attacker", &address.to_string());
    let (mut peak, mut last, mut still) = (before, 0, 0);
    eventually("the attack is at a standstill", || {
        let now = victim.resident();
        peak = peak.max(now);
        still = if now.abs_diff(last) < 256 && now > before + 8192 {
            still + 1
        } else {
            0
        };
        last = now;
        still == 100
    })
    .await;
    let grown = (peak - before) / 1024;
    println!("the node grew by {grown} MiB");
    // 4 MiB a connection and 32 lines of 64 KiB being read, four times, and what lies around it.
    assert!(grown < 48, "the node grew by {grown} MiB");
    honest.say("a line\n").await;
    assert_eq!(honest.say("ping\n").await, "pong\n");
}
