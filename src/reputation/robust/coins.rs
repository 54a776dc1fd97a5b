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

    /// What of it speaks for the peer.
    fn in_favour(&self) -> Self {
        Self {
            mm: self.mm,
            bb: self.bb,
            ..Self::default()
        }
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
    /// The part of `slow` that comes from contradicting our own Slips.
    pub lies: Tally,
    /// The part of `fast` that does.
    pub lies_fast: Tally,
    /// First-hand mass that is in `slow` but proves nothing.
    void: f64,
}

impl Evidence {
    /// What is left of the first hand after some days.
    pub fn after(&self, days: f64, parameters: &RobustParameters) -> Self {
        let slow = left(days, parameters.half_l);
        let fast = left(days, parameters.half_lf);
        Self {
            slow: self.slow.times(slow),
            fast: self.fast.times(fast),
            lies: self.lies.times(slow),
            lies_fast: self.lies_fast.times(fast),
            ..*self
        }
    }

    /// Takes in that a claim `v` met an address that our own Slips holds for malicious with
    /// probability `q`.
    pub fn prove(&mut self, weight: f64, q: f64, v: f64, contradicts: bool) {
        self.slow.add(weight, q, v);
        self.fast.add(weight, q, v);
        if contradicts {
            self.lies.add(weight, q, v);
            self.lies_fast.add(weight, q, v);
        }
    }

    /// This without so much of another.
    pub fn less(&self, share: f64, other: &Self) -> Self {
        let less = |own: &Tally, other: &Tally| own.with(-share, other);
        Self {
            slow: less(&self.slow, &other.slow),
            fast: less(&self.fast, &other.fast),
            others: less(&self.others, &other.others),
            others_fast: less(&self.others_fast, &other.others_fast),
            lies: less(&self.lies, &other.lies),
            lies_fast: less(&self.lies_fast, &other.lies_fast),
            void: self.void,
        }
    }

    /// First-hand mass.
    fn mass(&self) -> f64 {
        (self.slow.total() - self.void).max(0.0)
    }

    /// As if the peer had kept silent instead of lying.
    fn silent(&self) -> Self {
        Self {
            slow: self.slow.with(-1.0, &self.lies),
            fast: self.fast.with(-1.0, &self.lies_fast),
            ..*self
        }
    }

