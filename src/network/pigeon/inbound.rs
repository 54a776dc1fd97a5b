//! One inbound stream of `/slips/1.0`: read a line, answer it or hand it over, close.
//!
//! This runs inside the stream's upgrade. The swarm takes further streams from a connection only
//! while few upgrades are under way, so whatever waits here holds the sender back.

use std::{convert::Infallible, future::Future, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWriteExt, io::Cursor};
use libp2p::{InboundUpgrade, PeerId, Stream, StreamProtocol, core::UpgradeInfo};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    patience::within,
    rate::{Budget, Rate},
};
use crate::{
    domain::{Hello, Neighbour, Timestamp},
    network::{
        Line, frames,
        lines::{self, Group, Source},
        standing::Pass,
    },
    wire::pigeon::{self, LineFault},
};

/// What is read of a line before it needs a permit: room for every command and every report as Slips
/// writes it (about 250 bytes). So whoever holds all permits with lines that do not end keeps nobody's
/// report waiting; and at 128 streams a connection this is 64 KiB of it.
const HEAD_BYTES: usize = 512;
/// What is read of it at once.
const CHUNK_BYTES: usize = 64;
/// A line that comes in a stream of its own counts so many times in the turns. Opening, negotiating and
/// closing the stream take the processor as well: a line costs 2.5 times what one in a frame does in all
/// (`cargo bench --bench flood -- 1 1`). At a weight of 8 who floods with streams costs three honest peers
/// less than a tenth (2.5 / (3 * 8 + 2.5)) when the node can take no more; else nobody waits for a turn.
const STREAM_WEIGHT: u64 = 8;
/// Longest version taken in a hello, here and in the answer to ours; pigeons say `version1`.
pub(crate) const MAX_VERSION_BYTES: usize = 48;

/// What all streams of one connection share.
pub(crate) struct Gate {
    pub(crate) peer: PeerId,
    pub(crate) ip: IpAddr,
    pub(crate) protocol: StreamProtocol,
    /// Whether streams of frames are taken and offered too.
    pub(crate) frames: bool,
    /// The way of the peer's lines to the node.
    pub(crate) source: Arc<Source<Line>>,
    /// What all peers of its network may send together.
    pub(crate) network: Arc<Budget>,
    /// Bounds the long lines held in memory over all connections.
    pub(crate) reading: Arc<Semaphore>,
    /// Bounds them over this connection.
    pub(crate) share: Arc<Semaphore>,
    pub(crate) rate: Arc<Rate>,
    pub(crate) hello: Arc<str>,
    pub(crate) max_line_bytes: usize,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// We are leaving: nobody is answered any more.
    pub(crate) leaving: CancellationToken,
    /// How far the peer is let in.
    pub(crate) pass: Arc<Pass>,
    /// What we say of ourselves.
    pub(crate) own: watch::Receiver<Arc<Hello>>,
}

impl Gate {
    /// Waits until a line of so many bytes may pass; says whether a flood is to be told.
    pub(crate) async fn admit(&self, bytes: usize) -> bool {
        self.rate.admit(&self.network, bytes).await
    }

    /// Hands a line to the node, when there is room for it. It counts `weight` times, by what it takes to
    /// get it off the wire.
    pub(crate) async fn hand_over(&self, line: Line, weight: u64) {
        let group = Group::of(&self.pass, self.peer, self.ip);
        let cost = weight * lines::cost(line.text.len());
        if self.source.send(group, line, cost).await.is_err() {
            // The node takes no more lines. Yamux cannot tell a reset from an end, so only a stream
            // that stays open, without a word, is not taken for an acknowledgement.
            std::future::pending().await
        }
    }

    /// Whether somebody says to be of another network than ours. Who does not say is of ours.
    pub(crate) fn is_other_network(&self, hello: &Hello) -> bool {
        let (own, theirs) = (&self.own.borrow().network, &hello.network);
        own.is_some() && theirs.is_some() && own != theirs
    }
}

/// What came out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A line of data, handed over.
    Data,
    /// `hello` with this version, answered.
    Hello(String),
    /// `ping`, answered.
    Ping,
    /// `goodbye`.
    Goodbye,
    /// `hello` with a wrong number of words.
    BrokenHello,
    /// No line, or a blank one.
    NoLine,
}

/// [`Heard`], and whether the sender was held back for its rate and that is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) heard: Heard,
    pub(crate) flooding: bool,
}

/// What an inbound stream came to.
#[derive(Debug)]
pub(crate) enum Taken {
    /// One line, and the stream is done.
    Line(Received),
    /// A stream of frames, which goes on.
    Frames(Stream),
}

/// The upgrade that serves a stream of `/slips/1.0`, and lets one of `/slips/2.0` in.
#[derive(Clone)]
pub(crate) struct Inbound(pub(crate) Arc<Gate>);

impl UpgradeInfo for Inbound {
    type Info = StreamProtocol;
    type InfoIter =
        std::iter::Chain<std::option::IntoIter<StreamProtocol>, std::iter::Once<StreamProtocol>>;

