//! What the operator says of single peers: pinned, welcome, rejected. How far that lets them in,
//! `strangers` sees to.

use std::collections::HashSet;

use libp2p::{Multiaddr, PeerId};

use super::Service;
use crate::network::{
    behaviour,
    book::{Now, split},
    handle::Command,
    standing::Standing,
};

/// Whom the operator has spoken of.
#[derive(Default)]
pub(super) struct Chosen {
    /// Dialled, kept and beyond every limit, by settings or by order.
    pinned: HashSet<PeerId>,
    /// Of these the ones of the settings' `static_peers`, which no order unpins.
    fixed: HashSet<PeerId>,
}

impl Service {
    pub(super) fn choose(&mut self, command: Command) {
        match command {
            Command::Pin(peer, addresses) => self.pin(peer, &addresses),
            Command::Unpin(peer) => self.unpin(peer),
            Command::Know(peer, addresses) => self.know(peer, &addresses),
            Command::Admit(peer) => self.let_in(peer),
            Command::Refuse(peer) => self.turn_away(peer),
            Command::Forget(peer) => {
                self.unpin(peer);
                self.undecided(peer);
            }
            Command::Misbehaved(peer) => self.misbehaved(peer),
            Command::Announce(presence) => self.announce(presence),
            Command::Ban(..) | Command::Unban(_) | Command::Goodbye(..) => {}
        }
    }

    pub(super) fn choose_from_settings(&mut self) {
        let settings = std::sync::Arc::clone(&self.settings);
        let named = settings.static_peers.iter();
        let named: Vec<PeerId> = named.filter_map(|address| split(address).1).collect();
        self.chosen.fixed.extend(&named);
        self.chosen.pinned.extend(&named);
        for (peer, addresses) in &settings.pinned {
            self.pin(*peer, addresses);
        }
        for peer in &settings.rejected {
            self.turn_away(*peer);
        }
    }

    /// Whether a peer is not to be dialled or let in now.
    pub(super) fn is_barred(&self, peer: PeerId) -> bool {
        self.bans.contains_key(&peer) || self.standings.of(&peer) == Standing::Refused
    }

    fn pin(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        if peer == *self.swarm.local_peer_id() {
            return;
        }
        self.chosen.pinned.insert(peer);
        self.standings.acquaint(peer);
        self.look_again(peer);
        let behaviour = self.swarm.behaviour_mut();
        behaviour.guard.exempt(peer);
        behaviour.limits.bypass_peer_id(&peer);
        self.book.pin(peer, addresses, Now::read().steady);
        if self.is_barred(peer) {
            self.book.rest(peer);
        }
        self.make_room_for_pinned();
    }

    fn unpin(&mut self, peer: PeerId) {
        if self.chosen.fixed.contains(&peer) || !self.chosen.pinned.remove(&peer) {
            return;
        }
        let behaviour = self.swarm.behaviour_mut();
        behaviour.guard.no_longer_exempt(&peer);
        behaviour.limits.remove_peer_id(&peer);
        self.book.unpin(peer);
        self.make_room_for_pinned();
    }

    fn know(&mut self, peer: PeerId, addresses: &[Multiaddr]) {
        if peer == *self.swarm.local_peer_id() {
            return;
        }
        let now = Now::read().steady;
        self.book.add_known(peer, addresses, false, now);
        self.standings.acquaint(peer);
        self.look_again(peer);
        if self.is_barred(peer) {
            self.book.rest(peer);
        }
    }

    /// libp2p checks pinned peers against no limit, but counts their connections; so the limits are
    /// raised by as many as stand.
    pub(super) fn make_room_for_pinned(&mut self) {
        let links = self
            .chosen
            .pinned
            .iter()
            .filter_map(|peer| self.links.get(peer));
        let (mut all, mut incoming) = (0, 0);
        for connection in links.flat_map(|link| link.connections()) {
            all += 1;
            incoming += u32::from(!connection.outgoing);
        }
        *self.swarm.behaviour_mut().limits.limits_mut() =
            behaviour::limits_beside(&self.settings, all, incoming);
    }
}
