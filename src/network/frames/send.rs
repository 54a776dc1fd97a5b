//! Our stream to a peer: writes what waits in its queue, many lines in one go, says how we are when
//! that changes, and hears what the peer has kept.

use std::{future::poll_fn, io, sync::Arc, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{PeerId, Stream, swarm::ConnectionId};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{ANSWERS, Report, inbox::Inbox};
use crate::{
    domain::{Conduct, Farewell, Hello, Presence},
    network::pigeon::{PeerQueue, Run, within},
    wire::frame::{self, Code, ENVELOPE_BYTES, Frame},
};

/// Written in one go: beyond it a larger write saves nothing, noise cuts it into 64 KiB anyway.
const RUN_BYTES: usize = 48 * 1024;

/// What one stream works with.
pub(super) struct Sending {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
    pub(super) queue: Arc<PeerQueue>,
    /// The longest frame we send; a peer may take less.
    pub(super) max_body: usize,
    pub(super) read_timeout: Duration,
    /// Without an acknowledgement for so long the peer does not answer.
    pub(super) ack_timeout: Duration,
    pub(super) reports: mpsc::Sender<Report>,
    /// Cancelled when the peer takes messages.
    pub(super) welcome: CancellationToken,
    /// What we say of ourselves.
    pub(super) own: watch::Receiver<Arc<Hello>>,
    /// How we said last that we are.
    pub(super) said: Presence,
    /// Set when we leave.
    pub(super) farewell: watch::Receiver<Option<Farewell>>,
}

/// Sends on a stream until it breaks. Whatever ends it, what is not acknowledged goes back to the
/// queue.
pub(super) async fn run(stream: Stream, sending: Sending) {
    let hold = Hold {
        sending: &sending,
        given_back: false,
    };
    let (read, write) = stream.split();
    let (answers, to_say) = mpsc::channel(ANSWERS);
    let mut acks = Acks {
        sending: &sending,
        answers,
        count: 0,
    };
    let inbox = Inbox::new(read, ENVELOPE_BYTES, sending.read_timeout);
    let why = tokio::select! {
        error = write_runs(write, &sending, to_say) => error.to_string(),
        why = acks.hear(inbox) => why,
    };
    tracing::debug!(peer = %sending.peer, "the stream to a peer ends: {why}");
    let progress = acks.count > 0;
    if hold.broke() {
        tracing::warn!(peer = %sending.peer, "a line is given up: the peer closed three streams on it");
        let _ = sending
            .reports
            .send(Report::Conduct(Conduct::NoAnswer))
            .await;
    }
    let _ = sending.reports.send(Report::Ended { progress }).await;
}

/// Gives back what is under way, also when the task is aborted with its connection.
struct Hold<'a> {
    sending: &'a Sending,
    given_back: bool,
}

impl Hold<'_> {
    /// The stream broke by itself; says whether a line is given up for it.
    fn broke(mut self) -> bool {
        self.given_back = true;
        self.sending.queue.give_back(self.sending.connection, true)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if !self.given_back {
            self.sending.queue.give_back(self.sending.connection, false);
        }
    }
}

/// Writes until that fails.
async fn write_runs<W: AsyncWrite + Unpin>(
    mut write: W,
    sending: &Sending,
    mut to_say: mpsc::Receiver<Box<(Code, String)>>,
) -> io::Error {
    let mut out = Vec::new();
    let (mut own, mut said) = (sending.own.clone(), sending.said.clone());
    let mut farewell = sending.farewell.clone();
    // What changed while the stream was opened; the hello need not be said twice.
    own.mark_changed();
    let mut first = true;
    loop {
        out.clear();
        let welcome = sending.welcome.is_cancelled();
        tokio::select! {
            biased;
            Ok(bye) = farewell.wait_for(Option::is_some) => {
                if let Some(bye) = bye.as_ref() {
                    frame::push_goodbye(&mut out, bye);
                }
            }
            Some(answer) = to_say.recv() => frame::push_error(&mut out, answer.0, &answer.1),
            Ok(()) = own.changed() => {
                let presence = &own.borrow_and_update().presence;
                if *presence == said && (first || said.spare_for().is_none()) {
                    first = false;
                    continue;
                }
                first = false;
                said = presence.clone();
                frame::push_status(&mut out, &said);
            }
            () = sending.welcome.cancelled(), if !welcome => continue,
            run = next_run(sending, &mut out), if welcome => if run.unfit > 0 {
                tracing::warn!(
                    peer = %sending.peer, lines = run.unfit,
                    "lines are dropped: with their escapes they are longer than a frame (raise max_line_bytes)"
                );
            },
        }
        let written = async {
            write.write_all(&out).await?;
            write.flush().await
        };
        if let Err(error) = written.await {
            return error;
        }
        if farewell.borrow().is_some() {
            // The last frame; the peer closes.
            return match write.close().await {
                Ok(()) => std::future::pending().await,
                Err(error) => error,
            };
        }
    }
}

