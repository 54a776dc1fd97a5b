//! What the node remembers of each peer: standing, address, and what Slips was told of it last.

use std::collections::HashMap;
use std::net::IpAddr;

use super::listed::Listed;
use crate::domain::{Conduct, Contact, PeerId, Reliability, Timestamp};
use crate::reputation::reliability::{self, Parameters};
use crate::store::{PeerConduct, PeerRecord};

/// Steps in which a reliability is told to Slips: a change below a hundredth is no news.
const RELIABILITY_STEPS: f64 = 100.0;

/// One peer's standing.
#[derive(Debug, Clone)]
pub struct Standing {
    conduct: reliability::Standing,
    last: Option<Conduct>,
    ip: Option<IpAddr>,
    /// Since when it has that address, or none.
    ip_since: Timestamp,
    told: Option<Told>,
    seen_at: Timestamp,
    /// When its last cut-off is over.
    cut_off_until: Timestamp,
}

/// What a `peer_update` says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// The peer's address, where one is known.
    pub ip: Option<IpAddr>,
    /// Its reliability, in hundredths.
    pub reliability: Reliability,
}

/// The peers the node knows, bounded; an entry takes about 200 bytes.
#[derive(Debug, Default)]
pub struct Peers {
    known: HashMap<PeerId, Standing>,
    /// Who is at an address, the last to come last.
    places: HashMap<IpAddr, Vec<PeerId>>,
    listed: Listed,
    max: usize,
}

impl Peers {
    /// The peers as the database has them. Nothing has been told to Slips yet in this run.
    #[must_use]
    pub fn from_records(records: &[PeerRecord]) -> Self {
        let standing = |record: &PeerRecord| Standing {
            conduct: reliability::Standing::restored(record.good, record.bad, record.conduct_at),
            last: None,
            ip: record.ip,
            ip_since: record.ip_since,
            told: None,
            seen_at: record.last_seen,
            cut_off_until: record.ban.as_ref().map_or(Timestamp::ZERO, |ban| ban.until),
        };
        let mut peers = Self {
            known: records.iter().map(|r| (r.peer, standing(r))).collect(),
            places: HashMap::new(),
            listed: Listed::default(),
            max: usize::MAX,
        };
        peers.settle();
        peers
    }

    /// The same with those of the operator's address book, who may never have been here.
    #[must_use]
    pub fn with_contacts(mut self, contacts: &[Contact]) -> Self {
        for contact in contacts {
            self.listed.put(contact);
        }
        self
    }

    /// An entry of the address book is like this from now on. The addresses for which that may change
    /// who is there.
    pub fn list(&mut self, contact: &Contact) -> Vec<IpAddr> {
        self.listed.put(contact)
    }

    /// An entry of the address book is gone. Where it said that the peer was.
    pub fn unlist(&mut self, peer: PeerId) -> Vec<IpAddr> {
        self.listed.remove(peer)
    }

    /// Where the address book says that a peer is.
    #[must_use]
    pub fn listed(&self, peer: PeerId) -> &[IpAddr] {
        self.listed.of(peer)
    }

    /// Holds at most so many from now on.
    pub(super) fn hold_at_most(&mut self, max: usize) {
        self.max = max.max(1);
        if self.known.len() > self.max {
            self.evict();
        }
    }

    /// A peer was seen at an address. Says whether that is news.
    pub fn seen(&mut self, peer: PeerId, ip: IpAddr, now: Timestamp) -> bool {
        let ip = ip.to_canonical();
        let standing = self.standing(peer, now);
        standing.seen_at = now;
        let left = standing.ip.replace(ip);
        if left == Some(ip) {
            return false;
        }
        standing.ip_since = now;
        if let Some(left) = left.map(|ip| ip.to_canonical())
            && let Some(there) = self.places.get_mut(&left)
        {
            there.retain(|other| *other != peer);
            if there.is_empty() {
                self.places.remove(&left);
            }
        }
        self.places.entry(ip.to_canonical()).or_default().push(peer);
        true
    }

    /// The address of a peer.
    #[must_use]
    pub fn address(&self, peer: PeerId) -> Option<IpAddr> {
        self.known.get(&peer)?.ip
    }

    /// Since when a peer is where it is; of a stranger the end of time.
    #[must_use]
    pub fn there_since(&self, peer: PeerId) -> Timestamp {
        let standing = self.known.get(&peer);
        standing.map_or(Timestamp::from_micros(i64::MAX), |s| s.ip_since)
    }

    /// A peer at an address, other than those that are cut off: one that was seen there, or one of
    /// which the operator says so. What peers themselves say does not count: whoever names an attacker's
    /// address as its own would keep it from being judged.
    #[must_use]
    pub fn at(&self, ip: IpAddr, now: Timestamp) -> Option<PeerId> {
        let ip = ip.to_canonical();
        let seen = self.places.get(&ip).map_or(&[][..], Vec::as_slice);
        let there = seen.iter().rev().chain(self.listed.at(ip));
        there.copied().find(|peer| !self.is_cut_off(*peer, now))
    }

