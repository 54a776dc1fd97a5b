//! The periodic rebuild of what proven peers say of the others, leave-one-out.
//!
//! On each address every report is measured by the belief the *other* reports on it add up to,
//! before and after it in time. Only peers proven at first hand are heard; while our own Slips has
//! said little and the operator trusts nobody, everybody is.
//!
//! Driven by the times of the facts, never by a clock, and done in slices, so that a fact never
//! waits for more than [`SLICE`] reports. With no more reports than that a rebuild is over before
//! the fact that was due for it is taken in, as the specification has it.

use std::time::Duration;

use crate::{
    domain::{PeerId, Subject, Timestamp},
    reputation::lru::Lru,
};

use super::{
    RobustParameters,
    caps::nested_caps,
    coins::Voice,
    copying::{self, Index},
    found::{Rebuilt, dispute, dispute_among},
    maths::{days, fade, left, sigmoid},
    owns::OwnTable,
    tables::{Peer, Report},
};

/// Reports a slice looks at before it ends: a few milliseconds. A guess.
const SLICE: usize = 16_384;
/// A label weaker than this proves nothing (specification).
const FAINT: f64 = 1e-3;

/// When rebuilds happen, and how far the present one is.
#[derive(Debug, Default)]
pub struct Schedule {
    next: Option<Timestamp>,
    under_way: Option<Rebuild>,
}

/// A rebuild that has begun.
#[derive(Debug, Clone, Copy)]
struct Rebuild {
    /// When it began: the time all ages are measured from.
    at: Timestamp,
    /// The first entry of the table of addresses that was not looked at.
    entry: usize,
    /// How far unproven peers are heard, in 0..=1.
    gate: f64,
}

/// What a rebuild reads and writes.
pub struct Tables<'a> {
    /// The reporters.
    pub peers: &'a mut Lru<PeerId, Peer>,
    /// Their reports, by address.
    pub pages: &'a Lru<Subject, Vec<Report>>,
    /// What our own Slips says.
    pub own: &'a OwnTable,
}

impl Schedule {
    /// Does what is due at `now`, at most a slice of it. `gate`: how far unproven peers are heard.
    pub fn advance(&mut self, now: Timestamp, gate: f64, tables: Tables, p: &RobustParameters) {
        let period = Duration::from_secs_f64(p.sweep_h.clamp(0.0, 1e9) * 3600.0);
        let next = *self.next.get_or_insert(now.plus(period));
        if self.under_way.is_none() && now >= next {
            self.next = Some(now.plus(period));
            for (_, peer) in tables.peers.values_mut() {
                peer.rebuilt = Rebuilt::default();
                peer.vote = None;
            }
            self.under_way = Some(Rebuild {
                at: now,
                entry: 0,
                gate,
            });
        }
        if let Some(rebuild) = self.under_way.take() {
            self.under_way = rebuild.slice(tables, p);
        }
    }
}

impl Rebuild {
    /// A slice; what is left to do.
    fn slice(mut self, mut tables: Tables, p: &RobustParameters) -> Option<Self> {
        let mut looked_at = 0;
        while self.entry < tables.pages.entries() {
            if looked_at >= SLICE {
                return Some(self);
            }
            if let Some((_, page)) = tables.pages.entry(self.entry) {
                looked_at += 1 + page.len();
                self.page(page, &mut tables, p);
            }
            self.entry += 1;
        }
        for (_, peer) in tables.peers.values_mut() {
            let rebuilt = peer.rebuilt;
            peer.change(|found, _| found.rebuilt(&rebuilt));
        }
        None
    }

