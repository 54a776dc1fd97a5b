//! Dials and how they fail; bans; what is due as time passes.

use std::{error::Error, io};

use libp2p::{
    Multiaddr, PeerId, TransportError,
    swarm::{
        ConnectionId, DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use super::Service;
use crate::{
    domain::{Conduct, Reachability, Timestamp},
    network::{
        Event,
        book::{Now, Target, split},
        pigeon::Control,
    },
};

/// Longest reason kept of a failed dial, in characters.
const MAX_REASON: usize = 200;
/// What libp2p says when the whole of a dial took too long; its type is not to be had here.
const TIMED_OUT: &str = "Timeout has been reached";

impl Service {
    pub(super) fn dial_due(&mut self, now: Now) {
        while let Some((target, addresses)) = self.next_dial(now) {
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

    /// Whose turn it is. Those that are always kept do not wait for the dials of others.
    fn next_dial(&mut self, now: Now) -> Option<(Target, Vec<Multiaddr>)> {
        if self.leaving.is_some() {
            return None;
        }
        if self.may_dial() {
            return self.book.due(now.steady);
        }
        self.book.due_fixed(now.steady)
    }

    pub(super) fn dial_failed(&mut self, id: ConnectionId, error: &DialError) {
        let Some(target) = self.dials.remove(&id) else {
            return;
        };
        match (&target, error) {
            (_, DialError::LocalPeerId { .. }) => return self.book.forget(&target),
            (Target::Peer(peer), _) if self.links.contains_key(peer) => {
                return self.book.connected(*peer, None, Now::read().steady);
            }
            (Target::Peer(peer), _) if self.is_barred(*peer) => return self.book.rest(*peer),
            (_, DialError::WrongPeerId { obtained, address }) => {
                self.another_answered(*obtained, address);
            }
            _ => {}
        }
        let mut why = dial_reason(error);
        let farewell = match &target {
            Target::Peer(peer) => self.farewells.get(peer),
            Target::Address(_) => None,
        };
        let left = farewell.is_some();
        if let Some(said) = farewell {
            why = format!("{said} (since then: {why})");
        }
        let Some(state) = self.book.failed(&target, &why, Now::read()) else {
            return;
        };
        match target {
            Target::Peer(peer) => {
                tracing::debug!(%peer, "dial failed: {why}");
                // Whoever said goodbye owes nobody an answer.
                if matches!(state, Reachability::Retrying { .. }) && !left {
                    self.tell_conduct(peer, Conduct::Unreachable);
                }
                self.outbox.tell(Event::Reachability { peer, state });
            }
            Target::Address(address) => {
                tracing::warn!("static peer {address} cannot be reached: {why}")
            }
        }
    }

    /// A static address without a peer id is whoever answers there, also after a change of key.
    fn another_answered(&mut self, peer: PeerId, address: &Multiaddr) {
        let (bare, _) = split(address);
        if self.settings.static_peers.contains(&bare) {
            self.found(peer, &bare);
        }
    }

    pub(super) fn ban(&mut self, peer: PeerId, until: Timestamp) {
        self.bans.insert(peer, Some(until));
        self.swarm.behaviour_mut().guard.ban(peer);
        self.book.rest(peer);
        self.close(peer, &format!("banned: cut off until {until}"));
    }

    pub(super) fn unban(&mut self, peer: PeerId) {
        if self.bans.remove(&peer).is_some() {
            self.swarm.behaviour_mut().guard.unban(&peer);
            if !self.is_barred(peer) {
                self.book.retry(peer, Now::read().steady);
            }
        }
    }

    pub(super) fn stop_listening(&mut self) {
        self.deaf.cancel();
        for listener in std::mem::take(&mut self.listeners) {
            self.swarm.remove_listener(listener);
        }
        self.deafened = true;
        self.addresses.send_replace(Vec::new());
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
        self.presence_due(now);
        self.prove_due(now);
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
            Some((_, TransportError::Other(error))) => named(error),
            None => "no address to dial".into(),
        },
        DialError::Denied { cause } => reason(cause),
        DialError::WrongPeerId { obtained, .. } => {
            format!("wrong key: another peer answered: {obtained}")
        }
        other => reason(other),
    }
}

/// The word people look for, before what the system says.
fn named(error: &(dyn Error + 'static)) -> String {
    let said = reason(error);
    if said == TIMED_OUT {
        return "time-out: no answer".into();
    }
    let mut next = Some(error);
    while let Some(error) = next {
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return format!("refused: {said}"),
            Some(io::ErrorKind::TimedOut) => return format!("time-out: {said}"),
            _ => next = error.source(),
        }
    }
    said
}

pub(super) fn reason(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().chars().take(MAX_REASON).collect()
}
