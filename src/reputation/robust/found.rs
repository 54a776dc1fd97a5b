//! What a peer was found to be, and how much of it was found where nobody disagreed: agreement that
//! costs nothing proves little about who is right in a dispute.

use super::{
    RobustParameters,
    coins::{Evidence, Tally, Voice},
    maths::{claim, decided},
    tables::{Own, Report},
};

/// How far two sides of these weights disagree, in 0..=1: not at all where one side is empty, fully
/// where the weaker has a share of `disp`.
pub fn dispute([one, other]: [f64; 2], p: &RobustParameters) -> f64 {
    let all = one + other;
    if all > 0.0 {
        (one.min(other) / all / p.disp).min(1.0)
    } else {
        0.0
    }
}

/// How far those who said this of an address disagree, each counted as one as far as it decided: our
/// own Slips among them, if it spoke.
pub fn dispute_among<'a>(
    reports: impl Iterator<Item = &'a Report>,
    own: Option<&Own>,
    p: &RobustParameters,
) -> f64 {
    let mut sides = [0.0; 2];
    for said in reports
        .map(Report::claim)
        .chain(own.map(|own| claim(own.harm)))
    {
        sides[usize::from(said > 0.5)] += decided(said);
    }
    dispute(sides, p)
}

/// What a peer was found to be.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Found {
    /// All of it.
    pub all: Evidence,
    /// The part of it from addresses on which nobody disagreed.
    pub calm: Evidence,
}

impl Found {
    /// What is left of the first hand after some days.
    pub fn after(&self, days: f64, p: &RobustParameters) -> Self {
        Self {
            all: self.all.after(days, p),
            calm: self.calm.after(days, p),
        }
    }

    /// Takes in that a claim `v` met an address that our own Slips holds for malicious with
    /// probability `q`, and on which reporters disagreed so far. To be wrong is never forgiven for
    /// being untested.
    pub fn prove(&mut self, weight: f64, [q, v]: [f64; 2], contradicts: bool, dispute: f64) {
        self.all.prove(weight, q, v, contradicts);
        if dispute < 1.0 && !contradicts {
            self.calm.prove(weight * (1.0 - dispute), q, v, contradicts);
        }
    }

    /// Takes in what a rebuild found.
    pub fn rebuilt(&mut self, found: &Rebuilt) {
        [self.all.others, self.all.others_fast] = found.all;
        [self.calm.others, self.calm.others_fast] = found.calm;
    }

    /// What it amounts to in a dispute: what was found where nobody disagreed counts by `calm`.
    pub fn disputed(&self, p: &RobustParameters) -> Evidence {
        self.all.less(1.0 - p.calm, &self.calm)
    }

    /// How the peer is heard, by this way of hearing.
    pub fn voices(
        &self,
        hear: impl Fn(&Evidence, &RobustParameters) -> Voice,
        p: &RobustParameters,
    ) -> Voices {
        let calm = hear(&self.all, p);
        let disputed = if self.calm == Evidence::default() {
            calm
        } else {
            hear(&self.disputed(p), p)
        };
        Voices {
            calm,
            disputed: [disputed.pos, disputed.neg],
        }
    }
}

/// What a rebuild has found so far; slow and fast window of each.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rebuilt {
    all: [Tally; 2],
    calm: [Tally; 2],
}

impl Rebuilt {
    /// Takes in that a claim `v` met an address that others hold for malicious with probability `q`,
    /// and on which reporters disagreed so far. `weights`: in the slow and in the fast window.
    pub fn add(&mut self, weights: [f64; 2], q: f64, v: f64, dispute: f64) {
        let agrees = q * v + (1.0 - q) * (1.0 - v) > 0.5;
        for (window, weight) in weights.into_iter().enumerate() {
            self.all[window].add(weight, q, v);
            if dispute < 1.0 && agrees {
                self.calm[window].add(weight * (1.0 - dispute), q, v);
            }
        }
    }
}

/// How a peer is heard where nobody disagrees, and what its word weighs in a dispute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voices {
    /// Where nobody disagrees. Also how far it is proven and believed, in both.
    pub calm: Voice,
    /// In a dispute: log-odds of "malicious" when it says so, and when it says benign.
    pub disputed: [f64; 2],
}

impl Voices {
    /// Heard so much less because our own Slips holds its address for malicious.
    pub fn muffled(self, factor: f64) -> Self {
        Self {
            calm: self.calm.muffled(factor),
            disputed: self.disputed.map(|odds| odds * factor),
        }
    }
}

/// So far from one to another.
pub fn between(one: f64, other: f64, share: f64) -> f64 {
    one + share * (other - one)
}
