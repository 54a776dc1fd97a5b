//! A peer without any of our code: TCP, noise and yamux from libp2p, multistream and `/slips/1.0`
//! written out by hand; streams of `/slips/2.0` are the test's. It can be as rude as a test needs it.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxer, StreamMuxerBox, SubstreamBox},
        transport::{Boxed, DialOpts, ListenerId, PortUse, TransportEvent},
        upgrade::Version,
    },
    identity::Keypair,
    noise, tcp, yamux,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

const LIMIT: Duration = Duration::from_secs(20);
const HEADER: &[u8] = b"\x13/multistream/1.0.0\n";
const SLIPS: &[u8] = b"\x0b/slips/1.0\n";
const FRAMES: &[u8] = b"\x0b/slips/2.0\n";
const NOT_SPOKEN: &[u8] = b"\x03na\n";

/// How a raw peer treats what it is told and asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As a pigeon.
    Polite,
    /// As a node of our kind: streams of `/slips/2.0` go to the test.
    Framed,
    /// Speaks nothing but libp2p.
    Foreign,
    /// Takes streams, never answers and never closes them.
    Silent,
    /// Answers everything with a wrong word.
    Wrong,
}

/// One connection of a raw peer.
pub struct Raw {
    /// Who it is.
    pub id: PeerId,
    ask: mpsc::Sender<oneshot::Sender<SubstreamBox>>,
    /// Lines the node said, in order of their arrival.
    pub heard: mpsc::Receiver<String>,
    /// Streams of `/slips/2.0` the node opened.
    pub framed: mpsc::Receiver<SubstreamBox>,
    /// Cancelled when the connection is gone.
    pub gone: CancellationToken,
    hang_up: CancellationToken,
    silent: CancellationToken,
    deaf: CancellationToken,
}

/// A raw peer that waits to be called.
pub struct RawListener {
    /// Where it listens, without its id.
    pub address: Multiaddr,
    /// Who it is.
    pub id: PeerId,
    transport: Boxed<(PeerId, StreamMuxerBox)>,
}

fn transport(key: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(key).expect("a key"))
        .multiplex(patient_yamux())
        .boxed()
}

/// Lets us open as many streams as a test wants to.
fn patient_yamux() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(4096);
    config
}

impl RawListener {
    /// Listens on any port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub async fn new(key: &Keypair) -> Self {
        let mut transport = transport(key);
        let any = "/ip4/127.0.0.1/tcp/0".parse().expect("an address");
        transport
            .listen_on(ListenerId::next(), any)
            .expect("listens");
        let address = loop {
            if let TransportEvent::NewAddress { listen_addr, .. } = next(&mut transport).await {
                break listen_addr;
            }
        };
        Self {
            address,
            id: key.public().to_peer_id(),
            transport,
        }
    }

    /// Waits for the next caller.
    ///
    /// # Panics
    /// When nobody calls in time.
    pub async fn accept(&mut self, manner: Manner) -> Raw {
        let accepted = async {
            loop {
                if let TransportEvent::Incoming { upgrade, .. } = next(&mut self.transport).await {
                    // Nobody else polls the transport meanwhile, and nobody needs to.
                    if let Ok((_, muxer)) = upgrade.await {
                        return Raw::run(self.id, muxer, manner);
                    }
                }
            }
        };
        timeout(LIMIT, accepted).await.expect("somebody calls")
    }
}

async fn next<T: Transport + Unpin>(
    transport: &mut T,
) -> TransportEvent<T::ListenerUpgrade, T::Error> {
    poll_fn(|cx| Pin::new(&mut *transport).poll(cx)).await
}

impl Raw {
    /// Calls a node.
    ///
    /// # Panics
    /// When no connection comes about.
    pub async fn dial(key: &Keypair, to: &Multiaddr, manner: Manner) -> Self {
        Self::try_dial(key, to, manner).await.expect("connects")
    }

    /// Calls a node; `None`: no connection came about.
    pub async fn try_dial(key: &Keypair, to: &Multiaddr, manner: Manner) -> Option<Self> {
        let mut transport = transport(key);
        let opts = DialOpts {
            role: Endpoint::Dialer,
            port_use: PortUse::New,
        };
        let (_, muxer) = timeout(LIMIT, transport.dial(to.clone(), opts).ok()?)
            .await
            .ok()?
            .ok()?;
        Some(Self::run(key.public().to_peer_id(), muxer, manner))
    }

