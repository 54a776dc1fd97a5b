//! The arithmetic of Slips' base model, shared by `slips` and `slips-compat`.
//!
//! From the contract, section 9.3: with a reporter's reliability `rel` and what Slips thinks of
//! its address `(rs, rc)`, its trust is `t = (0.7 rel + rs rc) / 2`. The score is the mean of the
//! reported scores weighted by `(t + 1) / 2`; the confidence is the plain mean of `conf * t`, where
//! less than nothing counts as nothing. Note that a high `rs` means a *malicious* address and
//! still raises the trust: that is how Slips does it, and a known weakness of the model.

use crate::domain::{Confidence, Opinion, Reliability, Score, Subject, Timestamp, Trust};

/// The weight of reliability against Slips' own view (base model of Slips).
const RELIABILITY_WEIGHT: f64 = 0.7;

/// How far a reporter is believed, in -0.5..=0.85.
pub fn trust(reliability: Reliability, view: (Score, Confidence)) -> f64 {
    f64::midpoint(
        RELIABILITY_WEIGHT * reliability.get(),
        view.0.get() * view.1.get(),
    )
}

/// The named numbers a trust is made of.
pub fn parts(reliability: Reliability, view: (Score, Confidence)) -> Vec<(&'static str, f64)> {
    vec![
        ("reliability", reliability.get()),
        ("own score of its address", view.0.get()),
        ("own confidence of its address", view.1.get()),
    ]
}

/// A report that counts, reduced to its numbers.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// What was said, in -1..=1.
    pub score: f64,
    /// How sure, in 0..=1.
    pub confidence: f64,
    /// How far its author is believed.
    pub trust: f64,
}

/// The weight of a trust before the weights are made to add up to 1; at least 0.25.
fn raw_weight(trust: f64) -> f64 {
    f64::midpoint(trust, 1.0)
}

/// The sum of the raw weights: what a raw weight is divided by.
pub fn total_weight(counted: &[Counted]) -> f64 {
    counted.iter().map(|one| raw_weight(one.trust)).sum()
}

/// The weight of one report in the score.
pub fn weight(trust: f64, total: f64) -> f64 {
    raw_weight(trust) / total
}

/// The opinion that these reports make, summed in the order given; `None` without any.
pub fn opinion(
    subject: Subject,
    counted: &[Counted],
    reporters: u32,
    now: Timestamp,
) -> Option<Opinion> {
    if counted.is_empty() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 reports")]
    let n = counted.len() as f64;
    let total = total_weight(counted);
    let score: f64 = counted
        .iter()
        .map(|one| one.score * weight(one.trust, total))
        .sum();
    let confidence: f64 = counted
        .iter()
        .map(|one| (one.confidence * one.trust).max(0.0))
        .sum();
    let trust: f64 = counted.iter().map(|one| one.trust).sum();
    Some(Opinion {
        subject,
        score: Score::clamped(score.max(0.0)),
        confidence: Confidence::clamped(confidence / n),
        network_score: Trust::clamped(trust / n),
        computed_at: now,
        reporters,
    })
}
