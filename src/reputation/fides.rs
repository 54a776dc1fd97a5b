//! `fides`: the trust model of Fides, from its formulas, for comparison.
//!
//! A peer is trusted for what it did: a history of interactions, each with a satisfaction. Its
//! reports are aggregated, weighted by trust; each report is then measured by what they were
//! aggregated to, which is the peer's next interaction. Known weaknesses, kept: volume counts as
//! quality, newcomers start at 0.5, a majority measures itself by itself.
//!
//! Scores inside are Fides' own, -1 malicious to 1 benign: `1 - 2 harm`. A new report on an address
//! is one round: aggregated with the newest report of everybody else, trusts as they were before.
//! Fides has no rule for our own evidence in an answer, only (with some `evaluation`s) in measuring
//! reports. An anchor is a peer of its configuration, with that trust, not enforced.

mod formulas;
mod parameters;
mod recommendation;

pub use formulas::{Belief, Interaction, Judgement, aggregate, alert, satisfaction, service_trust};
pub use parameters::{Aggregation, Evaluation, FidesParameters};
pub use recommendation::{Recommendation, Recommended, judged, recommendation_trust, recommended};

use std::collections::HashMap;

use crate::domain::{Author, Confidence, Opinion, PeerId, Score, Subject, Timestamp, Trust};

use super::{
    Account, Explanation, Fact, Held, Parameters, Touched, TrustModel,
    lru::Lru,
    memory::Memory,
    spoken::{self, Spoken},
};

/// The first interaction with anybody (Fides).
const ENCOUNTER: Interaction = Interaction {
    satisfaction: 1.0,
    weight: 0.1,
};

/// The model; see the module.
#[derive(Debug)]
pub struct Fides {
    memory: Memory,
    peers: Lru<PeerId, Option<Known>>,
    anchors: HashMap<PeerId, f64>,
}

/// A peer's history.
#[derive(Debug)]
struct Known {
    reputation: f64,
    history: Vec<Interaction>,
    belief: Belief,
}

impl Known {
    fn stranger(reputation: f64, p: &FidesParameters) -> Self {
        let mut stranger = Self {
            reputation,
            history: Vec::new(),
            belief: Belief::default(),
        };
        stranger.add(ENCOUNTER, p);
        stranger
    }

    fn add(&mut self, interaction: Interaction, p: &FidesParameters) {
        if self.history.len() >= p.service_history.max(1) {
            self.history.remove(0);
        }
        self.history.push(interaction);
        self.judge(p);
    }

    fn judge(&mut self, p: &FidesParameters) {
        self.belief = service_trust(&self.history, p.service_history.max(1), self.reputation);
    }
}

fn judgement(score: Score, confidence: Confidence) -> Judgement {
    Judgement {
        score: 1.0 - 2.0 * score.get().max(0.0),
        confidence: confidence.get(),
    }
}