    fn protocol_info(&self) -> Self::InfoIter {
        let frames = self.0.frames.then_some(frames::PROTOCOL);
        let line = std::iter::once(self.0.protocol.clone());
        frames.into_iter().chain(line)
    }
}

impl InboundUpgrade<Stream> for Inbound {
    type Output = Taken;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Taken, Infallible>> + Send>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        Box::pin(async move {
            Ok(if protocol == self.0.protocol {
                Taken::Line(serve(stream, &self.0).await)
            } else {
                Taken::Frames(stream)
            })
        })
    }
}

async fn serve(mut stream: Stream, gate: &Gate) -> Received {
    let (line, permits) = match read(&mut stream, gate).await {
        Ok(read) => read,
        Err(fault) => {
            tracing::debug!(peer = %gate.peer, "no line on a stream: {fault}");
            return Received {
                heard: Heard::NoLine,
                flooding: false,
            };
        }
    };
    let received_at = Timestamp::now();
    let flooding = gate.admit(line.len()).await;
    let heard = take(&mut stream, gate, pigeon::parse(&line), received_at).await;
    drop(permits);
    // The end of the stream is the acknowledgement, so it comes last.
    let _ = timeout(gate.write_timeout, stream.close()).await;
    Received { heard, flooding }
}

async fn take(
    stream: &mut Stream,
    gate: &Gate,
    line: pigeon::Line,
    received_at: Timestamp,
) -> Heard {
    match line {
        pigeon::Line::Blank => Heard::NoLine,
        pigeon::Line::BrokenHello => Heard::BrokenHello,
        pigeon::Line::Goodbye => Heard::Goodbye,
        pigeon::Line::Hello(version) if version.len() > MAX_VERSION_BYTES => Heard::BrokenHello,
        pigeon::Line::Hello(version) => {
            answer(stream, gate, &gate.hello).await;
            Heard::Hello(version)
        }
        pigeon::Line::Ping => {
            answer(stream, gate, pigeon::PONG).await;
            Heard::Ping
        }
        // Whoever waits for the operator may only greet; the pigeon knows no way to say so.
        pigeon::Line::Data(_) if !gate.pass.may_speak() => Heard::Data,
        pigeon::Line::Data(text) => {
            let line = Line {
                from: Neighbour(gate.peer),
                ip: gate.ip,
                text,
                received_at,
                receipt: frames::Receipt::default(),
            };
            gate.hand_over(line, STREAM_WEIGHT).await;
            Heard::Data
        }
    }
}

type Permits<'a> = Option<(
    tokio::sync::SemaphorePermit<'a>,
    tokio::sync::SemaphorePermit<'a>,
)>;

/// Reads the line. Commands and ordinary reports fit in its head, which costs nothing worth counting,
/// so they are taken however many lines are being read; anything longer waits for its permits first.
async fn read<'a>(stream: &mut Stream, gate: &'a Gate) -> Result<(String, Permits<'a>), LineFault> {
    let too_slow = || LineFault::Io(std::io::ErrorKind::TimedOut.into());
    let head = within(gate.read_timeout, read_head(stream))
        .await
        .ok_or_else(too_slow)??;
    if head.contains(&b'\n') {
        let line = pigeon::read_line(&mut Cursor::new(head), gate.max_line_bytes).await?;
        return Ok((line, None));
    }
    if !gate.pass.may_speak() {
        return Err(LineFault::TooLong { limit: HEAD_BYTES });
    }
    let closed = |_| LineFault::Io(std::io::ErrorKind::Interrupted.into());
    let share = gate.share.acquire().await.map_err(closed)?;
    let reading = gate.reading.acquire().await.map_err(closed)?;
    let mut whole = Cursor::new(head).chain(stream);
    let line = within(
        gate.read_timeout,
        pigeon::read_line(&mut whole, gate.max_line_bytes),
    )
    .await
    .ok_or_else(too_slow)??;
    Ok((line, Some((share, reading))))
}

/// [`HEAD_BYTES`] bytes, or less when a newline is among them.
async fn read_head<R: AsyncRead + Unpin>(io: &mut R) -> Result<Vec<u8>, LineFault> {
    let mut head = Vec::new();
    let mut chunk = [0_u8; CHUNK_BYTES];
    while head.len() < HEAD_BYTES {
        let read = io.read(&mut chunk).await?;
        if read == 0 {
            return Err(LineFault::NoNewline { bytes: head.len() });
        }
        head.extend_from_slice(&chunk[..read]);
        if chunk[..read].contains(&b'\n') {
            break;
        }
    }
    Ok(head)
}

async fn answer(stream: &mut Stream, gate: &Gate, words: &str) {
    if gate.leaving.is_cancelled() {
        return;
    }
    let written = timeout(gate.write_timeout, async {
        stream.write_all(words.as_bytes()).await?;
        stream.flush().await
    });
    if !matches!(written.await, Ok(Ok(()))) {
        tracing::debug!(peer = %gate.peer, "could not answer in time");
    }
}
