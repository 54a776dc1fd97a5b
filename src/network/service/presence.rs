//! What peers of our kind say of themselves, and goodbyes with a reason.

use std::{sync::Arc, time::Duration};

use libp2p::PeerId;
use tokio::time::Instant;

use super::Service;
use crate::{
    domain::{Farewell, Hello, Presence},
    network::{
        Event,
        book::Now,
        frames::Said,
        pigeon::{Bye, Control},
    },
};

/// Of a peer's hellos and statuses the newest is told so often at the most.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long a peer has to hear why it is sent away before the connection is closed.
const HEAR_OUT: Duration = Duration::from_millis(500);
/// Goodbyes remembered until their peer is back; past that all are forgotten.
const MAX_FAREWELLS: usize = 4096;
/// How the reason in the state of a peer of another network begins.
pub(super) const OTHER_NETWORK: &str = "other network";

/// What a peer said and the node has not heard yet.
#[derive(Debug, Default)]
pub(crate) struct Unheard {
    hello: Option<Box<Hello>>,
    status: Option<Presence>,
    told_at: Option<Instant>,
}

impl Unheard {
    fn hello(&mut self, hello: Box<Hello>) {
        self.status = None;
        self.hello = Some(hello);
    }

    fn status(&mut self, presence: Presence) {
        match &mut self.hello {
            Some(hello) => hello.presence = presence,
            None => self.status = Some(presence),
        }
    }

    /// What is to be told now, if anything.
    fn due(&mut self, peer: PeerId, now: Instant) -> Option<Event> {
        if self
            .told_at
            .is_some_and(|at| now.duration_since(at) < TELL_EVERY)
        {
            return None;
        }
        let hello = self.hello.take().map(|hello| Event::Hello { peer, hello });
        let status = self.status.take();
        let event = hello.or_else(|| status.map(|presence| Event::Status { peer, presence }))?;
        self.told_at = Some(now);
        Some(event)
    }
}

impl Service {
    pub(super) fn on_said(&mut self, peer: PeerId, said: Said) {
        let now = Instant::now();
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        match said {
            Said::Hello(hello) => {
                let other = hello.network.clone().filter(|name| {
                    let own = self.own.borrow();
                    own.network.as_ref().is_some_and(|own| own != name)
                });
                link.spared_until = spared_until(&hello.presence, now);
                link.unheard.hello(hello);
                if let Some(name) = other {
                    let reason = format!("{OTHER_NETWORK}: it is of network `{name}`");
                    self.send_away(peer, Bye::OtherNetwork, &reason);
                }
            }
            Said::Status(presence) => {
                link.spared_until = spared_until(&presence, now);
                link.unheard.status(presence);
            }
            Said::Goodbye(farewell) => return self.heard_goodbye(peer, farewell),
        }
        self.spare(peer);
        self.tell_unheard(peer, now);
    }

    /// Lines for all are held back while a busy peer wants to be spared.
    fn spare(&mut self, peer: PeerId) {
        let Some(queue) = self.swarm.behaviour().pigeon.queue(&peer) else {
            return;
        };
        let until = self.links.get(&peer).and_then(|link| link.spared_until);
        match until {
            Some(_) => queue.hold(),
            None => queue.release(),
        }
    }

    fn tell_unheard(&mut self, peer: PeerId, now: Instant) {
        if let Some(link) = self.links.get_mut(&peer)
            && let Some(event) = link.unheard.due(peer, now)
        {
            self.outbox.tell(event);
        }
    }

    /// What is due as time passes.
    pub(super) fn presence_due(&mut self, now: Now) {
        let peers: Vec<PeerId> = self.links.keys().copied().collect();
        for peer in peers {
            self.tell_unheard(peer, now.steady);
            let Some(link) = self.links.get_mut(&peer) else {
                continue;
            };
            if link.spared_until.is_some_and(|until| until <= now.steady) {
                link.spared_until = None;
                self.spare(peer);
            }
        }
        self.close_heard_out(now.steady);
    }

    fn close_heard_out(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let due: Vec<PeerId> = (self.links.iter())
            .filter(|(_, link)| due(link.close_at))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in due {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    /// A peer leaves and says why; it costs it nothing that it is gone from now on.
    fn heard_goodbye(&mut self, peer: PeerId, farewell: Farewell) {
        let said = format!("said goodbye: {farewell}");
        self.remember_farewell(peer, said.clone());
        self.close(peer, &said);
        self.outbox.tell(Event::Farewell { peer, farewell });
    }

    pub(super) fn remember_farewell(&mut self, peer: PeerId, said: String) {
        if self.farewells.len() >= MAX_FAREWELLS {
            self.farewells.clear();
        }
        self.farewells.insert(peer, said);
    }

    /// Says goodbye to one peer and closes; its state will name the reason.
    pub(super) fn send_away(&mut self, peer: PeerId, bye: Bye, reason: &str) {
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        link.closing.get_or_insert_with(|| reason.into());
        link.close_at = Some(Instant::now() + HEAR_OUT);
        if let Some(connection) = link.current() {
            let connection = connection.id;
            let pigeon = &mut self.swarm.behaviour_mut().pigeon;
            pigeon.say(peer, connection, Control::Goodbye(bye));
        }
    }

    /// How this node is from now on.
    pub(super) fn announce(&mut self, presence: Presence) {
        self.own.send_if_modified(|own| {
            // A request to be spared counts from when it is said.
            let news = own.presence != presence || presence.spare_for().is_some();
            if news {
                Arc::make_mut(own).presence = presence;
            }
            news
        });
    }
}

fn spared_until(presence: &Presence, now: Instant) -> Option<Instant> {
    presence.spare_for().map(|time| now + time)
}
