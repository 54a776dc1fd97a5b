//! One connection's part in `/slips/1.0`: serves its inbound streams, sends what waits for its peer
//! unless that goes in frames.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, ConnectionId, StreamUpgradeError, SubstreamProtocol,
    handler::{ConnectionEvent, ProtocolsChange},
};

use super::{
    inbound::{Gate, Heard, Inbound, Taken},
    outbound::{Came, Expect, Outbound, Outcome},
    queue::{End, PeerQueue},
};
use crate::{
    domain::{Conduct, Farewell},
    network::frames::{self, Next, Opened, Said, Side},
    wire::pigeon,
};

/// How long a line may wait for room in the node. Far beyond any sender's patience: its end is for
/// streams whose sender forgot them.
const INBOUND_LIMIT: Duration = Duration::from_secs(300);
/// What a stream may take beyond the time its own future allows, which is what really ends it.
const OUTBOUND_SLACK: Duration = Duration::from_secs(5);

/// What the service has a connection say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Hello,
    Ping,
    Goodbye(Bye),
    /// Nothing: what is decided about the peer has changed.
    Look,
}

/// Why we say goodbye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bye {
    /// This node stops.
    Stopping,
    /// The operator does not want the peer.
    Rejected,
    /// The peer is of another network.
    OtherNetwork,
}

impl Bye {
    fn farewell(self) -> Farewell {
        match self {
            Self::Stopping => Farewell::new(Farewell::STOPPING, "this node is stopping"),
            Self::Rejected => Farewell::new(Farewell::REJECTED, ""),
            Self::OtherNetwork => Farewell::new(Farewell::OTHER_NETWORK, ""),
        }
    }
}

/// What a connection tells the service.
#[derive(Debug)]
pub(crate) enum Told {
    /// The peer speaks our protocol.
    Speaks,
    /// It does not.
    SpeaksNot,
    /// It said something; never [`Heard::Data`].
    Heard(Heard),
    /// It was asked something.
    Answer(Control, Outcome),
    /// Something else it did or left undone.
    Conduct(Conduct),
    /// It speaks of itself.
    Said(Said),
}

/// Limits of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) in_flight: usize,
    pub(crate) answer: Duration,
    pub(crate) acknowledge: Duration,
    pub(crate) goodbye: Duration,
}

/// Whose stream it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Errand {
    Control(Control),
    Lane(u64),
    Frames,
}

pub(crate) struct Handler {
    connection: ConnectionId,
    gate: Arc<Gate>,
    queue: Arc<PeerQueue>,
    frames: Side,
    limits: Limits,
    controls: VecDeque<Control>,
    told: VecDeque<Told>,
    in_flight: usize,
    speaks: bool,
    waker: Option<Waker>,
}

type ToConnection = ConnectionHandlerEvent<Outbound, Errand, Told>;
fn request(upgrade: Outbound, errand: Errand, limit: Duration) -> ToConnection {
    let protocol = SubstreamProtocol::new(upgrade, errand).with_timeout(limit + OUTBOUND_SLACK);
    ConnectionHandlerEvent::OutboundSubstreamRequest { protocol }
}

type Happened<'a> = ConnectionEvent<'a, Inbound, Outbound, (), Errand>;

impl Handler {
    pub(crate) fn new(
        connection: ConnectionId,
        gate: Arc<Gate>,
        queue: Arc<PeerQueue>,
        limits: Limits,
    ) -> Self {
        let frames = Side::new(
            connection,
            Arc::clone(&gate),
            Arc::clone(&queue),
            limits.acknowledge,
        );
        Self {
            connection,
            gate,
            queue,
            frames,
            limits,
            controls: VecDeque::new(),
            told: VecDeque::new(),
            in_flight: 0,
            speaks: false,
            waker: None,
        }
    }

