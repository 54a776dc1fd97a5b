//! What the default model is held to on made-up worlds, on seeds nobody looked at while making them.

use std::sync::OnceLock;

use slips_p2p::{
    reputation::Parameters,
    simulation::{Claim, Contestant, Newcomers, SCENARIOS, Scenario, Series, Spread, Summary},
};

/// The scenarios were made looking at seeds 1 to 20.
const FIRST_SEED: u64 = 70_001;
/// Enough for a median.
const SEEDS: u64 = 3;

/// Every scenario with what every model made of it.
fn measured() -> &'static [(&'static Scenario, Vec<Summary>)] {
    static MEASURED: OnceLock<Vec<(&'static Scenario, Vec<Summary>)>> = OnceLock::new();
    MEASURED.get_or_init(|| {
        let all = SCENARIOS.iter();
        all.map(|scenario| (scenario, run(scenario, &Contestant::usual())))
            .collect()
    })
}

fn run(scenario: &Scenario, contestants: &[Contestant]) -> Vec<Summary> {
    let series = Series {
        first: FIRST_SEED,
        seeds: SEEDS,
        threads: 2,
    };
    series.run(scenario, contestants, &|| {})
}

fn summaries(name: &str) -> &'static [Summary] {
    let found = measured()
        .iter()
        .find(|(scenario, _)| scenario.name == name);
    &found.unwrap_or_else(|| panic!("no scenario {name}")).1
}

fn of<'a>(summaries: &'a [Summary], model: &str) -> &'a Summary {
    let found = summaries.iter().find(|one| one.contestant == model);
    found.unwrap_or_else(|| panic!("{model} took no part"))
}

fn median(figure: Option<Spread>) -> f64 {
    figure.expect("known in every scenario").median
}

/// Everybody but the default model and its own variant.
fn others(summaries: &[Summary]) -> impl Iterator<Item = &Summary> {
    let other = |one: &&Summary| !one.contestant.starts_with("robust");
    summaries.iter().filter(other)
}

#[test]
fn every_scenario_gives_every_model_its_figures() {
    for (scenario, summaries) in measured() {
        for one in summaries {
            for figure in [one.auc, one.f1, one.brier, one.coverage, one.surely_wrong] {
                let Spread { median, worst, .. } = figure.expect("a figure");
                assert!(
                    (0.0..=1.0).contains(&median) && (0.0..=1.0).contains(&worst),
                    "{}: {one:?}",
                    scenario.name
                );
            }
            assert!(median(one.coverage) > 0.9, "{}: {one:?}", scenario.name);
        }
    }
}

#[test]
fn where_all_are_honest_the_default_is_near_the_best() {
    for (scenario, summaries) in measured() {
        if scenario.claim == Claim::Honest {
            let robust = median(of(summaries, "robust").auc);
            let best = others(summaries)
                .map(|one| median(one.auc))
                .fold(0.0, f64::max);
            assert!(robust >= best - 0.01, "{}: {robust}, {best}", scenario.name);
        }
    }
}

#[test]
fn where_some_lie_the_default_is_above_every_other_model() {
    for (scenario, summaries) in measured() {
        if scenario.claim == Claim::Liars {
            let robust = median(of(summaries, "robust").auc);
            for one in others(summaries) {
                let other = median(one.auc);
                assert!(
                    robust > other,
                    "{}: {robust}, but {} {other}",
                    scenario.name,
                    one.contestant
                );
            }
        }
    }
}

#[test]
fn seventy_percent_of_liars_do_not_turn_it() {
    let summaries = summaries("liars-70");
    assert!(median(of(summaries, "robust").auc) >= 0.93);
    assert!(median(of(summaries, "robust:kappa=0").auc) >= 0.80);
}

#[test]
fn with_nothing_to_go_by_it_is_right_up_to_a_third_of_liars() {
    for name in ["no-anchors-30", "no-anchors-33"] {
        let robust = of(summaries(name), "robust");
        assert!(median(robust.auc) >= 0.93, "{name}: {robust:?}");
        assert!(median(robust.f1) >= 0.9, "{name}: {robust:?}");
    }
}

#[test]
fn without_own_evidence_no_number_of_newcomers_makes_it_surer_than_specified() {
    let p = Parameters::default().robust;
    // All unproven reporters together say at most b; confidence is then |2 sig(tau b) - 1|.
    let bound = (p.tau * p.b / 2.0).tanh();
    let alone = Scenario::named("majority-alone").unwrap();
    let robust = [Contestant::usual().remove(0)];
    let most_sure = |count| {
        let newcomers = Newcomers {
            count,
            stays: 2.0,
            diligence: 0.3,
        };
        let flooded = Scenario {
            newcomers,
            ..*alone
        };
        run(&flooded, &robust)[0].most_sure
    };
    for count in [0, 50, 500] {
        let most_sure = most_sure(count);
        assert!(most_sure <= bound + 1e-12, "{count}: {most_sure} > {bound}");
    }
}

#[test]
fn a_seed_gives_the_same_figures_again() {
    let scenario = Scenario::named("whitewashing").unwrap();
    assert_eq!(
        run(scenario, &Contestant::usual()),
        summaries("whitewashing")
    );
}
