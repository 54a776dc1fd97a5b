//! One outbound stream of `/slips/1.0`: say a line, then wait for the answer or for the end of the
//! stream, which acknowledges it. Streams of `/slips/2.0` are opened here too.

use std::{convert::Infallible, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{
    OutboundUpgrade, Stream, StreamProtocol,
    core::{UpgradeInfo, upgrade::NegotiationError},
};
use tokio::time::timeout;

use super::patience::within;
use crate::{
    network::frames::{self, Opened},
    wire::pigeon::{self, LineFault},
};

/// Longest answer taken from a peer: `hello` and a version.
const MAX_ANSWER_BYTES: usize = 256;
/// What a peer may write back to a line nobody expects an answer to; it is thrown away.
const MAX_CHATTER_BYTES: usize = 1024;
/// Time to close a stream in due form when everything else on it is done.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// What the other side is to do with the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Write one line back.
    Answer,
    /// Close the stream.
    Close,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer, without its newline.
    Answered(String),
    /// The stream was closed: the line is taken.
    Taken,
    /// Nothing in time.
    NoAnswer,
    /// Something that is no line.
    BadAnswer,
    /// The stream broke.
    Broken,
    /// The peer does not speak the protocol.
    NotSpoken,
}

/// The upgrade of our own streams.
pub(crate) enum Outbound {
    /// Says a line.
    Line {
        protocol: StreamProtocol,
        /// With its newline.
        line: Arc<str>,
        expect: Expect,
        /// For everything together.
        limit: Duration,
    },
    /// Opens a stream for frames.
    Frames {
        /// The first frame we say.
        hello: Vec<u8>,
        /// For the peer to say that it is ready.
        limit: Duration,
    },
}

/// What an outbound stream came to.
#[derive(Debug)]
pub(crate) enum Came {
    /// How it went with the line.
    Line(Outcome),
    /// How it went with the stream for frames.
    Frames(Opened),
}

impl UpgradeInfo for Outbound {
    type Info = StreamProtocol;
    type InfoIter = std::iter::Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once(match self {
            Self::Line { protocol, .. } => protocol.clone(),
            Self::Frames { .. } => frames::PROTOCOL,
        })
    }
}

impl OutboundUpgrade<Stream> for Outbound {
    type Output = Came;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Came, Infallible>> + Send>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        Box::pin(async move {
            Ok(match self {
                Self::Line {
                    line,
                    expect,
                    limit,
                    ..
                } => Came::Line(say(stream, &line, expect, limit).await),
                Self::Frames { hello, limit } => {
                    Came::Frames(frames::open(stream, &hello, limit).await)
                }
            })
        })
    }
}

async fn say(mut stream: Stream, line: &str, expect: Expect, limit: Duration) -> Outcome {
    let talk = async {
        match expect {
            Expect::Answer => ask(&mut stream, line).await,
            Expect::Close => tell(&mut stream, line).await,
        }
    };
    within(limit, talk).await.unwrap_or(Outcome::NoAnswer)
}

async fn ask(stream: &mut Stream, line: &str) -> Outcome {
    let said = async {
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await
    };
    if let Err(error) = said.await {
        return broken(&error);
    }
    let outcome = match pigeon::read_line(&mut *stream, MAX_ANSWER_BYTES).await {
        Ok(answer) => Outcome::Answered(answer),
        Err(LineFault::Io(error)) => return broken(&error),
        Err(LineFault::NoNewline { .. }) => Outcome::NoAnswer,
        Err(LineFault::TooLong { .. } | LineFault::NotUtf8 { .. }) => Outcome::BadAnswer,
    };
    let _ = timeout(CLOSE_LIMIT, stream.close()).await;
    outcome
}

async fn tell(stream: &mut Stream, line: &str) -> Outcome {
    let said = async {
        stream.write_all(line.as_bytes()).await?;
        stream.close().await
    };
    if let Err(error) = said.await {
        return broken(&error);
    }
    let mut chatter = [0_u8; 64];
    let mut heard = 0;
    while heard <= MAX_CHATTER_BYTES {
        match stream.read(&mut chatter).await {
            Ok(0) => return Outcome::Taken,
            Ok(read) => heard += read,
            Err(error) => return broken(&error),
        }
    }
    Outcome::Taken
}

/// Negotiation is lazy: a peer without the protocol shows only when its answer is read.
fn broken(error: &io::Error) -> Outcome {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(NegotiationError::Failed) => Outcome::NotSpoken,
        _ => Outcome::Broken,
    }
}
