//! A peer's two coins: how often it calls malicious what is malicious, benign what is benign.

use super::{RobustParameters, maths::left};

/// Mass of evidence on a peer: truth x claim, each malicious (`m`) or benign (`b`).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    /// Malicious, called malicious.
    pub mm: f64,
    /// Malicious, called benign.
    pub mb: f64,
    /// Benign, called malicious.
    pub bm: f64,
    /// Benign, called benign.
    pub bb: f64,
}

impl Tally {
    /// All mass.
    pub fn total(&self) -> f64 {
        self.mm + self.mb + self.bm + self.bb
    }

    /// Takes in that a statement with share `v` of "malicious" met an address that is malicious
    /// with probability `q`.
    pub fn add(&mut self, weight: f64, q: f64, v: f64) {
        self.mm += weight * (q * v);
        self.mb += weight * (q * (1.0 - v));
        self.bm += weight * ((1.0 - q) * v);
        self.bb += weight * ((1.0 - q) * (1.0 - v));
    }

    /// The same, taking in only what speaks against the peer.
    pub fn add_against(&mut self, weight: f64, q: f64, v: f64) {
        self.mb += weight * (q * (1.0 - v));
        self.bm += weight * ((1.0 - q) * v);
    }

    /// This times a factor.
    pub fn times(&self, factor: f64) -> Self {
        Self {
            mm: self.mm * factor,
            mb: self.mb * factor,
            bm: self.bm * factor,
            bb: self.bb * factor,
        }
    }

    /// This and so much of another.
    fn with(&self, weight: f64, other: &Self) -> Self {
        Self {
            mm: self.mm + weight * other.mm,
            mb: self.mb + weight * other.mb,
            bm: self.bm + weight * other.bm,
            bb: self.bb + weight * other.bb,
        }
    }

    /// Share of "malicious" among the malicious, with so much mass assumed.
    fn sensitivity(&self, assumed: f64, mass: f64) -> f64 {
        (self.mm + mass * assumed) / (self.mm + self.mb + mass)
    }

    /// Share of "benign" among the benign, with so much mass assumed.
    fn specificity(&self, assumed: f64, mass: f64) -> f64 {
        (self.bb + mass * assumed) / (self.bb + self.bm + mass)
    }
}

/// What a peer was found to be, at first hand (our own Slips) and at second (proven peers).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// First hand, slow window.
    pub slow: Tally,
    /// First hand, fast window.
    pub fast: Tally,
    /// Second hand, slow window.
    pub others: Tally,
    /// Second hand, fast window.
    pub others_fast: Tally,
    /// First-hand mass of lies that prove nothing in a peer's favour.
    pub lied: f64,
}

impl Evidence {
    /// What is left of the first hand after some days.
    pub fn after(&self, days: f64, parameters: &RobustParameters) -> Self {
        let slow = left(days, parameters.half_l);
        Self {
            slow: self.slow.times(slow),
            fast: self.fast.times(left(days, parameters.half_lf)),
            lied: self.lied * slow,
            ..*self
        }
    }

    /// The coins, with or without what proven peers found.
    pub fn coins(&self, with_others: bool, p: &RobustParameters) -> Coins {
        let (mut slow, mut fast) = (self.slow, self.fast);
        if with_others {
            let mass = p.omega * self.others.total();
            let weight = p.omega * if mass > p.cmax { p.cmax / mass } else { 1.0 };
            slow = slow.with(weight, &self.others);
            fast = fast.with(weight, &self.others_fast);
        }
        let sens = slow.sensitivity(p.sens0, p.k0);
        let spec = slow.specificity(p.spec0, p.k0);
        let lately = Coins {
            sens: fast.sensitivity(sens, p.kf),
            spec: fast.specificity(spec, p.kf),
            factor: 0.0,
        };
        let always = Coins {
            sens,
            spec,
            factor: 0.0,
        };
        always.or_worse(lately, p.kappa)
    }
}

