//! What a connected peer says and answers, and what that makes of it.

use std::time::Duration;

use libp2p::PeerId;

use super::Service;
use crate::{
    domain::{Conduct, Neighbour},
    network::{
        Event,
        book::{HelloIs, Now},
        pigeon::{Control, Heard, MAX_VERSION_BYTES, Outcome, Told},
    },
    wire::pigeon,
};

/// A ping sooner after the peer's last one is answered but not good; the pigeon's figure.
const DECENT_PING: Duration = Duration::from_secs(5);
/// The reason in the state of a peer that does not speak `/slips/1.0`.
pub(super) const NO_COMMON_PROTOCOL: &str = "no common protocol";

impl Service {
    pub(super) fn on_told(&mut self, peer: PeerId, told: Told) {
        match told {
            Told::Speaks => self.activate(peer),
            Told::SpeaksNot => self.give_up(peer, NO_COMMON_PROTOCOL),
            Told::Heard(heard) => self.on_heard(peer, heard),
            Told::Answer(control, outcome) => self.on_answer(peer, control, &outcome),
            Told::Conduct(conduct) => self.blame_or_praise(peer, conduct),
            Told::Said(said) => self.on_said(peer, said),
        }
    }

    fn on_heard(&mut self, peer: PeerId, heard: Heard) {
        let now = Now::read();
        match heard {
            Heard::Hello(version) => self.heard_hello(peer, version),
            Heard::Ping => {
                let good = self.book.heard_ping(peer, DECENT_PING, now.steady);
                let mut again = false;
                if let Some(link) = self.links.get_mut(&peer) {
                    again = std::mem::replace(&mut link.said_ping, true);
                    link.alive(now.steady, self.pace, &mut self.rng);
                }
                if good {
                    self.tell_conduct(peer, Conduct::Alive);
                } else if again {
                    self.tell_conduct(peer, Conduct::PingTooOften);
                }
                // The first ping of a connection greets; after a crash it may come soon.
            }
            Heard::Goodbye => {
                self.remember_farewell(peer, "said goodbye".into());
                self.close(peer, "said goodbye");
            }
            Heard::BrokenHello => self.tell_conduct(peer, Conduct::BrokenHello),
            Heard::NoLine => self.tell_conduct(peer, Conduct::MalformedLine),
            Heard::Data => {}
        }
    }

    /// A hello on a new connection is a restart; a second one on the same is bad manners.
    fn heard_hello(&mut self, peer: PeerId, version: String) {
        let again = self
            .links
            .get_mut(&peer)
            .is_some_and(|link| std::mem::replace(&mut link.said_hello, true));
        // It has our version by the answer; a hello of ours would be rated as unsolicited.
        self.book.set_greeted(peer);
        match self.book.heard_version(peer, &version) {
            HelloIs::New => self.greeted(peer, version),
            HelloIs::Known if again => self.tell_conduct(peer, Conduct::RepeatedHello),
            HelloIs::Known => {}
        }
    }

    fn greeted(&mut self, peer: PeerId, version: String) {
        if self.counts(&peer) {
            self.tell_conduct(peer, Conduct::Greeted);
            self.outbox.tell(Event::Greeted { peer, version });
        }
    }

    fn on_answer(&mut self, peer: PeerId, control: Control, outcome: &Outcome) {
        match control {
            Control::Hello => self.hello_answered(peer, outcome),
            Control::Ping => self.ping_answered(peer, outcome),
            Control::Goodbye(_) => self.goodbye_over(&peer),
            Control::Look => {}
        }
    }

    fn hello_answered(&mut self, peer: PeerId, outcome: &Outcome) {
        match outcome {
            Outcome::Answered(line) => match pigeon::parse(line) {
                pigeon::Line::Hello(version) if version.len() <= MAX_VERSION_BYTES => {
                    self.book.set_greeted(peer);
                    let _ = self.book.heard_version(peer, &version);
                    self.alive(peer);
                    self.greeted(peer, version);
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
        // Nor does whoever is leaving owe an answer.
        let leaves = self
            .links
            .get(&peer)
            .is_none_or(|link| link.closing.is_some());
        if conduct == Conduct::NoAnswer && (leaves || Now::read().steady < self.excused_until) {
            return;
        }
        self.tell_conduct(peer, conduct);
    }

    pub(super) fn tell_conduct(&mut self, peer: PeerId, conduct: Conduct) {
        if !self.counts(&peer) {
            return;
        }
        if !(conduct.is_good() || matches!(conduct, Conduct::NoAnswer | Conduct::Unreachable)) {
            self.misbehaved(peer);
        }
        self.outbox.tell(Event::Conduct {
            peer: Neighbour(peer),
            conduct,
        });
    }
}
