//! `robust`: the Anchored Trust Filter, the default. Liars cannot turn it where our own Slips or
//! peers the operator trusts can be asked; where neither can, it stays unsure.
//!
//! Every peer is an expert with two coins, how often it recognises a malicious address and how
//! often a benign one (Dawid & Skene). The coins are estimated from agreement with what our own
//! Slips says (first hand) and with what peers so proven say of other addresses (second hand). The
//! belief in an address is the sum of its reporters' log-likelihood ratios, carried through time by
//! a two-state chain. What is proven at first hand is capped by how far it is proven, what is
//! proven at second hand and what is unproven each as a whole: a million newcomers together say at
//! most `b`. Copies count once; a peer is as good as the worse of two windows (PeerTrust); known
//! liars are read backwards by a factor `kappa`, or ignored.
//!
//! To be right where nobody disagrees proves little about who is right in a dispute: there it counts
//! by a fifth (`calm`). So who is honest where it costs nothing, to lie with others where it matters,
//! is measured by the latter. To be wrong counts in full everywhere. In an answer only reporters who
//! are believed make a dispute. Whether a proof was tested is asked of everybody who spoke, so
//! identities thrown away on contradicting make one look tested: their price is the transport's.
//!
//! The score keeps the order of belief: how bad those on the winning side say an address is, drawn in
//! where evidence speaks against it and drawn out where several proven reporters agree.
//!
//! - `maths`, `coins`, `caps`: the arithmetic. `found`, `tables`, `owns`: what is remembered.
//! - `taking`, `feedback`, `copying`, `sweep`: how facts change it.
//! - `weighing`, `account`: how a question is answered, and why so.
//!
//! Invariants: facts that change nothing leave no trace, not in a single bit; nothing depends on
//! what peers are called; nothing that peers say is ever evidence of our own.

mod account;
mod caps;
mod coins;
mod copying;
mod feedback;
mod found;
mod maths;
mod owns;
mod parameters;
mod sweep;
mod tables;
mod taking;
mod weighing;

use std::collections::HashMap;

use crate::domain::{Author, Opinion, PeerId, Subject, Timestamp};

use super::{
    Account, Evicted, Explanation, Fact, Held, Limits, Parameters, Touched, TrustModel, lru::Lru,
};
use coins::Voice;
use copying::Index;
use found::{Voices, dispute};
use maths::decided;
use owns::OwnTable;
pub use parameters::RobustParameters;
use tables::{Peer, Report};
use weighing::{Heard, answer, own_part, weigh};

/// From so many reporters on it is worth remembering for the next answer how they are heard: fewer
/// take about ten microseconds to work out anew.
const CROWD: usize = 64;

/// The model; see the module.
#[derive(Debug)]
pub struct Robust {
    parameters: RobustParameters,
    limits: Limits,
    peers: Lru<PeerId, Peer>,
    /// The reports on each address, in order of time.
    pages: Lru<Subject, Vec<Report>>,
    reports: usize,
    own: OwnTable,
    anchors: HashMap<PeerId, f64>,
    /// Sum of the operator's trust in peers.
    anchored: f64,
    schedule: sweep::Schedule,
    evicted: Evicted,
}

