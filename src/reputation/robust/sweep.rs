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
    found::{Rebuilt, Voices, between, dispute, dispute_among},
    maths::{days, decided, kept, left, loudness, sigmoid, step},
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
        let before = forward(&votes);
        let mut after = 1.0;
        for (vote, before) in votes.iter().zip(before).rev() {
            let q = sigmoid(p.gam * (before * after).ln());
            after = step(after, vote.loud, vote.kept);
            let weight = (2.0 * q - 1.0).abs();
            if weight < FAINT {
                continue;
            }
            let age = days(vote.said_at, self.at);
            if let Some((_, peer)) = tables.peers.at_mut(page[vote.report].author) {
                let weights = [p.half_c, p.half_cf].map(|half| weight * left(age, half));
                peer.rebuilt.add(weights, q, vote.claim, dispute);
            }
        }
    }

    /// What each report whose author is still known says, by peers proven at first hand.
    fn votes(&self, page: &[Report], tables: &mut Tables, p: &RobustParameters) -> Vec<Vote> {
        let index = Index::new(page);
        let mut votes: Vec<Vote> = Vec::with_capacity(page.len());
        let mut says = Vec::with_capacity(page.len());
        let mut sides = [0.0; 2];
        for (at, report) in page.iter().enumerate() {
            let Some((_, peer)) = tables.peers.at_mut(report.author) else {
                continue;
            };
            let Voices {
                calm: voice,
                disputed: [pos, neg],
            } = match peer.vote {
                Some(voices) => voices,
                None => self.hear(peer, tables.own, p),
            };
            let claim = report.claim();
            let own = copying::independence(peer, report, &index, p);
            sides[usize::from(claim > 0.5)] += voice.credit() * own * decided(claim);
            let scale = p.temper * peer.emphasis(report.confidence.get()) * own;
            let unproven = if self.gate > 0.0 {
                self.gate * (1.0 - voice.rho1) * peer.tenure(report.said_at, p)
            } else {
                0.0
            };
            says.push(Says {
                calm: scale * (claim * voice.pos + (1.0 - claim) * voice.neg),
                disputed: scale * (claim * pos + (1.0 - claim) * neg),
                mass: voice.mass,
                proven: voice.rho1,
                unproven,
            });
            let since = votes.last().map_or(report.said_at, |last| last.said_at);
            let apart = days(since, report.said_at) + days(report.said_at, since);
            votes.push(Vote {
                report: at,
                said_at: report.said_at,
                claim,
                kept: kept(p.hazard * apart),
                loud: 1.0,
            });
        }
        let dispute = dispute(sides, p);
        let evidence = |one: &Says| between(one.calm, one.disputed, dispute);
        let items: Vec<_> = (says.iter())
            .map(|one| (one.mass, one.proven * evidence(one)))
            .collect();
        for (at, fits) in nested_caps(&items, p).into_iter().enumerate() {
            votes[at].loud = loudness(says[at].unproven * evidence(&says[at]) + fits * items[at].1);
        }
        votes
    }

    /// How the author of a report is heard, found out at its first report in a rebuild.
    fn hear(&self, peer: &mut Peer, own: &OwnTable, p: &RobustParameters) -> Voices {
        peer.decay_if_stale(self.at, p);
        let voices = peer.found_at(self.at, p).voices(Voice::labelling, p);
        let voices = voices.muffled(peer.muffled(own));
        peer.vote = Some(voices);
        voices
    }
}

/// What a report says in a rebuild, before it is known how far those who spoke disagree.
#[derive(Debug, Clone, Copy)]
struct Says {
    /// Its evidence where nobody disagrees, in log-odds.
    calm: f64,
    /// Its evidence in a dispute.
    disputed: f64,
    /// First-hand mass of its author.
    mass: f64,
    /// The part of its evidence that is proven at first hand.
    proven: f64,
    /// The part of it that is not, and heard all the same.
    unproven: f64,
}

/// One report in a rebuild.
#[derive(Debug, Clone, Copy)]
struct Vote {
    /// Where it stands on the page.
    report: usize,
    said_at: Timestamp,
    /// The share of "malicious" in it.
    claim: f64,
    /// What is [`kept`] of the belief since the vote before.
    kept: f64,
    /// Its evidence, as the factor by which it changes odds.
    loud: f64,
}

/// For each vote the odds those before it add up to at its time.
fn forward(votes: &[Vote]) -> Vec<f64> {
    let (mut odds, mut loud) = (1.0, 1.0);
    let mut before = Vec::with_capacity(votes.len());
    for vote in votes {
        odds = step(odds, loud, vote.kept);
        before.push(odds);
        loud = vote.loud;
    }
    before
}
