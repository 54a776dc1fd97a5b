//! `fides` against the worked vectors of the specification's appendix, A.6.

use slips_p2p::reputation::{
    Engine, ModelKind, Parameters, TrustModel,
    fides::{
        Aggregation, Evaluation, FidesParameters, Interaction, Judgement, Recommendation,
        aggregate, alert, judged, recommendation_trust, recommended, satisfaction, service_trust,
    },
};

use super::world::{anchored, at, moved, own, peer, says, subject};

fn close(what: &str, found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9,
        "{what}: {found}, not {expected}"
    );
}

#[test]
fn v1_service_trust() {
    let steps = [
        (1.0, 0.1, 1.0, 0.9, 0.5005),
        (
            0.81,
            1.0,
            0.827_272_727_272_727_3,
            0.333_639_461_528_842_8,
            0.503_209_059_930_166_1,
        ),
        (
            0.90,
            1.0,
            0.861_904_761_904_761_8,
            0.235_910_851_181_575_3,
            0.507_318_480_089_419_3,
        ),
        (
            1.0,
            0.5,
            0.888_461_538_461_538_4,
            0.290_186_522_473_811_2,
            0.509_734_731_088_985_3,
        ),
        (0.12, 1.0, 0.675, 0.2682, 0.502_045),
        (
            1.0,
            0.7,
            0.727_906_976_744_186,
            0.271_116_821_097_013_3,
            0.505_540_913_971_740_7,
        ),
        (
            0.655,
            1.0,
            0.714_150_943_396_226_4,
            0.254_363_527_099_965_24,
            0.506_087_842_589_237,
        ),
    ];
    let mut history = Vec::new();
    for (number, (satisfaction, weight, competence, integrity, trust)) in
        steps.into_iter().enumerate()
    {
        history.push(Interaction {
            satisfaction,
            weight,
        });
        let found = service_trust(&history, 100, 0.5);
        close(&format!("{number} cb"), found.competence, competence);
        close(&format!("{number} ib"), found.integrity, integrity);
        close(&format!("{number} st"), found.trust, trust);
    }
    for number in 0..120 {
        let satisfaction = if number % 4 == 0 { 0.1 } else { 0.9 };
        history.push(Interaction {
            satisfaction,
            weight: 1.0,
        });
    }
    let found = service_trust(&history[history.len() - 100..], 100, 0.5);
    close("cb", found.competence, 0.7);
    close("ib", found.integrity, 0.346_410_161_513_775_7);
    close("st", found.trust, 0.526_794_919_243_112_1);
}

fn reports() -> Vec<(f64, Judgement)> {
    [
        (0.90, -0.80, 0.95),
        (0.55, -0.60, 0.70),
        (0.20, 0.95, 1.0),
        (0.40, 0.10, 0.20),
        (0.0, 1.0, 1.0),
    ]
    .map(|(trust, score, confidence)| (trust, Judgement { score, confidence }))
    .into()
}

#[test]
fn v2_aggregation() {
    for (how, score, confidence) in [
        (Aggregation::Average, -0.4, 0.304),
        (Aggregation::WeightedAverage, -0.4, 0.741_463_414_634_146_2),
        (
            Aggregation::StdevFromScore,
            -0.349_756_097_560_975_6,
            0.852_918_424_379_625_2,
        ),
    ] {
        let found = aggregate(how, &reports()).expect("an opinion");
        close(how.word(), found.score, score);
        close(how.word(), found.confidence, confidence);
        let nobody: Vec<_> = reports().iter().map(|(_, one)| (0.0, *one)).collect();
        let found = aggregate(how, &nobody).map(|found| (found.score, found.confidence));
        let expected = (how == Aggregation::Average).then_some((0.0, 0.0));
        assert_eq!(found, expected, "all trusts 0");
        assert_eq!(aggregate(how, &[]), None);
    }
}

#[test]
fn v2_satisfactions() {
    let aggregated = aggregate(Aggregation::Average, &reports()).expect("an opinion");
    let local = Some(Judgement {
        score: -0.9,
        confidence: 0.6,
    });
    for (evaluation, local, expected) in [
        (
            Evaluation::Distance,
            None,
            [0.24624, 0.28272, 0.0988, 0.2888, 0.0912],
        ),
        (
            Evaluation::LocalDistance,
            None,
            [0.24624, 0.28272, 0.0988, 0.2888, 0.0912],
        ),
        (
            Evaluation::LocalDistance,
            local,
            [0.5715, 0.537, 0.045, 0.54, 0.03],
        ),
        (
            Evaluation::WeighedDistance,
            local,
            [0.376_344, 0.384_432, 0.07728, 0.38928, 0.06672],
        ),
        (
            Evaluation::MaxConfidence,
            local,
            [
                0.513_756_96,
                0.504_146_88,
                0.153_035_2,
                0.507_795_2,
                0.141_724_8,
            ],
        ),
        (Evaluation::Threshold, local, [1.0; 5]),
        (Evaluation::Even, local, [1.0; 5]),
    ] {
        let parameters = FidesParameters {
            evaluation,
            ..FidesParameters::default()
        };
        for ((_, report), expected) in reports().into_iter().zip(expected) {
            let found = satisfaction(report, aggregated, local, &parameters);
            close(evaluation.word(), found, expected);
        }
    }
}

