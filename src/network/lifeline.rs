//! A TCP connection that notices when its packets no longer arrive.
//!
//! The kernels at both ends answer for each other, whatever the programs do: a peer that is busy,
//! stopped or held back still acknowledges what comes, one behind a cut cable does not. So nobody is
//! taken for lost who is only slow, and no pigeon is pinged for it.
//!
//! Keep-alive probes find a silent line, but the kernel sends none while data is under way, and
//! gives that up after a quarter of an hour only. `TCP_USER_TIMEOUT` would end connections whose peer
//! has merely closed its window. So while data is under way the time of the last acknowledgement is
//! looked at here.

use std::{
    io,
    os::fd::AsRawFd,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::tcp::tokio::TcpStream;
use socket2::{SockRef, TcpKeepalive};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A silent line is probed after this long.
const PROBE_AFTER: Duration = Duration::from_secs(3);
/// And again so often.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// So many probes in vain end the connection by themselves: 11 s after the last packet.
const PROBES: u32 = 4;
/// A connection ends when nothing was acknowledged for so long ...
const SILENT_FOR: Duration = Duration::from_secs(8);
/// ... although data was sent again, or the line probed, so often: with the kernel's back-off from
/// 0.2 s data goes 5 times in 7 s.
const TRIED: u8 = 2;
/// Or data is under way at two looks: a line that came back from an earlier cut is taken for a slow
/// one by the kernel, which then waits tens of seconds before it sends again.
const LOOKS: u8 = 2;
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The connection.
pub(crate) struct Lifeline {
    tcp: TcpStream,
    look: Interval,
    /// At how many looks in a row data was under way and nothing had come back.
    unanswered: u8,
}

impl Lifeline {
    /// Sets the probes; a socket that refuses them works without.
    pub(crate) fn new(tcp: TcpStream) -> Self {
        let probes = TcpKeepalive::new()
            .with_time(PROBE_AFTER)
            .with_interval(PROBE_EVERY)
            .with_retries(PROBES);
        if let Err(error) = SockRef::from(&tcp.0).set_tcp_keepalive(&probes) {
            tracing::debug!("no keep-alive on a connection: {error}");
        }
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            tcp,
            look,
            unanswered: 0,
        }
    }

    /// Whether packets still arrive; the task is woken to look again.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.look.poll_tick(cx).is_ready() {
            let silence = silence(&self.tcp);
            self.unanswered = match silence {
                Silence::Waiting => self.unanswered.saturating_add(1),
                Silence::None | Silence::Cut => 0,
            };
            if silence == Silence::Cut || self.unanswered >= LOOKS {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no packet came back for {} s", SILENT_FOR.as_secs()),
                ));
            }
        }
        Ok(())
    }
}

/// What a connection says of the packets that come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// They come, or none is expected.
    None,
    /// Data is under way, and nothing has come for long; the probes of a silent line, or a window
    /// that opens, would have brought something before it was sent.
    Waiting,
    /// Data is sent again and again, or the line probed, and nothing comes.
    Cut,
}

/// Where the kernel does not say (not Linux): none.
#[cfg(target_os = "linux")]
fn silence(tcp: &TcpStream) -> Silence {
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).unwrap_or_default();
    // SAFETY: the kernel writes at most `length` bytes into a struct made of numbers only, for which
    // all zeros is a value too; the descriptor is open as long as `tcp` is borrowed.
    let (info, failed) = unsafe {
        let mut info: libc::tcp_info = std::mem::zeroed();
        let failed = libc::getsockopt(
            tcp.0.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        );
        (info, failed)
    };
    let silent = Duration::from_millis(u64::from(info.tcpi_last_ack_recv)) >= SILENT_FOR;
    if failed != 0 || !silent {
        return Silence::None;
    }
    if info.tcpi_retransmits >= TRIED || info.tcpi_probes >= TRIED {
        return Silence::Cut;
    }
    match info.tcpi_unacked {
        0 => Silence::None,
        _ => Silence::Waiting,
    }
}

#[cfg(not(target_os = "linux"))]
fn silence(_: &TcpStream) -> Silence {
    Silence::None
}

impl AsyncRead for Lifeline {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_read(cx, buffer);
        if polled.is_pending() {
            self.check(cx)?;
        }
        polled
    }
}

impl AsyncWrite for Lifeline {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_close(cx)
    }
}