/// Sensitivity, specificity, and how far the peer is heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coins {
    /// Share of malicious addresses it calls malicious.
    pub sens: f64,
    /// Share of benign addresses it calls benign.
    pub spec: f64,
    /// 1 heard, 0 ignored, kappa read backwards.
    pub factor: f64,
}

impl Coins {
    /// How much better than chance: 1 always right, 0 noise, -1 always wrong.
    pub fn skill(&self) -> f64 {
        self.sens + self.spec - 1.0
    }

    /// The worse of the two windows. Where they disagree on which side the peer is, it is ignored.
    fn or_worse(self, lately: Self, kappa: f64) -> Self {
        let (skill, skill_lately) = (self.skill(), lately.skill());
        if skill > 0.0 {
            let chosen = if skill_lately < skill { lately } else { self };
            let factor = if skill_lately > 0.0 { 1.0 } else { 0.0 };
            Self { factor, ..chosen }
        } else if skill_lately > 0.0 {
            self
        } else {
            let chosen = if skill_lately > skill { lately } else { self };
            Self {
                factor: kappa,
                ..chosen
            }
        }
    }
}

/// How a peer is heard: what a claim of it weighs, and how far it is proven.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voice {
    /// Log-odds of "malicious" when it says so.
    pub pos: f64,
    /// Log-odds of "malicious" when it says benign; negative for a good peer.
    pub neg: f64,
    /// How far it is proven, first and second hand, in 0..1.
    pub rho: f64,
    /// How far it is proven at first hand; at most `rho`.
    pub rho1: f64,
    /// First-hand mass.
    pub mass: f64,
    /// What this was made of.
    pub coins: Coins,
}

impl Voice {
    /// How a peer is heard in an answer.
    pub fn answering(evidence: &Evidence, p: &RobustParameters) -> Self {
        let coins = evidence.coins(true, p);
        let mass = proven_mass(evidence, &coins);
        let second = p.wrho * (p.omega * evidence.others.total()).min(p.cmax);
        Self::new(coins, mass, mass + second, p)
    }

    /// How a peer is heard when others are measured by it: what others found may lower it, never
    /// raise it. This is what keeps a lying majority from electing itself.
    pub fn labelling(evidence: &Evidence, p: &RobustParameters) -> Self {
        let (own, with) = (evidence.coins(false, p), evidence.coins(true, p));
        let coins = if with.skill() < own.skill() {
            with
        } else {
            own
        };
        let mass = proven_mass(evidence, &coins);
        Self::new(coins, mass, mass, p)
    }

    fn new(coins: Coins, mass: f64, all: f64, p: &RobustParameters) -> Self {
        let Coins { sens, spec, factor } = coins;
        let heard = |odds: f64| odds.ln().clamp(-p.lmax, p.lmax) * factor;
        Self {
            pos: heard(sens / (1.0 - spec)),
            neg: heard((1.0 - sens) / spec),
            rho: all / (all + p.n_half),
            rho1: mass / (mass + p.n_half),
            mass,
            coins,
        }
    }

    /// Heard so much less because our own Slips holds its address for malicious.
    pub fn muffled(mut self, factor: f64) -> Self {
        self.pos *= factor;
        self.neg *= factor;
        self.coins.factor *= factor;
        self
    }

    /// How far it is believed: 0.5 unknown, 1 proven good, 0 proven liar.
    pub fn trust(&self) -> f64 {
        let heard = if self.coins.factor == 0.0 { 0.0 } else { 1.0 };
        0.5 + 0.5 * self.rho * self.coins.skill() * heard
    }
}

/// What proves a peer that is heard must not be its lies; a liar is proven one by them.
fn proven_mass(evidence: &Evidence, coins: &Coins) -> f64 {
    let mass = evidence.slow.total();
    if coins.skill() > 0.0 {
        (mass - evidence.lied).max(0.0)
    } else {
        mass
    }
}
