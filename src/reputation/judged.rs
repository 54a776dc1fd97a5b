//! A report as `slips` and `slips-compat` judge it: how it counts, or why it does not.

use std::net::IpAddr;

use crate::domain::{Author, Confidence, PeerId, Reliability, Score, Subject};

use super::{
    Account, Share,
    board::Row,
    formula::{self, Counted},
    memory::Memory,
};

/// Left out: a peer that speaks of itself.
pub const SELF_REPORT: &str = "it speaks of its own address";
/// Left out: nobody knew the reporter's address when it reported.
pub const NO_ADDRESS: &str = "its address was not known when it said so";
/// Left out: our own Slips never mentioned the reporter's address.
pub const NO_VIEW: &str = "our Slips has never judged its address";

/// One report, judged.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// What was said.
    pub row: Row,
    /// The address of its author at that time.
    pub address: Option<IpAddr>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What becomes of a report.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// It counts.
    Counts {
        /// Its author's reliability.
        reliability: Reliability,
        /// What our own Slips thinks of its author's address.
        view: (Score, Confidence),
        /// What follows from the two.
        trust: f64,
    },
    /// It does not.
    LeftOut(&'static str),
}

impl Outcome {
    /// Counts with this reliability and this view.
    pub fn counts(reliability: Reliability, view: (Score, Confidence)) -> Self {
        Self::Counts {
            reliability,
            view,
            trust: formula::trust(reliability, view),
        }
    }
}

impl Judged {
    /// The trust in its author; 0 when left out.
    pub fn trust(&self) -> f64 {
        match self.outcome {
            Outcome::Counts { trust, .. } => trust,
            Outcome::LeftOut(_) => 0.0,
        }
    }

    /// Whether it counts.
    pub fn counts(&self) -> bool {
        matches!(self.outcome, Outcome::Counts { .. })
    }

    fn share(&self, author: Author, total: f64) -> Share {
        let (weight, parts, left_out) = match self.outcome {
            Outcome::Counts {
                reliability,
                view,
                trust,
            } => (
                formula::weight(trust, total),
                formula::parts(reliability, view),
                None,
            ),
            Outcome::LeftOut(why) => (0.0, Vec::new(), Some(why)),
        };
        Share {
            author,
            address: self.address,
            score: self.row.score,
            confidence: self.row.confidence,
            said_at: self.row.said_at,
            trust: self.trust(),
            weight,
            parts,
            left_out,
        }
    }
}

/// The numbers of those that count, in the same order.
pub fn counted(judged: &[Judged]) -> Vec<Counted> {
    let numbers = |one: &Judged| Counted {
        score: one.row.score.get(),
        confidence: one.row.confidence.get(),
        trust: one.trust(),
    };
    judged
        .iter()
        .filter(|one| one.counts())
        .map(numbers)
        .collect()
}

/// The shares for people: strongest first, those left out last, then newest first, then by author.
pub fn shares(judged: &[Judged], memory: &Memory) -> Vec<Share> {
    let total = formula::total_weight(&counted(judged));
    let share = |one: &Judged| Some(one.share(Author(memory.author(&one.row)?), total));
    let mut shares: Vec<_> = judged.iter().filter_map(share).collect();
    shares.sort_by(Share::order);
    shares
}

/// Why a peer at this address is trusted as it is; 0 where the model leaves it out.
pub fn account(
    peer: PeerId,
    address: Option<IpAddr>,
    reliability: Reliability,
    memory: &Memory,
) -> Account {
    let view = address.and_then(|ip| memory.view_of(&Subject::from_ip(ip)));
    Account {
        peer,
        trust: view.map_or(0.0, |view| formula::trust(reliability, view)),
        address,
        first_seen: None,
        parts: view.map_or_else(Vec::new, |view| formula::parts(reliability, view)),
        copies: Vec::new(),
    }
}
