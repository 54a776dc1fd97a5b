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

/// How far a claim decided, in 0..=1: not at all when it is half of each.
pub fn decided(claim: f64) -> f64 {
    (2.0 * claim - 1.0).abs()
}

/// Days from one time to another; 0 when the clock ran backwards.
pub fn days(from: Timestamp, to: Timestamp) -> f64 {
    // Without a `Duration` between, which would be divided into seconds first: it is asked for often.
    let micros = to.as_micros().saturating_sub(from.as_micros()).max(0);
    #[expect(
        clippy::cast_precision_loss,
        reason = "to a microsecond within 285 years"
    )]
    let micros = micros as f64;
    micros / (DAY * 1e6)
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

/// The furthest from even odds a belief may be after a step of the chain: as near as [`CERTAIN`].
const MOST_ODDS: f64 = (1.0 + CERTAIN) / (1.0 - CERTAIN);
/// The most that is said between two steps, in log-odds: beyond it [`f64::exp`] may overflow.
const LOUDEST: f64 = 300.0;

/// A belief that goes through many steps of the chain: [`fade_to`] in odds, where a step is four
/// operations instead of two transcendental functions, and loses no digits near certainty.
#[derive(Debug, Clone, Copy)]
pub struct Odds {
    /// As of the last step.
    odds: f64,
    /// What was said since, in log-odds.
    said: f64,
}

impl Odds {
    /// Nothing is known.
    pub const EVEN: Self = Self {
        odds: 1.0,
        said: 0.0,
    };

    /// Adds evidence, in log-odds.
    pub fn say(&mut self, log_odds: f64) {
        self.said += log_odds;
    }

    /// A step of the chain, given what is [`kept`].
    pub fn fade_to(&mut self, kept: f64) {
        let said = std::mem::take(&mut self.said);
        let loud = if said == 0.0 { 1.0 } else { loudness(said) };
        self.odds = step(self.odds, loud, kept);
    }

    /// The belief in log-odds.
    pub fn log_odds(&self) -> f64 {
        self.odds.ln() + self.said
    }
}

/// Evidence as the factor by which it changes odds.
pub fn loudness(log_odds: f64) -> f64 {
    log_odds.clamp(-LOUDEST, LOUDEST).exp()
}

/// Odds after evidence and then a step of the chain, given what is [`kept`].
pub fn step(odds: f64, loud: f64, kept: f64) -> f64 {
    let odds = odds * loud;
    let (stays, changes) = (1.0 + kept, 1.0 - kept);
    ((stays * odds + changes) / (changes * odds + stays)).clamp(1.0 / MOST_ODDS, MOST_ODDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_odds_are_steps_in_log_odds() {
        for says in [-9.0, -0.3, 0.0, 1e-6, 2.0, 12.0] {
            let (mut odds, mut log_odds) = (Odds::EVEN, 0.0);
            for risk in [0.0, 1e-7, 0.01, 0.3, 2.0] {
                odds.say(says);
                log_odds += says;
                assert!((odds.log_odds() - log_odds).abs() < 1e-9, "{says} {risk}");
                odds.fade_to(kept(risk));
                log_odds = fade(log_odds, risk);
                assert!((odds.log_odds() - log_odds).abs() < 1e-9, "{says} {risk}");
            }
        }
        assert_eq!(Odds::EVEN.log_odds(), 0.0);
    }

    #[test]
    fn odds_stay_finite_whatever_is_said() {
        for says in [1e9, -1e9] {
            let mut odds = Odds::EVEN;
            for risk in [0.0, 1e-300, 1e-9, 1.0, 1e9] {
                odds.say(says);
                odds.fade_to(kept(risk));
                assert!(odds.log_odds().is_finite(), "{says} {risk}");
                assert!(odds.log_odds().abs() < 36.0 && odds.log_odds() * says >= 0.0);
            }
            assert!(odds.log_odds().abs() < 1e-9);
        }
    }

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
