//! A small field of sensors and liars: what `robust` makes of it against the other models. The
//! figures are for five seeds nobody tuned on; the bounds leave some room.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use slips_p2p::reputation::{Engine, ModelKind, Parameters, TrustModel};

use super::world::{anchored, at, moved, own, rated, says, subject};

const HOUR: f64 = 3600.0;
const SEEDS: [u64; 5] = [11, 23, 37, 53, 71];

/// Score, confidence, and whether it is malicious.
type Answer = (f64, f64, bool);

/// A field: who lies, and who can be asked.
#[derive(Clone, Copy)]
struct Field {
    liars: usize,
    honest: usize,
    /// Share of addresses on which our own Slips speaks.
    checked: f64,
    anchors: usize,
    kappa: &'static str,
}

const FIELD: Field = Field {
    liars: 0,
    honest: 20,
    checked: 0.0,
    anchors: 0,
    kappa: "0.3",
};

/// Ten days: 400 addresses, half of them malicious, each reported by eight peers; who is honest is
/// right in 85 of 100. Returns for each unchecked address what was believed and what was true.
fn run(field: Field, kind: ModelKind, seed: u64) -> Vec<Answer> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut parameters = Parameters::default();
    parameters.set("kappa", field.kappa).expect("a parameter");
    let mut engine = Engine::new(kind, parameters);
    let peers = field.liars + field.honest;
    let name = |peer: usize| format!("peer {peer}");
    for peer in 0..peers {
        engine.learn(&moved(&name(peer), &format!("192.0.2.{peer}")), at(0.0));
        engine.learn(&rated(&name(peer), 1.0), at(0.0));
        if peer >= peers - field.anchors {
            engine.learn(&anchored(&name(peer), 0.95), at(0.0));
        }
    }
    let mut asked = Vec::new();
    let mut order: Vec<usize> = (0..peers).collect();
    for number in 0..400_u32 {
        let of = format!("198.18.{}.{}", number / 200, number % 200);
        let (is_bad, now) = (rng.random_bool(0.5), f64::from(number) * 0.6 * HOUR);
        order.shuffle(&mut rng);
        for (turn, &peer) in (0..8_u32).zip(&order) {
            let is_right = peer >= field.liars && rng.random_bool(0.85);
            let noise: f64 = rng.random_range(0.0..0.3);
            let score = if is_right == is_bad {
                1.0 - noise
            } else {
                noise
            };
            let confidence: f64 = rng.random_range(0.5..1.0);
            let said_at = at(now + f64::from(turn) * 120.0);
            engine.learn(&says(&name(peer), &of, score, confidence), said_at);
        }
        let end = at(now + HOUR);
        if rng.random_bool(field.checked) {
            let sees = if rng.random_bool(0.95) == is_bad {
                0.9
            } else {
                0.1
            };
            engine.learn(&own(&of, sees, 0.8), end);
        } else {
            asked.push((of, is_bad));
        }
    }
    let now = at(241.0 * HOUR);
    let answer = |(of, is_bad): (String, bool)| {
        engine.prepare(subject(&of), now);
        let verdict = engine.verdict(subject(&of), now).expect("somebody spoke");
        (verdict.score.get(), verdict.confidence.get(), is_bad)
    };
    asked.into_iter().skip(100).map(answer).collect()
}

/// The chance that a malicious address scores above a benign one.
fn auc(answers: &[Answer]) -> f64 {
    let (bad, good): (Vec<Answer>, Vec<Answer>) =
        answers.iter().copied().partition(|(_, _, is_bad)| *is_bad);
    let wins: f64 = bad
        .iter()
        .flat_map(|b| good.iter().map(move |g| (b.0, g.0)))
        .map(|(b, g)| {
            if b > g {
                1.0
            } else if b == g {
                0.5
            } else {
                0.0
            }
        })
        .sum();
    let pairs = bad.len() * good.len();
    wins / f64::from(u32::try_from(pairs).expect("few pairs"))
}

/// The median over the seeds.
fn median_auc(field: Field, kind: ModelKind) -> f64 {
    let mut all = SEEDS.map(|seed| auc(&run(field, kind, seed)));
    all.sort_by(f64::total_cmp);
    println!(
        "{kind} {} liars of {}: AUC {all:.3?}",
        field.liars,
        field.liars + field.honest
    );
    all[2]
}

/// Above every other model by at least `lead`, and at least `least`.
fn assert_best(field: Field, least: f64, lead: f64) {
    let robust = median_auc(field, ModelKind::Robust);
    assert!(robust >= least, "robust only {robust}");
    for kind in ModelKind::ALL.into_iter().skip(1) {
        let other = median_auc(field, kind);
        assert!(robust >= other + lead, "{kind} {other}, robust {robust}");
    }
}

#[test]
fn where_all_are_honest_it_is_within_a_hundredth_of_the_best() {
    assert_best(FIELD, 0.95, -0.01);
}

#[test]
fn with_a_third_of_liars_and_nobody_to_ask_the_majority_is_right() {
    let field = Field {
        liars: 6,
        honest: 14,
        ..FIELD
    };
    assert_best(field, 0.9, 0.0);
}

#[test]
fn with_nobody_to_ask_a_lying_majority_never_makes_it_sure() {
    let p = Parameters::default().robust;
    let most = (p.tau * p.b / 2.0).tanh();
    for seed in SEEDS {
        let answers = run(
            Field {
                liars: 14,
                honest: 6,
                ..FIELD
            },
            ModelKind::Robust,
            seed,
        );
        assert!(answers.iter().all(|(_, confidence, _)| *confidence <= most));
    }
}

#[test]
fn seven_in_ten_lie_and_our_own_slips_sees_a_fifth() {
    let field = Field {
        liars: 14,
        honest: 6,
        checked: 0.2,
        ..FIELD
    };
    assert_best(field, 0.93, 0.1);
    assert_best(
        Field {
            kappa: "0",
            ..field
        },
        0.8,
        0.1,
    );
}

#[test]
fn three_in_four_lie_and_the_rest_are_anchors() {
    assert_best(
        Field {
            liars: 15,
            honest: 5,
            anchors: 5,
            ..FIELD
        },
        0.9,
        0.1,
    );
}

#[test]
fn three_in_four_lie_and_one_of_the_rest_is_an_anchor() {
    assert_best(
        Field {
            liars: 15,
            honest: 5,
            anchors: 1,
            ..FIELD
        },
        0.8,
        0.1,
    );
}
