//! A test peer that speaks the Go pigeon's protocol as it was recorded: an RSA identity, one line a
//! stream, hello/ping/goodbye, fire-and-forget writes, ratings as a plain mean, legacy mDNS.
//!
//! It runs on a thread of its own, inside a network namespace when given one, and shares no code
//! with the node. Its methods block with a limit, so that a test reads as a story.

mod lines;
pub mod mdns;
mod ratings;
mod talk;

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, identity::Keypair};
use tokio::sync::mpsc as queue;

pub use ratings::Standing;

use crate::netns::Host;
use ratings::Book;

/// An RSA-2048 identity in the pigeon's key file format, and its peer id as computed by other means
/// (SHA-256 of the public key in protobuf, base58), for tests only.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The bytes of a `pigeon.keys`.
    pub key_file: &'static [u8],
    /// The `Qm...` it must give.
    pub peer_id: &'static str,
}

/// One identity.
pub const PIGEON_A: Identity = Identity {
    key_file: include_bytes!("fixtures/pigeon-a.keys"),
    peer_id: "QmNQs6gmwHxnYenUHgZFRAEs7HRp6JRj2ftBfuMmc8xnQe",
};
/// Another identity.
pub const PIGEON_B: Identity = Identity {
    key_file: include_bytes!("fixtures/pigeon-b.keys"),
    peer_id: "QmPZhUB3KdMvKNxp5HdocSwDXGWjcdGRY6ZBYWKsm2PTCJ",
};

/// The pigeon's clocks; the defaults are the real ones.
#[derive(Debug, Clone, Copy)]
pub struct Timers {
    /// Pause between two rounds of pings.
    pub round: Duration,
    /// A peer is pinged when its last good ping is older.
    pub ping_after: Duration,
    /// A ping sooner than this after the last good one is rated 0.
    pub too_often: Duration,
    /// How long an answer is waited for.
    pub answer: Duration,
    /// A peer that fails a ping is given up when its last good ping is older.
    pub lost: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            round: seconds(10),
            ping_after: seconds(15),
            too_often: seconds(5),
            answer: seconds(10),
            lost: seconds(60),
        }
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who it is.
    pub identity: Identity,
    /// `-host`.
    pub host: Ipv4Addr,
    /// `-port`; 0 takes any.
    pub port: u16,
    /// `-pid`.
    pub protocol: String,
    /// `-rendezvous`; `None` keeps it out of mDNS.
    pub rendezvous: Option<String>,
    /// Its clocks.
    pub timers: Timers,
    /// The namespace it lives in; `None`: that of the test.
    pub namespace: Option<Host>,
}

impl Settings {
    /// A pigeon on loopback that is found by nobody.
    #[must_use]
    pub fn local(identity: Identity) -> Self {
        Self {
            identity,
            host: Ipv4Addr::LOCALHOST,
            port: 0,
            protocol: "/slips/1.0".into(),
            rendezvous: None,
            timers: Timers::default(),
            namespace: None,
        }
    }

    /// A pigeon on a host of a namespace, with mDNS, as Slips starts it.
    #[must_use]
    pub fn on(host: &Host, identity: Identity) -> Self {
        Self {
            host: host.ip,
            rendezvous: Some("slips".into()),
            namespace: Some(host.clone()),
            ..Self::local(identity)
        }
    }
}

/// What a peer did, as the pigeon saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A line that is for Slips.
    Data(PeerId, String),
    /// `hello ...`, the whole line.
    Hello(PeerId, String),
    /// `ping`.
    Ping(PeerId),
    /// `goodbye`.
    Goodbye(PeerId),
    /// A blank line, or a stream that ended before its newline: what had come by then.
    Broken(PeerId, String),
    /// A whole mDNS answer.
    Found(mdns::Announced),
}

/// What the test asks of the pigeon's thread.
enum Command {
    Send {
        to: Option<PeerId>,
        bytes: Vec<u8>,
    },
    Ask {
        to: PeerId,
        bytes: Vec<u8>,
        reply: mpsc::Sender<Result<String, String>>,
    },
    Meet {
        peer: PeerId,
        address: Multiaddr,
        done: mpsc::Sender<()>,
    },
    AskNetwork,
    Goodbye(mpsc::Sender<()>),
}

/// A running pigeon; dropped, it is gone without a goodbye, as if killed.
pub struct Pigeon {
    /// Who it is.
    pub peer_id: PeerId,
    /// Where it listens, with its id: what it would write to `multiAddress`.
    pub address: Multiaddr,
    commands: Option<queue::UnboundedSender<Command>>,
    heard: mpsc::Receiver<Heard>,
    book: Arc<Mutex<Book>>,
    thread: Option<JoinHandle<()>>,
}