impl Fides {
    /// A model that knows nothing yet.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self {
            peers: Lru::new(parameters.limits.peers),
            memory: Memory::new(parameters),
            anchors: HashMap::new(),
        }
    }

    fn parameters(&self) -> &FidesParameters {
        &self.memory.parameters.fides
    }

    fn reputation(&self, peer: PeerId) -> f64 {
        let configured = self.anchors.get(&peer).copied().unwrap_or(0.0);
        self.parameters().initial_reputation.max(configured)
    }

    fn trust(&self, peer: PeerId) -> f64 {
        match self.peers.get(&peer) {
            Some(Some(known)) => known.belief.trust,
            _ => {
                Known::stranger(self.reputation(peer), self.parameters())
                    .belief
                    .trust
            }
        }
    }

    fn aggregated(&self, all: &[Spoken]) -> Option<Judgement> {
        let counted: Vec<_> = spoken::counted(all)
            .map(|one| {
                (
                    self.trust(one.peer),
                    judgement(one.row.score, one.row.confidence),
                )
            })
            .collect();
        aggregate(self.parameters().aggregation, &counted)
    }

    /// One round on an address: its author's report is measured by what all amount to.
    fn measure(&mut self, author: PeerId, subject: Subject, times: u32) {
        let all = spoken::on(&self.memory, subject);
        let report = spoken::counted(&all).find(|one| one.peer == author);
        let Some((report, aggregated)) = report.zip(self.aggregated(&all)) else {
            return;
        };
        let local = self.memory.own.of(&subject);
        let local = local.map(|(score, confidence)| judgement(score, confidence));
        let said = judgement(report.row.score, report.row.confidence);
        let p = *self.parameters();
        let interaction = Interaction {
            satisfaction: satisfaction(said, aggregated, local, &p),
            weight: 1.0,
        };
        let reputation = self.reputation(author);
        let (_, known, _) = self.peers.touch(author);
        let known = known.get_or_insert_with(|| Known::stranger(reputation, &p));
        let most = u32::try_from(p.service_history).unwrap_or(u32::MAX);
        for _ in 0..times.min(most) {
            known.add(interaction, &p);
        }
    }

    fn anchor(&mut self, peer: PeerId, trust: f64) -> Touched {
        if trust > 0.0 {
            self.anchors.insert(peer, trust);
        } else {
            self.anchors.remove(&peer);
        }
        let (reputation, p) = (self.reputation(peer), *self.parameters());
        if self.peers.get(&peer).is_some()
            && let (_, Some(known), _) = self.peers.touch(peer)
        {
            known.reputation = reputation;
            known.judge(&p);
        }
        Touched::Unlisted
    }

    fn opine(&self, subject: Subject, all: &[Spoken], now: Timestamp) -> Option<Opinion> {
        let Judgement { score, confidence } = self.aggregated(all)?;
        let trusts = spoken::counted(all).map(|one| self.trust(one.peer));
        let (mut sum, mut reporters) = (0.0, 0_u32);
        for trust in trusts {
            sum += trust;
            reporters += 1;
        }
        Some(Opinion {
            subject,
            score: Score::clamped((1.0 - score) / 2.0),
            confidence: Confidence::clamped(confidence),
            network_score: Trust::clamped(sum / f64::from(reporters)),
            computed_at: now,
            reporters,
        })
    }
}

impl TrustModel for Fides {
    fn learn(&mut self, fact: &Fact, now: Timestamp) -> Touched {
        self.learn_repeated(fact, 1, now)
    }

    fn learn_repeated(&mut self, fact: &Fact, times: u32, now: Timestamp) -> Touched {
        match *fact {
            _ if times == 0 => return Touched::Nothing,
            Fact::Anchor { peer, trust } => return self.anchor(peer, trust.get()),
            Fact::AnchorLifted { peer } => return self.anchor(peer, 0.0),
            _ => {}
        }
        let touched = self.memory.learn(fact, now, spoken::keep_newest);
        if let (Fact::Report { author, .. }, Touched::Subject(subject)) = (fact, touched) {
            self.measure(author.0, subject, times);
        }
        touched
    }

    fn opinion(&self, subject: Subject, now: Timestamp) -> Option<Opinion> {
        self.opine(subject, &spoken::on(&self.memory, subject), now)
    }

    fn without(&self, subject: Subject, author: Author, now: Timestamp) -> Option<Opinion> {
        let mut all = spoken::on(&self.memory, subject);
        all.retain(|one| one.peer != author.0);
        self.opine(subject, &all, now)
    }

    fn explain(&self, subject: Subject, now: Timestamp) -> Explanation {
        let all = spoken::on(&self.memory, subject);
        let opinion = self.opine(subject, &all, now);
        Explanation {
            verdict: opinion.clone(),
            opinion,
            shares: spoken::shares(&all, |one| self.trust(one.peer), |one| self.trust(one.peer)),
            totals: Vec::new(),
            failed: None,
        }
    }

    fn account(&self, peer: PeerId, now: Timestamp) -> Option<Account> {
        let known = self.peers.get(&peer)?.as_ref()?;
        Some(Account {
            peer,
            trust: known.belief.trust,
            address: self.memory.peers.find(&peer)?.address_at(now),
            first_seen: None,
            parts: vec![
                ("reputation", known.reputation),
                ("interactions", formulas::count(known.history.len())),
                ("competence", known.belief.competence),
                ("integrity", known.belief.integrity),
            ],
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
