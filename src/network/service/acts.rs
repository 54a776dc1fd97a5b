//! What the loop does about each thing that happens. Nothing here waits.

use libp2p::{identify, mdns, swarm::SwarmEvent};

use super::{Service, dials::reason};
use crate::network::behaviour::BehaviourEvent;

impl Service {
    pub(super) fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                let reason = cause.map_or_else(|| "closed".into(), |cause| reason(&cause));
                self.disconnected(peer_id, connection_id, reason);
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                error,
                ..
            } => {
                self.dial_failed(connection_id, &error);
            }
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                ..
            } => {
                tracing::debug!(from = %send_back_addr, "an incoming connection failed: {}", reason(&error));
            }
            other => self.on_listening(other),
        }
    }

    fn on_listening(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!("listening on {address}");
                self.publish_addresses();
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                tracing::info!("no longer listening on {address}");
                self.publish_addresses();
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!("a listener failed to accept: {error}")
            }
            SwarmEvent::ListenerClosed {
                addresses,
                reason: Err(error),
                ..
            } => {
                tracing::error!("no longer listening on {addresses:?}: {error}");
            }
            _ => {}
        }
    }

    fn publish_addresses(&self) {
        let now: Vec<_> = self.swarm.listeners().cloned().collect();
        self.addresses
            .send_if_modified(|have| std::mem::replace(have, now.clone()) != now);
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Pigeon(event) => self.on_told(event.peer, event.told),
            BehaviourEvent::Sync(event) => self.tell_conduct(event.peer, event.conduct),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.identified(peer_id, &info);
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                found
                    .into_iter()
                    .for_each(|(peer, address)| self.found(peer, &address));
            }
            _ => {}
        }
    }
}
