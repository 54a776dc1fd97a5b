//! `mean` and `median`: what anybody would do first. Yardsticks, no defence: everybody is believed.
//!
//! `mean` weighs each reporter's newest report by its confidence, `median` takes the middle one.
//! Our own Slips counts as one reporter more where its word is part of the answer.

use crate::domain::{Author, Confidence, Opinion, PeerId, Score, Subject, Timestamp, Trust};

use super::{
    Account, Explanation, Fact, Held, Parameters, Touched, TrustModel,
    memory::Memory,
    spoken::{self, Spoken},
};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Middle {
    /// Weighted by confidence.
    Mean,
    /// The middle one.
    Median,
}

/// The model; see the module.
#[derive(Debug)]
pub struct Yardstick {
    middle: Middle,
    memory: Memory,
}

impl Yardstick {
    /// A model that knows nothing yet.
    #[must_use]
    pub fn new(middle: Middle, parameters: Parameters) -> Self {
        Self {
            middle,
            memory: Memory::new(parameters),
        }
    }

    /// Which of the two it is.
    pub fn middle(&self) -> Middle {
        self.middle
    }

    fn opine(
        &self,
        subject: Subject,
        all: &[Spoken],
        own: Option<(Score, Confidence)>,
        now: Timestamp,
    ) -> Option<Opinion> {
        let reporters = u32::try_from(spoken::counted(all).count()).unwrap_or(u32::MAX);
        let said: Vec<_> = spoken::counted(all)
            .map(|one| (one.row.score, one.row.confidence))
            .chain(own)
            .map(|(score, sure)| (score.get().max(0.0), sure.get()))
            .collect();
        let n = f64::from(u32::try_from(said.len()).unwrap_or(u32::MAX));
        let sure: f64 = said.iter().map(|(_, sure)| sure).sum();
        let score = match self.middle {
            _ if said.is_empty() => return None,
            Middle::Mean if sure > 0.0 => {
                said.iter().map(|(harm, sure)| harm * sure).sum::<f64>() / sure
            }
            Middle::Mean => said.iter().map(|(harm, _)| harm).sum::<f64>() / n,
            Middle::Median => median(said.iter().map(|(harm, _)| *harm).collect()),
        };
        Some(Opinion {
            subject,
            score: Score::clamped(score),
            confidence: Confidence::clamped(sure / n),
            network_score: Trust::MAX,
            computed_at: now,
            reporters,
        })
    }
}

/// The middle one, or the mean of the two in the middle; of none, 0.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().saturating_sub(1) / 2;
    match (values.get(lower), values.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => 0.0,
    }
}

impl TrustModel for Yardstick {
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        self.memory.learn(fact, now, spoken::keep_newest)
    }

    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        self.opine(subject, &spoken::on(&self.memory, subject), None, now)
    }

    fn verdict(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        let own = self.memory.own.of(&subject);
        self.opine(subject, &spoken::on(&self.memory, subject), own, now)
    }

    fn without(&self, subject: Subject, author: Author, now: Timestamp) -> Option<Opinion> {
        let mut all = spoken::on(&self.memory, subject);
        all.retain(|one| one.peer != author.0);
        self.opine(subject, &all, None, now)
    }

    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation {
        let all = spoken::on(&self.memory, subject);
        let strength = |one: &Spoken| match self.middle {
            Middle::Mean => one.row.confidence.get(),
            Middle::Median => 1.0,
        };
        Explanation {
            opinion: self.opine(subject, &all, None, now),
            verdict: self.verdict(subject, now),
            shares: spoken::shares(&all, |_| 1.0, strength),
            totals: Vec::new(),
            failed: None,
        }
    }

    fn account(&self, peer: PeerId, now: Timestamp) -> Option<Account> {
        Some(Account {
            peer,
            trust: 1.0,
            address: self.memory.peers.find(&peer)?.address_at(now),
            first_seen: None,
            parts: Vec::new(),
            copies: Vec::new(),
        })
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
