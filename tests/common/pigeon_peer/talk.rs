//! The pigeon's thread: the swarm, a task for each stream, the round of pings, mDNS.

mod discovery;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, mpsc},
    time::{Duration, Instant},
};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder,
    core::upgrade::Version,
    identify,
    identity::Keypair,
    noise, ping,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use tokio::{
    sync::{mpsc as queue, oneshot},
    time,
};

use super::{
    Command, Heard, Settings, Timers,
    lines::{Arrived, Lines, Reply},
    ratings::Book,
};

const GOODBYE_LIMIT: Duration = Duration::from_secs(1);
const GREETING: &str = "hello version1";

/// What every task of a pigeon shares.
#[derive(Clone)]
pub struct Shared {
    /// What it knows of its peers.
    pub book: Arc<Mutex<Book>>,
    /// What the test hears.
    pub heard: mpsc::Sender<Heard>,
    /// Its clocks.
    pub timers: Timers,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book
            .lock()
            .expect("no task of the pigeon panics with the book open")
    }

    fn hear(&self, heard: Heard) {
        // The test may have ended.
        let _ = self.heard.send(heard);
    }
}

type Opens = queue::UnboundedSender<(PeerId, Reply)>;

/// What a Go pigeon of that age answers to: identify, ping, and its own lines.
#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    lines: Lines,
}

fn swarm(settings: &Settings, keypair: Keypair) -> Swarm<Behaviour> {
    let protocol =
        StreamProtocol::try_from_owned(settings.protocol.clone()).expect("a protocol name");
    SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(
            tcp::Config::default(),
            noise::Config::new,
            yamux::Config::default,
        )
        .expect("noise takes the key")
        .with_behaviour(|key| {
            let identify = identify::Config::new("ipfs/0.1.0".into(), key.public())
                .with_agent_version("github.com/stratosphereips/p2p4slips".into());
            Behaviour {
                identify: identify::Behaviour::new(identify),
                // It answers pings of libp2p; it sends none.
                ping: ping::Behaviour::new(
                    ping::Config::new().with_interval(Duration::from_secs(86_400)),
                ),
                lines: Lines::new(protocol),
            }
        })
        .expect("a behaviour")
        // Header, protocol and line in one flight, as go-libp2p opens a stream.
        .with_swarm_config(|config| {
            config
                .with_substream_upgrade_protocol_override(Version::V1Lazy)
                .with_max_negotiating_inbound_streams(10_000)
        })
        .build()
}

/// Runs until the test drops its end of `commands`.
pub async fn run(
    settings: Settings,
    keypair: Keypair,
    shared: Shared,
    mut commands: queue::UnboundedReceiver<Command>,
    ready: mpsc::Sender<Multiaddr>,
) {
    let own_id = keypair.public().to_peer_id();
    let mut swarm = swarm(&settings, keypair);
    let listen =
        Multiaddr::from(settings.host).with(libp2p::multiaddr::Protocol::Tcp(settings.port));
    swarm
        .listen_on(listen)
        .expect("the pigeon's address is free");
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    let (opens, mut opens_in) = queue::unbounded_channel();
    let (found, mut found_in) = queue::unbounded_channel();
    let ask_network = discovery::start(&settings, own_id, &address, &found).await;
    tokio::spawn(ping_rounds(shared.clone(), opens.clone()));
    let _ = ready.send(address);

    let mut addresses: HashMap<PeerId, Multiaddr> = HashMap::new();
    loop {
        tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => {
                    addresses.insert(peer_id, endpoint.get_remote_address().clone());
                }
                SwarmEvent::Behaviour(BehaviourEvent::Lines(Arrived { peer, stream })) => {
                    tokio::spawn(answer(shared.clone(), peer, addresses.get(&peer).cloned(), stream));
                }
                _ => {}
            },
            Some((peer, reply)) = opens_in.recv() => {
                let known = shared.book().get(peer).and_then(|standing| standing.address);
                swarm.behaviour_mut().lines.open(peer, known.into_iter().collect(), reply);
            }
            Some(announced) = found_in.recv() => {
                if let Some((peer, address)) = discovery::as_peer(&announced, own_id) {
                    shared.hear(Heard::Found(announced));
                    tokio::spawn(meet(shared.clone(), opens.clone(), peer, address));
                }
            }
            command = commands.recv() => match command {
                Some(Command::AskNetwork) => ask_network.notify_one(),
                Some(Command::Goodbye(done)) => say_goodbye(shared.clone(), opens.clone(), done),
                Some(command) => act(command, &shared, &opens),
                None => return,
            },
        }
    }
}

fn act(command: Command, shared: &Shared, opens: &Opens) {
    let (shared, opens) = (shared.clone(), opens.clone());
    match command {
        Command::Send { to, bytes } => {
            let peers = to.map_or_else(|| shared.book().active(), |peer| vec![peer]);
            for peer in peers {
                let (shared, opens, bytes) = (shared.clone(), opens.clone(), bytes.clone());
                tokio::spawn(async move {
                    if write(&opens, peer, &bytes).await.is_err() {
                        shared.book().rate(peer, 0);
                    }
                });
            }
        }
        Command::Ask { to, bytes, reply } => drop(tokio::spawn(async move {
            let _ = reply.send(exchange(&opens, to, &bytes, shared.timers.answer).await);
        })),
        Command::Meet {
            peer,
            address,
            done,
        } => drop(tokio::spawn(async move {
            meet(shared, opens, peer, address).await;
            let _ = done.send(());
        })),
        Command::AskNetwork | Command::Goodbye(_) => {}
    }
}

