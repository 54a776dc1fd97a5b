//! From the reports on an address to one belief: the evidence, its caps, its fading, the answer.

use crate::{
    domain::{Confidence, Opinion, Score, Subject, Timestamp, Trust},
    reputation::lru::Handle,
};

use super::{
    RobustParameters,
    caps::nested_caps,
    coins::Voice,
    found::{Voices, between},
    maths::{Odds, days, decided, fade, kept, logit, sigmoid},
    tables::{Own, Peer, Report},
};

/// What is left of the severity of an address about which all disagree. A guess: near enough to
/// nothing, and far enough from the last bit of a score.
const LEAST_UNITY: f64 = 0.05;

/// One report as it is heard.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Who.
    pub author: Handle,
    /// When it was said.
    pub said_at: Timestamp,
    /// How malicious, in 0..=1.
    pub harm: f64,
    /// The share of "malicious" in that.
    claim: f64,
    /// What its author says in a dispute.
    disputed: [f64; 2],
    /// How sure its author was, by its own habit.
    emphasis: f64,
    /// How sure its author was.
    pub confidence: f64,
    /// How its author is heard.
    pub voice: Voice,
    /// How much of it is its author's own.
    pub independence: f64,
    /// The part of its voice its author had.
    pub tenure: f64,
    /// What its author's conduct on the wire is worth.
    pub reliability: f64,
    /// Its evidence, in log-odds, before caps.
    pub evidence: f64,
    /// The share of its first-hand evidence that fits under the caps.
    pub fits: f64,
    /// What it adds to the belief in the end, in log-odds: proven at first hand, at second hand,
    /// unproven. Over all reports they add up to what the network says. Only [`weigh_each`] knows.
    pub adds: [f64; 3],
}

impl Heard {
    /// A report of this peer, so much of it its own.
    #[inline]
    pub fn new(
        report: &Report,
        peer: &Peer,
        Voices { calm, disputed }: Voices,
        independence: f64,
        p: &RobustParameters,
    ) -> Self {
        let confidence = report.confidence.get();
        let claim = report.claim();
        let mut heard = Self {
            author: report.author,
            said_at: report.said_at,
            harm: report.harm(),
            claim,
            disputed,
            emphasis: peer.emphasis(confidence),
            confidence,
            voice: calm,
            independence,
            tenure: peer.tenure(report.said_at, p),
            reliability: peer.reliability,
            evidence: 0.0,
            fits: 1.0,
            adds: [0.0; 3],
        };
        heard.speak(p);
        heard
    }

    /// Its author speaks on an address on which reporters disagree so far: only what it says weighs
    /// less, or more; how far it is proven and believed stays.
    pub fn amid(&mut self, dispute: f64, p: &RobustParameters) {
        let [pos, neg] = self.disputed;
        self.voice.pos = between(self.voice.pos, pos, dispute);
        self.voice.neg = between(self.voice.neg, neg, dispute);
        self.speak(p);
    }

    fn speak(&mut self, p: &RobustParameters) {
        let Voice { pos, neg, .. } = self.voice;
        let said = self.claim * pos + (1.0 - self.claim) * neg;
        self.evidence = p.temper * self.emphasis * said * self.independence;
    }

    /// Evidence by how its author is proven: at first hand, at second hand, not at all.
    fn kinds(&self) -> [f64; 3] {
        let Voice { rho, rho1, .. } = self.voice;
        let unproven = (1.0 - rho) * self.reliability * self.tenure + (1.0 - self.fits) * rho1;
        [self.fits * rho1, rho - rho1, unproven].map(|part| part * self.evidence)
    }
}

/// What the reports on an address amount to, in log-odds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Belief {
    /// From reporters proven at first hand, within the nested caps.
    pub first_hand: f64,
    /// From reporters proven at second hand, at most `b2`; where no proven peer stands behind them,
    /// with `unproven` at most `b`.
    pub second_hand: f64,
    /// From unproven reporters, at most `b`.
    pub unproven: f64,
    /// What speaks for benign and for malicious, under the same caps together.
    pub sides: [f64; 2],
}

impl Belief {
    /// The specification's `x`: all that is proven.
    pub fn proven(&self) -> f64 {
        self.first_hand + self.second_hand
    }
}

/// What the reports so far add up to, by how their authors are proven.
#[derive(Debug, Clone, Copy)]
struct Sums {
    first_hand: Odds,
    /// At second hand, and not at all.
    others: [f64; 2],
    /// For benign and for malicious, of all three.
    sides: [[f64; 3]; 2],
}

impl Sums {
    const NONE: Self = Self {
        first_hand: Odds::EVEN,
        others: [0.0; 2],
        sides: [[0.0; 3]; 2],
    };

