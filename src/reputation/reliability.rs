//! What a peer's conduct on the wire is worth: a ledger of two masses, good and bad.
//!
//! What a peer *says* never enters here; that is the trust models' matter. Two ways to rate:
//!
//! - [`ReliabilityModel::Decaying`], the default: `(good + g) / (good + bad + g + b)` with a small
//!   prior `(g, b)` that makes newcomers start low. Both masses halve every half-life. Slow up,
//!   fast down (PeerTrust's rule): good conduct is capped, so that no history is long enough to
//!   hide behind, and each fault spends good conduct besides being held against the peer.
//! - [`ReliabilityModel::Pigeon`]: the Go pigeon's plain mean of all 0/1 ratings ever, O(1).
//!
//! Unreachable is not untrusted: a peer that is away ([`Conduct::is_absence`]) has nothing held
//! against it. Under `Decaying` its absence only spends good conduct, so it sinks towards a newcomer's
//! worth and no further; and in neither way does it count towards a cut-off. The network between two
//! peers, a restart or a stop of our own process make absences too, many at once.
//!
//! Values are rounded to a hundredth: finer differences are noise, and each change is told to
//! Slips. So a fall to 0 is reached, not only approached.

use std::time::Duration;

use crate::domain::{Conduct, Reliability, Timestamp};

/// How conduct is turned into a reliability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReliabilityModel {
    /// Weighted, forgetting, newcomers low.
    Decaying,
    /// The plain mean of all ratings, as the Go pigeon has it (contract section 5).
    Pigeon,
}

/// One peer's conduct so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Mass of good conduct at `at`; with `Pigeon` the number of ratings of 1.
    pub good: f64,
    /// Mass of bad conduct at `at`; with `Pigeon` the number of ratings of 0.
    pub bad: f64,
    /// Mass of bad conduct as `Decaying` weighs it, whatever the model: what cuts a peer off under
    /// `Pigeon`, whose mean forgets nothing and takes no notice of what a message holds.
    pub strikes: f64,
    /// When the masses were last true.
    pub at: Timestamp,
}

impl Standing {
    /// A peer of which nothing is known.
    #[must_use]
    pub fn newcomer(now: Timestamp) -> Self {
        Self::restored(0.0, 0.0, now)
    }

    /// A peer of earlier runs. Strikes are not kept across runs: bans are.
    #[must_use]
    pub fn restored(good: f64, bad: f64, at: Timestamp) -> Self {
        let mass = |stored: f64| {
            if stored.is_finite() {
                stored.max(0.0)
            } else {
                0.0
            }
        };
        Self {
            good: mass(good),
            bad: mass(bad),
            strikes: 0.0,
            at,
        }
    }
}

/// How much each conduct counts, for the peer or against it. Negative and non-finite weights
/// count as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// For: see [`Conduct::Greeted`].
    pub greeted: f64,
    /// For: see [`Conduct::Alive`].
    pub alive: f64,
    /// Against: see [`Conduct::MalformedLine`].
    pub malformed_line: f64,
    /// Against: see [`Conduct::MalformedMessage`].
    pub malformed_message: f64,
    /// Against: see [`Conduct::BrokenHello`].
    pub broken_hello: f64,
    /// Against: see [`Conduct::RepeatedHello`].
    pub repeated_hello: f64,
    /// Against: see [`Conduct::PingTooOften`].
    pub ping_too_often: f64,
    /// Against: see [`Conduct::Flooding`].
    pub flooding: f64,
    /// Against: see [`Conduct::WrongAnswer`].
    pub wrong_answer: f64,
    /// Spends good conduct only: see [`Conduct::NoAnswer`].
    pub no_answer: f64,
    /// Spends good conduct only: see [`Conduct::Unreachable`].
    pub unreachable: f64,
}