    /// Takes down what a peer did; gives its reliability from now on.
    pub fn record(
        &mut self,
        peer: PeerId,
        conduct: Conduct,
        now: Timestamp,
        parameters: &Parameters,
    ) -> Reliability {
        let standing = self.standing(peer, now);
        standing.last = Some(conduct);
        reliability::record(&mut standing.conduct, conduct, now, parameters)
    }

    /// A peer's reliability now; a stranger's is a newcomer's.
    #[must_use]
    pub fn reliability(
        &self,
        peer: PeerId,
        now: Timestamp,
        parameters: &Parameters,
    ) -> Reliability {
        let newcomer = reliability::Standing::newcomer(now);
        let standing = self.known.get(&peer).map_or(&newcomer, |s| &s.conduct);
        reliability::value(standing, now, parameters)
    }

    /// Whether a peer has behaved so badly that it is to be cut off; not while it is.
    #[must_use]
    pub fn is_intolerable(&self, peer: PeerId, now: Timestamp, parameters: &Parameters) -> bool {
        self.known.get(&peer).is_some_and(|s| {
            now >= s.cut_off_until && reliability::should_cut_off(&s.conduct, now, parameters)
        })
    }

    /// Whether a peer is cut off.
    #[must_use]
    pub fn is_cut_off(&self, peer: PeerId, now: Timestamp) -> bool {
        (self.known.get(&peer)).is_some_and(|standing| now < standing.cut_off_until)
    }

    /// A peer is cut off until then.
    pub fn cut_off(&mut self, peer: PeerId, until: Timestamp, now: Timestamp) {
        self.standing(peer, now).cut_off_until = until;
    }

    /// Whether Slips has heard nothing of this peer in this run.
    #[must_use]
    pub fn is_untold(&self, peer: PeerId) -> bool {
        self.known.get(&peer).is_none_or(|s| s.told.is_none())
    }

    /// What Slips must be told of a peer: `None` when it knows. From then on it counts as told.
    pub fn tell(&mut self, peer: PeerId, now: Timestamp, parameters: &Parameters) -> Option<Told> {
        let exact = self.reliability(peer, now, parameters).get();
        let standing = self.standing(peer, now);
        let told = Told {
            ip: standing.ip,
            reliability: Reliability::clamped(
                (exact * RELIABILITY_STEPS).round() / RELIABILITY_STEPS,
            ),
        };
        (standing.told.replace(told) != Some(told)).then_some(told)
    }

    /// Slips may have missed what it was told: everything is told again when there is occasion.
    pub fn forget_told(&mut self) {
        for standing in self.known.values_mut() {
            standing.told = None;
        }
    }

    /// The peer's conduct as the database keeps it.
    #[must_use]
    pub fn conduct(
        &self,
        peer: PeerId,
        now: Timestamp,
        parameters: &Parameters,
    ) -> Option<PeerConduct> {
        let standing = self.known.get(&peer)?;
        Some(PeerConduct {
            peer,
            reliability: reliability::value(&standing.conduct, now, parameters),
            good: standing.conduct.good,
            bad: standing.conduct.bad,
            at: standing.conduct.at,
            last: standing.last,
        })
    }

    fn standing(&mut self, peer: PeerId, now: Timestamp) -> &mut Standing {
        if self.known.len() >= self.max && !self.known.contains_key(&peer) {
            self.evict();
        }
        self.known.entry(peer).or_insert_with(|| Standing {
            conduct: reliability::Standing::newcomer(now),
            last: None,
            ip: None,
            ip_since: now,
            told: None,
            seen_at: now,
            cut_off_until: Timestamp::ZERO,
        })
    }

    /// Makes room for a tenth of the bound, so that it is not done again for each newcomer. Those
    /// seen longest ago go. One that was badly thought of comes back as a newcomer, which is what
    /// any new key would give it; keeping bad names instead would let a flood of them push the good
    /// ones out.
    fn evict(&mut self) {
        let keep = self.max - (self.max / 10).max(1);
        let surplus = self.known.len().saturating_sub(keep);
        let mut order: Vec<_> = self.known.iter().map(|(p, s)| (s.seen_at, *p)).collect();
        if surplus < order.len() {
            order.select_nth_unstable(surplus);
        }
        for (_, peer) in order.iter().take(surplus) {
            self.known.remove(peer);
        }
        self.settle();
    }

    /// Notes anew who is where, those seen last last.
    fn settle(&mut self) {
        let mut all: Vec<_> = (self.known.iter())
            .filter_map(|(peer, standing)| Some((standing.seen_at, *peer, standing.ip?)))
            .collect();
        all.sort_unstable();
        self.places.clear();
        for (_, peer, ip) in all {
            self.places.entry(ip.to_canonical()).or_default().push(peer);
        }
    }
}
