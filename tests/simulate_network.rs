//! The simulated network: it replays byte for byte, and keeps what the engine promises.

use std::time::Duration;

use slips_p2p::simulation::network::{Failure, Figures, Plan, Refusal, run};

fn ran(plan: &Plan) -> Figures {
    run(plan, &mut |_| {}).unwrap_or_else(|failure| panic!("{plan:?}: {failure}"))
}

/// Small enough for a build without optimisation; most reports must be handed on.
fn small(seed: u64) -> Plan {
    Plan {
        nodes: 40,
        seed,
        degree: 4,
        authors: 8,
        reports: 40,
        rate: 20.0,
        ..Plan::default()
    }
}

fn all_came(figures: &Figures) -> Duration {
    assert_eq!(
        figures.everywhere,
        figures.reports,
        "{}",
        figures.delivery()
    );
    assert!(figures.agree);
    assert_eq!(figures.refused, 0);
    figures.delay(1.0).expect("something was said")
}

#[test]
fn a_plan_gives_the_same_events_again_and_another_seed_others() {
    let plan = Plan {
        nodes: 20,
        loss: 0.05,
        cuts: 6.0,
        refuse: 0.2,
        pigeons: 3,
        bandwidth: Some(200_000),
        partition: Some((Duration::from_millis(300), Duration::from_millis(900))),
        reports: 20,
        ..small(3)
    };
    let one = ran(&plan);
    assert_eq!(one, ran(&plan));
    assert_ne!(one.trace, ran(&Plan { seed: 4, ..plan }).trace);
}

#[test]
fn every_report_comes_to_all_within_600_ms_for_99_of_100() {
    for seed in [11, 12] {
        let figures = ran(&small(seed));
        all_came(&figures);
        let p99 = figures.delay(0.99).unwrap();
        assert!(p99 <= Duration::from_millis(600), "seed {seed}: {p99:?}");
        // Nobody is next to everybody, so some of it was handed on.
        assert!(p99 >= Duration::from_millis(100), "seed {seed}: {p99:?}");
        let repeated = figures.repeated_each().unwrap();
        assert!(repeated < 8.0, "seed {seed}: {repeated} repetitions");
    }
}

#[test]
fn with_three_quarters_refusing_to_forward_the_others_have_all_within_3_s() {
    for refusal in [Refusal::Silent, Refusal::Promising] {
        let figures = ran(&Plan {
            nodes: 60,
            degree: 12,
            refuse: 0.75,
            refusal,
            ..small(21)
        });
        assert_eq!((figures.honest, figures.refusers), (15, 45));
        assert_eq!(figures.cut_off, 0, "another seed is needed");
        let last = all_came(&figures);
        assert!(last <= Duration::from_secs(3), "{refusal:?}: {last:?}");
    }
}

#[test]
fn who_is_behind_refusers_alone_gets_nothing_and_the_figures_say_so() {
    let plan = Plan {
        nodes: 24,
        degree: 2,
        reports: 10,
        ..small(5)
    };
    all_came(&ran(&plan));
    for refusal in [Refusal::Silent, Refusal::Promising] {
        let figures = ran(&Plan {
            refuse: 0.6,
            refusal,
            ..plan.clone()
        });
        assert!(figures.cut_off > 0 && !figures.agree);
        assert!(figures.delivery() < 1.0);
        assert_eq!(figures.delay(1.0), None);
        assert!(figures.everywhere < figures.reports);
    }
}

#[test]
fn after_a_partition_all_have_the_same_within_5_s() {
    let heal = Duration::from_millis(2_500);
    for seed in [31, 32, 33] {
        let figures = ran(&Plan {
            partition: Some((Duration::from_millis(300), heal)),
            ..small(seed)
        });
        let last = all_came(&figures);
        assert!(
            last > Duration::from_secs(1),
            "{last:?}: nothing was kept apart"
        );
        let healed = figures.healed_after.unwrap();
        assert!(healed > Duration::ZERO, "seed {seed}");
        assert!(healed <= Duration::from_secs(5), "seed {seed}: {healed:?}");
    }
}

#[test]
fn who_missed_1000_entries_of_50_authors_has_them_in_2_round_trips() {
    let figures = ran(&Plan {
        nodes: 60,
        degree: 2,
        authors: 50,
        reports: 0,
        past: 5_000,
        missed: 1_000,
        ..small(41)
    });
    let catch_up = figures.catch_up.unwrap();
    let rounds = catch_up.round_trips.unwrap();
    assert!((1.5..=2.0).contains(&rounds), "{rounds} round trips");
    let took = catch_up.took.unwrap();
    assert!(took >= Duration::from_millis(150), "{took:?}");
    assert!(took <= Duration::from_millis(300), "{took:?}");
    assert!(figures.agree);
    // Nothing but what was missing was fetched.
    assert_eq!(figures.verified, 1_000);
}

#[test]
fn losses_cuts_slow_links_and_pigeons_delay_but_lose_nothing() {
    let figures = ran(&Plan {
        nodes: 30,
        pigeons: 5,
        loss: 0.1,
        cuts: 20.0,
        bandwidth: Some(50_000),
        ..small(51)
    });
    let last = all_came(&figures);
    assert!(last > Duration::from_millis(500), "{last:?}");
    assert_eq!((figures.honest, figures.pigeons), (25, 5));
    assert!(figures.lines > 0);
}

#[test]
fn a_plan_without_sense_is_refused_with_the_value() {
    let base = Plan::default;
    let cases = [
        (Plan { nodes: 1, ..base() }, "--nodes 1 "),
        (
            Plan {
                nodes: 2_001,
                ..base()
            },
            "--nodes 2001 ",
        ),
        (
            Plan {
                pigeons: 199,
                ..base()
            },
            "fewer than 2 nodes",
        ),
        (
            Plan {
                pigeons: 500,
                ..base()
            },
            "fewer than 2 nodes",
        ),
        (
            Plan {
                nodes: 4,
                refuse: 0.75,
                ..base()
            },
            "fewer than 2 nodes",
        ),
        (
            Plan {
                refuse: f64::NAN,
                ..base()
            },
            "refuse NaN",
        ),
        (
            Plan {
                refuse: 1.0,
                ..base()
            },
            "refuse 1",
        ),
        (
            Plan {
                loss: -0.1,
                ..base()
            },
            "loss -0.1",
        ),
        (
            Plan {
                rate: 0.0,
                ..base()
            },
            "rate 0",
        ),
        (
            Plan {
                rate: 0.01,
                ..base()
            },
            "20000 s",
        ),
        (
            Plan {
                redial: Duration::from_secs(61),
                ..base()
            },
            "60s",
        ),
        (
            Plan {
                degree: 0,
                ..base()
            },
            "degree",
        ),
        (
            Plan {
                reports: u64::MAX,
                ..base()
            },
            "arrivals",
        ),
        (
            Plan {
                bandwidth: Some(1),
                ..base()
            },
            "1000 bytes",
        ),
        (
            Plan {
                past: 10,
                missed: 11,
                ..base()
            },
            "--missed 11",
        ),
    ];
    for (plan, named) in cases {
        match run(&plan, &mut |_| {}) {
            Err(Failure::Senseless(why)) => {
                assert!(why.to_string().contains(named), "{why}");
            }
            other => panic!("{named}: {other:?}"),
        }
    }
}
