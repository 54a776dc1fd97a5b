//! An author who signs two different things as one entry is found out, everywhere and for ever.

use std::time::Duration;

use libp2p::{Multiaddr, PeerId, identity::Keypair};
use serde_json::Value;
use slips_p2p::{
    app::identity::{self, Loose},
    domain::{Status, Timestamp},
    mesh::OwnLog,
    network::{self, Event, Handle, Inlets, SyncEvent, SyncEvents},
    wire::sync::Message,
};
use testkit::node::{self, Program};
use testkit::sensor::{Sensor, Setup};
use testkit::slips::report;
use testkit::wait;
use tokio::{runtime::Runtime, time::timeout};

use super::{LONG, alone, calling, stat};

/// A peer that speaks sync and signs whatever the test wants.
struct Liar {
    runtime: Runtime,
    key: Keypair,
    handle: Handle,
    synced: SyncEvents,
    events: network::Events,
    _lines: network::Lines,
}

impl Liar {
    fn calling(other: Multiaddr) -> Self {
        Self::with(Keypair::generate_ed25519(), other, true)
    }

    fn with(key: Keypair, other: Multiaddr, syncs: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let settings = network::Settings {
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
            legacy_mdns: false,
            static_peers: vec![other],
            ..network::Settings::default()
        };
        let (lines, lines_out) = network::lines(64);
        let (sync, synced) = network::sync_frames(1024);
        let inlets = Inlets {
            lines,
            sync: syncs.then_some(sync),
        };
        let started = network::start(settings, key.clone(), Vec::new(), Vec::new(), inlets);
        let (handle, events, _) = runtime.block_on(started).expect("it starts");
        Self {
            runtime,
            key,
            handle,
            synced,
            events,
            _lines: lines_out,
        }
    }

    fn id(&self) -> PeerId {
        self.handle.local_peer_id()
    }

    /// Waits until sync frames can be sent.
    fn meet(&mut self, node: PeerId) {
        let ready = async {
            while let Some(event) = self.synced.recv().await {
                if matches!(event, SyncEvent::Ready { peer, .. } if peer == node) {
                    return;
                }
            }
            panic!("the network ended");
        };
        self.runtime
            .block_on(async { timeout(Duration::from_secs(20), ready).await })
            .expect("a session in time");
    }

    /// A log that begins with these messages, as one segment.
    fn log_of(&self, messages: &[&str]) -> Vec<u8> {
        log_of(&self.key, messages)
    }

    fn push(&self, to: PeerId, segment: Vec<u8>) {
        let message = Message::Segments {
            answer: None,
            segments: vec![segment],
        };
        self.handle.send_sync(to, message.encode()).expect("room");
    }
}

/// A log of this key that begins with these messages, as one segment.
fn log_of(key: &Keypair, messages: &[&str]) -> Vec<u8> {
    let mut log = OwnLog::new(key.clone(), "slips", None).expect("a key that signs");
    let messages: Vec<_> = messages
        .iter()
        .map(|text| (Timestamp::now(), text))
        .collect();
    let unsent = log.append(&messages).expect("messages");
    let (bytes, ..) = unsent.segments().next().expect("a segment");
    bytes.to_vec()
}

fn peer_id(sensor: &mut Sensor) -> PeerId {
    sensor.peer_id().parse().expect("an id")
}

fn evidence(sensor: &Sensor, of: &str) -> Option<Value> {
    let rows = sensor.ask(&["peers", "evidence"]);
    let mut rows = rows.as_array().expect("a list").iter();
    rows.find(|row| row["author"] == of).cloned()
}

#[test]
fn two_entries_with_one_number_are_kept_as_proof_and_their_author_counts_no_more() {
    let mut a = alone();
    let setup = calling(&mut [&mut a]);
    let mut b = Sensor::start(&setup);
    let id_a = peer_id(&mut a);
    b.meet(&id_a.to_string());
    let mut liar = Liar::calling(a.address());
    liar.meet(id_a);
    let author = liar.id().to_string();
    let one = liar.log_of(&[&report("8.8.8.8", 1.0, 1.0)]);
    let other = liar.log_of(&[&report("9.9.9.9", 1.0, 1.0)]);
    liar.push(id_a, one);
    assert_eq!(a.slips.hear_data().0, author);
    assert_eq!(b.slips.hear_data().0, author, "handed on, in its name");
    wait::until("an opinion in B", LONG, || {
        b.slips.cached("IPsInfo:p2p4slips", "8.8.8.8")
    });
    liar.push(id_a, other);
    for sensor in [&mut a, &mut b] {
        let proof = wait::until("the proof", LONG, || evidence(sensor, &author));
        assert_eq!(proof["number"], 1);
        assert_ne!(proof["one"], proof["other"]);
        assert!(proof["one_segment"].is_string() && proof["other_segment"].is_string());
        wait::until("the opinion to be taken back", LONG, || {
            sensor
                .slips
                .cached("IPsInfo:p2p4slips", "8.8.8.8")
                .is_none()
                .then_some(())
        });
    }
    for sensor in [&a, &b] {
        let row = &sensor.ask(&["peers", &author])[0];
        assert!(row["forked_at"].is_string(), "{row:#}");
        let explained = sensor.ask(&["explain", "--peer", &author]);
        assert_eq!(explained["trust"], 0.0, "{explained:#}");
        assert_eq!(explained["forked_at"], row["forked_at"]);
        let refused = said(sensor, &["peers", "trust", &author]);
        assert!(refused.contains("no trust changes that"), "{refused}");
        let told = said(sensor, &["explain", "--peer", &author]);
        assert!(told.contains("without weight since"), "{told}");
        let told = said(sensor, &["peers"]);
        assert!(told.contains("forked: nothing it says counts"), "{told}");
    }
    b.node.kill();
    b.restart(&setup);
    assert!(evidence(&b, &author).is_some(), "it is still known");
    let explained = b.ask(&["explain", "8.8.8.8"]);
    assert!(
        explained["score"].is_null(),
        "and still does not count: {explained:#}"
    );
    assert_eq!(stat(&b, "forks"), 1);
}

