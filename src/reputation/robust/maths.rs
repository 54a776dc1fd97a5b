//! The small functions the model is made of: log-odds, claims, and how evidence fades.

use std::time::Duration;

use crate::domain::Timestamp;

/// Seconds a day.
const DAY: f64 = 86_400.0;
/// The nearest to certainty a belief may come; beyond it `atanh` is infinite (specification).
const CERTAIN: f64 = 1.0 - 1e-15;

/// Log-odds as a probability.
pub fn sigmoid(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// A probability as log-odds.
pub fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// The share of "malicious" in a statement: none up to 0.2, all of it from 0.8 (threat levels).
pub fn claim(harm: f64) -> f64 {
    ((harm - 0.2) / 0.6).clamp(0.0, 1.0)
}

/// Days from one time to another; 0 when the clock ran backwards.
pub fn days(from: Timestamp, to: Timestamp) -> f64 {
    in_days(to.since(from))
}

/// A span in days.
pub fn in_days(span: Duration) -> f64 {
    span.as_secs_f64() / DAY
}

/// What is left after some days of what halves every `half`.
pub fn left(days: f64, half: f64) -> f64 {
    (-days / half).exp2()
}

/// What is left of the belief in a state that changes with `risk` (hazard times days).
pub fn kept(risk: f64) -> f64 {
    (-2.0 * risk).exp()
}

/// Log-odds after `risk`: a step of the two-state chain whose long-run odds are even.
pub fn fade(log_odds: f64, risk: f64) -> f64 {
    if risk == 0.0 {
        return log_odds;
    }
    fade_to(log_odds, kept(risk))
}

/// The same, given what is [`kept`].
pub fn fade_to(log_odds: f64, kept: f64) -> f64 {
    if log_odds == 0.0 {
        return log_odds;
    }
    2.0 * (kept * (log_odds / 2.0).tanh())
        .clamp(-CERTAIN, CERTAIN)
        .atanh()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_values_of_the_specification() {
        for (harm, share) in [(0.2, 0.0), (0.35, 0.25), (0.5, 0.5), (0.8, 1.0)] {
            assert!((claim(harm) - share).abs() < 1e-12, "{harm}");
        }
        assert!((fade(3.0, 0.05) - 2.307_618).abs() < 1e-6);
        assert!((fade(-6.0, 0.5) + 0.767_732).abs() < 1e-6);
    }

    #[test]
    fn fading_ends_in_nothing_and_never_overshoots() {
        for log_odds in [-800.0, -5.0, 0.0, 1e-9, 3.0, 800.0] {
            let mut last = f64::INFINITY;
            for risk in [0.0, 0.01, 0.1, 1.0, 10.0, 1000.0] {
                let faded: f64 = fade(log_odds, risk);
                assert!(faded.is_finite() && faded.abs() <= last && faded * log_odds >= 0.0);
                last = faded.abs();
            }
            assert!(last < 1e-12);
        }
    }

    #[test]
    fn a_clock_that_runs_backwards_takes_no_time() {
        let [early, late] = [0, 1_000_000].map(Timestamp::from_micros);
        assert_eq!(days(late, early), 0.0);
    }
}
