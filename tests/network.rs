//! Real swarms on loopback: what two nodes and hostile peers make of each other.

use std::time::Duration;

use libp2p::{Multiaddr, identity::Keypair};
use slips_p2p::network::{self, Event, Events, Handle, Line, Settings};
use tokio::{sync::mpsc, time::timeout};

/// Longest wait for anything here; a test that reaches it has failed.
const LIMIT: Duration = Duration::from_secs(20);

/// A running node and its ends.
struct Node {
    handle: Handle,
    events: Events,
    lines: mpsc::Receiver<Line>,
    address: Multiaddr,
}

fn settings() -> Settings {
    Settings {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
        legacy_mdns: false,
        ..Settings::default()
    }
}

async fn node(settings: Settings) -> Node {
    node_with(settings, Keypair::generate_ed25519(), 1024).await
}

async fn node_with(settings: Settings, key: Keypair, room: usize) -> Node {
    let (into, lines) = mpsc::channel(room);
    let (handle, events, mut addresses) =
        network::start(settings, key, Vec::new(), Vec::new(), into)
            .await
            .expect("the network starts");
    Node {
        handle,
        events,
        lines,
        address: addresses.remove(0),
    }
}

fn calling(other: &Node) -> Settings {
    Settings {
        static_peers: vec![other.address.clone()],
        ..settings()
    }
}

impl Node {
    async fn until<T>(&mut self, what: &str, mut want: impl FnMut(Event) -> Option<T>) -> T {
        timeout(LIMIT, async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                if let Some(found) = want(event) {
                    return found;
                }
            }
        })
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    async fn connected(&mut self) {
        self.until("a connection", |event| {
            matches!(event, Event::Connected { .. }).then_some(())
        })
        .await;
    }

    async fn line(&mut self) -> Line {
        timeout(LIMIT, self.lines.recv())
            .await
            .expect("a line in time")
            .expect("the network runs")
    }
}

#[tokio::test]
async fn two_nodes_exchange_lines_both_ways() {
    let mut a = node(settings()).await;
    let mut b = node(calling(&a)).await;
    a.connected().await;
    b.connected().await;
    a.handle
        .send(b.handle.local_peer_id(), "from a".into(), 0)
        .await
        .expect("sent");
    b.handle
        .send(a.handle.local_peer_id(), "from b".into(), 0)
        .await
        .expect("sent");
    let at_b = b.line().await;
    assert_eq!(
        (at_b.from.0, at_b.text.as_str()),
        (a.handle.local_peer_id(), "from a")
    );
    assert_eq!(a.line().await.text, "from b");
}
