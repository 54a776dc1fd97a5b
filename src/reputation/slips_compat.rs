//! `slips-compat`: what Slips 1.1.21 computes, quirks included (contract 9.2; D4, D5, D6, D8).
//!
//! - Every report counts, so saying it nine times weighs nine times.
//! - A peer's reliability is the first one ever learned of it; later ones never count.
//! - One reporter without a reliability fails the whole opinion (Slips raises a `TypeError`);
//!   a report of a peer about itself is skipped before that is looked at.
//! - A reporter whose address at the time is unknown, or of whose address our Slips has said
//!   nothing, is skipped after it.
//!
//! `network_score` is not a figure of Slips (it writes 0): here, as in `slips`, it is the mean
//! trust, over the reports that count. Reports are summed in the order they were learned, as
//! Slips sums its rows. What differs from Slips: only the newest reports on an address are kept
//! (`reports_per_address`).

use crate::domain::{Author, Opinion, PeerId, Reliability, Subject, Timestamp};

use super::{
    Account, Explanation, Fact, Held, Parameters, Touched, TrustModel,
    board::Row,
    formula,
    judged::{self, Judged, NO_ADDRESS, NO_VIEW, Outcome, SELF_REPORT},
    memory::Memory,
};

/// Why the whole opinion fails.
const FAILED: &str = "a reporter's reliability was never heard: Slips fails here with a TypeError";
/// Left out: the reporter that fails the opinion.
const NO_RELIABILITY: &str = "its reliability was never heard, which fails the whole opinion";
/// Left out: a report beside one that fails the opinion.
const SPOILT: &str = "another reporter's missing reliability fails the whole opinion";

/// The model; see the module.
#[derive(Debug)]
pub struct SlipsCompat {
    memory: Memory,
}

impl SlipsCompat {
    /// A model that knows nothing yet.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self {
            memory: Memory::new(parameters),
        }
    }

    /// Every report on the address but those of one peer, and whether one fails the opinion.
    fn judged(&self, subject: Subject, except: Option<PeerId>) -> (Vec<Judged>, bool) {
        let page = self.memory.board.page(&subject);
        let mut all: Vec<_> = page
            .iter()
            .filter(|row| except.is_none() || self.memory.author(row) != except)
            .filter_map(|row| self.judge(subject, row))
            .collect();
        let fails = |one: &Judged| matches!(one.outcome, Outcome::LeftOut(NO_RELIABILITY));
        let failed = all.iter().any(fails);
        if failed {
            for one in all.iter_mut().filter(|one| one.counts()) {
                one.outcome = Outcome::LeftOut(SPOILT);
            }
        }
        (all, failed)
    }

    fn judge(&self, subject: Subject, row: &Row) -> Option<Judged> {
        let (_, peer) = self.memory.peers.at(row.author)?;
        let address = peer.address_at(row.said_at);
        let place = address.map(Subject::from_ip);
        let outcome = if place == Some(subject) {
            Outcome::LeftOut(SELF_REPORT)
        } else {
            match (peer.first_reliability(), place) {
                (None, _) => Outcome::LeftOut(NO_RELIABILITY),
                (Some(_), None) => Outcome::LeftOut(NO_ADDRESS),
                (Some(reliability), Some(place)) => match self.memory.view_of(&place) {
                    None => Outcome::LeftOut(NO_VIEW),
                    Some(view) => Outcome::counts(reliability, view),
                },
            }
        };
        Some(Judged {
            row: *row,
            address,
            outcome,
        })
    }

    fn opinion_of(subject: Subject, judged: &[Judged], now: Timestamp) -> Option<Opinion> {
        let counted = judged::counted(judged);
        let counting = judged.iter().filter(|one| one.counts());
        let mut authors: Vec<_> = counting.map(|one| one.row.author).collect();
        authors.sort_unstable();
        authors.dedup();
        let reporters = u32::try_from(authors.len()).unwrap_or(u32::MAX);
        formula::opinion(subject, &counted, reporters, now)
    }
}

impl TrustModel for SlipsCompat {
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        self.learn_repeated(fact, 1, now)
    }

    fn learn_repeated(&mut self, fact: &Fact, times: u32, now: Timestamp) -> Touched {
        if times == 0 {
            return Touched::Nothing;
        }
        self.memory.learn(fact, now, |memory, subject, row| {
            let most = memory.parameters.limits.reports_per_address;
            // More than fit would only push each other out.
            for _ in 0..usize::try_from(times).unwrap_or(most).min(most.max(1)) {
                memory.board.put(subject, row, most);
            }
            Touched::Subject(subject)
        })
    }

    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        Self::opinion_of(subject, &self.judged(subject, None).0, now)
    }

    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation {
        let (judged, failed) = self.judged(subject, None);
        Explanation {
            opinion: Self::opinion_of(subject, &judged, now),
            verdict: Self::opinion_of(subject, &judged, now),
            shares: judged::shares(&judged, &self.memory),
            totals: Vec::new(),
            failed: failed.then_some(FAILED),
        }
    }

    fn without(&self, subject: Subject, author: Author, now: Timestamp) -> Option<Opinion> {
        let (judged, _) = self.judged(subject, Some(author.0));
        Self::opinion_of(subject, &judged, now)
    }

    fn account(&self, peer: PeerId, now: Timestamp) -> Option<Account> {
        let known = self.memory.peers.find(&peer)?;
        let reliability = known.first_reliability().unwrap_or(Reliability::MIN);
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
