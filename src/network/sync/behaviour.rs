//! `/slips/sync/1` as a part of the swarm: makes the handlers and passes on conduct.

use std::{
    collections::VecDeque,
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
use tokio::sync::mpsc;

use super::{SyncEvent, handler::Handler, sessions::Sessions, stream::Shared};
use crate::{
    domain::Conduct,
    network::{Settings, standing::Standings},
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
    to_swarm: VecDeque<Event>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(crate) fn new(
        settings: &Settings,
        sessions: Arc<Sessions>,
        standings: Arc<Standings>,
        events: mpsc::Sender<SyncEvent>,
    ) -> Self {
        Self {
            shared: Shared {
                sessions,
                standings,
                events,
                queue_bytes: settings.send_queue_bytes,
                read_timeout: settings.read_timeout,
            },
            to_swarm: VecDeque::new(),
            waker: None,
        }
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
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(peer, self.shared.clone()))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(peer, self.shared.clone()))
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
