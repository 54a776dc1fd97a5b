//! The reading end of a stream of frames: bounded, and impatient with a frame that does not end.

use std::{io, ops::Range, time::Duration};

use futures::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

use crate::network::pigeon::within;
use crate::wire::frame::{self, Fault, Split};

/// Room at first: an acknowledgement, a hello or a message of Slips. A peer that only waits has no more.
const FIRST_READ: usize = 512;
/// Room at most, but for a frame that needs more: some 200 messages of Slips.
const LARGE_READ: usize = 64 * 1024;

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The stream ended or broke.
    #[error("the stream broke: {0}")]
    Io(#[from] io::Error),
    /// The bytes are no frame.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A frame began and did not end in time.
    #[error("a frame did not end in {} s", .0.as_secs())]
    TooSlow(Duration),
}

/// A stream being read.
pub(crate) struct Inbox<R> {
    io: R,
    buffer: Vec<u8>,
    /// What is in the buffer and not yet given out.
    held: Range<usize>,
    max_body: usize,
    read_timeout: Duration,
    /// Until when the frame that has begun must be here.
    deadline: Option<Instant>,
}

impl<R: AsyncRead + Unpin> Inbox<R> {
    pub(crate) fn new(io: R, max_body: usize, read_timeout: Duration) -> Self {
        Self {
            io,
            buffer: Vec::new(),
            held: 0..0,
            max_body,
            read_timeout,
            deadline: None,
        }
    }

    /// From now on frames may be so long.
    pub(super) fn take_up_to(&mut self, max_body: usize) {
        self.max_body = max_body;
    }

    /// The body of the next frame; `None` at the end of the stream. Nothing is lost when it is
    /// dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Option<&[u8]>, Broken> {
        let body = loop {
            match frame::split(&self.buffer[self.held.clone()], self.max_body)? {
                Split::Whole { taken, .. } => {
                    let start = self.held.start + frame::HEADER_BYTES;
                    self.held.start += taken;
                    self.deadline = None;
                    break start..self.held.start;
                }
                Split::Partial { missing } => {
                    if !self.fill(missing).await? {
                        return Ok(None);
                    }
                }
            }
        };
        Ok(Some(&self.buffer[body]))
    }

    /// Reads more; `false` at the end of the stream.
    async fn fill(&mut self, missing: usize) -> Result<bool, Broken> {
        self.make_room(missing);
        let read = self.io.read(&mut self.buffer[self.held.end..]);
        let read = if self.held.is_empty() {
            read.await?
        } else {
            let limit = self.read_timeout;
            let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + limit);
            within(deadline.saturating_duration_since(Instant::now()), read)
                .await
                .ok_or(Broken::TooSlow(limit))??
        };
        if read == 0 && !self.held.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.held.end += read;
        Ok(read > 0)
    }

    /// Room for what is missing; more, when the last reads have filled what there was.
    fn make_room(&mut self, missing: usize) {
        let full = self.held.end == self.buffer.len() && !self.buffer.is_empty();
        self.buffer.copy_within(self.held.clone(), 0);
        self.held = 0..self.held.len();
        let needed = self.held.end + missing;
        let wanted = match self.buffer.len() {
            0 => FIRST_READ,
            // After a long frame.
            have if have > LARGE_READ => LARGE_READ,
            have if full => (2 * have).min(LARGE_READ),
            have => have,
        };
        self.buffer.resize(wanted.max(needed), 0);
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;
    use tokio::time::timeout;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn message(line: &str) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(frame::push_message(&mut out, line, usize::MAX));
        out
    }

    #[tokio::test]
    async fn frames_of_any_length_come_out_whole() {
        let lines: Vec<String> = [1, 10, 3000, 70_000, 5, 200_000, 1, 1]
            .map(|length| "x".repeat(length))
            .into();
        let bytes: Vec<u8> = lines.iter().flat_map(|line| message(line)).collect();
        let mut inbox = Inbox::new(Cursor::new(bytes), 300_000, LIMIT);
        for line in &lines {
            let body = inbox.next().await.expect("a frame").expect("no end");
            assert!(body == &message(line)[frame::HEADER_BYTES..]);
        }
        assert!(inbox.next().await.expect("an end").is_none());
        assert!(inbox.buffer.len() <= LARGE_READ);
    }

    #[tokio::test]
    async fn no_room_is_made_for_a_length_over_the_limit() {
        let bytes = [&u32::MAX.to_be_bytes()[..], b"xxxx"].concat();
        let mut inbox = Inbox::new(Cursor::new(bytes), 1000, LIMIT);
        let refused = inbox.next().await;
        assert!(matches!(refused, Err(Broken::Fault(Fault::TooLong { .. }))));
        assert_eq!(inbox.buffer.len(), FIRST_READ);
    }

    #[tokio::test]
    async fn a_stream_that_ends_inside_a_frame_is_broken() {
        let mut bytes = message("cut");
        bytes.pop();
        let mut inbox = Inbox::new(Cursor::new(bytes), 1000, LIMIT);
        assert!(matches!(inbox.next().await, Err(Broken::Io(_))));
    }

    #[tokio::test]
    async fn a_frame_must_end_in_time_and_the_next_may_take_its_time_to_begin() {
        let limit = Duration::from_millis(30);
        let (mut theirs, ours) = tokio::io::duplex(64);
        let mut inbox = Inbox::new(Pipe(ours), 1000, limit);
        let idle = timeout(2 * limit, inbox.next()).await;
        assert!(idle.is_err(), "nothing has begun");
        tokio::io::AsyncWriteExt::write_all(&mut theirs, &message("late")[..9])
            .await
            .expect("writes");
        assert!(matches!(inbox.next().await, Err(Broken::TooSlow(_))));
    }

    /// A tokio pipe as a stream of libp2p's kind.
    struct Pipe(tokio::io::DuplexStream);

    impl AsyncRead for Pipe {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
            bytes: &mut [u8],
        ) -> std::task::Poll<io::Result<usize>> {
            let mut into = tokio::io::ReadBuf::new(bytes);
            let polled =
                tokio::io::AsyncRead::poll_read(std::pin::Pin::new(&mut self.0), cx, &mut into);
            polled.map_ok(|()| into.filled().len())
        }
    }
}
