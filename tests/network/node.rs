//! A running node of ours and its ends, with waits that have limits.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId, identity::Keypair};
use slips_p2p::{
    domain::{Conduct, Neighbour, Reachability},
    network::{self, Event, Events, Handle, Known, Line, Lines, Settings},
};
use tokio::time::timeout;

/// Longest wait for anything here; a test that reaches it has failed.
pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Node {
    pub handle: Handle,
    pub events: Events,
    pub lines: Lines,
    pub address: Multiaddr,
    pub id: PeerId,
}

pub fn settings() -> Settings {
    Settings {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
        legacy_mdns: false,
        // Other tests share this process and its memory.
        max_memory_bytes: usize::MAX,
        seed: Some(7),
        ..Settings::default()
    }
}

/// Settings of a node that speaks `/slips/1.0` only, as pigeons do.
pub fn pigeonlike() -> Settings {
    Settings {
        frames: false,
        ..settings()
    }
}

/// Settings with a peer to dial.
pub fn calling(other: &Multiaddr) -> Settings {
    Settings {
        static_peers: vec![other.clone()],
        ..settings()
    }
}

/// Settings that wait only a fraction of a second where the real ones wait many.
pub fn hasty(settings: Settings) -> Settings {
    Settings {
        answer_timeout: Duration::from_millis(300),
        ack_timeout: Duration::from_millis(300),
        read_timeout: Duration::from_millis(500),
        backoff_min: Duration::from_millis(20),
        backoff_max: Duration::from_millis(200),
        ..settings
    }
}

pub struct Start {
    pub settings: Settings,
    pub key: Keypair,
    pub known: Vec<Known>,
    pub banned: Vec<PeerId>,
    pub room: usize,
}

impl Start {
    pub fn new(settings: Settings) -> Self {
        let key = Keypair::generate_ed25519();
        Self {
            settings,
            key,
            known: Vec::new(),
            banned: Vec::new(),
            room: 1024,
        }
    }

    pub async fn start(self) -> Node {
        let (into, lines) = network::lines(self.room);
        let (handle, events, mut addresses) =
            network::start(self.settings, self.key, self.known, self.banned, into)
                .await
                .expect("it starts");
        let id = handle.local_peer_id();
        Node {
            handle,
            events,
            lines,
            address: addresses.remove(0),
            id,
        }
    }
}

pub async fn node(settings: Settings) -> Node {
    Start::new(settings).start().await
}

/// Two nodes, the second of which dialled the first.
pub async fn pair() -> (Node, Node) {
    pair_of(settings()).await
}

pub async fn pair_of(settings: Settings) -> (Node, Node) {
    let mut a = node(settings.clone()).await;
    let mut b = node(Settings {
        static_peers: vec![a.address.clone()],
        ..settings
    })
    .await;
    a.connected().await;
    b.connected().await;
    (a, b)
}

impl Node {
    /// The first event from now on that `want` makes something of.
    pub async fn until<T>(&mut self, what: &str, mut want: impl FnMut(Event) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let found = timeout(LIMIT, async {
            loop {
                let event = self.events.recv().await.expect("the network runs");
                seen.push(format!("{event:?}"));
                if let Some(found) = want(event) {
                    return found;
                }
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("waited in vain for {what}; saw {seen:#?}"))
    }

    pub async fn connected(&mut self) -> PeerId {
        self.until("a connection", |event| match event {
            Event::Connected { peer, .. } => Some(peer),
            _ => None,
        })
        .await
    }

    /// The next state of a peer other than connected.
    pub async fn lost(&mut self) -> Reachability {
        self.until("a loss", |event| match event {
            Event::Reachability { state, .. } if state != Reachability::Connected => Some(state),
            _ => None,
        })
        .await
    }

    /// Waits for this conduct of this peer.
    pub async fn conduct(&mut self, of: PeerId, what: Conduct) {
        let want = Event::Conduct {
            peer: Neighbour(of),
            conduct: what,
        };
        self.until(what.word(), |event| (event == want).then_some(()))
            .await;
    }

    /// The next line; its sender need not keep it.
    pub async fn line(&mut self) -> Line {
        let line = self.unacknowledged().await;
        line.receipt.clone().acknowledge();
        line
    }

    /// The next line; whether it is acknowledged is the test's business.
    pub async fn unacknowledged(&mut self) -> Line {
        timeout(LIMIT, self.lines.recv())
            .await
            .expect("a line in time")
            .expect("the network runs")
    }

    /// Everything told so far.
    pub fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let check = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, check)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
