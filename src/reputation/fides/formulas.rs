//! The formulas of Fides. Scores here are its own: -1 malicious, 1 benign.

use super::{Aggregation, Evaluation, FidesParameters};

/// What lack of integrity costs (hard-coded in Fides).
const INTEGRITY_DISCOUNT: f64 = -0.5;

/// How satisfied one was with something a peer did, and how much that matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interaction {
    /// In 0..=1, 1 fully.
    pub satisfaction: f64,
    /// In 0..=1.
    pub weight: f64,
}

/// What a history amounts to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Belief {
    /// Competence belief: how good it was.
    pub competence: f64,
    /// Integrity belief: how unsteady it was.
    pub integrity: f64,
    /// The trust that follows.
    pub trust: f64,
}

impl Belief {
    /// From a history of at most `most`, and the reputation the peer has otherwise; not clamped.
    #[must_use]
    pub fn of(history: &[Interaction], most: usize, reputation: f64) -> Self {
        let n = count(history.len());
        if history.is_empty() {
            return Self {
                trust: reputation,
                ..Self::default()
            };
        }
        let weights: f64 = history.iter().map(|one| one.weight).sum();
        let weighted: f64 = history
            .iter()
            .map(|one| one.satisfaction * one.weight)
            .sum();
        let competence = or_zero(weighted, weights);
        // The mean weight, not each one's own: that is how Fides does it.
        let mean_weight = weights / n;
        let squares: f64 = history
            .iter()
            .map(|one| (one.satisfaction * mean_weight - competence).powi(2))
            .sum();
        let integrity = (squares / n).sqrt();
        let share = n / count(most);
        let earned = competence + INTEGRITY_DISCOUNT * integrity;
        Self {
            competence,
            integrity,
            trust: share * earned + (1.0 - share) * reputation,
        }
    }
}

/// The service trust: [`Belief::of`], clamped to 0..=1.
#[must_use]
pub fn service_trust(history: &[Interaction], most: usize, reputation: f64) -> Belief {
    let belief = Belief::of(history, most, reputation);
    Belief {
        trust: belief.trust.clamp(0.0, 1.0),
        ..belief
    }
}

/// A score and how sure its author is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// In -1..=1, 1 benign.
    pub score: f64,
    /// In 0..=1.
    pub confidence: f64,
}

/// The judgements of peers, each with the trust in its author, as one. `None` without any, and
/// where Fides divides by a total trust of 0 and fails.
#[must_use]
pub fn aggregate(how: Aggregation, judgements: &[(f64, Judgement)]) -> Option<Judgement> {
    if judgements.is_empty() {
        return None;
    }
    let n = count(judgements.len());
    let total: f64 = judgements.iter().map(|(trust, _)| trust).sum();
    if total == 0.0 && how != Aggregation::Average {
        return None;
    }
    let sum = |each: &dyn Fn(f64, &Judgement) -> f64| -> f64 {
        judgements
            .iter()
            .map(|(trust, one)| each(*trust, one))
            .sum()
    };
    let score = sum(&|trust, one| or_zero(trust, total) * one.score);
    Some(match how {
        Aggregation::Average => Judgement {
            score,
            confidence: sum(&|trust, one| trust * one.confidence) / n,
        },
        Aggregation::WeightedAverage => Judgement {
            score,
            confidence: sum(&|trust, one| trust / total * one.confidence),
        },
        Aggregation::StdevFromScore => {
            let merged = |trust: f64, one: &Judgement| one.score * one.confidence * trust / total;
            let score = sum(&merged);
            let mean = score / n;
            let variance = sum(&|trust, one| (merged(trust, one) - mean).powi(2)) / n;
            Judgement {
                score,
                confidence: (1.0 - variance.sqrt()).clamp(0.0, 1.0),
            }
        }
    })
}

/// What an alert of one peer is worth.
#[must_use]
pub fn alert(alert: Judgement, trust: f64, p: &FidesParameters) -> Judgement {
    Judgement {
        confidence: alert.confidence * trust.max(p.alert_trust),
        ..alert
    }
}

/// How near a report is to what one believes, as far as one believes it.
fn nearness(believed: Judgement, report: Judgement) -> f64 {
    let apart = (believed.score - report.score).abs() / 2.0 * report.confidence;
    (1.0 - apart) * believed.confidence
}

/// How satisfied one is with a report, given the aggregated opinion and our own, if there is one.
#[must_use]
pub fn satisfaction(
    report: Judgement,
    aggregated: Judgement,
    local: Option<Judgement>,
    p: &FidesParameters,
) -> f64 {
    let even = p.even_satisfaction;
    let distance = nearness(aggregated, report);
    let ours = local.map_or(distance, |local| nearness(local, report));
    match p.evaluation {
        Evaluation::Even => even,
        Evaluation::Distance => distance,
        Evaluation::LocalDistance => ours,
        Evaluation::WeighedDistance => p.local_weight * ours + (1.0 - p.local_weight) * distance,
        Evaluation::Threshold if aggregated.confidence >= p.confidence_threshold => distance,
        Evaluation::Threshold => even,
        Evaluation::MaxConfidence => {
            let first = aggregated.confidence;
            let second = (1.0 - first).min(local.map_or(0.0, |local| local.confidence));
            first * distance + second * ours + (1.0 - first - second) * even
        }
    }
}

/// A quotient; 0 where there is nothing to divide by.
pub(super) fn or_zero(sum: f64, weights: f64) -> f64 {
    if weights == 0.0 { 0.0 } else { sum / weights }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
pub(super) fn count(number: usize) -> f64 {
    number as f64
}
