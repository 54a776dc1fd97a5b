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
use crate::{
    domain::{Judgement, Order, Subject},
    wire::control,
};

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
    /// Its answer cannot be read.
    #[error("the answer of the node that runs cannot be read ({0}); is it of another version?")]
    Unreadable(control::Fault),
    /// The node will not do it.
    #[error("the node refuses: {0}")]
    Refused(String),
}

/// Has the running node carry out an order.
///
/// # Errors
/// [`AskError`]: after `limit` the node counts as unreachable; it may still do it later.
pub async fn ask(path: &Path, order: &Order, limit: Duration) -> Result<(), AskError> {
    let line = control::encode(1, order);
    let decode = control::decode_answer;
    exchange(path, &line, control::MAX_LINE_BYTES, decode, limit).await
}

/// Asks the running node what it thinks of an address now.
///
/// # Errors
/// [`AskError`]: after `limit` the node counts as unreachable.
pub async fn judge(path: &Path, subject: Subject, limit: Duration) -> Result<Judgement, AskError> {
    let line = control::encode_question(1, subject);
    let decode = control::decode_judgement;
    exchange(path, &line, control::MAX_JUDGEMENT_BYTES, decode, limit).await
}

/// Reads an answer: what came, or why the node refuses.
type Decode<T> = fn(&[u8]) -> Result<Result<T, String>, control::Fault>;

/// One line, and its answer of at most `most` bytes.
async fn exchange<T>(
    path: &Path,
    line: &str,
    most: usize,
    decode: Decode<T>,
    limit: Duration,
) -> Result<T, AskError> {
    let unreachable = |why: String| AskError::Unreachable {
        path: path.to_owned(),
        limit,
        why,
    };
    let mut came = "no connection".to_owned();
    let answer = timeout(limit, converse(path, line, most, &mut came)).await;
    let answer = match answer {
        Err(_) => return Err(unreachable(came)),
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Ok(Ok(answer)) => answer,
    };
    decode(&answer)
        .map_err(AskError::Unreadable)?
        .map_err(AskError::Refused)
}

async fn converse(path: &Path, line: &str, most: usize, came: &mut String) -> io::Result<Vec<u8>> {
    let stream = connect(path, came).await?;
    *came = "it took the connection and nothing else".into();
    let (reading, mut writing) = stream.into_split();
    writing.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = Vec::new();
    let most = most as u64 + 1;
    BufReader::new(reading)
        .take(most)
        .read_until(b'\n', &mut answer)
        .await?;
    if answer.pop() != Some(b'\n') {
        let text = "it closed the connection without an answer";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    Ok(answer)
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