fn claims() -> [Recommendation; 3] {
    let claim =
        |trust, competence, integrity, interactions, reputation, recommended_by| Recommendation {
            trust,
            competence,
            integrity,
            interactions,
            reputation,
            recommended_by,
        };
    [
        claim(0.9, 0.85, 0.10, 80, 0.80, 10),
        claim(0.8, 0.70, 0.20, 45, 0.60, 4),
        claim(0.6, 0.05, 0.60, 100, 0.0, 100),
    ]
}

/// Satisfaction, weight and the trust after it, of each recommender.
fn assert_judged(claims: &[Recommendation], expected: &[(f64, f64, f64)]) {
    let p = FidesParameters::default();
    let result = recommended(claims, &p);
    for (claim, (satisfied, weight, trust)) in claims.iter().zip(expected) {
        let found = judged(claim, &result, &p);
        close("rs", found.satisfaction, *satisfied);
        close("rw", found.weight, *weight);
        close(
            "rt",
            recommendation_trust(&[found], claim.trust, &p),
            *trust,
        );
    }
}

#[test]
fn v3_recommendations() {
    let p = FidesParameters::default();
    let all = recommended(&claims(), &p);
    close("er", all.reputation, 0.126_315_789_473_684_2);
    close("ecb", all.competence, 0.532_142_857_142_857_1);
    close("eib", all.integrity, 0.3);
    close("mu", all.experience, 0.75);
    close("r", all.result, 0.318_186_090_225_563_9);
    assert_judged(
        &claims(),
        &[
            (-1.199_105_145_413_870_4, 0.625, 0.876_760_626_398_210_3),
            (-0.466_256_524_981_357, 0.3475, 0.785_816_272_837_434_8),
            (0.031_319_910_514_541_38, 1.0, 0.594_313_199_105_145_4),
        ],
    );
    let two = &claims()[..2];
    close("r", recommended(two, &p).result, 0.738_732_240_437_158_5);
    assert_judged(
        two,
        &[
            (0.872_441_520_467_836_3, 0.534, 0.897_691_626_461_988_3),
            (0.725_877_192_982_456, 0.2942, 0.796_697_151_315_789_6),
        ],
    );
}

#[test]
fn alerts_count_by_trust_and_at_least_by_half() {
    let p = FidesParameters::default();
    let said = Judgement {
        score: -0.8,
        confidence: 0.9,
    };
    for (trust, confidence) in [(0.3, 0.45), (0.8, 0.72)] {
        let found = alert(said, trust, &p);
        assert_eq!(found.score, -0.8);
        close("C", found.confidence, confidence);
    }
}

/// Through the engine: scores change sign at the border, trust grows with every round.
#[test]
fn the_model_answers_by_these_formulas() {
    let mut engine = Engine::new(ModelKind::Fides, Parameters::default());
    let (of, now) = (subject("198.51.100.7"), at(1000.0));
    engine.learn(&moved("ann", "192.0.2.1"), at(1.0));
    engine.learn(&says("ann", "192.0.2.1", 0.0, 1.0), at(1.0));
    assert_eq!(engine.opinion(subject("192.0.2.1"), now), None);
    engine.learn(&says("ann", "198.51.100.7", 0.9, 0.8), at(2.0));
    let trust = engine.account(peer("ann"), now).expect("known").trust;
    let rounds = [
        Interaction {
            satisfaction: 1.0,
            weight: 0.1,
        },
        Interaction {
            satisfaction: 1.0,
            weight: 1.0,
        },
    ];
    close("trust", trust, service_trust(&rounds, 100, 0.5).trust);
    let opinion = engine.opinion(of, now).expect("an opinion");
    close("score", opinion.score.get(), 0.9);
    close("confidence", opinion.confidence.get(), 0.8 * trust);
    close("network score", opinion.network_score.get(), trust);
    // Nobody but its author measures it, and our own Slips is no part of the answer.
    engine.learn(&own("198.51.100.7", 0.0, 1.0), at(3.0));
    assert_eq!(engine.verdict(of, now), engine.opinion(of, now));
    engine.learn(&anchored("ann", 0.9), at(3.0));
    let trusted = engine.account(peer("ann"), now).expect("known").trust;
    close("an anchor", trusted, service_trust(&rounds, 100, 0.9).trust);
}

/// With `maxConfidence` our own opinion gets what the aggregated one leaves, and no more.
#[test]
fn our_own_opinion_gets_what_the_aggregated_one_leaves() {
    let p = FidesParameters {
        evaluation: Evaluation::MaxConfidence,
        even_satisfaction: 0.5,
        ..FidesParameters::default()
    };
    let sure = |confidence| Judgement {
        score: 1.0,
        confidence,
    };
    for (aggregated, local, expected) in [
        (0.8, Some(0.9), 0.8 * 0.8 + 0.2 * 0.9),
        (0.5, Some(0.2), 0.5 * 0.5 + 0.2 * 0.2 + 0.3 * 0.5),
        (0.5, None, 0.5 * 0.5 + 0.5 * 0.5),
    ] {
        let found = satisfaction(sure(1.0), sure(aggregated), local.map(sure), &p);
        close("satisfaction", found, expected);
    }
}
