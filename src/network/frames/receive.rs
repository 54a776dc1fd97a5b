//! The stream of one who sends to us: its messages go to the node, what the node keeps is
//! acknowledged.

use std::{io, sync::Arc, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    ANSWERS, Report, Said,
    inbox::{Broken, Inbox},
    receipt::Progress,
};
use crate::{
    domain::{Conduct, Neighbour, Timestamp},
    network::{Line, pigeon::Gate, standing::Pass},
    wire::frame::{self, Code, Frame, MAX_PRESENCE_BYTES},
};

/// After the last message of a stream that is over, how long its acknowledgements may take: a
/// commit on a slow disk. What comes too late is sent again.
const LAST_ACKS: Duration = Duration::from_secs(30);

/// What the reader has the writer say.
type Answer = Box<(Code, String)>;

/// Serves a stream until it ends.
pub(super) async fn serve(stream: Stream, gate: Arc<Gate>, reports: mpsc::Sender<Report>) {
    let (read, write) = stream.split();
    let progress = Arc::new(Progress::default());
    let (answers, to_say) = mpsc::channel(ANSWERS);
    let reader = Reader {
        gate: &gate,
        progress: Arc::clone(&progress),
        answers,
        reports,
    };
    let inbox = Inbox::new(read, MAX_PRESENCE_BYTES, gate.read_timeout);
    let reading = reader.run(inbox);
    let answering = async {
        if let Err(error) = answer(write, to_say, &progress, &gate.pass).await {
            tracing::debug!(peer = %gate.peer, "no more acknowledgements: {error}");
        }
    };
    tokio::pin!(reading, answering);
    tokio::select! {
        () = &mut reading => answering.await,
        // Nobody is left to acknowledge to.
        () = &mut answering => {}
    }
}

struct Reader<'a> {
    gate: &'a Gate,
    progress: Arc<Progress>,
    answers: mpsc::Sender<Answer>,
    reports: mpsc::Sender<Report>,
}

impl Reader<'_> {
    async fn run<R: AsyncRead + Unpin>(self, mut inbox: Inbox<R>) {
        let mut parked = true;
        loop {
            if parked && self.gate.pass.may_speak() {
                parked = false;
                let longest = frame::max_body_bytes(self.gate.max_line_bytes);
                inbox.take_up_to(longest.max(MAX_PRESENCE_BYTES));
            }
            let next = tokio::select! {
                next = inbox.next() => next,
                () = self.gate.pass.until_it_may_speak(), if parked => continue,
            };
            let body = match next {
                Ok(Some(body)) => body,
                Ok(None) => return,
                Err(broken) => return self.broken(&broken).await,
            };
            let received_at = Timestamp::now();
            // Held back, and not blamed for it: a sender of frames goes as fast as it is let, which
            // the acknowledgements and the window of the stream tell it.
            self.gate.admit(body.len()).await;
            match frame::decode(body, self.gate.max_line_bytes) {
                Ok(Frame::Message { .. }) if !self.gate.pass.may_speak() => {
                    let text = "your messages are not taken before the operator has decided";
                    return self.answer(Code::Parked, text.into()).await;
                }
                Ok(Frame::Message { text }) => {
                    self.hand_over(text.into_owned(), received_at).await;
                }
                Ok(Frame::Hello(hello)) => {
                    let other = self.gate.is_other_network(&hello);
                    self.say(Said::Hello(hello)).await;
                    if other {
                        // The connection is about to be closed; nothing more is taken.
                        return std::future::pending().await;
                    }
                }
                Ok(Frame::Status(presence)) => self.say(Said::Status(presence)).await,
                Ok(Frame::Goodbye(farewell)) => self.say(Said::Goodbye(farewell)).await,
                Ok(Frame::Unknown { kind }) => {
                    let text = format!("nobody here knows frames of type `{kind}`");
                    self.answer(Code::UnknownType, text).await;
                }
                Ok(Frame::Ack { .. }) => {
                    let text = "an ack on the stream of your messages".into();
                    self.answer(Code::Unexpected, text).await;
                }
                Ok(Frame::Error { code, text }) => {
                    tracing::debug!(peer = %self.gate.peer, code = ?code, text = ?text, "the peer refuses something");
                }
                Err(fault) => return self.broken(&fault.into()).await,
            }
        }
    }

    async fn hand_over(&self, text: String, received_at: Timestamp) {
        let line = Line {
            from: Neighbour(self.gate.peer),
            ip: self.gate.ip,
            text,
            received_at,
            receipt: self.progress.hand(),
        };
        self.gate.hand_over(line, 1).await;
    }

    /// What is no frame ends the stream: where the next one begins, nobody can know.
    async fn broken(&self, broken: &Broken) {
        tracing::debug!(peer = %self.gate.peer, "a stream of frames ends: {broken}");
        let code = match broken {
            Broken::Io(_) => return,
            Broken::TooSlow(_) => Code::Malformed,
            Broken::Fault(fault) => fault.code(),
        };
        self.tell(Conduct::MalformedLine).await;
        self.answer(code, broken.to_string()).await;
    }

    async fn say(&self, said: Said) {
        let _ = self.reports.send(Report::Said(Box::new(said))).await;
    }

    async fn tell(&self, conduct: Conduct) {
        let _ = self.reports.send(Report::Conduct(conduct)).await;
    }

    async fn answer(&self, code: Code, text: String) {
        let _ = self.answers.send(Box::new((code, text))).await;
    }
}

/// Writes acknowledgements and answers until the reader is done and what it handed over is kept.
async fn answer<W: AsyncWrite + Unpin>(
    mut write: W,
    mut answers: mpsc::Receiver<Answer>,
    progress: &Progress,
    pass: &Pass,
) -> io::Result<()> {
    let mut out = Vec::new();
    let mut said = 0;
    let mut welcome = pass.may_speak();
    if welcome {
        frame::push_ack(&mut out, said);
    } else {
        frame::push_error(&mut out, Code::Parked, "wait: the operator has not decided");
    }
    let mut reading = true;
    while reading || said < progress.handed() {
        write.write_all(&out).await?;
        write.flush().await?;
        out.clear();
        tokio::select! {
            answer = answers.recv(), if reading => match answer {
                Some(answer) => frame::push_error(&mut out, answer.0, &answer.1),
                None => reading = false,
            },
            () = progress.news() => {}
            () = pass.until_it_may_speak(), if !welcome => {
                welcome = true;
                frame::push_ack(&mut out, said);
            }
            () = sleep(LAST_ACKS), if !reading => break,
        }
        let kept = progress.kept();
        if kept > said {
            said = kept;
            frame::push_ack(&mut out, said);
        }
    }
    write.write_all(&out).await?;
    let _ = timeout(LAST_ACKS, write.close()).await;
    Ok(())
}