impl Pigeon {
    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it cannot listen, or its key does not give its peer id.
    #[must_use]
    pub fn start(settings: Settings) -> Self {
        let keypair = Keypair::from_protobuf_encoding(settings.identity.key_file)
            .expect("the fixture is a key");
        let peer_id = keypair.public().to_peer_id();
        assert_eq!(
            peer_id.to_string(),
            settings.identity.peer_id,
            "the key file gives another peer id"
        );
        let (commands, commands_in) = queue::unbounded_channel();
        let (heard_out, heard) = mpsc::channel();
        let (ready, listening) = mpsc::channel();
        let book = Arc::new(Mutex::new(Book::default()));
        let shared = talk::Shared {
            book: Arc::clone(&book),
            heard: heard_out,
            timers: settings.timers,
        };
        let thread = thread::spawn(move || {
            if let Some(namespace) = &settings.namespace {
                namespace.enter();
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(talk::run(settings, keypair, shared, commands_in, ready));
        });
        let address = listening
            .recv_timeout(crate::wait::LIMIT)
            .expect("the pigeon listens in time");
        let address = address
            .with_p2p(peer_id)
            .expect("an address without peer id");
        Self {
            peer_id,
            address,
            commands: Some(commands),
            heard,
            book,
            thread: Some(thread),
        }
    }

    fn command(&self, command: Command) {
        self.commands
            .as_ref()
            .expect("running")
            .send(command)
            .expect("the pigeon's thread lives");
    }

    /// A message as from Slips: one line to one active peer, fire and forget.
    pub fn send(&self, to: PeerId, line: &str) {
        self.command(Command::Send {
            to: Some(to),
            bytes: format!("{line}\n").into_bytes(),
        });
    }

    /// A message as from Slips for `*`: one line to every active peer, fire and forget.
    pub fn send_to_all(&self, line: &str) {
        self.command(Command::Send {
            to: None,
            bytes: format!("{line}\n").into_bytes(),
        });
    }

    /// Any bytes on a stream of their own, no newline added; fire and forget.
    pub fn send_raw(&self, to: PeerId, bytes: &[u8]) {
        self.command(Command::Send {
            to: Some(to),
            bytes: bytes.to_vec(),
        });
    }

    /// Writes a line and waits for the first line of the answer, without its newline.
    ///
    /// # Errors
    /// Why there was no answer.
    pub fn ask(&self, to: PeerId, line: &str) -> Result<String, String> {
        let (reply, answer) = mpsc::channel();
        self.command(Command::Ask {
            to,
            bytes: format!("{line}\n").into_bytes(),
            reply,
        });
        answer
            .recv_timeout(crate::wait::LIMIT)
            .unwrap_or_else(|_| Err("no answer".into()))
    }

    /// Does what it does with a peer found by mDNS: when new, connects and says hello. Returns when that is over.
    ///
    /// # Panics
    /// When the address has no peer id, or it takes too long.
    pub fn meet(&self, address: &Multiaddr) {
        let peer = address
            .iter()
            .find_map(|part| {
                if let libp2p::multiaddr::Protocol::P2p(peer) = part {
                    Some(peer)
                } else {
                    None
                }
            })
            .expect("an address with /p2p/");
        let (done, over) = mpsc::channel();
        self.command(Command::Meet {
            peer,
            address: address.clone(),
            done,
        });
        over.recv_timeout(crate::wait::LIMIT)
            .expect("the greeting ends in time");
    }

    /// Asks the network by mDNS once more, as it does at start and every hour.
    pub fn ask_network(&self) {
        self.command(Command::AskNetwork);
    }

    /// Waits for the first thing heard that `wanted` takes; what comes before it is passed over.
    ///
    /// # Panics
    /// With `what` and all that was heard, when the limit is over.
    pub fn hear<T>(
        &self,
        what: &str,
        limit: Duration,
        mut wanted: impl FnMut(&Heard) -> Option<T>,
    ) -> T {
        let end = Instant::now() + limit;
        let mut passed = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(heard) = self.heard.recv_timeout(left) else {
                panic!("the pigeon waited {limit:?} in vain for: {what}; it heard {passed:?}")
            };
            if let Some(value) = wanted(&heard) {
                return value;
            }
            passed.push(heard);
        }
    }

    /// Waits for the next line for Slips from a peer.
    ///
    /// # Panics
    /// When none comes in time.
    pub fn hear_data(&self, from: PeerId) -> String {
        self.hear(
            "a line for Slips",
            crate::wait::LIMIT,
            |heard| match heard {
                Heard::Data(peer, line) if *peer == from => Some(line.clone()),
                _ => None,
            },
        )
    }

    /// Everything heard so far and not yet taken.
    #[must_use]
    pub fn heard_so_far(&self) -> Vec<Heard> {
        self.heard.try_iter().collect()
    }

    /// How it rates a peer; `None` when it never met it.
    ///
    /// # Panics
    /// When the pigeon's thread panicked.
    #[must_use]
    pub fn standing(&self, peer: PeerId) -> Option<Standing> {
        self.book
            .lock()
            .expect("the pigeon did not panic")
            .get(peer)
    }

    /// Says goodbye to every active peer and ends.
    pub fn goodbye(mut self) {
        let (done, over) = mpsc::channel();
        self.command(Command::Goodbye(done));
        let _ = over.recv_timeout(crate::wait::LIMIT);
        self.end();
    }

    fn end(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || thread::panicking(),
                "the pigeon's thread panicked"
            );
        }
    }
}

impl Drop for Pigeon {
    fn drop(&mut self) {
        self.end();
    }
}