/// What a command says to people, on stdout and stderr.
fn said(sensor: &Sensor, arguments: &[&str]) -> String {
    let database = sensor.database();
    let key = database.with_file_name("node.key");
    let mut asking = Program::new(node::NODE)
        .args(arguments)
        .args(["--database", database.to_str().expect("UTF-8")])
        .args(["--set", &format!("node.key_file={}", key.display())])
        .start();
    asking.wait_exit(LONG).log
}

/// Waits until a peer hears that a node is degraded, and why.
fn hears_degraded(liar: &mut Liar, node: PeerId) -> String {
    let events = &mut liar.events;
    let degraded = async {
        while let Some(event) = events.recv().await {
            let presence = match event {
                Event::Hello { peer, hello } if peer == node => hello.presence,
                Event::Status { peer, presence } if peer == node => presence,
                _ => continue,
            };
            if presence.status == Status::Degraded {
                return presence.message;
            }
        }
        panic!("the network ended");
    };
    liar.runtime
        .block_on(async { timeout(LONG, degraded).await })
        .expect("a status in time")
}

#[test]
fn a_node_whose_own_log_forked_says_so_loudly_and_after_a_start_again() {
    let mut a = alone();
    let id_a = peer_id(&mut a);
    let mut liar = Liar::calling(a.address());
    liar.meet(id_a);
    // Another node with a copy of its key has signed, as a first entry, two other things.
    let key =
        identity::load(&a.database().with_file_name("node.key"), Loose::Refuse).expect("its key");
    let [one, other] = ["8.8.8.8", "9.9.9.9"].map(|ip| log_of(&key, &[&report(ip, 1.0, 1.0)]));
    let message = Message::Fork {
        segments: [one, other],
    };
    liar.handle.send_sync(id_a, message.encode()).expect("room");
    let why = hears_degraded(&mut liar, id_a);
    assert!(why.contains("signed two things as one"), "{why}");
    a.node.wait_for_line("give it a new key");
    wait::until("the proof", LONG, || evidence(&a, &id_a.to_string()));
    let said = said(&a, &["peers", "evidence"]);
    assert!(said.contains("this node itself is among them"), "{said}");
    a.node.kill();
    a.restart(&Setup::default());
    a.node.wait_for_line("give it a new key");
    let mut later = Liar::calling(a.address());
    let why = hears_degraded(&mut later, id_a);
    assert!(why.contains("counts nowhere"), "{why}");
}

#[test]
fn a_report_that_came_by_line_and_by_log_is_told_to_slips_once() {
    let mut a = Sensor::start(&Setup::default());
    let id_a = peer_id(&mut a);
    // Before it is known to speak sync it says to all by line.
    let quiet = Liar::with(Keypair::generate_ed25519(), a.address(), false);
    let (text, next) = (report("192.0.2.1", 0.9, 0.8), report("192.0.2.2", 0.9, 0.8));
    a.meet(&quiet.id().to_string());
    wait::until("a connection", LONG, || {
        (quiet.handle.connected() == [id_a]).then_some(())
    });
    let line = quiet.handle.send(id_a, text.clone(), 1);
    quiet.runtime.block_on(line).expect("queued");
    assert_eq!(a.slips.hear_data().1, text);
    let key = quiet.key.clone();
    let bye = quiet.handle.clone().goodbye(Duration::from_secs(1));
    quiet.runtime.block_on(bye);
    let mut liar = Liar::with(key, a.address(), true);
    liar.meet(id_a);
    liar.push(id_a, liar.log_of(&[&text, &next]));
    assert_eq!(a.slips.hear_data().1, next, "the other copy is passed over");
    let reports = a.ask(&["reports"]);
    assert_eq!(reports[0]["times"], 1, "{reports}");
}
