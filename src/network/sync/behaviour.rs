//! `/slips/sync/1` as a part of the swarm: makes the handlers and passes on conduct.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm,
    },
};
use tokio::sync::Mutex;

use super::{
    gate::{Gate, Way, allowance},
    handler::Handler,
    sessions::Sessions,
    stream::Shared,
};
use crate::{
    domain::Conduct,
    network::{
        Settings, SyncIn,
        guard::{ip_of, network_of},
        pigeon::{Allowance, Budget, Budgets, Rate},
        standing::Standings,
    },
};

/// A peer did something.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) peer: PeerId,
    pub(crate) conduct: Conduct,
}

/// The behaviour.
pub(crate) struct Behaviour {
    shared: Shared,
    standings: Arc<Standings>,
    inlet: SyncIn,
    allowance: Allowance,
    /// Of peers that are or were connected; those of the latter go when the table would grow.
    ways: HashMap<PeerId, Arc<Way>>,
    networks: Budgets,
    to_swarm: VecDeque<Event>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(crate) fn new(
        settings: &Settings,
        sessions: Arc<Sessions>,
        standings: Arc<Standings>,
        inlet: SyncIn,
    ) -> Self {
        let allowance = allowance(settings);
        Self {
            shared: Shared {
                sessions,
                queue_bytes: settings.send_queue_bytes,
                read_timeout: settings.read_timeout,
            },
            standings,
            inlet,
            allowance,
            ways: HashMap::new(),
            networks: Budgets::new(allowance, settings.network_share),
            to_swarm: VecDeque::new(),
            waker: None,
        }
    }

    fn handler(&mut self, peer: PeerId, remote: &Multiaddr) -> Handler {
        let ip = ip_of(remote).unwrap_or(IpAddr::from([0, 0, 0, 0]));
        if self.ways.len() >= self.ways.capacity() {
            self.ways.retain(|_, way| Arc::strong_count(way) > 1);
        }
        let way = self.ways.entry(peer).or_insert_with(|| {
            let pass = self.standings.pass(peer);
            Arc::new(Way {
                source: self.inlet.source(),
                rate: Rate::new(Budget::new(self.allowance, 1), Arc::clone(&pass)),
                pass,
                telling: Mutex::default(),
            })
        });
        let gate = Gate {
            peer,
            ip,
            way: Arc::clone(way),
            network: self.networks.of(network_of(ip)),
        };
        Handler::new(gate, self.shared.clone())
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, remote))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(peer, remote))
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        _: ConnectionId,
        conduct: THandlerOutEvent<Self>,
    ) {
        self.to_swarm.push_back(Event { peer, conduct });
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        if let Some(event) = self.to_swarm.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(event));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