    fn add(&mut self, kinds: [f64; 3]) {
        let [first_hand, second_hand, unproven] = kinds;
        // The three have one sign: that of what was said as its author is read.
        let side = &mut self.sides[usize::from(first_hand + second_hand + unproven > 0.0)];
        for (sum, kind) in side.iter_mut().zip(kinds) {
            *sum += kind;
        }
        self.first_hand.say(first_hand);
        self.others[0] += second_hand;
        self.others[1] += unproven;
    }

    /// They age; what is left of what ages evenly.
    fn age(&mut self, from: Timestamp, to: Timestamp, p: &RobustParameters) -> f64 {
        let risk = p.hazard * days(from, to);
        if risk == 0.0 {
            return 1.0;
        }
        let kept = kept(risk);
        self.first_hand.fade_to(kept);
        self.others = self.others.map(|sum| sum * kept);
        self.sides = self.sides.map(|side| side.map(|sum| sum * kept));
        kept
    }

    /// The belief; `gate` is the part of second-hand proof that comes from a majority of unproven
    /// peers, in 0..=1.
    fn belief(&self, gate: f64, p: &RobustParameters) -> Belief {
        let [second, unknown] = self.others;
        let unproven = soft_cap(unknown, p.b);
        let capped = soft_cap(second, p.b2);
        Belief {
            first_hand: self.first_hand.log_odds(),
            second_hand: (1.0 - gate) * capped + gate * beside(unproven, capped, p),
            unproven,
            sides: self.capped_sides(p),
        }
    }
}

impl Sums {
    /// What speaks for benign and for malicious, without signs: of what is capped as a whole both
    /// sides together say at most the cap, each by its part.
    fn capped_sides(&self, p: &RobustParameters) -> [f64; 2] {
        let [benign, malicious] = self.sides.map(|side| side.map(f64::abs));
        let fits = |kind: usize, cap: f64| {
            let all = benign[kind] + malicious[kind];
            if all > 0.0 {
                soft_cap(all, cap) / all
            } else {
                0.0
            }
        };
        let [second, unknown] = [fits(1, p.b2), fits(2, p.b)];
        [benign, malicious].map(|side| side[0] + second * side[1] + unknown * side[2])
    }
}

/// Sums the reports, which stand in order of time. `gate` is the part of second-hand proof that comes
/// from a majority of unproven peers, in 0..=1.
pub fn weigh(heard: &mut [Heard], gate: f64, now: Timestamp, p: &RobustParameters) -> Belief {
    fit(heard, p);
    let (mut sums, mut last) = (Sums::NONE, None);
    for one in heard.iter() {
        if let Some(last) = last {
            sums.age(last, one.said_at, p);
        }
        last = Some(one.said_at);
        sums.add(one.kinds());
    }
    if let Some(last) = last {
        sums.age(last, now, p);
    }
    sums.belief(gate, p)
}

/// The same, and notes what each report adds: for people, since it takes much longer.
pub fn weigh_each(heard: &mut [Heard], gate: f64, now: Timestamp, p: &RobustParameters) -> Belief {
    let belief = weigh(heard, gate, now, p);
    // What each step left of each sum; the last step is the one to now.
    let (mut sums, mut steps) = (Sums::NONE, Vec::with_capacity(heard.len()));
    let times = heard.iter().map(|one| one.said_at).skip(1).chain([now]);
    for (one, next) in heard.iter().zip(times) {
        sums.add(one.kinds());
        let before = sums.first_hand.log_odds();
        let kept = sums.age(one.said_at, next, p);
        let first_hand = match before {
            0.0 => kept,
            before => sums.first_hand.log_odds() / before,
        };
        steps.push([first_hand, kept, kept]);
    }
    let [second, unknown] = sums.others;
    let mut keep = [
        1.0,
        ratio(belief.second_hand, second),
        ratio(belief.unproven, unknown),
    ];
    for (one, step) in heard.iter_mut().zip(&steps).rev() {
        for (keep, step) in keep.iter_mut().zip(step) {
            *keep *= step;
        }
        one.adds = std::array::from_fn(|kind| one.kinds()[kind] * keep[kind]);
    }
    belief
}

/// Finds out what of each report's first-hand evidence fits under the caps.
fn fit(heard: &mut [Heard], p: &RobustParameters) {
    let items: Vec<_> = heard
        .iter()
        .map(|one| (one.voice.mass, one.voice.rho1 * one.evidence))
        .collect();
    for (one, fits) in heard.iter_mut().zip(nested_caps(&items, p)) {
        one.fits = fits;
    }
}

/// At most `cap` either way, and nearly itself when small.
fn soft_cap(sum: f64, cap: f64) -> f64 {
    if cap > 0.0 {
        cap * (sum / cap).tanh()
    } else {
        0.0
    }
}

