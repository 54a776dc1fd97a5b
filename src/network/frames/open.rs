//! Opening an outbound stream: we say hello, and the peer shows by its first frame that it speaks the
//! protocol, and whether it takes messages of ours.

use std::{io, time::Duration};

use crate::network::pigeon::within;
use crate::wire::frame::{self, Code, ENVELOPE_BYTES, Frame, HEADER_BYTES, Split};
use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::{Stream, core::upgrade::NegotiationError};

/// How it went.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The peer waits for messages.
    Ready(Stream),
    /// It has heard us and takes no messages until its operator has decided about us.
    Parked(Stream),
    /// It does not speak the protocol.
    NotSpoken,
    /// No answer in time, a wrong one, or the stream broke.
    Failed,
}

/// Says `hello`, a frame, and waits at most `limit` for the peer's `ack 0`.
pub(crate) async fn open(mut stream: Stream, hello: &[u8], limit: Duration) -> Opened {
    match within(limit, greeted(&mut stream, hello)).await {
        Some(Ok(Some(true))) => Opened::Ready(stream),
        Some(Ok(Some(false))) => Opened::Parked(stream),
        Some(Err(error)) if is_refusal(&error) => Opened::NotSpoken,
        _ => Opened::Failed,
    }
}

/// Reads exactly one frame: what follows it is for the task of the stream. `Some`: whether messages
/// are taken.
async fn greeted(stream: &mut Stream, hello: &[u8]) -> io::Result<Option<bool>> {
    stream.write_all(hello).await?;
    stream.flush().await?;
    let mut bytes = vec![0; HEADER_BYTES];
    stream.read_exact(&mut bytes).await?;
    let Ok(Split::Partial { missing }) = frame::split(&bytes, ENVELOPE_BYTES) else {
        return Ok(None);
    };
    bytes.resize(HEADER_BYTES + missing, 0);
    stream.read_exact(&mut bytes[HEADER_BYTES..]).await?;
    let first = frame::decode(&bytes[HEADER_BYTES..], ENVELOPE_BYTES);
    Ok(match first {
        Ok(Frame::Ack { count: 0 }) => Some(true),
        Ok(Frame::Error { code, .. }) if code == Code::Parked.word() => Some(false),
        _ => None,
    })
}

/// Negotiation is lazy: a peer without the protocol shows only when its answer is read.
fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.get_ref().and_then(|inner| inner.downcast_ref()),
        Some(NegotiationError::Failed)
    )
}