    /// As if lies were held against the peer, and proved nothing else.
    fn shamed(&self) -> Self {
        let (lies, fast) = (self.lies.in_favour(), self.lies_fast.in_favour());
        Self {
            slow: self.slow.with(-1.0, &lies),
            fast: self.fast.with(-1.0, &fast),
            void: self.lies.mb + self.lies.bm,
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
        Self::unpaid(evidence, |evidence| {
            let mass = evidence.mass();
            let second = p.wrho * (p.omega * evidence.others.total()).min(p.cmax);
            Self::new(evidence.coins(true, p), mass, mass + second, p)
        })
    }

    /// How a peer is heard when others are measured by it: what others found may lower it, never
    /// raise it. This is what keeps a lying majority from electing itself.
    pub fn labelling(evidence: &Evidence, p: &RobustParameters) -> Self {
        Self::unpaid(evidence, |evidence| {
            let (own, with) = (evidence.coins(false, p), evidence.coins(true, p));
            let is_lowered = with.skill() < own.skill();
            let coins = if is_lowered { with } else { own };
            Self::new(coins, evidence.mass(), evidence.mass(), p)
        })
    }

    /// Lies never pay: contradicting our own Slips makes a peer better known before it makes it
    /// worse, so it could be trusted more for a lie than for silence. Where that would be so, its
    /// lies count for nothing but against it.
    fn unpaid(evidence: &Evidence, hear: impl Fn(&Evidence) -> Self) -> Self {
        let voice = hear(evidence);
        let may_profit = evidence.lies.total() > 0.0 && voice.trust() > 0.5;
        if may_profit && voice.trust() > hear(&evidence.silent()).trust() {
            hear(&evidence.shamed())
        } else {
            voice
        }
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

    /// How far it is believed beyond anybody unknown: 0 for those who are, and for liars; less for whom our
    /// own Slips holds for malicious.
    pub fn credit(&self) -> f64 {
        self.coins.factor * (self.trust() - 0.5).max(0.0)
    }

    /// How far it is believed: 0.5 unknown, 1 proven good, 0 proven liar.
    pub fn trust(&self) -> f64 {
        let heard = if self.coins.factor == 0.0 { 0.0 } else { 1.0 };
        0.5 + 0.5 * self.rho * self.coins.skill() * heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coins(skill: f64) -> Coins {
        Coins {
            sens: 0.5 + skill / 2.0,
            spec: 0.5 + skill / 2.0,
            factor: 9.0,
        }
    }

    /// Each window with its skill; the skill that counts, and how far the peer is heard.
    #[test]
    fn the_worse_window_counts_and_where_they_disagree_neither() {
        for (always, lately, skill, factor) in [
            (0.5, 0.25, 0.25, 1.0),
            (0.25, 0.5, 0.25, 1.0),
            (0.5, 0.0, 0.0, 0.0),
            (0.5, -0.25, -0.25, 0.0),
            (0.0, 0.0, 0.0, 0.3),
            (0.0, -0.25, 0.0, 0.3),
            (-0.25, 0.0, 0.0, 0.3),
            (-0.5, -0.25, -0.25, 0.3),
            (-0.25, -0.5, -0.25, 0.3),
        ] {
            let found = coins(always).or_worse(coins(lately), 0.3);
            assert_eq!(
                (found.skill(), found.factor),
                (skill, factor),
                "{always} {lately}"
            );
        }
        // A known liar that lately was right is what it always was.
        assert_eq!(coins(-0.5).or_worse(coins(0.25), 0.3), coins(-0.5));
    }

    /// Right twice, and a lie: `q` 0.9, said to be benign.
    fn liar() -> (Evidence, Evidence) {
        let mut honest = Evidence::default();
        honest.prove(1.0, 0.9, 1.0, false);
        honest.prove(0.5, 0.1, 0.0, false);
        let mut liar = honest;
        liar.prove(2.0, 0.9, 0.0, true);
        (honest, liar)
    }

    fn assert_near(found: Tally, mm: f64, mb: f64, bm: f64, bb: f64) {
        let found = [found.mm, found.mb, found.bm, found.bb];
        for (found, expected) in found.iter().zip([mm, mb, bm, bb]) {
            assert!(
                (found - expected).abs() < 1e-12,
                "{found:?}, not {expected}"
            );
        }
    }

    #[test]
    fn lies_are_in_both_windows_and_can_be_taken_out_of_both() {
        let (honest, liar) = liar();
        for window in [liar.slow, liar.fast] {
            assert_near(window, 0.9, 0.05 + 1.8, 0.1, 0.45 + 0.2);
        }
        for lies in [liar.lies, liar.lies_fast] {
            assert_near(lies, 0.0, 1.8, 0.0, 0.2);
        }
        let silent = liar.silent();
        for window in [silent.slow, silent.fast] {
            assert_near(window, 0.9, 0.05, 0.1, 0.45);
        }
        assert!((silent.mass() - honest.mass()).abs() < 1e-12);
    }

    #[test]
    fn shamed_is_who_keeps_what_lies_say_against_it_and_no_more() {
        let (_, liar) = liar();
        let shamed = liar.shamed();
        for window in [shamed.slow, shamed.fast] {
            assert_near(window, 0.9, 0.05 + 1.8, 0.1, 0.45);
        }
        // Held against it, but it makes it no better known.
        assert!((shamed.mass() - 1.5).abs() < 1e-12, "{}", shamed.mass());
    }

    #[test]
    fn the_windows_forget_at_their_own_pace() {
        let p = RobustParameters::default();
        let (_, liar) = liar();
        let later = liar.after(10.0, &p);
        let (slow, fast) = (0.5, (-10.0 / p.half_lf).exp2());
        assert_near(later.slow, 0.45, 0.925, 0.05, 0.325);
        assert_near(later.lies, 0.0, 0.9, 0.0, 0.1);
        assert_eq!(later.fast, liar.fast.times(fast));
        assert_eq!(later.lies_fast, liar.lies_fast.times(fast));
        assert_eq!(later.slow, liar.slow.times(slow));
    }

    /// What proven peers say weighs in both windows, by `omega`, and no more than `cmax` in all.
    #[test]
    fn what_others_found_weighs_up_to_its_cap() {
        let p = RobustParameters {
            omega: 0.5,
            cmax: 3.0,
            ..RobustParameters::default()
        };
        let found = |mass: f64| Evidence {
            others: Tally {
                mm: mass,
                ..Tally::default()
            },
            others_fast: Tally {
                mm: mass / 2.0,
                ..Tally::default()
            },
            ..Evidence::default()
        };
        for (mass, counts) in [(4.0, 2.0), (6.0, 3.0), (60.0, 3.0)] {
            let coins = found(mass).coins(true, &p);
            let always = (counts + p.k0 * p.sens0) / (counts + p.k0);
            assert!((coins.sens - always).abs() < 1e-12, "{mass}: {coins:?}");
            assert_eq!(coins.spec, p.spec0);
            let alone = found(mass).coins(false, &p);
            assert!((alone.sens - p.sens0).abs() < 1e-12);
            let voice = Voice::answering(&found(mass), &p);
            let rho = p.wrho * counts / (p.wrho * counts + p.n_half);
            assert!((voice.rho - rho).abs() < 1e-12, "{mass}: {voice:?}");
            assert_eq!((voice.rho1, voice.mass), (0.0, 0.0));
            // Where others are measured by it, praise does not raise it.
            let label = Voice::labelling(&found(mass), &p);
            assert_eq!((label.rho, label.coins), (0.0, alone));
        }
    }
}
