//! What the model remembers of peers and reports.

use std::{net::IpAddr, time::Duration};

use crate::{
    domain::{Confidence, Score, Timestamp},
    reputation::lru::Handle,
};

use super::{
    RobustParameters,
    coins::{Evidence, Voice},
    found::{Found, Rebuilt, Voices},
    maths::{claim, days, in_days},
    owns::OwnTable,
};

/// Counts are brought up to date when a peer proves or disproves itself; otherwise only when they
/// are older than this, by whole times this (specification, section 5). So how a peer is heard
/// changes once an hour, and never because somebody asked.
const STALE: Duration = Duration::from_secs(3600);

/// The part of its voice a peer has at once (specification, section 5).
const FIRST_VOICE: f64 = 0.1;

/// One reporter. What every answer asks of it stands in front and together, since a crowd does not
/// fit into the processor's caches.
#[derive(Debug)]
#[repr(C)]
pub struct Peer {
    /// When it was first seen; `None` only while the entry is being made.
    pub first: Option<Timestamp>,
    /// What its conduct on the wire is worth; 1 until somebody says.
    pub reliability: f64,
    /// When the counts were last true.
    pub at: Timestamp,
    /// Sum of the confidences of its first reports on each address.
    pub sure: f64,
    /// Number of those reports.
    pub reports: f64,
    /// Its address now; see [`Self::move_to`].
    pub ip: Option<IpAddr>,
    /// Whether it copies one of those it was compared with.
    pub copies: bool,
    /// How far our own Slips lets it be heard at its address, as of so many [`OwnTable::suspicions`].
    muffled: Option<(u64, f64)>,
    /// How it is heard in an answer so many times [`STALE`] after `at`, where that was worked out.
    voices: Option<(u32, Voices)>,
    /// What it was found to be, at `at`.
    pub found: Found,
    /// Mass of what it said before we did, at `at`.
    pub early: f64,
    /// The operator's trust in it; 0 when it is no anchor.
    pub anchor: f64,
    /// Whom it was compared with.
    pub compared: Vec<Compared>,
    /// What the rebuild under way has found so far.
    pub rebuilt: Rebuilt,
    /// How it is heard in the rebuild under way.
    pub vote: Option<Voices>,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            first: None,
            ip: None,
            reliability: 1.0,
            found: Found::default(),
            early: 0.0,
            at: Timestamp::ZERO,
            sure: 0.0,
            reports: 0.0,
            anchor: 0.0,
            compared: Vec::new(),
            copies: false,
            rebuilt: Rebuilt::default(),
            vote: None,
            voices: None,
            muffled: None,
        }
    }
}

impl Peer {
    /// Brings the counts up to `now`.
    pub fn decay(&mut self, now: Timestamp, p: &RobustParameters) {
        let days = days(self.at, now);
        if days > 0.0 {
            self.found = self.found.after(days, p);
            self.early *= super::maths::left(days, p.half_l);
            self.at = now;
            self.voices = None;
        }
    }

    /// The same, if they are stale.
    pub fn decay_if_stale(&mut self, now: Timestamp, p: &RobustParameters) {
        if now.since(self.at) > STALE {
            self.decay(now, p);
        }
    }

    /// How often its counts have become stale since they were true.
    fn stale(&self, now: Timestamp) -> u32 {
        let old = now.since(self.at);
        if old > STALE {
            u32::try_from(old.as_secs() / STALE.as_secs()).unwrap_or(u32::MAX)
        } else {
            0
        }
    }

    /// What it is found to be at `now`, with the mass the operator gives it.
    pub fn found_at(&self, now: Timestamp, p: &RobustParameters) -> Found {
        let mut found = match self.stale(now) {
            0 => self.found,
            times => self.found.after(f64::from(times) * in_days(STALE), p),
        };
        found.all.slow.mm += p.anchor_mass * self.anchor;
        found.all.slow.bb += p.anchor_mass * self.anchor;
        found
    }

    /// All of that.
    pub fn evidence(&self, now: Timestamp, p: &RobustParameters) -> Evidence {
        self.found_at(now, p).all
    }

    /// How it is heard in an answer at `now`.
    pub fn voices(&self, now: Timestamp, p: &RobustParameters) -> Voices {
        match self.voices {
            Some((stale, voices)) if stale == self.stale(now) => voices,
            _ => self.found_at(now, p).voices(Voice::answering, p),
        }
    }

    /// How far our own Slips lets it be heard.
    pub fn muffled(&self, own: &OwnTable) -> f64 {
        match self.muffled {
            Some((suspicions, factor)) if suspicions == own.suspicions() => factor,
            _ => own.muffle(self.ip),
        }
    }

    /// It is at this address from now on; returns where it was.
    pub fn move_to(&mut self, ip: IpAddr) -> Option<IpAddr> {
        self.muffled = None;
        self.ip.replace(ip)
    }

