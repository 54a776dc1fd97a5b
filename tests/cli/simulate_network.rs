//! `simulate network`: the same flags give the same bytes, and mistakes are named.

use std::path::Path;

use super::fixture::{Ran, program};

fn simulate(dir: &Path, arguments: &[&str]) -> Ran {
    let mut command = program(dir);
    command.args(["simulate", "network"]).args(arguments);
    Ran::of(command)
}

const SMALL: [&str; 10] = [
    "--nodes",
    "12",
    "--degree",
    "2",
    "--reports",
    "6",
    "--seed",
    "7",
    "--partition",
    "100ms..1.5s",
];

#[test]
fn the_same_flags_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        let plot = format!("{name}.svg");
        let arguments = [&["-o", "json"][..], &SMALL, &["--plot", &plot]].concat();
        let out = simulate(dir.path(), &arguments).ending(0).out;
        (out, std::fs::read_to_string(dir.path().join(plot)).unwrap())
    };
    let one = run("one");
    assert_eq!(one, run("two"));
    let figures: serde_json::Value = serde_json::from_str(&one.0).unwrap();
    assert_eq!(figures["everywhere"], 6);
    assert_eq!(figures["delivery"], 1.0);
    assert_eq!(figures["agree"], true);
    assert!(figures["healed_ms"].as_f64().unwrap() <= 5_000.0);
    assert_eq!(figures["trace"].as_str().unwrap().len(), 64);
    assert!(one.1.starts_with("<svg ") && one.1.trim_end().ends_with("</svg>"));
    for text in ["12 honest nodes", "mean of 6 reports", "seed 7"] {
        assert!(one.1.contains(text), "{text}");
    }
    assert!(!one.1.contains("NaN"));

    let human = simulate(dir.path(), &SMALL).ending(0);
    let trace = figures["trace"].as_str().unwrap();
    assert!(human.out.contains(trace), "{human:?}");
    let (names, rows) = simulate(dir.path(), &[&["-o", "csv"][..], &SMALL].concat())
        .ending(0)
        .csv();
    assert_eq!((rows.len(), rows[0].len()), (1, names.len()));
    assert!(rows[0].iter().any(|cell| cell == trace));
}

#[test]
fn mistakes_are_usage_mistakes_and_say_what_to_write() {
    let dir = tempfile::tempdir().unwrap();
    for (wrong, named) in [
        (&["--nodes", "1"][..], "--nodes 1"),
        (&["--refuse", "1.5"], "refuse 1.5"),
        (&["--refuse", "half"], "half"),
        (&["--rtt", "100"], "100ms"),
        (&["--rtt=-1s"], "-1s"),
        (&["--partition", "5s"], "2s..12s"),
        (&["--partition", "5s..2s"], "ends before"),
        (&["--missed", "3"], "--missed 3"),
        (&["--reports", "1000000000"], "at most"),
        (&["--refusal", "rude"], "promising"),
    ] {
        let ran = simulate(dir.path(), wrong).ending(2);
        assert_eq!(ran.out, "", "{wrong:?}");
        assert!(ran.err.contains(named), "{wrong:?}: {}", ran.err);
    }
    let unwritable = [
        "--nodes",
        "2",
        "--reports",
        "1",
        "--plot",
        "no/such/dir/plot.svg",
    ];
    let ran = simulate(dir.path(), &unwritable).ending(1);
    assert!(ran.err.contains("no/such/dir/plot.svg"), "{ran:?}");
}