impl Default for Weights {
    /// The unit is one malformed message. All are guesses, argued one by one; the tests hold
    /// what they must achieve together.
    fn default() -> Self {
        Self {
            // A greeting costs nothing, so it lifts a newcomer only from 0.25 to 0.4.
            greeted: 0.1,
            // Comes every 20 s: half an hour of it makes one unit.
            alive: 0.01,
            // No honest program sends these; at an honest peer they mean a fault all the same.
            malformed_line: 1.0,
            malformed_message: 1.0,
            // A program of another version may do it, once a contact.
            broken_hello: 0.5,
            // A restarted pigeon may do it once.
            repeated_hello: 0.05,
            // Clocks and jitter do it.
            ping_too_often: 0.02,
            // It was held back, and a scan seen by an honest sensor looks the same.
            flooding: 0.1,
            // Between broken and malformed: an answer to something else.
            wrong_answer: 0.5,
            // Networks do it: a day of hourly attempts costs a tenth of the good conduct, beside
            // what time takes.
            no_answer: 0.05,
            unreachable: 0.02,
        }
    }
}

impl Weights {
    /// The weight of a conduct, finite and at least 0.
    #[must_use]
    pub fn of(&self, conduct: Conduct) -> f64 {
        let weight = match conduct {
            Conduct::Greeted => self.greeted,
            Conduct::Alive => self.alive,
            Conduct::MalformedLine => self.malformed_line,
            Conduct::MalformedMessage => self.malformed_message,
            Conduct::BrokenHello => self.broken_hello,
            Conduct::RepeatedHello => self.repeated_hello,
            Conduct::PingTooOften => self.ping_too_often,
            Conduct::Flooding => self.flooding,
            Conduct::WrongAnswer => self.wrong_answer,
            Conduct::NoAnswer => self.no_answer,
            Conduct::Unreachable => self.unreachable,
        };
        if weight.is_finite() {
            weight.max(0.0)
        } else {
            0.0
        }
    }
}

/// How conduct is rated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Which way.
    pub model: ReliabilityModel,
    /// What each conduct is worth (`Decaying`, and the strikes of `Pigeon`).
    pub weights: Weights,
    /// After this time a conduct counts half; zero: it is never forgotten.
    pub half_life: Duration,
    /// The most good conduct that is remembered.
    pub good_cap: f64,
    /// This much bad conduct at once halves the good conduct remembered.
    pub spend: f64,
    /// Mass a newcomer starts with for itself, more than 0.
    pub prior_good: f64,
    /// Mass a newcomer starts with against itself.
    pub prior_bad: f64,
    /// Below this reliability a peer is cut off ...
    pub limit: f64,
    /// ... once this much bad conduct speaks against it.
    pub least_bad: f64,
}

/// The most bad conduct that is remembered: after 6 half-lives without more it is nothing.
const BAD_CAP: f64 = 64.0;

impl Default for Parameters {
    fn default() -> Self {
        Self {
            model: ReliabilityModel::Decaying,
            weights: Weights::default(),
            // A guess: a bad evening is forgiven within a week, and even one malformed message an
            // hour adds up to a cut.
            half_life: Duration::from_secs(2 * 24 * 3600),
            // A guess: an hour and a half of good conduct; the best value is then 0.91.
            good_cap: 3.0,
            // A guess: four malformed messages in a row halve a good name.
            spend: 4.0,
            // A newcomer is worth 0.25, and the little mass lets its own conduct soon decide.
            prior_good: 0.1,
            prior_bad: 0.3,
            // A guess: nine of ten things it did were faults.
            limit: 0.1,
            // A guess: nobody is cut off for fewer than five malformed messages.
            least_bad: 5.0,
        }
    }
}

