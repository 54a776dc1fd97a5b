//! The tasks of one session: one writes what waits, the other hands over what comes.

use std::{io, sync::Arc, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use tokio::sync::{mpsc, watch};

use super::{
    MAX_SYNC_FRAME_BYTES, SessionId, SyncEvent, gate::Gate, queue::Queue, sessions::Sessions,
};
use crate::{
    domain::Conduct,
    network::frames::{Broken, Inbox},
};

/// What all sessions share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) sessions: Arc<Sessions>,
    /// Bytes that may wait to be sent in one session.
    pub(super) queue_bytes: usize,
    /// Time for a frame to arrive once it has begun.
    pub(super) read_timeout: Duration,
}

/// What a task tells its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// The peer did something.
    Conduct(Conduct),
    /// The stream we send on is over.
    OutboundEnded,
    /// The stream of the peer is over.
    InboundEnded,
}

/// Runs a session on our stream: from its beginning until the stream breaks or `stop` says so.
/// Not to be aborted: the node must hear of its end.
pub(super) async fn send(
    stream: Stream,
    gate: Gate,
    shared: Shared,
    began: watch::Sender<Option<SessionId>>,
    mut stop: watch::Receiver<bool>,
    reports: mpsc::Sender<Report>,
) {
    // A peer that is parked waits with its stream, on which nothing goes in either direction.
    let admitted = tokio::select! {
        () = gate.way.pass.until_it_may_speak() => true,
        _ = stop.wait_for(|stop| *stop) => false,
    };
    if admitted {
        // Made when it is needed: one that waits is kept small.
        Box::pin(session(stream, &gate, &shared, &began, &mut stop)).await;
    }
    let _ = reports.send(Report::OutboundEnded).await;
}

async fn session(
    stream: Stream,
    gate: &Gate,
    shared: &Shared,
    began: &watch::Sender<Option<SessionId>>,
    stop: &mut watch::Receiver<bool>,
) {
    let Some(queue) = shared.sessions.begin(gate, shared.queue_bytes).await else {
        return;
    };
    began.send_replace(Some(queue.session));
    let (read, write) = stream.split();
    let why = tokio::select! {
        error = write_runs(write, gate, &queue) => error.to_string(),
        why = silence(read) => why,
        _ = stop.wait_for(|stop| *stop) => "the session is over".into(),
    };
    tracing::debug!(peer = %gate.peer, "a sync session ends: {why}");
    shared.sessions.end(gate, queue.session).await;
}

async fn write_runs<W: AsyncWrite + Unpin>(mut write: W, gate: &Gate, queue: &Queue) -> io::Error {
    let (peer, session) = (gate.peer, queue.session);
    let mut out = Vec::new();
    loop {
        out.clear();
        queue.next_run(&mut out).await;
        let written = async {
            write.write_all(&out).await?;
            write.flush().await
        };
        if let Err(error) = written.await {
            return error;
        }
        if queue.written() {
            let _ = gate.tell(SyncEvent::Room { peer, session }, || {}).await;
        }
    }
}

/// Nothing is said against the direction of a stream; waits for its end.
async fn silence<R: AsyncRead + Unpin>(mut read: R) -> String {
    let mut byte = [0];
    match read.read(&mut byte).await {
        Ok(0) => "the peer closed it".into(),
        Ok(_) => "the peer spoke on a stream that is ours".into(),
        Err(error) => error.to_string(),
    }
}

/// Hands over what comes on the peer's stream, once the session has begun.
pub(super) async fn receive(
    stream: Stream,
    gate: Gate,
    read_timeout: Duration,
    mut began: watch::Receiver<Option<SessionId>>,
    reports: mpsc::Sender<Report>,
) {
    let session = match began.wait_for(Option::is_some).await {
        Ok(session) => *session,
        Err(_) => None,
    };
    if let Some(session) = session {
        // The other half is not written to, and must live: dropped it would close the stream.
        let (read, _write) = stream.split();
        let inbox = Inbox::new(read, MAX_SYNC_FRAME_BYTES, read_timeout);
        let handing = Box::pin(hand_over(inbox, &gate, session));
        if let Some(broken) = handing.await {
            tracing::debug!(peer = %gate.peer, "a sync stream ends: {broken}");
            if !matches!(broken, Broken::Io(_)) {
                let _ = reports.send(Report::Conduct(Conduct::MalformedLine)).await;
            }
        }
    }
    let _ = reports.send(Report::InboundEnded).await;
}

/// Until the stream ends or breaks, or the node has ended.
async fn hand_over<R: AsyncRead + Unpin>(
    mut inbox: Inbox<R>,
    gate: &Gate,
    session: SessionId,
) -> Option<Broken> {
    loop {
        let bytes = match inbox.next().await {
            Ok(Some(body)) => body.to_vec(),
            Ok(None) => return None,
            Err(broken) => return Some(broken),
        };
        if gate.hand_over(session, bytes).await.is_err() {
            return None;
        }
    }
}
