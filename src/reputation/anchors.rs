//! Whom the operator trusts, from two sources: the configuration and commands. Trust given by command
//! stands above the configured one while it holds.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{PeerId, Timestamp, Trust};

use super::Fact;

/// Trust and its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vouched {
    /// How far, above 0.
    pub trust: Trust,
    /// From when on it no longer holds.
    pub until: Option<Timestamp>,
}

impl Vouched {
    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Whom the operator trusts, as facts for a trust model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Anchors {
    configured: HashMap<PeerId, Vouched>,
    given: HashMap<PeerId, Vouched>,
    /// Every end that is still ahead; one of trust that was replaced does no harm.
    ends: BTreeSet<(Timestamp, PeerId)>,
}

impl Anchors {
    /// Those of the configuration.
    #[must_use]
    pub fn configured(anchors: impl IntoIterator<Item = (PeerId, Vouched)>) -> Self {
        let configured: HashMap<PeerId, Vouched> = anchors.into_iter().collect();
        let ends = configured
            .iter()
            .filter_map(|(peer, vouched)| Some((vouched.until?, *peer)));
        Self {
            ends: ends.collect(),
            configured,
            given: HashMap::new(),
        }
    }

    /// What a model learns before anything else: trust whose end is not reached at time zero.
    pub fn facts(&self) -> impl Iterator<Item = Fact> {
        let mut peers: Vec<PeerId> = self.configured.keys().copied().collect();
        peers.sort_unstable();
        peers
            .into_iter()
            .map(|peer| self.fact(peer, Timestamp::ZERO))
    }

    /// Trust given by command from `now` on, or taken back; what a model learns of it.
    pub fn give(&mut self, peer: PeerId, given: Option<Vouched>, now: Timestamp) -> Fact {
        match given {
            Some(vouched) => {
                self.given.insert(peer, vouched);
                self.ends.extend(vouched.until.map(|until| (until, peer)));
            }
            None => {
                self.given.remove(&peer);
            }
        }
        self.fact(peer, now)
    }

    /// The next trust that has ended by `now`, when it did, and what a model learns of it.
    pub fn end(&mut self, now: Timestamp) -> Option<(Timestamp, PeerId, Fact)> {
        let (end, peer) = *self.ends.first()?;
        if now < end {
            return None;
        }
        self.ends.remove(&(end, peer));
        self.given
            .retain(|it, vouched| *it != peer || vouched.holds(end));
        Some((end, peer, self.fact(peer, end)))
    }

    fn fact(&self, peer: PeerId, now: Timestamp) -> Fact {
        let holds = |vouched: &&Vouched| vouched.holds(now);
        let given = self.given.get(&peer).filter(holds);
        match given.or_else(|| self.configured.get(&peer).filter(holds)) {
            Some(vouched) => Fact::Anchor {
                peer,
                trust: vouched.trust,
            },
            None => Fact::AnchorLifted { peer },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vouched(trust: f64, until: Option<i64>) -> Vouched {
        Vouched {
            trust: Trust::clamped(trust),
            until: until.map(Timestamp::from_micros),
        }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn trust_by_command_stands_above_the_configured_one_while_it_holds() {
        let peer = PeerId::random();
        let anchor = |trust| Fact::Anchor {
            peer,
            trust: Trust::clamped(trust),
        };
        let mut anchors = Anchors::configured([(peer, vouched(0.5, Some(100)))]);
        assert_eq!(anchors.facts().collect::<Vec<_>>(), [anchor(0.5)]);
        let given = anchors.give(peer, Some(vouched(0.9, Some(50))), at(10));
        assert_eq!(given, anchor(0.9));
        assert_eq!(anchors.end(at(49)), None);
        assert_eq!(anchors.end(at(50)), Some((at(50), peer, anchor(0.5))));
        let given = anchors.give(peer, Some(vouched(0.8, None)), at(60));
        assert_eq!(given, anchor(0.8));
        assert_eq!(anchors.end(at(100)), Some((at(100), peer, anchor(0.8))));
        let lifted = Fact::AnchorLifted { peer };
        assert_eq!(anchors.give(peer, None, at(110)), lifted);
        assert_eq!(anchors.end(at(1_000)), None);
    }

    #[test]
    fn trust_given_anew_outlives_the_end_of_the_old_one() {
        let peer = PeerId::random();
        let mut anchors = Anchors::default();
        anchors.give(peer, Some(vouched(0.9, Some(50))), at(10));
        let anew = anchors.give(peer, Some(vouched(0.9, Some(90))), at(20));
        assert_eq!(anchors.end(at(50)), Some((at(50), peer, anew)));
        let lifted = Fact::AnchorLifted { peer };
        assert_eq!(anchors.end(at(90)), Some((at(90), peer, lifted)));
    }
}
