//! What our own Slips last said of each address, and how much it has said in all.

use std::net::IpAddr;

use crate::{
    domain::{Subject, Timestamp},
    reputation::lru::Lru,
};

use super::{
    RobustParameters,
    maths::{days, left},
    tables::Own,
};

/// Our own statements.
#[derive(Debug)]
pub struct OwnTable {
    last: Lru<Subject, Option<Own>>,
    /// Mass of statements on addresses on which peers had reported, at `mass_at`.
    mass: f64,
    mass_at: Option<Timestamp>,
    /// How often a peer's muffling may have changed.
    suspicions: u64,
    /// Statements pushed out.
    pub evicted: u64,
}

impl OwnTable {
    /// No statements yet.
    pub fn new(most: usize) -> Self {
        Self {
            last: Lru::new(most),
            mass: 0.0,
            mass_at: None,
            suspicions: 0,
            evicted: 0,
        }
    }

    /// Of how many addresses something was said.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// What was said last of an address.
    pub fn of(&self, subject: Subject) -> Option<Own> {
        self.last.get(&subject).copied().flatten()
    }

    /// Our Slips says this; whether that is news.
    pub fn say(&mut self, subject: Subject, own: Own) -> bool {
        let (_, place, evicted) = self.last.touch(subject);
        self.evicted += u64::from(evicted.is_some());
        let before = place.replace(own);
        let muffles = |said: Option<Own>| said.map_or(1.0, |own| own.muffle());
        if muffles(before) != own.muffle() || muffles(evicted.flatten()) != 1.0 {
            self.suspicions += 1;
        }
        before != Some(own)
    }

    /// It was said of an address on which peers had reported.
    pub fn count(&mut self, weight: f64, now: Timestamp, p: &RobustParameters) {
        if let Some(at) = self.mass_at {
            self.mass *= left(days(at, now), p.half_l);
        }
        self.mass += weight;
        self.mass_at = Some(self.mass_at.map_or(now, |at| at.max(now)));
    }

    /// How much was said on addresses on which peers had reported.
    pub fn mass(&self) -> f64 {
        self.mass
    }

    /// A number that stays the same as long as [`Self::muffle`] does, for every address.
    pub fn suspicions(&self) -> u64 {
        self.suspicions
    }

    /// How far a peer at this address is still heard.
    pub fn muffle(&self, ip: Option<IpAddr>) -> f64 {
        if self.len() == 0 {
            return 1.0;
        }
        ip.and_then(|ip| self.of(Subject::from_ip(ip)))
            .map_or(1.0, |own| own.muffle())
    }
}
