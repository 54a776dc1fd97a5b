//! `p2p4slips` as Slips starts it, against a peer that speaks the Go pigeon's protocol byte by byte.

#[path = "pigeon/discovery.rs"]
mod discovery;
#[path = "pigeon/files.rs"]
mod files;
#[path = "pigeon/process.rs"]
mod process;
#[path = "pigeon/talk.rs"]
mod talk;

use std::{
    fs,
    path::{Path, PathBuf},
};

use libp2p::{Multiaddr, PeerId};
use tempfile::TempDir;
use testkit::{
    node::{PIGEON, Program, Running, program},
    pigeon_peer::{PIGEON_A, PIGEON_B, Pigeon, Settings},
    slips::{Slips, VERSION, free_port},
    wait,
};

/// Slips' own directory, its Redis, and the program it has started as its pigeon.
struct Sensor {
    slips: Slips,
    node: Running,
    port: u16,
    root: TempDir,
}

/// What Slips passes, in its order and with its mixed dashes.
fn argv(port: u16, host: &str, redis: u16) -> Vec<String> {
    let port = port.to_string();
    let redis = format!("localhost:{redis}");
    let flags = [
        "-port",
        &port,
        "-host",
        host,
        "-key-file",
        "pigeon.keys",
        "--redis-db",
        &redis,
    ];
    let channels = [
        "-redis-channel-pygo",
        "p2p_pygo",
        "-redis-channel-gopy",
        "p2p_gopy",
    ];
    flags
        .iter()
        .chain(&channels)
        .map(|word| (*word).to_owned())
        .collect()
}

/// Slips' directory with its version, and the directory in it where the pigeon runs.
fn slips_directory() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().expect("a temporary directory");
    fs::write(root.path().join("VERSION"), format!("{VERSION}\n")).expect("a file");
    let runtime = root.path().join("permanent/p2p_trust_runtime");
    fs::create_dir_all(&runtime).expect("a directory");
    (root, runtime)
}

/// The program in Slips' runtime directory, with Slips' arguments. The tests side by side on this
/// host must not find each other, so multicast is off; `discovery` has networks of its own for it.
fn started(runtime: &Path, port: u16, host: &str, redis: u16) -> Program {
    Program::at(&program(PIGEON))
        .args(argv(port, host, redis))
        .dir(runtime)
        .env("SLIPS_P2P__NETWORK__LEGACY_MDNS", "false")
        .env("SLIPS_P2P__REDIS__VERSION", VERSION)
}

impl Sensor {
    fn start() -> Self {
        Self::with(|program| program)
    }

    fn with(change: impl FnOnce(Program) -> Program) -> Self {
        let (root, runtime) = slips_directory();
        let slips = Slips::start();
        let port = free_port();
        let node = change(started(&runtime, port, "127.0.0.1", slips.port)).start();
        let mut sensor = Self {
            slips,
            node,
            port,
            root,
        };
        sensor.address();
        sensor
    }

    fn runtime(&self) -> PathBuf {
        self.root.path().join("permanent/p2p_trust_runtime")
    }

    /// What it wrote to `multiAddress`.
    fn address(&mut self) -> Multiaddr {
        let (slips, node) = (&mut self.slips, &mut self.node);
        let text = wait::until("multiAddress", wait::LIMIT, || {
            assert!(node.is_running(), "p2p4slips ended: {}", node.log());
            slips.get("multiAddress")
        });
        text.parse().expect("a multiaddr")
    }

    fn peer_id(&mut self) -> PeerId {
        peer_id(&self.address())
    }

    /// A pigeon that has found this node and greeted it.
    fn met_by(&mut self, settings: Settings) -> Pigeon {
        let pigeon = Pigeon::start(settings);
        pigeon.meet(&self.address());
        self.slips
            .hear("a peer_update with the pigeon's address", |json| {
                let contents = &json["message_contents"];
                (contents["peerid"] == pigeon.peer_id.to_string().as_str()
                    && contents["ip"] == "127.0.0.1")
                    .then_some(())
            });
        pigeon
    }
}

fn peer_id(address: &Multiaddr) -> PeerId {
    let text = address.to_string();
    text.rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .expect("an address that ends in a peer id")
}

#[test]
fn two_test_pigeons_greet_as_two_real_ones_did() {
    let a = Pigeon::start(Settings::local(PIGEON_A));
    let b = Pigeon::start(Settings::local(PIGEON_B));
    b.meet(&a.address);
    let (of_a, of_b) = (
        b.standing(a.peer_id).expect("met"),
        a.standing(b.peer_id).expect("met"),
    );
    assert_eq!((of_a.ratings, of_a.version.as_str()), (vec![1], "version1"));
    assert_eq!((of_b.ratings, of_b.version.as_str()), (vec![1], "version1"));

    // The recorded edge inputs: hello again gives 0 and 1, a bare hello 0, a ping after a good one 0.
    assert_eq!(
        b.ask(a.peer_id, "hello version1").as_deref(),
        Ok("hello version1")
    );
    assert!(b.ask(a.peer_id, "hello").is_err());
    assert_eq!(b.ask(a.peer_id, "ping").as_deref(), Ok("pong"));
    assert_eq!(b.ask(a.peer_id, "ping").as_deref(), Ok("pong"));
    b.send(a.peer_id, " ");
    wait::until("six more ratings", wait::LIMIT, || {
        a.standing(b.peer_id).filter(|of_b| of_b.ratings.len() == 7)
    });
    assert_eq!(
        a.standing(b.peer_id).expect("met").ratings,
        [1, 0, 1, 0, 1, 0, 0]
    );

    b.send_to_all("a line for Slips");
    assert_eq!(a.hear_data(b.peer_id), "a line for Slips");
    b.goodbye();
    wait::until("a to let b go", wait::LIMIT, || {
        a.standing(peer_of(PIGEON_B)).filter(|of_b| !of_b.active)
    });
}

fn peer_of(identity: testkit::pigeon_peer::Identity) -> PeerId {
    identity.peer_id.parse().expect("a peer id")
}
