//! Properties of the ledger of conduct, on random histories.

use std::time::Duration;

use proptest::{prelude::*, sample::select};
use slips_p2p::{
    domain::{Conduct, Timestamp},
    reputation::reliability::{
        Parameters, ReliabilityModel, Standing, Weights, record, should_cut_off, value,
    },
};

fn parameters(model: ReliabilityModel) -> Parameters {
    Parameters {
        model,
        ..Parameters::default()
    }
}

fn model() -> impl Strategy<Value = ReliabilityModel> {
    select(&[ReliabilityModel::Decaying, ReliabilityModel::Pigeon][..])
}

/// Conduct with the seconds since the one before; a negative number is a clock set back.
fn history() -> impl Strategy<Value = Vec<(i64, Conduct)>> {
    prop::collection::vec((-3600..200_000i64, select(&Conduct::ALL[..])), 0..200)
}

/// Any float, with the troublesome ones often.
fn float() -> impl Strategy<Value = f64> {
    let troublesome = vec![
        0.0,
        -0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
    ];
    prop_oneof![any::<f64>(), 0.0..2.0f64, select(troublesome)]
}

fn live(history: &[(i64, Conduct)], parameters: &Parameters) -> (Standing, Timestamp) {
    let mut now = Timestamp::ZERO;
    let mut standing = Standing::newcomer(now);
    for (seconds, conduct) in history {
        now = Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
        record(&mut standing, *conduct, now, parameters);
    }
    (standing, now)
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_120), failure_persistence: None, ..ProptestConfig::default() })]

    /// V1: whatever a peer did before, and however slowly it sends (up to one an hour), nothing but
    /// malformed messages gets it cut off within 50.
    #[test]
    fn only_malformed_messages_are_cut_off_within_50(
        model in model(),
        history in history(),
        good in 0..5000u32,
        pauses in prop::collection::vec(0..3600u64, 50),
        conduct in select(&[Conduct::MalformedMessage, Conduct::MalformedLine][..]),
    ) {
        let parameters = parameters(model);
        let (mut standing, mut now) = live(&history, &parameters);
        for _ in 0..good {
            now = now.plus(Duration::from_secs(20));
            record(&mut standing, Conduct::Alive, now, &parameters);
        }
        let cut_off = pauses.iter().any(|seconds| {
            now = now.plus(Duration::from_secs(*seconds));
            record(&mut standing, conduct, now, &parameters);
            should_cut_off(&standing, now, &parameters)
        });
        prop_assert!(cut_off, "{:?}", standing);
        if model == ReliabilityModel::Decaying {
            prop_assert!(value(&standing, now, &parameters).get() < parameters.limit);
        }
    }

    /// Good conduct never lowers a peer's worth, and bad conduct never raises it.
    #[test]
    fn conduct_moves_the_worth_the_right_way(history in history(), conduct in select(&Conduct::ALL[..])) {
        let parameters = parameters(ReliabilityModel::Decaying);
        let (mut standing, now) = live(&history, &parameters);
        let before = value(&standing, now, &parameters);
        let after = record(&mut standing, conduct, now, &parameters);
        prop_assert_eq!(after, value(&standing, now, &parameters));
        let right_way = if conduct.is_good() { after >= before } else { after <= before };
        prop_assert!(right_way, "{} from {} to {}", conduct, before, after);
    }

    /// Unreachable is not untrusted: nobody is cut off for being away, however often and fast it is
    /// noticed, nor sinks below a newcomer.
    #[test]
    fn absence_alone_cuts_nobody_off(
        model in model(),
        history in prop::collection::vec(
            (0..7200i64, select(&[Conduct::Unreachable, Conduct::NoAnswer, Conduct::Greeted][..])), 0..500),
    ) {
        let parameters = parameters(model);
        let (standing, now) = live(&history, &parameters);
        prop_assert!(!should_cut_off(&standing, now, &parameters), "{:?}", standing);
        if model == ReliabilityModel::Decaying {
            let newcomer = value(&Standing::newcomer(now), now, &parameters);
            prop_assert!(value(&standing, now, &parameters) >= newcomer);
        }
    }

    /// What a peer did otherwise decides alone: absences do not tip it over.
    #[test]
    fn absences_bring_nobody_nearer_to_a_cut(model in model(), history in history()) {
        let parameters = parameters(model);
        let (mut standing, now) = live(&history, &parameters);
        // A peer whose good name is all that keeps it is another matter: that name fades.
        standing.good = 0.0;
        let before = should_cut_off(&standing, now, &parameters);
        for _ in 0..200 {
            record(&mut standing, Conduct::NoAnswer, now, &parameters);
        }
        prop_assert_eq!(should_cut_off(&standing, now, &parameters), before);
    }

    /// Time brings everybody back to where newcomers start.
    #[test]
    fn everything_is_forgotten_in_the_end(history in history()) {
        let parameters = parameters(ReliabilityModel::Decaying);
        let (standing, now) = live(&history, &parameters);
        let later = now.plus(parameters.half_life * 20);
        prop_assert_eq!(value(&standing, later, &parameters).get(), 0.25);
        prop_assert!(!should_cut_off(&standing, later, &parameters));
    }

    /// No parameter and no stored number, however odd, makes anything but a number from 0 to 1.
    #[test]
    fn odd_parameters_do_no_harm(
        model in model(),
        history in history(),
        numbers in prop::array::uniform9(float()),
        half_life in 0..100_000u64,
    ) {
        let [weight, good_cap, spend, prior_good, prior_bad, limit, least_bad, good, bad] = numbers;
        let parameters = Parameters {
            model,
            weights: Weights { alive: weight, malformed_line: -weight, ..Weights::default() },
            half_life: Duration::from_secs(half_life),
            good_cap, spend, prior_good, prior_bad, limit, least_bad,
        };
        let mut standing = Standing::restored(good, bad, Timestamp::ZERO);
        for (seconds, conduct) in history {
            let now = Timestamp::from_micros(seconds * 1_000_000);
            let worth = record(&mut standing, conduct, now, &parameters).get();
            prop_assert!((0.0..=1.0).contains(&worth));
            // Must come to an answer; which, nobody can say.
            let _ = should_cut_off(&standing, now, &parameters);
        }
    }

    /// A limit of 0 cuts nobody off, as the setting says.
    #[test]
    fn without_a_limit_nobody_is_cut_off(model in model(), history in history()) {
        let parameters = Parameters { limit: 0.0, ..parameters(model) };
        let (mut standing, now) = live(&history, &parameters);
        for _ in 0..100 {
            record(&mut standing, Conduct::MalformedMessage, now, &parameters);
        }
        prop_assert!(!should_cut_off(&standing, now, &parameters), "{:?}", standing);
    }

    /// A peer that was restored from the database is worth what it was.
    #[test]
    fn a_restart_changes_nothing(model in model(), history in history()) {
        let parameters = parameters(model);
        let (standing, now) = live(&history, &parameters);
        let restored = Standing::restored(standing.good, standing.bad, standing.at);
        prop_assert_eq!(value(&standing, now, &parameters), value(&restored, now, &parameters));
    }
}
