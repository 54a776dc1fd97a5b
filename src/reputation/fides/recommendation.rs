//! Recommendations: what others say of a peer one does not know. Nothing on the wire carries them
//! between today's nodes; the formulas stand here for comparison.

use super::{
    FidesParameters,
    formulas::{Belief, Interaction, count, or_zero},
};

/// What a peer says of another, and how far we trust it to recommend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation {
    /// Our recommendation trust in who says it.
    pub trust: f64,
    /// Its competence belief in the other.
    pub competence: f64,
    /// Its integrity belief.
    pub integrity: f64,
    /// How many interactions it remembers.
    pub interactions: usize,
    /// The other's reputation with it.
    pub reputation: f64,
    /// By how many it was recommended to it.
    pub recommended_by: usize,
}

/// What several recommendations amount to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommended {
    /// Estimated reputation.
    pub reputation: f64,
    /// Estimated competence belief.
    pub competence: f64,
    /// Estimated integrity belief.
    pub integrity: f64,
    /// How far experience counts against hearsay: remembered interactions, in 0..=1.
    pub experience: f64,
    /// The reputation that follows; not clamped.
    pub result: f64,
}

/// Sums up what recommenders say of a peer.
#[must_use]
pub fn recommended(all: &[Recommendation], p: &FidesParameters) -> Recommended {
    let sum = |each: &dyn Fn(&Recommendation) -> f64| -> f64 { all.iter().map(each).sum() };
    let hearsay = |one: &Recommendation| one.trust * count(one.recommended_by);
    let known = |one: &Recommendation| one.trust * count(one.interactions);
    let (told, seen) = (sum(&hearsay), sum(&known));
    let reputation = or_zero(sum(&|one| hearsay(one) * one.reputation), told);
    let competence = or_zero(sum(&|one| known(one) * one.competence), seen);
    let integrity = or_zero(sum(&|one| known(one) * one.integrity), seen);
    let interactions = or_zero(sum(&|one| count(one.interactions)), count(all.len()));
    let experience = interactions.floor() / count(p.service_history);
    Recommended {
        reputation,
        competence,
        integrity,
        experience,
        result: experience * (competence - 0.5 * integrity) + (1.0 - experience) * reputation,
    }
}

/// How satisfied one is with a recommendation (may be negative), and how much that matters.
#[must_use]
pub fn judged(one: &Recommendation, result: &Recommended, p: &FidesParameters) -> Interaction {
    let near = |said: f64, found: f64| {
        if found <= 0.0 {
            0.0
        } else {
            1.0 - (said - found).abs() / found
        }
    };
    let satisfaction = (near(one.reputation, result.reputation)
        + near(one.competence, result.competence)
        + near(one.integrity, result.integrity))
        / 3.0;
    let share = |part: usize, most: usize| count(part) / count(most);
    let weight = result.experience * share(one.interactions, p.service_history)
        + (1.0 - result.experience) * share(one.recommended_by, p.recommenders);
    Interaction {
        satisfaction,
        weight,
    }
}

/// The recommendation trust in a peer after its recommendations so far.
#[must_use]
pub fn recommendation_trust(history: &[Interaction], reputation: f64, p: &FidesParameters) -> f64 {
    Belief::of(history, p.recommendation_history, reputation).trust
}
