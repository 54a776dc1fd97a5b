//! One connection's part in `/slips/sync/1`: when to open a stream, and the tasks of both.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use libp2p::{
    Stream, StreamProtocol,
    core::upgrade::ReadyUpgrade,
    swarm::{
        ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
        handler::{ConnectionEvent, ProtocolsChange},
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, Sleep, sleep},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    MAX_REOPENED, PROTOCOL, REOPEN_MAX, REOPEN_MIN, REOPENING,
    gate::Gate,
    stream::{self, Report, Shared},
};
use crate::domain::Conduct;

/// What the tasks of one connection may have to tell before they wait.
const REPORTS: usize = 8;

/// Our stream.
enum Way {
    /// The peer has not said that it speaks the protocol.
    Unspoken,
    Wanted,
    /// To be opened when the peer is let in: one that is parked has nothing to say to the logs.
    Parked(Pin<Box<dyn Future<Output = ()> + Send>>),
    Opening,
    /// Dropping the sender of `stop` ends the task as well.
    Open {
        stop: watch::Sender<bool>,
        since: Instant,
    },
    Resting(Pin<Box<Sleep>>),
}

/// The peer's stream.
struct Inbound {
    /// Opened since our stream was: it belongs to the next session.
    fresh: bool,
    /// Held until a session begins, then with its task.
    stream: Option<Stream>,
    _task: Option<AbortOnDropHandle<()>>,
}

pub(crate) struct Handler {
    gate: Gate,
    shared: Shared,
    way: Way,
    reopen_after: Duration,
    inbound: Option<Inbound>,
    /// Streams of the peer since when.
    reopened: (u32, Instant),
    /// What the reader of this session waits for.
    began: Option<watch::Receiver<Option<super::SessionId>>>,
    reports: mpsc::Sender<Report>,
    reported: mpsc::Receiver<Report>,
    told: VecDeque<Conduct>,
    waker: Option<Waker>,
}

type ToConnection = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, (), Conduct>;
type Happened<'a> = ConnectionEvent<'a, ReadyUpgrade<StreamProtocol>, ReadyUpgrade<StreamProtocol>>;

impl Handler {
    pub(super) fn new(gate: Gate, shared: Shared) -> Self {
        let (reports, reported) = mpsc::channel(REPORTS);
        Self {
            gate,
            shared,
            way: Way::Unspoken,
            reopen_after: REOPEN_MIN,
            inbound: None,
            reopened: (0, Instant::now()),
            began: None,
            reports,
            reported,
            told: VecDeque::new(),
            waker: None,
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn opened(&mut self, stream: Stream) {
        if !matches!(self.way, Way::Opening) {
            return;
        }
        let (stop, stopped) = watch::channel(false);
        let (begin, began) = watch::channel(None);
        tokio::spawn(stream::send(
            stream,
            self.gate.clone(),
            self.shared.clone(),
            begin,
            stopped,
            self.reports.clone(),
        ));
        self.way = Way::Open {
            stop,
            since: Instant::now(),
        };
        self.began = Some(began);
        if let Some(inbound) = self.inbound.take().and_then(|inbound| inbound.stream) {
            self.read(inbound);
        }
    }

    /// Reads the peer's stream as a part of the session that begins or has begun.
    fn read(&mut self, stream: Stream) {
        let Some(began) = self.began.clone() else {
            return;
        };
        let (gate, reports) = (self.gate.clone(), self.reports.clone());
        let limit = self.shared.read_timeout;
        let task = tokio::spawn(stream::receive(stream, gate, limit, began, reports));
        self.inbound = Some(Inbound {
            fresh: false,
            stream: None,
            _task: Some(AbortOnDropHandle::new(task)),
        });
    }

    /// The peer opened a stream. Where it has one already, it began anew: so do we.
    fn receive_on(&mut self, stream: Stream) {
        if self.reopens_too_often() {
            self.told.push_back(Conduct::Flooding);
            return self.wake();
        }
        let again = self.inbound.is_some();
        match (&self.way, again) {
            (Way::Open { .. }, false) => self.read(stream),
            _ => {
                self.inbound = Some(Inbound {
                    fresh: true,
                    stream: Some(stream),
                    _task: None,
                });
                self.end_session();
            }
        }
    }

    fn reopens_too_often(&mut self) -> bool {
        let (times, since) = &mut self.reopened;
        if since.elapsed() >= REOPENING {
            (*times, *since) = (0, Instant::now());
        }
        *times += 1;
        *times > MAX_REOPENED
    }

    fn end_session(&self) {
        if let Way::Open { stop, .. } = &self.way {
            stop.send_replace(true);
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Conduct(conduct) => self.told.push_back(conduct),
            Report::OutboundEnded => {
                self.began = None;
                self.inbound.take_if(|inbound| !inbound.fresh);
                if let Way::Open { since, .. } = self.way
                    && since.elapsed() >= REOPEN_MAX
                {
                    self.reopen_after = REOPEN_MIN;
                }
                self.rest();
            }
            Report::InboundEnded => {
                // Of a stream that was replaced it is no news.
                if self.inbound.as_ref().is_some_and(|inbound| !inbound.fresh) {
                    self.inbound = None;
                    self.end_session();
                }
            }
        }
    }

    fn rest(&mut self) {
        self.way = Way::Resting(Box::pin(sleep(self.reopen_after)));
        self.reopen_after = (2 * self.reopen_after).min(REOPEN_MAX);
    }

    fn failed(&mut self, error: &StreamUpgradeError<Infallible>) {
        if !matches!(self.way, Way::Opening) {
            return;
        }
        tracing::debug!(peer = %self.gate.peer, "a sync stream could not be opened: {error}");
        self.rest();
        self.wake();
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Conduct;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToConnection> {
        loop {
            if let Some(conduct) = self.told.pop_front() {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(conduct));
            }
            match self.reported.poll_recv(cx) {
                Poll::Ready(Some(report)) => self.reported(report),
                _ => break,
            }
        }
        if let Way::Resting(until) = &mut self.way
            && until.as_mut().poll(cx).is_ready()
        {
            self.way = Way::Wanted;
        }
        if let Way::Parked(until) = &mut self.way
            && until.as_mut().poll(cx).is_ready()
        {
            self.way = Way::Wanted;
        }
        if matches!(self.way, Way::Wanted) {
            let pass = Arc::clone(&self.gate.way.pass);
            if !pass.may_speak() {
                self.way = Way::Parked(Box::pin(async move { pass.until_it_may_speak().await }));
                return self.poll(cx);
            }
            self.way = Way::Opening;
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ());
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn on_connection_event(&mut self, event: Happened<'_>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => self.receive_on(inbound.protocol),
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => self.opened(outbound.protocol),
            ConnectionEvent::DialUpgradeError(failed) => self.failed(&failed.error),
            ConnectionEvent::RemoteProtocolsChange(ProtocolsChange::Added(added))
                if matches!(self.way, Way::Unspoken)
                    && added.clone().any(|name| *name == PROTOCOL) =>
            {
                self.way = Way::Wanted;
                self.shared.sessions.speaks_now(self.gate.peer);
                self.wake();
            }
            _ => {}
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        if !matches!(self.way, Way::Unspoken) {
            self.shared.sessions.left(self.gate.peer);
        }
    }
}
