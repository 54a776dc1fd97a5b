//! Saying goodbye: a word to every peer at once, then close, then end; all within a time limit.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use libp2p::PeerId;
use tokio::{sync::oneshot, time::Instant};

use super::Service;
use crate::network::{
    link::Link,
    pigeon::{Bye, Control},
};

/// Time for connections to close in due form once everything is said.
const CLOSE_LIMIT: Duration = Duration::from_millis(250);

/// How far the leaving has come.
pub(super) struct Leaving {
    unheard: HashSet<PeerId>,
    deadline: Instant,
    closed_by: Option<Instant>,
    done: Option<oneshot::Sender<()>>,
}

impl Leaving {
    pub(super) fn is_over(&self, links: &HashMap<PeerId, Link>) -> bool {
        self.closed_by
            .is_some_and(|by| links.is_empty() || Instant::now() >= by)
    }

    pub(super) fn next_time(&self) -> Instant {
        self.closed_by.unwrap_or(self.deadline)
    }

    pub(super) fn done(mut self) {
        if let Some(done) = self.done.take() {
            let _ = done.send(());
        }
    }
}

impl Service {
    pub(super) fn leave(&mut self, limit: Duration, done: Option<oneshot::Sender<()>>) {
        self.stop_listening();
        self.swarm.behaviour_mut().pigeon.leave();
        let mut unheard = HashSet::new();
        for (peer, link) in self.links.iter().filter(|(_, link)| link.active) {
            if let Some(connection) = link.current() {
                self.swarm.behaviour_mut().pigeon.say(
                    *peer,
                    connection.id,
                    Control::Goodbye(Bye::Stopping),
                );
                unheard.insert(*peer);
            }
        }
        let deadline = Instant::now() + limit;
        self.leaving = Some(Leaving {
            unheard,
            deadline,
            closed_by: None,
            done,
        });
        self.close_if_all_heard();
    }

    /// A peer has heard our goodbye, or never will.
    pub(super) fn goodbye_over(&mut self, peer: &PeerId) {
        if let Some(leaving) = &mut self.leaving {
            leaving.unheard.remove(peer);
        }
        self.close_if_all_heard();
    }

    pub(super) fn close_if_all_heard(&mut self) {
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        let all_heard = leaving.unheard.is_empty() || Instant::now() >= leaving.deadline;
        if leaving.closed_by.is_some() || !all_heard {
            return;
        }
        leaving.closed_by = Some(Instant::now() + CLOSE_LIMIT);
        for peer in self.links.keys() {
            let _ = self.swarm.disconnect_peer_id(*peer);
        }
    }
}
