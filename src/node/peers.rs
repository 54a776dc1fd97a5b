//! What the node remembers of each peer: standing, address, and what Slips was told of it last.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::domain::{Conduct, PeerId, Reliability, Timestamp};
use crate::reputation::reliability::{self, Parameters};
use crate::store::{PeerConduct, PeerRecord};

/// Peers kept in memory at the most; at about 200 bytes each, 2 MB. Those seen longest ago go
/// first; they stay in the database.
const MAX_PEERS: usize = 10_000;
/// Steps in which a reliability is told to Slips: a change below a hundredth is no news.
const RELIABILITY_STEPS: f64 = 100.0;

/// One peer's standing.
#[derive(Debug, Clone)]
pub struct Standing {
    conduct: reliability::Standing,
    last: Option<Conduct>,
    ip: Option<IpAddr>,
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

/// The peers the node knows, bounded.
#[derive(Debug, Default)]
pub struct Peers {
    known: HashMap<PeerId, Standing>,
}

impl Peers {
    /// The peers as the database has them. Nothing has been told to Slips yet in this run.
    #[must_use]
    pub fn from_records(records: &[PeerRecord]) -> Self {
        let standing = |record: &PeerRecord| Standing {
            conduct: reliability::Standing::restored(record.good, record.bad, record.conduct_at),
            last: None,
            ip: record.ip,
            told: None,
            seen_at: record.last_seen,
            cut_off_until: record.ban.as_ref().map_or(Timestamp::ZERO, |ban| ban.until),
        };
        let mut peers = Self {
            known: records.iter().map(|r| (r.peer, standing(r))).collect(),
        };
        peers.evict();
        peers
    }

    /// A peer was seen at an address. Says whether that is news.
    pub fn seen(&mut self, peer: PeerId, ip: IpAddr, now: Timestamp) -> bool {
        let standing = self.standing(peer, now);
        standing.seen_at = now;
        standing.ip.replace(ip) != Some(ip)
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
        if self.known.len() >= MAX_PEERS && !self.known.contains_key(&peer) {
            self.evict();
        }
        self.known.entry(peer).or_insert_with(|| Standing {
            conduct: reliability::Standing::newcomer(now),
            last: None,
            ip: None,
            told: None,
            seen_at: now,
            cut_off_until: Timestamp::ZERO,
        })
    }

    /// Makes room for a tenth of the bound, so that it is not done again for each newcomer.
    fn evict(&mut self) {
        let keep = MAX_PEERS - MAX_PEERS / 10;
        if self.known.len() <= keep {
            return;
        }
        let mut seen: Vec<_> = self.known.values().map(|s| s.seen_at).collect();
        let cut = seen.len() - keep;
        let (_, oldest_kept, _) = seen.select_nth_unstable(cut);
        let oldest_kept = *oldest_kept;
        self.known.retain(|_, s| s.seen_at >= oldest_kept);
    }
}