/// Takes a conduct into the standing; returns what the peer is worth now.
pub fn record(
    standing: &mut Standing,
    conduct: Conduct,
    now: Timestamp,
    parameters: &Parameters,
) -> Reliability {
    let weight = parameters.weights.of(conduct);
    *standing = faded(standing, now, parameters);
    let held_against = !conduct.is_good() && !conduct.is_absence();
    if held_against {
        standing.strikes = (standing.strikes + weight).min(BAD_CAP);
    }
    match parameters.model {
        ReliabilityModel::Decaying if conduct.is_good() => {
            standing.good = (standing.good + weight).min(parameters.good_cap);
        }
        ReliabilityModel::Decaying => {
            standing.good *= half_to_the(weight / parameters.spend);
            if held_against {
                standing.bad = (standing.bad + weight).min(BAD_CAP);
            }
        }
        ReliabilityModel::Pigeon => {
            let (ones, zeros) = pigeon_ratings(conduct);
            standing.good += ones;
            standing.bad += zeros;
        }
    }
    value(standing, now, parameters)
}

/// What a peer is worth at `now`, to a hundredth (`Pigeon`: unrounded).
#[must_use]
pub fn value(standing: &Standing, now: Timestamp, parameters: &Parameters) -> Reliability {
    let Standing { good, bad, .. } = faded(standing, now, parameters);
    match parameters.model {
        ReliabilityModel::Decaying => {
            let good = good + parameters.prior_good;
            let mean = good / (good + bad + parameters.prior_bad);
            Reliability::clamped((mean * 100.0).round() / 100.0)
        }
        // No ratings: 0 / 0, which `clamped` makes 0, as the pigeon starts.
        ReliabilityModel::Pigeon => Reliability::clamped(good / (good + bad)),
    }
}

/// Whether a peer is to be cut off at `now`.
///
/// `Decaying`: its reliability is below the limit, and not for lack of conduct. `Pigeon`: what it
/// did lately would put even the best name below the limit under `Decaying`.
#[must_use]
pub fn should_cut_off(standing: &Standing, now: Timestamp, parameters: &Parameters) -> bool {
    let faded = faded(standing, now, parameters);
    match parameters.model {
        ReliabilityModel::Decaying => {
            faded.bad >= parameters.least_bad
                && value(standing, now, parameters).get() < parameters.limit
        }
        ReliabilityModel::Pigeon => {
            let best = parameters.good_cap + parameters.prior_good;
            let enough = best * (1.0 / parameters.limit - 1.0) - parameters.prior_bad;
            parameters.limit > 0.0 && faded.strikes >= parameters.least_bad.max(enough).min(BAD_CAP)
        }
    }
}

/// The masses at `now`; a clock that ran backwards forgets nothing and brings nothing back.
fn faded(standing: &Standing, now: Timestamp, parameters: &Parameters) -> Standing {
    let keep = if parameters.half_life.is_zero() {
        1.0
    } else {
        half_to_the(
            now.since(standing.at)
                .div_duration_f64(parameters.half_life),
        )
    };
    let masses = match parameters.model {
        ReliabilityModel::Decaying => keep,
        ReliabilityModel::Pigeon => 1.0,
    };
    Standing {
        good: standing.good * masses,
        bad: standing.bad * masses,
        strikes: standing.strikes * keep,
        at: standing.at.max(now),
    }
}

/// How much is left after so many halvings; all of it when nobody can say how many (0 / 0).
fn half_to_the(power: f64) -> f64 {
    if power.is_nan() { 1.0 } else { (-power).exp2() }
}

/// How many ratings of 1 and of 0 the Go pigeon gives (contract section 5). It takes no notice
/// of what a message holds, nor of how many there are.
fn pigeon_ratings(conduct: Conduct) -> (f64, f64) {
    match conduct {
        Conduct::Greeted | Conduct::Alive => (1.0, 0.0),
        // Rated 0 as unsolicited, and 1 for the answer it got all the same.
        Conduct::RepeatedHello => (1.0, 1.0),
        Conduct::MalformedLine
        | Conduct::BrokenHello
        | Conduct::PingTooOften
        | Conduct::WrongAnswer
        | Conduct::NoAnswer
        | Conduct::Unreachable => (0.0, 1.0),
        Conduct::MalformedMessage | Conduct::Flooding => (0.0, 0.0),
    }
}
