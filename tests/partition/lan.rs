//! A sensor on a machine of the test's network, and what its database says.

use std::{collections::BTreeMap, future::Future, time::Duration};

use libp2p::PeerId;
use slips_p2p::{
    domain::{Digest, Reachability},
    store::Reader,
};
use testkit::{
    chatter,
    netns::Host,
    sensor::{Sensor, Setup},
    slips::{FROM_SLIPS, VERSION, report},
    wait,
};
use tokio::runtime::{Builder, Runtime};

/// Until nodes have met and said what they have, on a loaded machine.
pub const LONG: Duration = Duration::from_secs(30);

/// Where each author's log ends.
pub type Heads = BTreeMap<PeerId, (u64, Digest)>;

pub struct Node {
    pub sensor: Sensor,
    pub host: Host,
    pub setup: Setup,
    pub id: PeerId,
    /// How many reports its Slips has said to everybody.
    pub said: u64,
    reader: Reader,
    runtime: Runtime,
}

impl Node {
    /// Starts one that dials the others, and waits until it has met them.
    pub fn start(host: Host, others: &mut [&mut Self]) -> Self {
        let setup = Setup {
            peers: others
                .iter_mut()
                .map(|other| other.sensor.address())
                .collect(),
            host: Some(host.clone()),
            ..Setup::default()
        };
        let mut sensor = Sensor::start(&setup);
        let id = sensor.peer_id().parse().expect("an id");
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let reader = runtime
            .block_on(Reader::open(&sensor.database()))
            .expect("the node has made it");
        let node = Self {
            sensor,
            host,
            setup,
            id,
            said: 0,
            reader,
            runtime,
        };
        for other in others {
            node.meets(other);
            other.meets(&node);
        }
        node
    }

    /// Waits until it is connected with another and both have said what they have.
    pub fn meets(&self, other: &Self) {
        wait::until("two nodes connected", LONG, || {
            matches!(self.state_of(other), Some(Reachability::Connected)).then_some(())
        });
    }

    fn read<T>(&self, reading: impl Future<Output = T>) -> T {
        self.runtime.block_on(reading)
    }

    /// Where the logs end that it has on disk.
    pub fn heads(&self) -> Heads {
        let logs = self.read(self.reader.logs()).expect("it can be read");
        logs.into_iter()
            .filter(|head| head.last > 0)
            .map(|head| (head.author, (head.last, head.digest)))
            .collect()
    }

    /// How many entries of an author it has on disk.
    pub fn has_of(&self, author: &Self) -> u64 {
        self.heads().get(&author.id).map_or(0, |(last, _)| *last)
    }

    /// How it says it reaches another.
    pub fn state_of(&self, other: &Self) -> Option<Reachability> {
        self.state_of_peer(other.id)
    }

    /// The same of any peer.
    pub fn state_of_peer(&self, peer: PeerId) -> Option<Reachability> {
        let peer = self.read(self.reader.peer(peer));
        Some(peer.expect("it can be read")?.state)
    }

    /// Whether `peers` shows another as connected.
    pub fn reaches(&self, other: &Self) -> bool {
        self.state_of(other) == Some(Reachability::Connected)
    }

    /// How often it has lost a connection.
    pub fn losses(&self) -> usize {
        self.sensor.node.log().matches("disconnected: ").count()
    }

    /// Its Slips says so many reports to everybody, on addresses not spoken of before.
    pub fn say(&mut self, count: u64) {
        for n in self.said..self.said + count {
            let n = u32::try_from(n).expect("few");
            let message = report(&chatter::address(n).to_string(), 0.8, 0.9);
            let text =
                format!(r#"{{"message": "{message}", "recipient": "*", "version": "{VERSION}"}}"#);
            self.sensor.slips.publish(FROM_SLIPS, &text);
        }
        self.said += count;
    }

    /// Kills the node as a power cut would; its address stays.
    pub fn kill(&mut self) {
        self.sensor.node.kill();
    }

    /// Starts it again.
    pub fn restart(&mut self) {
        self.sensor.restart(&self.setup);
    }
}

/// Whether all have everything that all have said.
pub fn all_equal(nodes: &[Node]) -> bool {
    let wanted: BTreeMap<PeerId, u64> = nodes
        .iter()
        .filter(|node| node.said > 0)
        .map(|node| (node.id, node.said))
        .collect();
    let heads: Vec<Heads> = nodes.iter().map(Node::heads).collect();
    let counts = |heads: &Heads| -> BTreeMap<PeerId, u64> {
        heads
            .iter()
            .map(|(author, (last, _))| (*author, *last))
            .collect()
    };
    heads.iter().all(|heads| counts(heads) == wanted) && heads.iter().all(|have| *have == heads[0])
}

/// No log is broken, and nobody is known to have said two things under one number.
pub fn are_sound(nodes: &[Node]) {
    for node in nodes {
        let ask = |words: &[&str]| node.sensor.ask(words);
        assert_eq!(ask(&["db", "check"]), serde_json::json!([]));
        assert_eq!(ask(&["peers", "evidence"]), serde_json::json!([]));
    }
}