    /// Works out how it is heard at `now`, for the answers of the hour. It changes none of them.
    pub fn ready(&mut self, now: Timestamp, own: &OwnTable, p: &RobustParameters) {
        let stale = self.stale(now);
        if self.voices.is_none_or(|(then, _)| then != stale) {
            self.voices = Some((stale, self.voices(now, p)));
        }
        let suspicions = own.suspicions();
        if self.muffled.is_none_or(|(then, _)| then != suspicions) {
            self.muffled = Some((suspicions, own.muffle(self.ip)));
        }
    }

    /// Takes in what it was found to be, or how far the operator trusts it.
    pub fn change(&mut self, change: impl FnOnce(&mut Found, &mut f64)) {
        change(&mut self.found, &mut self.anchor);
        self.voices = None;
    }

    /// How sure it is of a report, by its own habit.
    pub fn emphasis(&self, confidence: f64) -> f64 {
        (confidence * (self.reports + 5.0) / (self.sure + 3.5)).clamp(0.3, 1.3)
    }

    /// The part of its voice it had when it said something: newcomers speak softly.
    pub fn tenure(&self, said_at: Timestamp, p: &RobustParameters) -> f64 {
        let age = self.first.map_or(0.0, |first| days(first, said_at));
        FIRST_VOICE + (1.0 - FIRST_VOICE) * age / (age + p.tau_new)
    }

    /// Whether it is worth keeping when room is needed: proven at first hand, or an anchor.
    pub fn is_proven(&self, now: Timestamp, p: &RobustParameters) -> bool {
        self.anchor > 0.0 || self.evidence(now, p).slow.total() >= p.n_half
    }
}

/// How often a peer spoke of an address after another had, and how often it said the same.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// The other.
    pub with: Handle,
    /// How often it said the same.
    pub matches: u16,
    /// How often both spoke.
    pub together: u16,
}

impl Compared {
    /// How surely it is a copy, in 0..=1 (Dong et al. 2009, simplified by the specification).
    pub fn degree(&self) -> f64 {
        let share = f64::from(self.matches) / (f64::from(self.together) + 2.0);
        ((share - 0.5) / 0.3).clamp(0.0, 1.0)
    }

    /// Whether that is more than 0; the same in whole numbers, which costs no division.
    pub fn may_copy(&self) -> bool {
        2 * u32::from(self.matches) > u32::from(self.together) + 2
    }
}

/// What a peer says of an address: one report for each peer and address.
#[derive(Debug)]
pub struct Report {
    /// Who.
    pub author: Handle,
    /// When it said so.
    pub said_at: Timestamp,
    /// How malicious, in -1..=1.
    pub score: Score,
    /// How sure.
    pub confidence: Confidence,
    /// What it said before; a box, since most never change their mind and there may be a million.
    pub before: Option<Box<Before>>,
    /// Which side our own Slips was on when the report was held against it.
    pub label: Option<bool>,
}

/// What a peer said of an address before.
#[derive(Debug)]
pub struct Before {
    /// When it first said anything of the address.
    pub first_at: Timestamp,
    /// The last of the statements that were replaced, newest last.
    pub replaced: Vec<Past>,
}

/// A statement that was replaced.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// How malicious.
    pub harm: f64,
    /// How sure.
    pub confidence: f64,
    /// When it was replaced.
    pub until: Timestamp,
}

impl Report {
    /// When its author first said anything of the address.
    pub fn first_at(&self) -> Timestamp {
        self.before.as_ref().map_or(self.said_at, |b| b.first_at)
    }

    /// How malicious, in 0..=1: what is better than harmless is harmless.
    pub fn harm(&self) -> f64 {
        self.score.get().max(0.0)
    }

    /// The share of "malicious" in it.
    pub fn claim(&self) -> f64 {
        claim(self.harm())
    }

    /// Whether two statements are the same to within `epsilon`.
    pub fn resembles(&self, other: &Self, epsilon: f64) -> bool {
        (self.harm() - other.harm()).abs() <= epsilon
            && (self.confidence.get() - other.confidence.get()).abs() <= epsilon
    }

    /// The order of the reports on an address: by time, then by what they say. Never by who says
    /// it: what peers are called must not matter.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        (self.said_at.cmp(&other.said_at))
            .then(self.harm().total_cmp(&other.harm()))
            .then(self.confidence.get().total_cmp(&other.confidence.get()))
    }
}

/// What our own Slips last said of an address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Own {
    /// How malicious, in 0..=1.
    pub harm: f64,
    /// How sure.
    pub confidence: f64,
    /// When.
    pub said_at: Timestamp,
}

impl Own {
    /// How probably the address is malicious, given that our sensor errs.
    pub fn probability(&self, p: &RobustParameters) -> f64 {
        (1.0 - p.loc_acc) + (2.0 * p.loc_acc - 1.0) * claim(self.harm)
    }

    /// How much it proves, in 0..=1: nothing when undecided.
    pub fn weight(&self) -> f64 {
        self.confidence * (2.0 * claim(self.harm) - 1.0).abs()
    }

    /// How far a peer at this address is still heard.
    pub fn muffle(&self) -> f64 {
        if self.harm > 0.5 {
            (1.0 - (2.0 * self.harm - 1.0) * self.confidence).max(0.0)
        } else {
            1.0
        }
    }
}
