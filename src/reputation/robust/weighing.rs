//! From the reports on an address to one belief: the evidence, its caps, its fading, the answer.

use crate::{
    domain::{Confidence, Opinion, Score, Subject, Timestamp, Trust},
    reputation::lru::Handle,
};

use super::{
    RobustParameters,
    caps::nested_caps,
    coins::Voice,
    maths::{claim, days, fade, fade_to, kept, logit, sigmoid},
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
    /// unproven. Over all reports they add up to what the network says.
    pub adds: [f64; 3],
}

impl Heard {
    /// A report of this peer, so much of it its own.
    pub fn new(
        report: &Report,
        peer: &Peer,
        voice: Voice,
        independence: f64,
        p: &RobustParameters,
    ) -> Self {
        let confidence = report.confidence.get();
        let claim = report.claim();
        let said = claim * voice.pos + (1.0 - claim) * voice.neg;
        Self {
            author: report.author,
            said_at: report.said_at,
            harm: report.harm(),
            confidence,
            voice,
            independence,
            tenure: peer.tenure(report.said_at, p),
            reliability: peer.reliability,
            evidence: p.temper * peer.emphasis(confidence) * said * independence,
            fits: 1.0,
            adds: [0.0; 3],
        }
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
}

impl Belief {
    /// The specification's `x`: all that is proven.
    pub fn proven(&self) -> f64 {
        self.first_hand + self.second_hand
    }
}

/// Sums the reports, which stand in order of time, and notes what each adds. `gate` is the part of
/// second-hand proof that comes from a majority of unproven peers, in 0..=1.
pub fn weigh(heard: &mut [Heard], gate: f64, now: Timestamp, p: &RobustParameters) -> Belief {
    let items: Vec<_> = heard
        .iter()
        .map(|one| (one.voice.mass, one.voice.rho1 * one.evidence))
        .collect();
    for (one, fits) in heard.iter_mut().zip(nested_caps(&items, p)) {
        one.fits = fits;
    }
    let (mut sums, mut last) = ([0.0; 3], None);
    let mut steps = Vec::with_capacity(heard.len());
    for one in heard.iter() {
        let step = last.map_or([1.0; 3], |last| age(&mut sums, last, one.said_at, p));
        steps.push(step);
        last = Some(one.said_at);
        for (sum, part) in sums.iter_mut().zip(one.kinds()) {
            *sum += part;
        }
    }
    let mut keep = last.map_or([1.0; 3], |last| age(&mut sums, last, now, p));
    let [first_hand, second, unknown] = sums;
    let unproven = soft_cap(unknown, p.b);
    let capped = soft_cap(second, p.b2);
    let second_hand = (1.0 - gate) * capped + gate * beside(unproven, capped, p);
    keep[1] *= ratio(second_hand, second);
    keep[2] *= ratio(unproven, unknown);
    let belief = Belief {
        first_hand,
        second_hand,
        unproven,
    };
    for (one, step) in heard.iter_mut().zip(&steps).rev() {
        one.adds = std::array::from_fn(|kind| one.kinds()[kind] * keep[kind]);
        for (keep, step) in keep.iter_mut().zip(step) {
            *keep *= step;
        }
    }
    belief
}

/// Lets the sums age from one time to another; the share of each that is left.
fn age(sums: &mut [f64; 3], from: Timestamp, to: Timestamp, p: &RobustParameters) -> [f64; 3] {
    let risk = p.hazard * days(from, to);
    if risk == 0.0 {
        return [1.0; 3];
    }
    let linear = kept(risk);
    let faded = fade_to(sums[0], linear);
    let shares = [
        if sums[0] == 0.0 {
            linear
        } else {
            faded / sums[0]
        },
        linear,
        linear,
    ];
    *sums = [faded, sums[1] * linear, sums[2] * linear];
    shares
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
pub fn log_odds(belief: &Belief, own: f64, p: &RobustParameters) -> f64 {
    p.tau * (belief.proven() + belief.unproven) + logit(p.pi0) + own
}

/// The opinion at these log-odds, so much of it our own Slips'.
pub fn answer(
    subject: Subject,
    heard: &[Heard],
    [log_odds, own]: [f64; 2],
    now: Timestamp,
    p: &RobustParameters,
) -> Opinion {
    let probability = sigmoid(log_odds);
    let is_malicious = probability > 0.5;
    let confidence = (2.0 * probability - 1.0).abs();
    let severity = severity(heard, is_malicious, p) * unity(heard, [log_odds, own], p);
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
    let (assumed, mass) = (if is_malicious { 0.8 } else { 0.12 }, 0.5);
    let (mut chorus, mut strongest) = (0.0, 0.0_f64);
    let (mut sum, mut weights) = (mass * assumed, mass);
    let agreeing = |one: &&Heard| (claim(one.harm) > 0.5) == is_malicious;
    for one in heard.iter().filter(agreeing) {
        let Voice { pos, neg, rho, .. } = one.voice;
        let weight = (pos - neg).max(0.02) * (0.3 + 0.7 * rho) * one.confidence;
        sum += weight * one.harm;
        weights += weight;
        if pos > neg {
            chorus += rho * one.independence;
            strongest = strongest.max(rho * one.independence);
        }
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

/// How much of the severity stands when evidence speaks against it: all of it where the share left
/// over is `unity`, and never nothing, so that the score is on the side of the belief.
fn unity(heard: &[Heard], [log_odds, own]: [f64; 2], p: &RobustParameters) -> f64 {
    let said = heard.iter().flat_map(|one| one.adds).map(f64::abs);
    let all = p.tau * said.sum::<f64>() + own.abs();
    if all > 0.0 {
        (log_odds.abs() / all / p.unity).clamp(LEAST_UNITY, 1.0)
    } else {
        1.0
    }
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