async fn next_run(sending: &Sending, out: &mut Vec<u8>) -> Run {
    poll_fn(|cx| {
        let push = |line: &str| frame::push_message(out, line, sending.max_body);
        sending
            .queue
            .poll_run(sending.connection, RUN_BYTES, push, cx)
    })
    .await
}

/// What the peer says on our stream.
struct Acks<'a> {
    sending: &'a Sending,
    answers: mpsc::Sender<Box<(Code, String)>>,
    count: u64,
}

impl Acks<'_> {
    /// Hears acknowledgements until the stream ends or the peer talks nonsense; says why.
    async fn hear<R: AsyncRead + Unpin>(&mut self, mut inbox: Inbox<R>) -> String {
        let mut stuck_on = None;
        loop {
            let body = match within(self.sending.ack_timeout, inbox.next()).await {
                Some(Ok(Some(body))) => body,
                Some(Ok(None)) => return "the peer closed it".into(),
                Some(Err(broken)) => return broken.to_string(),
                None => {
                    self.look(&mut stuck_on).await;
                    continue;
                }
            };
            match frame::decode(body, ENVELOPE_BYTES) {
                Ok(Frame::Ack { count }) => {
                    self.sending.welcome.cancel();
                    if !self.acknowledged(count) {
                        self.tell(Conduct::MalformedLine).await;
                        return format!("an ack of {count} makes no sense");
                    }
                }
                Ok(Frame::Error { code, text }) => {
                    tracing::debug!(peer = %self.sending.peer, code = ?code, text = ?text, "the peer refuses something");
                }
                Ok(Frame::Unknown { kind }) => {
                    let text = format!("nobody here knows frames of type `{kind}`");
                    let _ = self.answers.send(Box::new((Code::UnknownType, text))).await;
                }
                Ok(
                    Frame::Message { .. } | Frame::Hello(_) | Frame::Status(_) | Frame::Goodbye(_),
                ) => {
                    let text = "only acks and errors on the stream of your acks".into();
                    let _ = self.answers.send(Box::new((Code::Unexpected, text))).await;
                }
                Err(fault) => {
                    self.tell(Conduct::MalformedLine).await;
                    return fault.to_string();
                }
            }
        }
    }

    fn acknowledged(&mut self, count: u64) -> bool {
        let Some(new) = count
            .checked_sub(self.count)
            .and_then(|new| usize::try_from(new).ok())
        else {
            return false;
        };
        self.count = count;
        let Sending {
            queue, connection, ..
        } = self.sending;
        queue.acknowledged(*connection, new).is_ok()
    }

    /// Nothing was heard for a while: the peer owes an answer if the same line was under way the
    /// last time. The stream stays: whether the peer lives, its pings show, and a disk may be full.
    async fn look(&self, stuck_on: &mut Option<u64>) {
        let Sending {
            queue, connection, ..
        } = self.sending;
        let first = queue.first_under_way(*connection);
        if first.is_some() && first == *stuck_on {
            self.tell(Conduct::NoAnswer).await;
        }
        *stuck_on = first;
    }

    async fn tell(&self, conduct: Conduct) {
        let _ = self.sending.reports.send(Report::Conduct(conduct)).await;
    }
}
