//! `/slips/1.0` as a part of the swarm: one line a stream, both ways; and the queue of each peer,
//! whichever way its lines go.

mod handler;
mod inbound;
mod outbound;
mod patience;
mod queue;
mod rate;

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

pub(crate) use handler::{Bye, Control, Told};
use handler::{Handler, Limits};
pub(crate) use inbound::{Gate, Heard, MAX_VERSION_BYTES};
pub(crate) use outbound::Outcome;
pub(crate) use patience::within;
pub(crate) use queue::{PeerQueue, Refused, Run};
pub(crate) use rate::{Allowance, Budget, Budgets, Rate};

use super::{
    Line, LinesIn, Settings,
    guard::{ip_of, network_of},
    lines::Source,
    standing::{Pass, Standings},
};
use crate::domain::Hello;

/// A connection said something about its peer.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) peer: PeerId,
    pub(crate) told: Told,
}

/// What outlives the connections of a peer for a while.
struct Kept {
    queue: Arc<PeerQueue>,
    source: Arc<Source<Line>>,
    rate: Arc<Rate>,
    pass: Arc<Pass>,
    connections: usize,
    left_at: Instant,
}

/// The behaviour: makes the handlers and passes on what they tell.
pub(crate) struct Behaviour {
    settings: Arc<Settings>,
    protocol: StreamProtocol,
    hello: Arc<str>,
    lines: LinesIn,
    reading: Arc<Semaphore>,
    leaving: CancellationToken,
    standings: Arc<Standings>,
    own: watch::Receiver<Arc<Hello>>,
    kept: HashMap<PeerId, Kept>,
    networks: Budgets,
    to_swarm: VecDeque<ToSwarm<Event, Control>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(crate) fn new(
        settings: Arc<Settings>,
        protocol: StreamProtocol,
        lines: LinesIn,
        standings: Arc<Standings>,
        own: watch::Receiver<Arc<Hello>>,
    ) -> Self {
        Self {
            standings,
            own,
            hello: format!("hello {}\n", settings.hello_version).into(),
            reading: Arc::new(Semaphore::new(settings.max_lines_reading.max(1))),
            leaving: CancellationToken::new(),
            kept: HashMap::new(),
            networks: Budgets::new(Allowance::of_lines(&settings), settings.network_share),
            to_swarm: VecDeque::new(),
            waker: None,
            settings,
            protocol,
            lines,
        }
    }

    /// The queue of a connected peer.
    pub(crate) fn queue(&self, peer: &PeerId) -> Option<Arc<PeerQueue>> {
        self.kept.get(peer).map(|kept| Arc::clone(&kept.queue))
    }

    /// Says something on a connection; the answer comes as [`Told::Answer`].
    pub(crate) fn say(&mut self, peer: PeerId, connection: ConnectionId, control: Control) {
        let handler = NotifyHandler::One(connection);
        self.to_swarm.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler,
            event: control,
        });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// From now on nobody's hello or ping is answered.
    pub(crate) fn leave(&self) {
        self.leaving.cancel();
    }

    /// Throws away what waits for peers that left before `since`; says for whom how many lines.
    pub(crate) fn forget(&mut self, since: Instant) -> Vec<(PeerId, usize)> {
        let mut dropped = Vec::new();
        self.kept.retain(|peer, kept| {
            let keep = kept.connections > 0 || kept.left_at > since;
            if !keep {
                dropped.push((*peer, kept.queue.close()));
            }
            keep
        });
        dropped
    }

    fn handler(&mut self, connection: ConnectionId, peer: PeerId, address: &Multiaddr) -> Handler {
        let ip = ip_of(address).unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let shared = self.networks.of(network_of(ip));
        let settings = &self.settings;
        let kept = self.kept.entry(peer).or_insert_with(|| {
            let pass = self.standings.pass(peer);
            Kept {
                queue: Arc::new(PeerQueue::new(settings.send_queue_bytes)),
                source: Arc::new(self.lines.source()),
                rate: Arc::new(Rate::new(
                    Budget::new(Allowance::of_lines(settings), 1),
                    Arc::clone(&pass),
                )),
                pass,
                connections: 0,
                left_at: Instant::now(),
            }
        });
        kept.left_at = Instant::now();
        let gate = Arc::new(Gate {
            peer,
            ip,
            protocol: self.protocol.clone(),
            frames: settings.frames,
            source: Arc::clone(&kept.source),
            network: shared,
            reading: Arc::clone(&self.reading),
            share: Arc::new(Semaphore::new(
                settings.max_lines_reading_per_connection.max(1),
            )),
            rate: Arc::clone(&kept.rate),
            hello: Arc::clone(&self.hello),
            max_line_bytes: settings.max_line_bytes,
            read_timeout: settings.read_timeout,
            write_timeout: settings.write_timeout,
            leaving: self.leaving.clone(),
            pass: Arc::clone(&kept.pass),
            own: self.own.clone(),
        });
        let limits = Limits {
            in_flight: settings.max_in_flight,
            answer: settings.answer_timeout,
            acknowledge: settings.ack_timeout,
            goodbye: settings.write_timeout,
        };
        Handler::new(connection, gate, Arc::clone(&kept.queue), limits)
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(connection, peer, remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(connection, peer, remote))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(made) => {
                if let Some(kept) = self.kept.get_mut(&made.peer_id) {
                    kept.connections = made.other_established + 1;
                }
            }
            FromSwarm::ConnectionClosed(closed) => {
                if let Some(kept) = self.kept.get_mut(&closed.peer_id) {
                    kept.connections = closed.remaining_established;
                    kept.left_at = Instant::now();
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        told: THandlerOutEvent<Self>,
    ) {
        self.to_swarm
            .push_back(ToSwarm::GenerateEvent(Event { peer, told }));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        if let Some(next) = self.to_swarm.pop_front() {
            return Poll::Ready(next);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
