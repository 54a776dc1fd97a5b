//! The connection under yamux, watched: how many bytes come for which stream.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite};

use super::ledger::Ledger;

/// A yamux header: version, type, two bytes of flags, four of the stream's id, four of a length.
const HEADER: usize = 12;
/// The type of a frame that carries data; no other has a body.
const DATA: u8 = 0;
/// The type by which credit is given, and streams are opened.
const WINDOW_UPDATE: u8 = 1;
/// The flag by which a stream is opened, in the second byte of flags.
const SYN: u8 = 1;

/// Follows yamux' frames through a stream of bytes cut anywhere.
#[derive(Debug, Default)]
struct Frames {
    header: [u8; HEADER],
    filled: usize,
    body_left: usize,
}

impl Frames {
    fn follow(&mut self, mut bytes: &[u8], ledger: &Ledger) {
        while !bytes.is_empty() {
            if self.body_left > 0 {
                let skip = self.body_left.min(bytes.len());
                self.body_left -= skip;
                bytes = &bytes[skip..];
                continue;
            }
            let (head, rest) = bytes.split_at(bytes.len().min(HEADER - self.filled));
            self.header[self.filled..self.filled + head.len()].copy_from_slice(head);
            self.filled += head.len();
            bytes = rest;
            if self.filled == HEADER {
                self.filled = 0;
                self.on_header(ledger);
            }
        }
    }

    fn on_header(&mut self, ledger: &Ledger) {
        let [_, kind, _, flags, s0, s1, s2, s3, l0, l1, l2, l3] = self.header;
        let (stream, length) = (
            u32::from_be_bytes([s0, s1, s2, s3]),
            u32::from_be_bytes([l0, l1, l2, l3]),
        );
        if matches!(kind, DATA | WINDOW_UPDATE) && flags & SYN != 0 {
            ledger.opened(stream);
        }
        if kind == DATA {
            // Booked in advance: yamux makes room for the whole body when it has seen the header.
            ledger.arrived(stream, length);
            self.body_left = usize::try_from(length).unwrap_or(usize::MAX);
        }
    }
}

/// The connection; it is not read while the ledger is full.
#[derive(Debug)]
pub(crate) struct Meter<C> {
    io: C,
    ledger: Arc<Ledger>,
    frames: Frames,
}

impl<C> Meter<C> {
    pub(crate) fn new(io: C, ledger: Arc<Ledger>) -> Self {
        Self {
            io,
            ledger,
            frames: Frames::default(),
        }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Meter<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // A frame that has begun is read to its end: it is booked already.
        let between_frames = this.frames.filled == 0 && this.frames.body_left == 0;
        if between_frames && !this.ledger.may_read(cx.waker()) {
            return Poll::Pending;
        }
        let read = ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        this.frames.follow(&buffer[..read], &this.ledger);
        Poll::Ready(Ok(read))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Meter<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::network::muxer::Pool;

    fn frame(kind: u8, flags: u8, stream: u32, length: u32, body: usize) -> Vec<u8> {
        let mut frame = vec![0, kind, 0, flags];
        frame.extend(stream.to_be_bytes());
        frame.extend(length.to_be_bytes());
        frame.resize(HEADER + body, 7);
        frame
    }

    proptest! {

        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_120), failure_persistence: None, ..ProptestConfig::default() })]

        /// However the bytes are cut, the same is booked.
        #[test]
        fn frames_are_followed_across_any_cut(cuts in prop::collection::vec(1_usize..40, 1..60)) {
            let bytes = [
                frame(WINDOW_UPDATE, SYN, 1, 0, 0),
                frame(DATA, 0, 1, 100, 100),
                frame(2, 0, 0, 77, 0),
                frame(DATA, SYN, 3, 5, 5),
                frame(DATA, 0, 1, 0, 0),
                frame(3, 0, 0, 0, 0),
            ]
            .concat();
            let ledger = Ledger::new(Arc::new(Pool::new(u64::MAX, 2 * 1024 + 105 + 3 * 64, 0)), None);
            let mut frames = Frames::default();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                frames.follow(now, &ledger);
                rest = later;
            }
            // Two streams, 105 bytes, three frames: exactly the limit.
            prop_assert!(!ledger.may_read(std::task::Waker::noop()));
            ledger.read(3, 1);
            prop_assert!(ledger.may_read(std::task::Waker::noop()));
        }
    }
}
