//! The node's end: takes lines, hands orders on, answers.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedReadHalf},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Asked, Place, Question};
use crate::{
    domain::{Judgement, Order, Subject},
    wire::control::{self, Ask, MAX_LINE_BYTES},
};

/// Connections at once: a person with a few scripts. Each holds at most one line.
const MAX_CONNECTIONS: usize = 16;
/// How long a connection may say nothing.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How long an order may take before the client is told that it takes longer; below the time a command
/// waits, so that it hears why.
const ANSWER_LIMIT: Duration = Duration::from_secs(4);
/// How long a client may take to read its answer.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// The wait after a failed accept: out of file descriptors, for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The way to the node; it ends when this is dropped.
#[derive(Debug, Clone)]
pub struct Way {
    /// What it is to do.
    pub orders: mpsc::Sender<Asked>,
    /// What it is asked.
    pub questions: mpsc::Sender<Question>,
}

/// Serves the socket until `cancel`; then it is gone, and so is this `way`.
///
/// # Errors
/// The listener cannot be watched.
pub async fn serve(place: Place, way: Way, cancel: CancellationToken) -> io::Result<()> {
    let listener = UnixListener::from_std(place.listener.try_clone()?)?;
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = clients.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match (accepted, Arc::clone(&seats).try_acquire_owned()) {
            (Ok((stream, _)), Ok(seat)) => {
                let way = way.clone();
                clients.spawn(async move {
                    if let Err(error) = attend(stream, &way).await {
                        tracing::debug!(%error, "a client of the control socket is gone");
                    }
                    drop(seat);
                });
            }
            (Ok((stream, _)), Err(_)) => turn_away(&stream),
            (Err(error), _) => {
                tracing::warn!(%error, "the control socket takes no connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Answers under way are not waited for: the node is stopping, and what it did is on disk.
    clients.shutdown().await;
    Ok(())
}

/// Says why and closes, without waiting.
fn turn_away(stream: &UnixStream) {
    let why = format!("too many connections, at most {MAX_CONNECTIONS}; close one");
    let line = control::answer("null", "error", Err(&why)) + "\n";
    // One line fits the buffer of a new socket; when it does not, closing says enough.
    let _ = stream.try_write(line.as_bytes());
}

/// Answers one client, line by line.
async fn attend(stream: UnixStream, way: &Way) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    loop {
        let line = match timeout(IDLE_LIMIT, next_line(&mut reading)).await {
            Ok(line) => line?,
            Err(_) => return Ok(()),
        };
        let (answer, goes_on) = match line {
            Line::End => return Ok(()),
            Line::TooLong => {
                let why =
                    format!("the line is longer than {MAX_LINE_BYTES} bytes; write a shorter one");
                (control::answer("null", "error", Err(&why)), false)
            }
            Line::Whole(line) => (respond(&line, way).await, true),
        };
        timeout(WRITE_LIMIT, writing.write_all((answer + "\n").as_bytes())).await??;
        if !goes_on {
            return Ok(());
        }
    }
}

/// What came.
enum Line {
    /// A line without its newline.
    Whole(Vec<u8>),
    TooLong,
    End,
}

async fn next_line(reading: &mut BufReader<OwnedReadHalf>) -> io::Result<Line> {
    let mut line = Vec::new();
    let most = MAX_LINE_BYTES as u64 + 1;
    reading.take(most).read_until(b'\n', &mut line).await?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Line::Whole(line));
    }
    // A line that breaks off is no line: whoever was writing it is gone.
    Ok(if line.len() > MAX_LINE_BYTES {
        Line::TooLong
    } else {
        Line::End
    })
}

async fn respond(line: &[u8], way: &Way) -> String {
    let request = control::decode(line);
    let done = match request.ask {
        Ok(Ask::Ping) => Ok(()),
        Ok(Ask::Order(order)) => carry_out(order, &way.orders).await,
        Ok(Ask::Judge(subject)) => match judge(subject, &way.questions).await {
            Ok(judgement) => return control::answer_judgement(&request.id, subject, &judgement),
            Err(why) => Err(why),
        },
        Err(fault) => Err(fault.to_string()),
    };
    let done = match &done {
        Ok(()) => Ok(()),
        Err(why) => Err(why.as_str()),
    };
    control::answer(&request.id, &request.kind, done)
}

const STOPPING: &str = "the node is stopping; do it again when it has stopped";

async fn judge(subject: Subject, questions: &mpsc::Sender<Question>) -> Result<Judgement, String> {
    let (answer, answered) = oneshot::channel();
    let asked = async {
        // Whoever is gone answers nothing.
        let _ = questions.send((subject, answer)).await;
        answered.await.map_err(|_| STOPPING.to_owned())
    };
    timeout(ANSWER_LIMIT, asked).await.unwrap_or_else(|_| {
        let waited = ANSWER_LIMIT.as_secs();
        Err(format!("no answer after {waited} s: the database may be busy or its disk full, see the node's log"))
    })
}

async fn carry_out(order: Order, orders: &mpsc::Sender<Asked>) -> Result<(), String> {
    let (answer, answered) = oneshot::channel();
    let asked = async {
        if orders.send((order, answer)).await.is_err() {
            return Err(STOPPING.to_owned());
        }
        answered.await.unwrap_or_else(|_| Err(STOPPING.to_owned()))
    };
    timeout(ANSWER_LIMIT, asked).await.unwrap_or_else(|_| {
        let waited = ANSWER_LIMIT.as_secs();
        Err(format!(
            "not done after {waited} s: the database may be busy or its disk full, see the node\'s log; \
             it is done as soon as that is over"
        ))
    })
}