    fn run(id: PeerId, muxer: StreamMuxerBox, manner: Manner) -> Self {
        let (ask, asked) = mpsc::channel(2048);
        let (tell, heard) = mpsc::channel(65_536);
        let (give, framed) = mpsc::channel(16);
        let (gone, hang_up, silent, deaf) = Default::default();
        let serving = Serving {
            tell,
            give,
            manner,
            silent: CancellationToken::clone(&silent),
        };
        let guard = CancellationToken::clone(&gone).drop_guard();
        tokio::spawn(drive(
            muxer,
            asked,
            serving,
            guard,
            CancellationToken::clone(&deaf),
            CancellationToken::clone(&hang_up),
        ));
        Self {
            id,
            ask,
            heard,
            framed,
            gone,
            hang_up,
            silent,
            deaf,
        }
    }

    /// Opens a stream and says which protocol it is for, without waiting for an answer.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn open(&self) -> SubstreamBox {
        self.try_open().await.expect("the connection stands")
    }

    /// The same; `None`: the connection is gone.
    ///
    /// # Panics
    /// When it stands, but gives no stream in time.
    pub async fn try_open(&self) -> Option<SubstreamBox> {
        self.open_for(SLIPS).await
    }

    /// Opens a stream of `/slips/2.0`, past the talk about protocols.
    ///
    /// # Panics
    /// When the connection is gone, or the other side does not speak it.
    pub async fn open_framed(&self) -> SubstreamBox {
        let stream = self.open_for(FRAMES).await;
        let mut stream = stream.expect("the connection stands");
        let mut talk = [HEADER, FRAMES].concat();
        stream.read_exact(&mut talk).await.expect("an answer");
        assert_eq!(talk, [HEADER, FRAMES].concat());
        stream
    }

    /// The next stream of `/slips/2.0` the node opens.
    ///
    /// # Panics
    /// When none comes in time, or the connection is gone.
    pub async fn opened(&mut self) -> SubstreamBox {
        timeout(LIMIT, self.framed.recv())
            .await
            .expect("a stream in time")
            .expect("the connection stands")
    }

    /// Opens a stream for any protocol, named as multistream does: a byte of its length and a newline
    /// around it. `None`: the connection is gone.
    ///
    /// # Panics
    /// When it stands, but gives no stream in time.
    pub async fn open_for(&self, protocol: &[u8]) -> Option<SubstreamBox> {
        let (give, take) = oneshot::channel();
        self.ask.send(give).await.ok()?;
        let mut stream = tokio::select! {
            stream = timeout(LIMIT, take) => stream.expect("a stream in time").ok()?,
            // What is asked at that very moment may be neither answered nor dropped.
            () = self.gone.cancelled() => return None,
        };
        stream.write_all(&[HEADER, protocol].concat()).await.ok()?;
        Some(stream)
    }

    /// Says something on a stream of its own, closes it and gives back what came in return.
    ///
    /// # Panics
    /// When the connection is gone, or the stream does not end in time.
    pub async fn say(&self, words: impl AsRef<[u8]>) -> String {
        self.try_say(words).await.expect("the connection stands")
    }

    /// The same; `None`: the connection is gone.
    ///
    /// # Panics
    /// When the stream does not end in time.
    pub async fn try_say(&self, words: impl AsRef<[u8]>) -> Option<String> {
        let mut stream = self.try_open().await?;
        let _ = stream.write_all(words.as_ref()).await;
        let _ = stream.close().await;
        Some(answer(&mut stream).await)
    }

    /// The next line the node said.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn line(&mut self) -> String {
        timeout(LIMIT, self.heard.recv())
            .await
            .expect("a line in time")
            .expect("the connection stands")
    }

    /// From now on nothing is answered or closed.
    pub fn silence(&self) {
        self.silent.cancel();
    }

    /// From now on nothing is read from the socket, which stays open.
    pub fn stop_reading(&self) {
        self.deaf.cancel();
    }

    /// Ends the connection.
    pub fn hang_up(&self) {
        self.hang_up.cancel();
    }
}

