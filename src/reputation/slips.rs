//! `slips`: the base model of Slips as its authors meant it in 2021.
//!
//! Of each reporter the newest report on the address counts, with the reporter's newest
//! reliability and with what our own Slips last said of the address the reporter had when it
//! reported. A reporter of whom no reliability is known counts as reliability 0. Reports of a
//! peer about itself are left out, as are those of a peer whose address at the time is unknown:
//! nobody could tell whether it speaks of itself.
//!
//! The opinion does not depend on the order in which facts of different times, or about different
//! things, are learned, nor on what the peers are called: not in a single bit.
//!
//! What it is not: a defence. Lies, crowds of identities and the age of a report are not in the
//! formula.

use crate::domain::{Author, Opinion, PeerId, Reliability, Subject, Timestamp};

use super::{
    Account, Explanation, Fact, Held, Parameters, Touched, TrustModel,
    board::Row,
    formula,
    judged::{self, Judged, NO_ADDRESS, NO_VIEW, Outcome, SELF_REPORT},
    memory::Memory,
    spoken,
};

/// The model; see the module.
#[derive(Debug)]
pub struct Slips {
    memory: Memory,
}

impl Slips {
    /// A model that knows nothing yet.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self {
            memory: Memory::new(parameters),
        }
    }

    /// Every report on the address whose author is still known, in an order that depends on
    /// nothing but what was said, when, and how far it is believed.
    fn judged(&self, subject: Subject) -> Vec<Judged> {
        let page = self.memory.board.page(&subject);
        let mut all: Vec<_> = page
            .iter()
            .filter_map(|row| self.judge(subject, row))
            .collect();
        all.sort_by(|a, b| {
            (a.row.said_at.cmp(&b.row.said_at))
                .then(a.row.score.get().total_cmp(&b.row.score.get()))
                .then(a.row.confidence.get().total_cmp(&b.row.confidence.get()))
                .then(a.trust().total_cmp(&b.trust()))
        });
        all
    }

    fn judge(&self, subject: Subject, row: &Row) -> Option<Judged> {
        let (_, peer) = self.memory.peers.at(row.author)?;
        let address = peer.address_at(row.said_at);
        let outcome = match address.map(Subject::from_ip) {
            None => Outcome::LeftOut(NO_ADDRESS),
            Some(place) if place == subject => Outcome::LeftOut(SELF_REPORT),
            Some(place) => match self.memory.view_of(&place) {
                None => Outcome::LeftOut(NO_VIEW),
                Some(view) => {
                    Outcome::counts(peer.newest_reliability().unwrap_or(Reliability::MIN), view)
                }
            },
        };
        Some(Judged {
            row: *row,
            address,
            outcome,
        })
    }
}

fn opinion_of(subject: Subject, judged: &[Judged], now: Timestamp) -> Option<Opinion> {
    let counted = judged::counted(judged);
    // One report each, so the reports are the reporters.
    let reporters = u32::try_from(counted.len()).unwrap_or(u32::MAX);
    formula::opinion(subject, &counted, reporters, now)
}

impl TrustModel for Slips {
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        self.memory.learn(fact, now, spoken::keep_newest)
    }

    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        opinion_of(subject, &self.judged(subject), now)
    }

    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation {
        let judged = self.judged(subject);
        Explanation {
            opinion: opinion_of(subject, &judged, now),
            verdict: opinion_of(subject, &judged, now),
            shares: judged::shares(&judged, &self.memory),
            totals: Vec::new(),
            failed: None,
        }
    }

    fn without(&self, subject: Subject, author: Author, now: Timestamp) -> Option<Opinion> {
        let mut judged = self.judged(subject);
        judged.retain(|one| self.memory.author(&one.row) != Some(author.0));
        opinion_of(subject, &judged, now)
    }

    fn account(&self, peer: PeerId, now: Timestamp) -> Option<Account> {
        let known = self.memory.peers.find(&peer)?;
        let reliability = known.newest_reliability().unwrap_or(Reliability::MIN);
        Some(judged::account(
            peer,
            known.address_at(now),
            reliability,
            &self.memory,
        ))
    }

    fn reported_by(&self, author: Author) -> Vec<Subject> {
        self.memory.reported_by(author)
    }

    fn forget_before(&mut self, oldest: Timestamp) -> u64 {
        self.memory.board.forget_before(oldest)
    }

    fn held(&self) -> Held {
        self.memory.held()
    }
}