    /// Measures every report on an address by the others.
    fn page(&self, page: &[Report], tables: &mut Tables, p: &RobustParameters) {
        let silent = |last: &Report| days(last.said_at, self.at) > p.window;
        if page.len() < 2 || page.last().is_none_or(silent) {
            return;
        }
        let votes = self.votes(page, tables, p);
        let dispute = dispute_among(page.iter(), None, p);
        let before = passes(votes.iter(), p);
        let after = passes(votes.iter().rev(), p);
        let counted = votes.iter().zip(before.iter().zip(after.iter().rev()));
        for (vote, (before, after)) in counted {
            let q = sigmoid(p.gam * (before + after));
            let weight = (2.0 * q - 1.0).abs();
            if weight < FAINT {
                continue;
            }
            let report = &page[vote.report];
            let age = days(report.said_at, self.at);
            if let Some((_, peer)) = tables.peers.at_mut(report.author) {
                let weights = [p.half_c, p.half_cf].map(|half| weight * left(age, half));
                peer.rebuilt.add(weights, q, report.claim(), dispute);
            }
        }
    }

    /// What each report whose author is still known says, by peers proven at first hand.
    fn votes(&self, page: &[Report], tables: &mut Tables, p: &RobustParameters) -> Vec<Vote> {
        for report in page {
            self.hear(report, tables, p);
        }
        let dispute = self.dispute_of_proven(page, tables, p);
        let index = Index::new(page);
        let mut votes = Vec::with_capacity(page.len());
        let mut items = Vec::with_capacity(page.len());
        for (at, report) in page.iter().enumerate() {
            let Some((_, peer)) = tables.peers.at(report.author) else {
                continue;
            };
            let Some(voice) = peer.vote.map(|voices| voices.amid(dispute)) else {
                continue;
            };
            let claim = report.claim();
            let said = claim * voice.pos + (1.0 - claim) * voice.neg;
            let own = copying::independence(peer, report, &index, p);
            let evidence = p.temper * peer.emphasis(report.confidence.get()) * said * own;
            items.push((voice.mass, voice.rho1 * evidence));
            let unproven = (1.0 - voice.rho1) * peer.tenure(report.said_at, p) * evidence;
            votes.push(Vote {
                report: at,
                said_at: report.said_at,
                says: self.gate * unproven,
            });
        }
        for ((vote, item), fits) in votes.iter_mut().zip(&items).zip(nested_caps(&items, p)) {
            vote.says += fits * item.1;
        }
        votes
    }

    /// How far those who are believed disagree on an address.
    fn dispute_of_proven(&self, page: &[Report], tables: &Tables, p: &RobustParameters) -> f64 {
        let mut sides = [0.0; 2];
        for report in page {
            if let Some((_, peer)) = tables.peers.at(report.author) {
                let credit = peer.vote.map_or(0.0, |voices| voices.calm.credit());
                sides[usize::from(report.claim() > 0.5)] += credit;
            }
        }
        dispute(sides, p)
    }

    /// How the author of a report is heard, found out at its first report in a rebuild.
    fn hear(&self, report: &Report, tables: &mut Tables, p: &RobustParameters) {
        let own = tables.own;
        if let Some((_, peer)) = tables.peers.at_mut(report.author)
            && peer.vote.is_none()
        {
            peer.decay_if_stale(self.at, p);
            let voices = peer.found_at(self.at, p).voices(Voice::labelling, p);
            peer.vote = Some(voices.muffled(peer.muffled(own)));
        }
    }
}

/// One report in a rebuild.
#[derive(Debug, Clone, Copy)]
struct Vote {
    /// Where it stands on the page.
    report: usize,
    said_at: Timestamp,
    /// Its evidence, in log-odds.
    says: f64,
}

/// For each vote what those before it, in the order given, add up to at its time.
fn passes<'a>(votes: impl Iterator<Item = &'a Vote>, p: &RobustParameters) -> Vec<f64> {
    let mut belief = 0.0;
    let mut last: Option<&Vote> = None;
    let mut beliefs = Vec::with_capacity(votes.size_hint().0);
    for vote in votes {
        if let Some(last) = last {
            let apart = days(last.said_at, vote.said_at) + days(vote.said_at, last.said_at);
            belief = fade(belief + last.says, p.hazard * apart);
        }
        beliefs.push(belief);
        last = Some(vote);
    }
    beliefs
}
