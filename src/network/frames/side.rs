//! One connection's part in `/slips/2.0`: when to open a stream, and the tasks of both streams.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use libp2p::{Stream, swarm::ConnectionId};
use tokio::{
    sync::{mpsc, watch},
    time::{Sleep, sleep},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Opened, REPORTS, Report, Said, receive,
    send::{self, Sending},
};
use crate::{
    domain::{Farewell, Presence, Timestamp},
    network::pigeon::{Gate, PeerQueue},
    wire::frame,
};

/// The first wait before a stream that broke is opened again, doubled each time nothing came of it.
const REOPEN_MIN: Duration = Duration::from_millis(100);
/// The longest.
const REOPEN_MAX: Duration = Duration::from_secs(10);

/// How lines go to the peer.
enum Way {
    /// Not known yet: found out when a line waits.
    Unknown,
    /// In frames; a stream is to be opened.
    Frames,
    Opening {
        /// The peer has said that it speaks the protocol.
        sure: bool,
    },
    /// Dropping the task ends it, and gives back what it has under way.
    Open {
        _task: AbortOnDropHandle<()>,
        farewell: watch::Sender<Option<Farewell>>,
    },
    /// The stream broke.
    Resting(Pin<Box<Sleep>>),
    /// A stream a line.
    Lines,
}

/// What the connection is to do for its lines.
pub(crate) enum Next {
    /// Open a stream for frames.
    Open,
    /// Tell what the peer did.
    Tell(crate::domain::Conduct),
    /// Tell what the peer says of itself.
    Said(Said),
    /// Send lines by `/slips/1.0`.
    Lines,
}

/// The frames of one connection.
pub(crate) struct Side {
    connection: ConnectionId,
    gate: Arc<Gate>,
    queue: Arc<PeerQueue>,
    ack_timeout: Duration,
    way: Way,
    /// How we said last that we are.
    said: Presence,
    /// What is to be said on a stream that is being opened.
    leaves: Option<Farewell>,
    reopen_after: Duration,
    inbound: Option<AbortOnDropHandle<()>>,
    reports: mpsc::Sender<Report>,
    reported: mpsc::Receiver<Report>,
}

impl Side {
    pub(crate) fn new(
        connection: ConnectionId,
        gate: Arc<Gate>,
        queue: Arc<PeerQueue>,
        ack_timeout: Duration,
    ) -> Self {
        let (reports, reported) = mpsc::channel(REPORTS);
        Self {
            way: if gate.frames {
                Way::Unknown
            } else {
                Way::Lines
            },
            connection,
            gate,
            queue,
            ack_timeout,
            said: Presence::default(),
            leaves: None,
            reopen_after: REOPEN_MIN,
            inbound: None,
            reports,
            reported,
        }
    }

    /// The peer has said which protocols it speaks.
    pub(crate) fn learned(&mut self, frames: bool) {
        match &mut self.way {
            Way::Unknown => {
                self.way = if frames { Way::Frames } else { Way::Lines };
            }
            Way::Opening { sure } => *sure = frames,
            _ => {}
        }
    }

    /// What is next; `speaks`: the peer has shown that it speaks `/slips/1.0`.
    pub(crate) fn poll(&mut self, speaks: bool, cx: &mut Context<'_>) -> Poll<Next> {
        while let Poll::Ready(Some(report)) = self.reported.poll_recv(cx) {
            match report {
                Report::Conduct(conduct) => return Poll::Ready(Next::Tell(conduct)),
                Report::Said(said) => return Poll::Ready(Next::Said(*said)),
                Report::Ended { progress } => self.ended(progress),
            }
        }
        if let Way::Resting(until) = &mut self.way
            && until.as_mut().poll(cx).is_ready()
        {
            self.way = Way::Frames;
        }
        let sure = matches!(self.way, Way::Frames);
        match self.way {
            Way::Lines => Poll::Ready(Next::Lines),
            Way::Unknown if !(speaks && self.queue.waits(self.connection, cx.waker())) => {
                Poll::Pending
            }
            Way::Frames | Way::Unknown => {
                self.way = Way::Opening { sure };
                Poll::Ready(Next::Open)
            }
            Way::Opening { .. } | Way::Open { .. } | Way::Resting(_) => Poll::Pending,
        }
    }

    /// The first frame of a stream that is to be opened.
    pub(crate) fn hello(&mut self) -> Vec<u8> {
        let mut hello = (**self.gate.own.borrow()).clone();
        hello.time = Some(Timestamp::now());
        self.said = hello.presence.clone();
        let mut out = Vec::new();
        frame::push_hello(&mut out, &hello);
        out
    }

    /// Says goodbye as the last frame, where a stream is open or about to be; says whether one is.
    pub(crate) fn leave(&mut self, bye: Farewell) -> bool {
        match &self.way {
            Way::Frames | Way::Opening { sure: true } => {
                self.leaves = Some(bye);
                true
            }
            Way::Open { farewell, .. } => {
                farewell.send_replace(Some(bye));
                true
            }
            _ => false,
        }
    }

    /// The opening has come to this.
    pub(crate) fn opened(&mut self, opened: Opened) {
        let Way::Opening { sure } = self.way else {
            return;
        };
        self.way = match opened {
            Opened::Ready(stream) => self.send_on(stream, true),
            Opened::Parked(stream) => {
                tracing::info!(peer = %self.gate.peer, "the peer takes no messages before its operator has decided");
                self.send_on(stream, false)
            }
            Opened::Failed if sure => return self.rest(),
            // A peer that said nothing of it and does not answer is treated as a pigeon.
            Opened::Failed | Opened::NotSpoken => Way::Lines,
        };
    }

    /// The peer opened a stream to send on: it replaces the one it had.
    pub(crate) fn receive_on(&mut self, stream: Stream) {
        let before = self.inbound.take();
        let (gate, reports) = (Arc::clone(&self.gate), self.reports.clone());
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                before.abort();
                let _ = before.await;
            }
            receive::serve(stream, gate, reports).await;
        });
        self.inbound = Some(AbortOnDropHandle::new(task));
    }

    fn send_on(&self, stream: Stream, is_welcome: bool) -> Way {
        let (farewell, bye) = watch::channel(self.leaves.clone());
        let welcome = CancellationToken::new();
        if is_welcome {
            welcome.cancel();
        }
        let sending = Sending {
            peer: self.gate.peer,
            connection: self.connection,
            queue: Arc::clone(&self.queue),
            max_body: frame::max_body_bytes(self.gate.max_line_bytes),
            read_timeout: self.gate.read_timeout,
            ack_timeout: self.ack_timeout,
            reports: self.reports.clone(),
            welcome,
            own: self.gate.own.clone(),
            said: self.said.clone(),
            farewell: bye,
        };
        Way::Open {
            _task: AbortOnDropHandle::new(tokio::spawn(send::run(stream, sending))),
            farewell,
        }
    }

    fn ended(&mut self, progress: bool) {
        if progress {
            self.reopen_after = REOPEN_MIN;
        }
        self.rest();
    }

    fn rest(&mut self) {
        self.way = Way::Resting(Box::pin(sleep(self.reopen_after)));
        self.reopen_after = (2 * self.reopen_after).min(REOPEN_MAX);
    }
}
