//! A database filled through the store, and the program run on it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use slips_p2p::{
    domain::{
        Author, Ban, Confidence, Neighbour, Opinion, OwnStatement, PeerId, Reachability,
        ReceivedReport, Reliability, Score, Subject, Timestamp, Trust,
    },
    store::{
        Batch, PeerAddress, PeerConduct, PeerReachability, Retention, Settings, Store, is_running,
    },
};

/// What a hostile peer would like to do to a terminal and to a spreadsheet.
pub const NASTY: &str =
    "=HYPERLINK(\"http://203.0.113.1\")\u{1b}[2J\u{202e}gnp.exe\u{9b}31m\r\nbye";
/// An address two peers and our own Slips speak of.
pub const TALKED_OF: &str = "192.0.2.7";
/// An address one peer speaks of.
pub const SIX: &str = "2001:db8::7";
/// An address nobody speaks of.
pub const UNKNOWN: &str = "198.51.100.99";

/// Long enough for anything that should take milliseconds, on a loaded machine.
pub const LIMIT: Duration = Duration::from_secs(20);
/// How often a condition that cannot call back is looked at.
const STEP: Duration = Duration::from_millis(5);

/// A directory with a database and the peers in it.
pub struct World {
    dir: tempfile::TempDir,
    pub honest: PeerId,
    pub liar: PeerId,
    pub banned: PeerId,
    pub start: Timestamp,
}

/// A node as far as its database shows.
pub struct Running {
    pub runtime: tokio::runtime::Runtime,
    pub store: Store,
}