/// What second-hand evidence adds that no proven peer stands behind: together with what the unproven
/// say it stays under their cap, so that nobody becomes sure of what only unproven peers say.
fn beside(unproven: f64, second_hand: f64, p: &RobustParameters) -> f64 {
    if p.b2 <= 0.0 || p.b <= 0.0 {
        return 0.0;
    }
    let scaled = second_hand * p.b / p.b2;
    if unproven * scaled > 0.0 {
        scaled * (1.0 - unproven.abs() / p.b)
    } else {
        scaled
    }
}

/// The share that is left of a sum; of none, all.
fn ratio(left: f64, sum: f64) -> f64 {
    if sum == 0.0 { 1.0 } else { left / sum }
}

/// What our own Slips adds, in log-odds.
pub fn own_part(own: Own, now: Timestamp, p: &RobustParameters) -> f64 {
    let says = own.weight() * logit(own.probability(p));
    fade(says, p.hazard * days(own.said_at, now))
}

/// The log-odds of "malicious": the network's, and with them what our own Slips adds.
fn log_odds(belief: &Belief, own: f64, p: &RobustParameters) -> f64 {
    p.tau * (belief.proven() + belief.unproven) + logit(p.pi0) + own
}

/// The opinion that follows from a belief and from so much, in log-odds, that our own Slips adds.
pub fn answer(
    subject: Subject,
    heard: &[Heard],
    belief: &Belief,
    own: f64,
    now: Timestamp,
    p: &RobustParameters,
) -> Opinion {
    let probability = sigmoid(log_odds(belief, own, p));
    let is_malicious = probability > 0.5;
    let confidence = (2.0 * probability - 1.0).abs();
    let severity = severity(heard, is_malicious, p) * unity(belief, own, is_malicious, p);
    Opinion {
        subject,
        score: Score::clamped(0.5 + severity * confidence),
        confidence: Confidence::clamped(confidence),
        network_score: network_score(heard),
        computed_at: now,
        reporters: u32::try_from(heard.len()).unwrap_or(u32::MAX),
    }
}

/// How far from undecided those say it is that are on the side that won. The constants are the
/// specification's: half a report of severity 0.8 or 0.12, and a side of its own for each class.
/// What several proven reporters say independently of each other is worse (or more harmless) than
/// what each of them saw: every further one counts as saying the utmost.
fn severity(heard: &[Heard], is_malicious: bool, p: &RobustParameters) -> f64 {
    let (mut chorus, mut strongest) = (0.0, 0.0_f64);
    let (assumed, mass) = (if is_malicious { 0.8 } else { 0.12 }, 0.5);
    let (mut sum, mut weights) = (mass * assumed, mass);
    for one in heard {
        let Voice { pos, neg, rho, .. } = one.voice;
        // Multiplied instead of left out: which side the next one is on cannot be predicted.
        let agrees = f64::from((one.claim > 0.5) == is_malicious);
        let weight = agrees * ((pos - neg).max(0.02) * (0.3 + 0.7 * rho) * one.confidence);
        sum += weight * one.harm;
        weights += weight;
        let known = agrees * f64::from(pos > neg) * rho * one.independence * decided(one.claim);
        chorus += known;
        strongest = strongest.max(known);
    }
    let further = p.chorus * (chorus - strongest);
    let utmost = if is_malicious { 1.0 } else { 0.0 };
    let severity = (sum + further * utmost) / (weights + further);
    if is_malicious {
        severity.max(0.55) - 0.5
    } else {
        severity.min(0.45) - 0.5
    }
}

/// How much of the severity stands when evidence speaks against it: all of it where what is left over
/// of the evidence is a share of `unity`, and never nothing, so that the score is on the side of the
/// belief.
fn unity(belief: &Belief, own: f64, is_malicious: bool, p: &RobustParameters) -> f64 {
    let [mut benign, mut malicious] = belief.sides.map(|side| p.tau * side);
    if own > 0.0 {
        malicious += own;
    } else {
        benign -= own;
    }
    let all = malicious + benign;
    if all <= 0.0 {
        return 1.0;
    }
    let over = if is_malicious {
        malicious - benign
    } else {
        benign - malicious
    };
    (over / all / p.unity).clamp(LEAST_UNITY, 1.0)
}

/// How far the reporters are believed, weighted by how sure they are; 0.5 where nobody is sure.
fn network_score(heard: &[Heard]) -> Trust {
    let sure: f64 = heard.iter().map(|one| one.confidence).sum();
    let trust: f64 = heard
        .iter()
        .map(|one| one.confidence * one.voice.trust())
        .sum();
    Trust::clamped(if sure > 0.0 { trust / sure } else { 0.5 })
}