/// The words with which the node takes a stream: it then reads what is said on it.
///
/// # Panics
/// When it does not take it in time.
pub async fn taken(stream: &mut SubstreamBox) {
    let mut talk = [HEADER, SLIPS].concat();
    let read = timeout(LIMIT, stream.read_exact(&mut talk)).await;
    read.expect("the stream is taken in time").expect("reads");
    assert_eq!(talk, [HEADER, SLIPS].concat());
}

/// What the node writes on a stream until it closes it, without the talk about protocols.
///
/// # Panics
/// When it does not close it in time.
pub async fn answer(stream: &mut SubstreamBox) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(LIMIT, stream.read_to_end(&mut bytes))
        .await
        .expect("the stream ends in time");
    let talk = [HEADER, SLIPS].concat();
    String::from_utf8_lossy(bytes.strip_prefix(&talk[..]).unwrap_or(&bytes)).into_owned()
}

#[derive(Clone)]
struct Serving {
    tell: mpsc::Sender<String>,
    give: mpsc::Sender<SubstreamBox>,
    manner: Manner,
    silent: CancellationToken,
}

async fn drive(
    mut muxer: StreamMuxerBox,
    mut asked: mpsc::Receiver<oneshot::Sender<SubstreamBox>>,
    serving: Serving,
    _gone: DropGuard,
    deaf: CancellationToken,
    hang_up: CancellationToken,
) {
    let mut waiting: Option<oneshot::Sender<SubstreamBox>> = None;
    let run = poll_fn(|cx| {
        if deaf.is_cancelled() {
            return Poll::Pending;
        }
        loop {
            match Pin::new(&mut muxer).poll_inbound(cx) {
                Poll::Ready(Ok(stream)) => {
                    tokio::spawn(serve(stream, serving.clone()));
                    continue;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            if waiting.is_none() {
                match asked.poll_recv(cx) {
                    Poll::Ready(Some(wanted)) => waiting = Some(wanted),
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {}
                }
            }
            if waiting.is_some()
                && let Poll::Ready(opened) = Pin::new(&mut muxer).poll_outbound(cx)
            {
                let Ok(stream) = opened else {
                    return Poll::Ready(());
                };
                if let Some(wanted) = waiting.take() {
                    let _ = wanted.send(stream);
                }
                continue;
            }
            match Pin::new(&mut muxer).poll(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    tokio::select! {
        () = run => {}
        () = hang_up.cancelled() => {}
    }
}

/// Serves one stream of the node's. An error is the node's business, not ours.
async fn serve(mut stream: SubstreamBox, serving: Serving) -> Option<()> {
    let Serving {
        tell,
        give,
        manner,
        silent,
    } = serving;
    loop {
        let word = message(&mut stream).await?;
        if word == HEADER {
            stream.write_all(HEADER).await.ok()?;
        } else if word == SLIPS && manner != Manner::Foreign {
            stream.write_all(SLIPS).await.ok()?;
            break;
        } else if word == FRAMES && manner == Manner::Framed {
            stream.write_all(FRAMES).await.ok()?;
            stream.flush().await.ok()?;
            return give.send(stream).await.ok();
        } else {
            stream.write_all(NOT_SPOKEN).await.ok()?;
        }
        stream.flush().await.ok()?;
    }
    let mut line = Vec::new();
    let mut byte = [0_u8; 1];
    while line.last() != Some(&b'\n') {
        stream.read_exact(&mut byte).await.ok()?;
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).ok()?.trim_end().to_owned();
    let reply = match (manner, line.as_str()) {
        (Manner::Silent, _) => None,
        _ if silent.is_cancelled() => None,
        (Manner::Wrong, _) => Some("what?\n"),
        (_, "ping") => Some("pong\n"),
        (_, hello) if hello.starts_with("hello ") => Some("hello version1\n"),
        _ => Some(""),
    };
    tell.send(line).await.ok()?;
    match reply {
        Some(words) => {
            stream.write_all(words.as_bytes()).await.ok()?;
            stream.close().await.ok()
        }
        None => std::future::pending().await,
    }
}

/// One message of multistream: a length in one byte, and that many bytes.
async fn message(stream: &mut SubstreamBox) -> Option<Vec<u8>> {
    let mut message = vec![0_u8; 1];
    stream.read_exact(&mut message).await.ok()?;
    let length = usize::from(message[0]);
    message.resize(1 + length, 0);
    stream.read_exact(&mut message[1..]).await.ok()?;
    Some(message)
}