impl World {
    /// Three peers, four reports of which one was repeated, an opinion, own statements, a ban.
    pub fn filled() -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
            honest: peer(1),
            liar: peer(2),
            banned: peer(3),
            // Ten minutes ago: "an hour ago" and "a minute ago" lie on both sides of it.
            start: Timestamp::now().minus(Duration::from_secs(600)),
        };
        world.store(|world| vec![world.peers(), world.said()]);
        world
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("slips-p2p.db")
    }

    /// Stores batches as the node would, and closes the database as a clean stop does.
    pub fn store(&self, batches: impl FnOnce(&Self) -> Vec<Batch>) {
        let Running { runtime, store } = self.running(batches);
        runtime.block_on(store.close());
        // A child that another test is just starting has our lock, with everything else that is
        // open, until it becomes another program: only then is the lock given back free.
        let limit = Instant::now() + LIMIT;
        while is_running(&self.database()) {
            assert!(Instant::now() < limit, "the lock is not given back");
            std::thread::sleep(STEP);
        }
    }

    /// Stores batches and holds the database as a running node does.
    pub fn running(&self, batches: impl FnOnce(&Self) -> Vec<Batch>) -> Running {
        let settings = Settings {
            path: self.database(),
            max_batch_rows: 4096,
            retention: Retention {
                max_age: Duration::from_secs(86_400 * 365),
                max_reports: 10_000_000,
                max_bytes: 1 << 40,
            },
            outbox_max_age: Duration::from_secs(86_400),
            outbox_max_rows: 1_000_000,
        };
        // A thread of its own, so that the writer goes on while the test looks elsewhere.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let store = runtime.block_on(async {
            let (store, _) = Store::open(settings).await.unwrap();
            for batch in batches(self) {
                store.commit(batch).await.unwrap();
            }
            store
        });
        Running { runtime, store }
    }

    /// Seconds after the start of the story.
    pub fn at(&self, seconds: u64) -> Timestamp {
        self.start.plus(Duration::from_secs(seconds))
    }

    pub fn peers(&self) -> Batch {
        let tomorrow = Timestamp::now().plus(Duration::from_secs(86_400));
        let state = |peer, state| PeerReachability {
            peer,
            state,
            at: self.start,
        };
        let lives = |peer, ip: &str| PeerAddress {
            peer,
            ip: ip.parse().unwrap(),
            multiaddr: format!("/ip4/{ip}/tcp/4001"),
            seen_at: self.start,
        };
        Batch {
            addresses: vec![
                lives(self.honest, "203.0.113.10"),
                lives(self.liar, "203.0.113.20"),
            ],
            reachability: vec![
                state(self.honest, Reachability::Connected),
                state(
                    self.liar,
                    Reachability::Retrying {
                        reason: NASTY.into(),
                        next_try: tomorrow,
                    },
                ),
                state(
                    self.banned,
                    Reachability::Unreachable {
                        reason: "no route".into(),
                        next_try: None,
                    },
                ),
            ],
            conduct: vec![self.conduct(self.honest, 0.9), self.conduct(self.liar, 0.4)],
            bans: vec![Ban {
                peer: self.banned,
                since: self.start,
                until: tomorrow,
                reason: "51 malformed messages".into(),
            }],
            ..Batch::default()
        }
    }

    fn conduct(&self, peer: PeerId, reliability: f64) -> PeerConduct {
        PeerConduct {
            peer,
            reliability: Reliability::new(reliability).unwrap(),
            good: 9.0,
            bad: 1.0,
            at: self.start,
            last: None,
        }
    }

    fn said(&self) -> Batch {
        Batch {
            reports: vec![
                self.report(self.liar, TALKED_OF, 0.1, 0.5, 10).into(),
                self.report(self.honest, TALKED_OF, 0.9, 0.8, 20).into(),
                self.report(self.honest, TALKED_OF, 0.9, 0.8, 30).into(),
                self.report(self.honest, SIX, 0.25, 1.0, 40).into(),
            ],
            statements: vec![OwnStatement {
                subject: subject(TALKED_OF),
                score: Score::new(1.0).unwrap(),
                confidence: Confidence::new(0.95).unwrap(),
                said_at: self.at(50),
            }],
            ..Batch::default()
        }
    }

    pub fn report(&self, who: PeerId, of: &str, score: f64, sure: f64, at: u64) -> ReceivedReport {
        ReceivedReport {
            author: Author(who),
            heard_from: Neighbour(who),
            subject: subject(of),
            score: Score::new(score).unwrap(),
            confidence: Confidence::new(sure).unwrap(),
            received_at: self.at(at),
        }
    }

    pub fn opinion(&self, of: &str, score: f64, at: u64) -> Opinion {
        Opinion {
            subject: subject(of),
            score: Score::new(score).unwrap(),
            confidence: Confidence::new(0.5).unwrap(),
            network_score: Trust::new(0.25).unwrap(),
            computed_at: self.at(at),
            reporters: 2,
        }
    }

    /// The program on this database, with nothing of the environment that tests run in.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.path());
        // The stories here are told with the numbers of the base model, unless they say otherwise.
        command
            .env("SLIPS_P2P__REPUTATION__MODEL", "slips")
            .arg("--database")
            .arg(self.database())
            .args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// Runs it with `-o json` and reads what it answers.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.run(&[&["-o", "json"], arguments].concat());
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }
}

/// The program in a directory.
pub fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slips-p2p"));
    let ours = |name: &str| name.starts_with("SLIPS_") || name == "NO_COLOR";
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.current_dir(dir).stdin(Stdio::null());
    command
}

/// What a finished run left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// The run, which must have ended with this code.
    #[track_caller]
    pub fn ending(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The CSV on stdout: header and rows.
    pub fn csv(&self) -> (Vec<String>, Vec<Vec<String>>) {
        let mut reader = csv::Reader::from_reader(self.out.as_bytes());
        let owned = |record: &csv::StringRecord| record.iter().map(Into::into).collect();
        let header = owned(reader.headers().unwrap());
        (
            header,
            reader
                .records()
                .map(|record| owned(&record.unwrap()))
                .collect(),
        )
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Sends a signal by name.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Waits for the end of a child, with a limit.
pub fn ended(child: &mut Child) -> std::process::ExitStatus {
    let limit = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > limit {
            // Nothing may be left behind when the test fails.
            let _ = child.kill();
            panic!("still running after {LIMIT:?}");
        }
        std::thread::sleep(STEP);
    }
}

pub fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

/// A peer with an Ed25519 id, always the same for a number.
fn peer(number: u8) -> PeerId {
    let key = libp2p::identity::Keypair::ed25519_from_bytes([number; 32]).unwrap();
    key.public().to_peer_id()
}
