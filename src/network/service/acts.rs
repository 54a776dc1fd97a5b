//! What the loop does about each thing that happens. Nothing here waits.

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use libp2p::{
    Multiaddr, PeerId, TransportError,
    core::ConnectedPoint,
    identify, mdns,
    swarm::{
        ConnectionId, DialError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use super::Service;
use crate::{
    domain::{Conduct, Neighbour, Reachability, Timestamp},
    network::{
        Event,
        behaviour::BehaviourEvent,
        book::{HelloIs, Now, Target, split},
        guard::ip_of,
        link::{Connection, Link},
        pigeon::{Control, Heard, Outcome, Told},
    },
    wire::pigeon,
};

/// A ping sooner after the peer's last one is answered but not good.
const DECENT_PING: Duration = Duration::from_secs(5);
/// Of two that find each other at once the one with the greater id waits so long, so that not both dial.
const LET_THE_OTHER_DIAL: Duration = Duration::from_millis(300);
/// Longest reason kept of a failed dial, in characters.
const MAX_REASON: usize = 200;
const NO_COMMON_PROTOCOL: &str = "no common protocol";

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
            SwarmEvent::NewListenAddr {
                listener_id,
                address,
            } => {
                tracing::info!("listening on {address}");
                self.listeners.push(listener_id);
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

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Pigeon(event) => self.on_told(event.peer, event.told),
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

    fn on_told(&mut self, peer: PeerId, told: Told) {
        match told {
            Told::Speaks => self.activate(peer),
            Told::SpeaksNot => self.give_up(peer, NO_COMMON_PROTOCOL),
            Told::Heard(heard) => self.on_heard(peer, heard),
            Told::Answer(control, outcome) => self.on_answer(peer, control, &outcome),
            Told::Conduct(conduct) => self.blame_or_praise(peer, conduct),
        }
    }

    fn on_heard(&mut self, peer: PeerId, heard: Heard) {
        let now = Now::read();
        match heard {
            Heard::Hello(version) => self.heard_hello(peer, version),
            Heard::Ping => {
                let good = self.book.heard_ping(peer, DECENT_PING, now.steady);
                self.tell_conduct(
                    peer,
                    if good {
                        Conduct::Alive
                    } else {
                        Conduct::PingTooOften
                    },
                );
                if let Some(link) = self.links.get_mut(&peer) {
                    link.alive(now.steady, self.pace, &mut self.rng);
                }
            }
            Heard::Goodbye => self.close(peer, "said goodbye"),
            Heard::BrokenHello => self.tell_conduct(peer, Conduct::BrokenHello),
            Heard::NoLine => self.tell_conduct(peer, Conduct::MalformedLine),
            Heard::Data | Heard::Stopped => {}
        }
    }

    /// A hello on a new connection is a restart; a second one on the same is bad manners.
    fn heard_hello(&mut self, peer: PeerId, version: String) {
        let again = self
            .links
            .get_mut(&peer)
            .is_some_and(|link| std::mem::replace(&mut link.said_hello, true));
        match self.book.heard_version(peer, &version) {
            HelloIs::New => {
                self.tell_conduct(peer, Conduct::Greeted);
                self.outbox.tell(Event::Greeted { peer, version });
            }
            HelloIs::Known if again => self.tell_conduct(peer, Conduct::RepeatedHello),
            HelloIs::Known => {}
        }
    }

    fn on_answer(&mut self, peer: PeerId, control: Control, outcome: &Outcome) {
        match control {
            Control::Hello => self.hello_answered(peer, outcome),
            Control::Ping => self.ping_answered(peer, outcome),
            Control::Goodbye => self.goodbye_over(&peer),
        }
    }

    fn hello_answered(&mut self, peer: PeerId, outcome: &Outcome) {
        match outcome {
            Outcome::Answered(line) => match pigeon::parse(line) {
                pigeon::Line::Hello(version) => {
                    self.book.set_greeted(peer);
                    let _ = self.book.heard_version(peer, &version);
                    self.alive(peer);
                    self.tell_conduct(peer, Conduct::Greeted);
                    self.outbox.tell(Event::Greeted { peer, version });
                }
                _ => self.wrong(peer, Conduct::BrokenHello),
            },
            Outcome::BadAnswer => self.wrong(peer, Conduct::BrokenHello),
            Outcome::NoAnswer | Outcome::Broken => self.silent(peer),
            Outcome::Taken | Outcome::NotSpoken => {}
        }
    }

    fn ping_answered(&mut self, peer: PeerId, outcome: &Outcome) {
        match outcome {
            Outcome::Answered(line) if line == pigeon::PONG.trim_end() => {
                self.alive(peer);
                self.tell_conduct(peer, Conduct::Alive);
            }
            Outcome::Answered(_) | Outcome::BadAnswer => self.wrong(peer, Conduct::WrongAnswer),
            Outcome::NoAnswer | Outcome::Broken => self.silent(peer),
            Outcome::Taken | Outcome::NotSpoken => {}
        }
    }

    fn alive(&mut self, peer: PeerId) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.alive(Now::read().steady, self.pace, &mut self.rng);
        }
    }

    /// An answer, but a wrong one: no good ping, and no silence either.
    fn wrong(&mut self, peer: PeerId, conduct: Conduct) {
        self.tell_conduct(peer, conduct);
        self.unanswered(peer);
    }

    fn silent(&mut self, peer: PeerId) {
        self.blame_or_praise(peer, Conduct::NoAnswer);
        self.unanswered(peer);
    }

    fn unanswered(&mut self, peer: PeerId) {
        let now = Now::read().steady;
        let lost = self
            .links
            .get_mut(&peer)
            .is_some_and(|link| link.silent(now, self.pace));
        if lost {
            let why = format!("no good ping for {} s", self.pace.lost_after.as_secs());
            self.close(peer, &why);
        }
    }

    fn blame_or_praise(&mut self, peer: PeerId, conduct: Conduct) {
        if conduct == Conduct::NoAnswer && Now::read().steady < self.excused_until {
            return;
        }
        self.tell_conduct(peer, conduct);
    }

    fn tell_conduct(&mut self, peer: PeerId, conduct: Conduct) {
        self.outbox.tell(Event::Conduct {
            peer: Neighbour(peer),
            conduct,
        });
    }

    fn connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let now = Now::read();
        let via = self.dials.remove(&id);
        let address = split(endpoint.get_remote_address()).0;
        let ip = ip_of(&address).unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let outgoing = endpoint.is_dialer();
        let new = Connection {
            id,
            outgoing,
            address: address.clone(),
            ip,
            since: now.steady,
        };
        self.book.connected(peer, via.as_ref());
        if outgoing {
            self.book.learn(peer, address);
        }
        let local = *self.swarm.local_peer_id();
        match self.links.get_mut(&peer) {
            Some(link) => {
                if let Some(goes) = link.add(new, local, peer) {
                    self.swarm.close_connection(goes);
                }
            }
            None => {
                let link = Link::new(new, self.pace, &mut self.rng);
                self.links.insert(peer, link);
            }
        }
        if matches!(&via, Some(Target::Address(_))) {
            self.swarm.behaviour_mut().limits.bypass_peer_id(&peer);
        }
        if outgoing && self.leaving.is_none() {
            self.first_word(peer, id);
        }
    }

    /// Whoever dials says hello, or pings if the peer has heard our hello before.
    fn first_word(&mut self, peer: PeerId, connection: ConnectionId) {
        let control = if self.book.greeted(peer) {
            Control::Ping
        } else {
            Control::Hello
        };
        self.swarm
            .behaviour_mut()
            .pigeon
            .say(peer, connection, control);
        if let Some(link) = self.links.get_mut(&peer) {
            link.asked();
        }
    }

    /// A peer has shown that it speaks our protocol: from now on it counts as connected.
    fn activate(&mut self, peer: PeerId) {
        let Some(link) = self.links.get_mut(&peer).filter(|link| !link.active) else {
            return;
        };
        let Some(connection) = link.current() else {
            return;
        };
        let (address, ip, outgoing) = (
            connection.address.clone(),
            connection.ip,
            connection.outgoing,
        );
        link.active = true;
        tracing::info!(%peer, %address, "connected");
        self.outbox.tell(Event::Connected {
            peer,
            address: address.clone(),
            ip,
        });
        self.outbox.tell(Event::Reachability {
            peer,
            state: Reachability::Connected,
        });
        if outgoing {
            self.outbox.tell(Event::Address { peer, address, ip });
        }
        self.publish_queues();
    }

    fn publish_queues(&mut self) {
        let pigeon = &self.swarm.behaviour().pigeon;
        let active = self.links.iter().filter(|(_, link)| link.active);
        let queues = active
            .filter_map(|(peer, _)| Some((*peer, pigeon.queue(peer)?)))
            .collect();
        self.queues.send_replace(Arc::new(queues));
    }

    fn disconnected(&mut self, peer: PeerId, id: ConnectionId, cause: String) {
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        if !link.remove(id) {
            return;
        }
        let Some(link) = self.links.remove(&peer) else {
            return;
        };
        if link.active {
            self.publish_queues();
        }
        self.goodbye_over(&peer);
        let reason = link.closing.unwrap_or(cause);
        tracing::info!(%peer, "disconnected: {reason}");
        let now = Now::read();
        let state = if self.bans.contains_key(&peer) {
            self.book.rest(peer);
            Some(Reachability::Unreachable {
                reason,
                next_try: None,
            })
        } else if reason == NO_COMMON_PROTOCOL {
            self.book.useless(peer, &reason, now)
        } else {
            self.book.failed(&Target::Peer(peer), &reason, now)
        };
        if let Some(state) = state {
            self.outbox.tell(Event::Reachability { peer, state });
        }
    }

    fn identified(&mut self, peer: PeerId, info: &identify::Info) {
        let speaks = info
            .protocols
            .iter()
            .any(|protocol| protocol.as_ref() == self.settings.protocol);
        if !speaks {
            return self.give_up(peer, NO_COMMON_PROTOCOL);
        }
        self.activate(peer);
        let Some(ip) = self
            .links
            .get(&peer)
            .and_then(Link::current)
            .map(|connection| connection.ip)
        else {
            return;
        };
        // Only addresses at the IP it really has: nobody sends us dialling elsewhere.
        for address in info
            .listen_addrs
            .iter()
            .filter(|address| ip_of(address) == Some(ip))
        {
            let address = split(address).0;
            if self.book.learn(peer, address.clone()) {
                self.outbox.tell(Event::Address { peer, address, ip });
            }
        }
    }

    /// Closes the connection to a peer, for a reason its state will name.
    pub(super) fn close(&mut self, peer: PeerId, reason: &str) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.closing.get_or_insert_with(|| reason.into());
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    fn give_up(&mut self, peer: PeerId, reason: &str) {
        if self.links.get(&peer).is_some_and(|link| !link.active) {
            self.close(peer, reason);
        }
    }

    /// A peer was found at an address, by whatever kind of multicast DNS.
    pub(super) fn found(&mut self, peer: PeerId, address: &Multiaddr) {
        let local = *self.swarm.local_peer_id();
        if peer == local || self.bans.contains_key(&peer) || self.leaving.is_some() {
            return;
        }
        let wait = if local.to_bytes() > peer.to_bytes() {
            LET_THE_OTHER_DIAL
        } else {
            Duration::ZERO
        };
        let address = split(address).0;
        if self
            .book
            .found(peer, address.clone(), wait, Now::read().steady)
        {
            self.outbox.tell(Event::Discovered { peer, address });
        }
    }

    pub(super) fn dial_due(&mut self, now: Now) {
        while self.may_dial()
            && let Some((target, addresses)) = self.book.due(now.steady)
        {
            let opts = match (&target, addresses.first()) {
                (Target::Address(_), Some(address)) => {
                    DialOpts::unknown_peer_id().address(address.clone()).build()
                }
                (Target::Peer(peer), _) => DialOpts::peer_id(*peer)
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .addresses(addresses)
                    .build(),
                (Target::Address(_), None) => continue,
            };
            let id = opts.connection_id();
            self.dials.insert(id, target);
            if let Err(error) = self.swarm.dial(opts) {
                self.dial_failed(id, &error);
            }
        }
    }

    fn dial_failed(&mut self, id: ConnectionId, error: &DialError) {
        let Some(target) = self.dials.remove(&id) else {
            return;
        };
        match (&target, error) {
            (_, DialError::LocalPeerId { .. }) => return self.book.forget(&target),
            (Target::Peer(peer), _) if self.links.contains_key(peer) => {
                return self.book.connected(*peer, None);
            }
            _ => {}
        }
        let why = dial_reason(error);
        let Some(state) = self.book.failed(&target, &why, Now::read()) else {
            return;
        };
        match target {
            Target::Peer(peer) => {
                tracing::debug!(%peer, "dial failed: {why}");
                if matches!(state, Reachability::Retrying { .. }) {
                    self.tell_conduct(peer, Conduct::Unreachable);
                }
                self.outbox.tell(Event::Reachability { peer, state });
            }
            Target::Address(address) => {
                tracing::warn!("static peer {address} cannot be reached: {why}")
            }
        }
    }

    pub(super) fn ban(&mut self, peer: PeerId, until: Timestamp) {
        self.bans.insert(peer, Some(until));
        self.swarm.behaviour_mut().guard.ban(peer);
        self.book.rest(peer);
        self.close(peer, &format!("cut off until {until}"));
    }

    pub(super) fn unban(&mut self, peer: PeerId) {
        if self.bans.remove(&peer).is_some() {
            self.swarm.behaviour_mut().guard.unban(&peer);
            self.book.retry(peer, Now::read().steady);
        }
    }

    pub(super) fn stop_listening(&mut self) {
        self.deaf.cancel();
        for listener in std::mem::take(&mut self.listeners) {
            self.swarm.remove_listener(listener);
        }
        self.deafened = true;
    }

    pub(super) fn on_time(&mut self, now: Now) {
        self.close_if_all_heard();
        if now.steady.duration_since(self.last_tick) < super::TICK {
            return;
        }
        if now.steady.duration_since(self.last_tick) >= super::STOOD_STILL {
            self.excused_until = now.steady + super::STOOD_STILL;
            self.links
                .values_mut()
                .for_each(|link| link.excuse(now.steady));
        }
        self.last_tick = now.steady;
        self.ping_due(now);
        self.lift_bans(now);
        for (peer, lines) in self.forget_queues(now) {
            if lines > 0 {
                tracing::warn!(%peer, lines, "the peer did not come back: lines for it are dropped");
            }
        }
    }

    fn ping_due(&mut self, now: Now) {
        let due = self
            .links
            .iter()
            .filter(|(_, link)| link.ping_due(now.steady));
        let due: Vec<_> = due
            .filter_map(|(peer, link)| Some((*peer, link.current()?.id)))
            .collect();
        for (peer, connection) in due {
            self.swarm
                .behaviour_mut()
                .pigeon
                .say(peer, connection, Control::Ping);
            if let Some(link) = self.links.get_mut(&peer) {
                link.asked();
            }
        }
    }

    fn lift_bans(&mut self, now: Now) {
        let over = self
            .bans
            .iter()
            .filter(|(_, until)| until.is_some_and(|until| until <= now.wall));
        let over: Vec<PeerId> = over.map(|(peer, _)| *peer).collect();
        over.into_iter().for_each(|peer| self.unban(peer));
    }

    fn forget_queues(&mut self, now: Now) -> Vec<(PeerId, usize)> {
        match now.steady.checked_sub(self.settings.lost_after) {
            Some(since) => self.swarm.behaviour_mut().pigeon.forget(since),
            None => Vec::new(),
        }
    }
}

/// Why a dial failed: of several addresses the last one's innermost cause, such as
/// `Connection refused`, says most.
fn dial_reason(error: &DialError) -> String {
    match error {
        DialError::Transport(tried) => match tried.last() {
            Some((address, TransportError::MultiaddrNotSupported(_))) => {
                format!("cannot dial {address}")
            }
            Some((_, TransportError::Other(error))) => reason(error),
            None => "no address to dial".into(),
        },
        DialError::Denied { cause } => reason(cause),
        DialError::WrongPeerId { obtained, .. } => format!("another peer answered: {obtained}"),
        other => reason(other),
    }
}

fn reason(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().chars().take(MAX_REASON).collect()
}