async fn open(opens: &Opens, peer: PeerId) -> Result<Stream, String> {
    let (reply, opened) = oneshot::channel();
    opens
        .send((peer, reply))
        .map_err(|_| "the pigeon is gone".to_owned())?;
    opened
        .await
        .map_err(|_| "the connection is gone".to_owned())?
}

/// Opens a stream, writes, closes; reads no answer.
async fn write(opens: &Opens, peer: PeerId, bytes: &[u8]) -> Result<(), String> {
    let mut stream = open(opens, peer).await?;
    stream
        .write_all(bytes)
        .await
        .map_err(|error| error.to_string())?;
    stream.close().await.map_err(|error| error.to_string())
}

/// Opens a stream, writes, waits for the first line.
async fn exchange(
    opens: &Opens,
    peer: PeerId,
    bytes: &[u8],
    limit: Duration,
) -> Result<String, String> {
    let mut stream = open(opens, peer).await?;
    let talk = async {
        stream
            .write_all(bytes)
            .await
            .map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;
        read_line(&mut stream)
            .await
            .map_err(|text| format!("the stream ended after {text:?}"))
    };
    let answer = time::timeout(limit, talk)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")));
    // A stream whose negotiation failed must not be closed.
    if answer.is_ok() {
        let _ = stream.close().await;
    }
    answer
}

/// The bytes before the first newline; what had come, when the stream ends before one.
async fn read_line(stream: &mut Stream) -> Result<String, String> {
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        line.extend(&chunk[..read]);
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        if read == 0 {
            return Err(String::from_utf8_lossy(&line).into_owned());
        }
    }
}

/// What a pigeon does with a stream that a peer opened.
async fn answer(shared: Shared, peer: PeerId, address: Option<Multiaddr>, mut stream: Stream) {
    shared.book().activate(peer, address);
    let line = match read_line(&mut stream).await {
        Ok(line) if !line.trim().is_empty() => line,
        Ok(broken) | Err(broken) => {
            shared.book().rate(peer, 0);
            shared.hear(Heard::Broken(peer, broken));
            return;
        }
    };
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields.as_slice() {
        ["hello", version] => {
            let known = std::mem::replace(
                &mut shared.book().entry(peer).version,
                (*version).to_owned(),
            );
            if known == *version {
                shared.book().rate(peer, 0);
            }
            let rating = reply(&mut stream, "hello version1\n").await;
            shared.book().rate(peer, rating);
            shared.hear(Heard::Hello(peer, line.clone()));
        }
        ["hello", ..] => {
            shared.book().rate(peer, 0);
            shared.hear(Heard::Hello(peer, line.clone()));
        }
        _ if line == "ping" => {
            let rating = {
                let mut book = shared.book();
                let last = book.entry(peer).last_good_ping;
                let decent = last.is_none_or(|last| last.elapsed() >= shared.timers.too_often);
                if decent {
                    book.entry(peer).last_good_ping = Some(Instant::now());
                }
                u8::from(decent)
            };
            let rating = rating.min(reply(&mut stream, "pong\n").await);
            shared.book().rate(peer, rating);
            shared.hear(Heard::Ping(peer));
        }
        _ if line == "goodbye" => {
            shared.book().entry(peer).active = false;
            shared.hear(Heard::Goodbye(peer));
        }
        _ => shared.hear(Heard::Data(peer, line)),
    }
    let _ = stream.close().await;
}

/// Writes an answer; the rating it earns the peer.
async fn reply(stream: &mut Stream, text: &str) -> u8 {
    let written = async {
        stream.write_all(text.as_bytes()).await?;
        stream.close().await
    };
    u8::from(written.await.is_ok())
}

/// A peer found by mDNS: known ones only become active again; new ones are connected and greeted.
async fn meet(shared: Shared, opens: Opens, peer: PeerId, address: Multiaddr) {
    if !shared.book().activate(peer, Some(address)) {
        return;
    }
    let greeting = format!("{GREETING}\n");
    let answer = exchange(&opens, peer, greeting.as_bytes(), shared.timers.answer)
        .await
        .unwrap_or_default();
    let mut book = shared.book();
    match answer.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["hello", version] => {
            book.rate(peer, 1);
            book.entry(peer).version = (*version).to_owned();
        }
        _ => book.rate(peer, 0),
    }
}

/// One peer after the other, for ever.
async fn ping_rounds(shared: Shared, opens: Opens) {
    loop {
        time::sleep(shared.timers.round).await;
        let active = shared.book().active();
        for peer in active {
            let last = shared.book().entry(peer).last_good_ping;
            if last.is_some_and(|last| last.elapsed() < shared.timers.ping_after) {
                continue;
            }
            let answer = exchange(&opens, peer, b"ping\n", shared.timers.answer).await;
            let mut book = shared.book();
            match answer.as_deref() {
                Ok("pong") => {
                    book.rate(peer, 1);
                    book.entry(peer).last_good_ping = Some(Instant::now());
                }
                Ok(_) => book.rate(peer, 0),
                Err(_) => {
                    // A ping that gets no answer is rated twice: once for the stream, once for the ping.
                    book.rate(peer, 0);
                    book.rate(peer, 0);
                    if last.is_some_and(|last| last.elapsed() >= shared.timers.lost) {
                        book.entry(peer).active = false;
                    }
                }
            }
        }
    }
}

fn say_goodbye(shared: Shared, opens: Opens, done: mpsc::Sender<()>) {
    tokio::spawn(async move {
        let active = shared.book().active();
        // The pigeon waits a second; here the end of the stream says that the line was read.
        let lines = active.into_iter().map(|peer| {
            let opens = opens.clone();
            async move { exchange(&opens, peer, b"goodbye\n", GOODBYE_LIMIT).await }
        });
        let _ = time::timeout(shared.timers.answer, futures::future::join_all(lines)).await;
        let _ = done.send(());
    });
}