    fn tell(&mut self, told: Told) {
        self.told.push_back(told);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn speaks(&mut self) {
        if !self.speaks {
            self.speaks = true;
            self.tell(Told::Speaks);
        }
    }

    fn received(&mut self, heard: Heard, flooding: bool) {
        self.speaks();
        if flooding {
            self.tell(Told::Conduct(Conduct::Flooding));
        }
        if heard != Heard::Data {
            self.tell(Told::Heard(heard));
        }
    }

    fn ended(&mut self, errand: Errand, outcome: Outcome) {
        match &outcome {
            Outcome::NotSpoken => self.tell(Told::SpeaksNot),
            Outcome::Taken | Outcome::Answered(_) | Outcome::BadAnswer => self.speaks(),
            Outcome::NoAnswer | Outcome::Broken => {}
        }
        match errand {
            Errand::Control(control) => self.tell(Told::Answer(control, outcome)),
            Errand::Lane(lane) => {
                self.in_flight -= 1;
                let end = if outcome == Outcome::Broken {
                    End::Broken
                } else {
                    End::Done
                };
                let lost = self.queue.end(lane, end);
                if lost || outcome == Outcome::NoAnswer {
                    self.tell(Told::Conduct(Conduct::NoAnswer));
                }
            }
            Errand::Frames => {}
        }
    }

    fn failed(&mut self, errand: Errand, error: StreamUpgradeError<Infallible>) {
        let outcome = match error {
            StreamUpgradeError::Timeout => Outcome::NoAnswer,
            StreamUpgradeError::NegotiationFailed => Outcome::NotSpoken,
            StreamUpgradeError::Io(_) => Outcome::Broken,
            StreamUpgradeError::Apply(never) => match never {},
        };
        match (errand, outcome) {
            (Errand::Frames, Outcome::NotSpoken) => self.opened(Opened::NotSpoken),
            (Errand::Frames, _) => self.opened(Opened::Failed),
            (errand, outcome) => self.ended(errand, outcome),
        }
    }

    fn open(
        &self,
        errand: Errand,
        line: Arc<str>,
        expect: Expect,
        limit: Duration,
    ) -> ToConnection {
        let upgrade = Outbound::Line {
            protocol: self.gate.protocol.clone(),
            line,
            expect,
            limit,
        };
        request(upgrade, errand, limit)
    }

    fn open_frames(&mut self) -> ToConnection {
        let limit = self.limits.answer;
        let hello = self.frames.hello();
        request(Outbound::Frames { hello, limit }, Errand::Frames, limit)
    }

    fn opened(&mut self, opened: Opened) {
        self.frames.opened(opened);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll_lines(&mut self, cx: &mut Context<'_>) -> Option<ToConnection> {
        if !self.speaks || self.in_flight >= self.limits.in_flight {
            return None;
        }
        let job = self.queue.take(self.connection, cx.waker())?;
        self.in_flight += 1;
        let errand = Errand::Lane(job.lane);
        Some(self.open(errand, job.line, Expect::Close, self.limits.acknowledge))
    }

    /// `None`: nothing is to be opened for it.
    fn open_control(&mut self, control: Control) -> Option<ToConnection> {
        let (line, expect, limit) = match control {
            Control::Hello => (
                Arc::clone(&self.gate.hello),
                Expect::Answer,
                self.limits.answer,
            ),
            Control::Ping => (pigeon::PING.into(), Expect::Answer, self.limits.answer),
            Control::Goodbye(bye) if self.frames.leave(bye.farewell()) => return None,
            Control::Goodbye(_) => (pigeon::GOODBYE.into(), Expect::Close, self.limits.goodbye),
            Control::Look => return None,
        };
        Some(self.open(Errand::Control(control), line, expect, limit))
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Control;
    type ToBehaviour = Told;
    type InboundProtocol = Inbound;
    type OutboundProtocol = Outbound;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Errand;

    fn listen_protocol(&self) -> SubstreamProtocol<Inbound> {
        SubstreamProtocol::new(Inbound(Arc::clone(&self.gate)), ()).with_timeout(INBOUND_LIMIT)
    }

    fn connection_keep_alive(&self) -> bool {
        self.speaks
    }

    fn on_behaviour_event(&mut self, control: Control) {
        self.controls.push_back(control);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToConnection> {
        if let Some(told) = self.told.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(told));
        }
        while let Some(control) = self.controls.pop_front() {
            if let Some(open) = self.open_control(control) {
                return Poll::Ready(open);
            }
        }
        match self.frames.poll(self.speaks, cx) {
            Poll::Ready(Next::Open) => return Poll::Ready(self.open_frames()),
            Poll::Ready(Next::Tell(conduct)) => {
                let told = Told::Conduct(conduct);
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(told));
            }
            Poll::Ready(Next::Said(said)) => {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Told::Said(said)));
            }
            Poll::Ready(Next::Lines) => {
                if let Some(open) = self.poll_lines(cx) {
                    return Poll::Ready(open);
                }
            }
            Poll::Pending => {}
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn on_connection_event(&mut self, event: Happened<'_>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => match inbound.protocol {
                Taken::Line(received) => self.received(received.heard, received.flooding),
                Taken::Frames(stream) => {
                    self.speaks();
                    self.frames.receive_on(stream);
                }
            },
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => match outbound.protocol {
                Came::Line(outcome) => self.ended(outbound.info, outcome),
                Came::Frames(opened) => self.opened(opened),
            },
            ConnectionEvent::DialUpgradeError(failed) => self.failed(failed.info, failed.error),
            ConnectionEvent::RemoteProtocolsChange(ProtocolsChange::Added(added))
                if added
                    .clone()
                    .any(|protocol| *protocol == self.gate.protocol) =>
            {
                self.frames
                    .learned(added.clone().any(|protocol| *protocol == frames::PROTOCOL));
                self.speaks();
            }
            _ => {}
        }
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.queue.abandon(self.connection);
    }
}
