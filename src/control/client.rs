//! The command's end: one order, one answer, within a limit.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::{sleep, timeout},
};

use super::place;
use crate::{domain::Order, wire::control};

/// How often a socket that is not there yet is tried: the node may just be starting.
const AGAIN: Duration = Duration::from_millis(50);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody answers in time.
    #[error(
        "the node that runs does not answer on {path} within {} s ({why}); see whether it hangs, or stop it and do it again", limit.as_secs()
    )]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
        /// How far it came.
        why: String,
    },
    /// The node will not do it.
    #[error("the node refuses: {0}")]
    Refused(String),
}

/// Has the running node carry out an order.
///
/// # Errors
/// [`AskError`]: after `limit` the node counts as unreachable; it may still do it later.
pub async fn ask(path: &Path, order: &Order, limit: Duration) -> Result<(), AskError> {
    let unreachable = |why: String| AskError::Unreachable {
        path: path.to_owned(),
        limit,
        why,
    };
    let mut came = "no connection".to_owned();
    let answer = timeout(limit, converse(path, order, &mut came)).await;
    match answer {
        Err(_) => Err(unreachable(came)),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Ok(Ok(answer)) => answer.map_err(AskError::Refused),
    }
}

async fn converse(path: &Path, order: &Order, came: &mut String) -> io::Result<Result<(), String>> {
    let stream = connect(path, came).await?;
    *came = "it took the connection and nothing else".into();
    let (reading, mut writing) = stream.into_split();
    let line = control::encode(1, order) + "\n";
    writing.write_all(line.as_bytes()).await?;
    let mut answer = Vec::new();
    let most = control::MAX_LINE_BYTES as u64 + 1;
    BufReader::new(reading)
        .take(most)
        .read_until(b'\n', &mut answer)
        .await?;
    let Some(line) = answer.strip_suffix(b"\n") else {
        let text = "it closed the connection without an answer";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    };
    control::decode_answer(line).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
}

/// Tries until it is there; the caller limits how long.
async fn connect(path: &Path, came: &mut String) -> io::Result<UnixStream> {
    loop {
        match place::connect(path) {
            Ok(stream) => {
                stream.set_nonblocking(true)?;
                return UnixStream::from_std(stream);
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::WouldBlock
                ) =>
            {
                *came = error.to_string();
                sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}
