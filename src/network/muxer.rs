//! Yamux that holds a fast sender back instead of resetting its streams.
//!
//! libp2p's own wrapper resets whatever a peer opens beyond 256 streams not yet accepted, and trusts
//! the peer's yamux to stop before. Neither the pigeon's nor rust-yamux does so once it has closed
//! its half of a stream, which is what everybody does after one line. It also lets a peer fill
//! 256 KiB a stream unread. This one counts what a connection makes us hold, and stops reading from
//! its socket while that is too much: TCP then holds the peer back, and nothing is lost.

mod ledger;
mod meter;

use std::{
    collections::VecDeque,
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::{
    StreamMuxer,
    muxing::StreamMuxerEvent,
    upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
};
use yamux::{Connection, Mode};

pub(crate) use self::ledger::Pool;
use self::{ledger::Ledger, meter::Meter};
use super::standing::Pass;

/// Streams of a connection at once, beyond which yamux ends it. What the ledger charges for a
/// stream makes it stop reading long before.
const MAX_STREAMS: usize = 16_384;

/// The upgrade that puts a muxer on a connection.
#[derive(Clone)]
pub(crate) struct Config {
    pool: Arc<Pool>,
    pass: Option<Arc<Pass>>,
}

impl Config {
    pub(crate) fn new(pool: Arc<Pool>) -> Self {
        Self { pool, pass: None }
    }

    /// The same for the connection of one peer: what it may make us hold follows how far it is let in.
    pub(crate) fn of(self, pass: Arc<Pass>) -> Self {
        Self {
            pass: Some(pass),
            ..self
        }
    }

    fn muxer<C: AsyncRead + AsyncWrite + Unpin>(self, io: C, mode: Mode) -> Muxer<C> {
        let ledger = Arc::new(Ledger::new(self.pool, self.pass));
        let mut config = yamux::Config::default();
        // The ledger sees to the memory; yamux' own sum would only limit the number of streams.
        config.set_max_connection_receive_window(None);
        config.set_max_num_streams(MAX_STREAMS);
        let connection = Connection::new(Meter::new(io, Arc::clone(&ledger)), config, mode);
        Muxer {
            connection,
            ledger,
            waiting: VecDeque::new(),
            waker: None,
        }
    }
}

impl UpgradeInfo for Config {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> InboundConnectionUpgrade<C> for Config {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_inbound(self, io: C, _: Self::Info) -> Self::Future {
        ready(Ok(self.muxer(io, Mode::Server)))
    }
}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> OutboundConnectionUpgrade<C> for Config {
    type Output = Muxer<C>;
    type Error = io::Error;
    type Future = Ready<io::Result<Muxer<C>>>;

    fn upgrade_outbound(self, io: C, _: Self::Info) -> Self::Future {
        ready(Ok(self.muxer(io, Mode::Client)))
    }
}

/// The muxer of one connection.
pub(crate) struct Muxer<C> {
    connection: Connection<Meter<C>>,
    ledger: Arc<Ledger>,
    /// Opened by the peer, not yet asked for.
    waiting: VecDeque<Substream>,
    waker: Option<Waker>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    /// Yamux makes progress only while it is asked for the next stream of the peer.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Substream>> {
        let stream = match ready!(self.connection.poll_next_inbound(cx)) {
            Some(stream) => stream.map_err(io_error)?,
            None => return Poll::Ready(Err(io_error(yamux::ConnectionError::Closed))),
        };
        Poll::Ready(Ok(Substream::new(stream, Arc::clone(&self.ledger))))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin + 'static> StreamMuxer for Muxer<C> {
    type Substream = Substream;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Substream>> {
        if let Some(stream) = self.waiting.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        if let Poll::Ready(stream) = self.poll_next(cx) {
            return Poll::Ready(stream);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Substream>> {
        let stream = ready!(self.connection.poll_new_outbound(cx)).map_err(io_error)?;
        self.ledger.opened(stream.id().val());
        Poll::Ready(Ok(Substream::new(stream, Arc::clone(&self.ledger))))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What the peer still sends is read and dropped, so that closing cannot hang on a full ledger.
        self.ledger.open_up();
        self.connection.poll_close(cx).map_err(io_error)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        let stream = ready!(self.poll_next(cx))?;
        self.waiting.push_back(stream);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        // One at a time: others have their turn in between.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn io_error(error: yamux::ConnectionError) -> io::Error {
    match error {
        yamux::ConnectionError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// One stream; what is read from it is taken off the ledger.
pub(crate) struct Substream {
    stream: yamux::Stream,
    ledger: Arc<Ledger>,
}

impl Substream {
    fn new(stream: yamux::Stream, ledger: Arc<Ledger>) -> Self {
        Self { stream, ledger }
    }
}

impl Drop for Substream {
    fn drop(&mut self) {
        self.ledger.gone(self.stream.id().val());
    }
}

impl AsyncRead for Substream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Ok(read)) = polled {
            self.ledger.read(self.stream.id().val(), read);
        }
        polled
    }
}

impl AsyncWrite for Substream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