impl Robust {
    /// A model that knows nothing yet.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        let limits = parameters.limits;
        Self {
            parameters: parameters.robust,
            limits,
            peers: Lru::new(limits.peers),
            pages: Lru::new(limits.addresses),
            reports: 0,
            own: OwnTable::new(limits.statements),
            anchors: HashMap::new(),
            anchored: 0.0,
            schedule: sweep::Schedule::default(),
            evicted: Evicted::default(),
        }
    }

    fn page(&self, subject: Subject) -> &[Report] {
        self.pages.get(&subject).map_or(&[], Vec::as_slice)
    }

    /// The peer behind a report, unless it was pushed out or speaks of itself.
    fn speaker(&self, subject: Subject, report: &Report) -> Option<(&PeerId, &Peer)> {
        let (id, peer) = self.peers.at(report.author)?;
        (peer.ip != Some(subject.ip())).then_some((id, peer))
    }

    fn voices(&self, peer: &Peer, now: Timestamp) -> Voices {
        let voices = peer.voices(now, &self.parameters);
        voices.muffled(peer.muffled(&self.own))
    }

    /// How a peer is heard where nobody disagrees.
    fn voice(&self, peer: &Peer, now: Timestamp) -> Voice {
        self.voices(peer, now).calm
    }

    /// Works out how a crowd that spoke of an address is heard, so that an answer need not. It changes
    /// no answer: what was asked leaves no trace.
    fn ready(&mut self, subject: Subject, now: Timestamp) {
        let Some(page) = self.pages.get(&subject).filter(|page| page.len() >= CROWD) else {
            return;
        };
        for report in page {
            if let Some((_, peer)) = self.peers.at_mut(report.author) {
                peer.ready(now, &self.own, &self.parameters);
            }
        }
    }

    /// The reports on an address as they are heard, all but those of one peer.
    fn heard(&self, subject: Subject, except: Option<PeerId>, now: Timestamp) -> Vec<Heard> {
        let page = self.page(subject);
        let index = Index::new(page);
        let p = &self.parameters;
        let (mut all, mut sides) = (Vec::with_capacity(page.len()), [0.0; 2]);
        for report in page {
            if let Some((id, peer)) = self.speaker(subject, report)
                && except.is_none_or(|except| except != *id)
            {
                let independence = copying::independence(peer, report, &index, p);
                let voices = self.voices(peer, now);
                let claim = report.claim();
                sides[usize::from(claim > 0.5)] +=
                    voices.calm.credit() * independence * decided(claim);
                all.push(Heard::new(report, peer, voices, independence, p));
            }
        }
        let dispute = dispute(sides, p);
        if dispute > 0.0 {
            for one in &mut all {
                one.amid(dispute, p);
            }
        }
        all
    }

    /// How far a majority of unproven peers proves others, in 0..=1: fully while our own Slips has
    /// said nothing and the operator trusts nobody.
    fn gate(&self) -> f64 {
        let p = &self.parameters;
        let trusted = if p.anchor_gate > 0.0 {
            self.anchored / p.anchor_gate
        } else {
            0.0
        };
        (1.0 - self.own.mass() / p.m0 - trusted).max(0.0)
    }

    fn network(&self, subject: Subject, except: Option<PeerId>, now: Timestamp) -> Option<Opinion> {
        let mut heard = self.heard(subject, except, now);
        if heard.is_empty() {
            return None;
        }
        let belief = weigh(&mut heard, self.gate(), now, &self.parameters);
        Some(answer(subject, &heard, &belief, 0.0, now, &self.parameters))
    }
}

impl TrustModel for Robust {
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        if self.changes_nothing(fact, now) {
            return Touched::Nothing;
        }
        self.advance(now);
        let touched = self.take(fact, now);
        // Whoever learned of a report asks for the opinion next.
        if let Touched::Subject(subject) = touched {
            self.ready(subject, now);
        }
        touched
    }

    fn prepare(&mut self, subject: Subject, now: Timestamp) {
        self.advance(now);
        self.ready(subject, now);
    }

    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        self.network(subject, None, now)
    }

    fn verdict(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        let own = self.own.of(subject);
        let mut heard = self.heard(subject, None, now);
        if heard.is_empty() && own.is_none() {
            return None;
        }
        let belief = weigh(&mut heard, self.gate(), now, &self.parameters);
        let own = own.map_or(0.0, |own| own_part(own, now, &self.parameters));
        Some(answer(subject, &heard, &belief, own, now, &self.parameters))
    }

    fn without(&self, subject: Subject, author: Author, now: Timestamp) -> Option<Opinion> {
        self.network(subject, Some(author.0), now)
    }

    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation {
        self.explanation(subject, now)
    }

    fn account(&self, peer: PeerId, now: Timestamp) -> Option<Account> {
        self.account_of(peer, now)
    }

    fn reported_by(&self, author: Author) -> Vec<Subject> {
        let Some(author) = self.peers.handle(&author.0) else {
            return Vec::new();
        };
        (0..self.pages.entries())
            .filter_map(|place| self.pages.entry(place))
            .filter(|(_, page)| page.iter().any(|report| report.author == author))
            .map(|(subject, _)| *subject)
            .collect()
    }

    fn forget_before(&mut self, oldest: Timestamp) -> u64 {
        let mut gone = 0;
        self.pages.retain(|page| {
            let before = page.len();
            page.retain(|report| report.said_at >= oldest);
            gone += before - page.len();
            !page.is_empty()
        });
        self.reports -= gone;
        gone as u64
    }

    fn held(&self) -> Held {
        Held {
            peers: self.peers.len() as u64,
            addresses: self.pages.len() as u64,
            reports: self.reports as u64,
            statements: self.own.len() as u64,
            evicted: Evicted {
                statements: self.own.evicted,
                ..self.evicted
            },
        }
    }
}
