//! `slips-p2p simulate trust`: reporters, liars and an observer on simulated time.

use std::{path::PathBuf, thread};

use super::{export, plot, progress::Progress};
use crate::{
    cli::{
        context::Context,
        exit::Exit,
        help,
        output::{Cell, Column, Tone, column, detail, remark},
    },
    simulation::{Claim, Contestant, SCENARIOS, Scenario, Series, Spread, Summary},
};

/// Measure the trust models on reporters, liars and an observer.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Measure the trust models on a made-up world: reporters, liars and one observing node on simulated time. Every model hears the same story; what they answer is held against the truth, on addresses on which our own Slips has said nothing.\n\nAUC, F1 (malicious is what scores above 0.5) and COVERAGE (share of the questions answered) are best at 1, BRIER (mean squared distance of the score from the truth) and WRONG (share of the questions answered on the wrong side with a confidence of at least 0.5) at 0. A question without an answer counts as score 0.5. Each is the median over the seeds, with the worst seed beside it. TURNED is the share of the seeds with an AUC below 0.5, MOST SURE the highest confidence of any answer. Machine formats also name the seed of each worst case.\n\nWithout --models every model takes part with its defaults, and robust a second time with kappa=0: without reading liars backwards.\n\n--export writes two files for each scenario and seed: NAME-SEED.events.jsonl and NAME-SEED.truth.jsonl.\n\nThe same seed gives the same bytes, on any number of processors.",
    after_help = help::after(&[
        "slips-p2p simulate trust --scenario list",
        "slips-p2p simulate trust --scenario liars-50 --seed 7",
        "slips-p2p simulate trust --scenario 'liars-*' --seeds 100 --plot liars.svg",
        "slips-p2p simulate trust --scenario sybils --models robust,robust:kappa=0:b=0.5,slips",
        "slips-p2p simulate trust --scenario on-off --seed 7 --export events",
        "slips-p2p -o csv simulate trust --scenario all --seeds 20 > figures.csv",
    ])
)]
pub struct Args {
    /// The scenarios, separated by commas; `all`; `list` to see them; `liars-*` for those that begin so.
    #[arg(
        long,
        value_name = "NAME|all|list",
        required = true,
        value_delimiter = ','
    )]
    scenario: Vec<String>,
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many seeds, from the first one on.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: u64,
    /// The models, separated by commas, with settings after colons; without it, every one.
    #[arg(long, value_name = "MODEL[:KEY=VALUE]", value_delimiter = ',')]
    models: Vec<Contestant>,
    /// Draw AUC and Brier score into this SVG file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Write what happens as lines for `replay` into this directory, and the truth beside it.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// How many threads to use; without it, as many as there are processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// The columns of a scenario.
const LISTED: &[Column] = &[
    column("scenario", "SCENARIO"),
    column("claim", "CLAIM"),
    detail("liars"),
    column("about", "ABOUT"),
];

/// The columns of a model in a scenario. Names for machines say median or worst of what.
const MEASURED: &[Column] = &[
    column("scenario", "SCENARIO"),
    column("model", "MODEL"),
    detail("first_seed"),
    detail("seeds"),
    column("auc", "AUC"),
    column("auc_worst", "WORST"),
    detail("auc_worst_seed"),
    column("f1", "F1"),
    column("f1_worst", "WORST"),
    detail("f1_worst_seed"),
    column("brier", "BRIER"),
    column("brier_worst", "WORST"),
    detail("brier_worst_seed"),
    column("coverage", "COVERAGE"),
    detail("coverage_worst"),
    detail("coverage_worst_seed"),
    column("surely_wrong", "WRONG"),
    column("surely_wrong_worst", "WORST"),
    detail("surely_wrong_worst_seed"),
    column("turned", "TURNED"),
    column("most_sure", "MOST SURE"),
    remark("REMARK"),
];

/// A scenario with what its models made of it.
pub(super) type Measured = (&'static Scenario, Vec<Summary>);

/// Runs the command.
///
/// # Errors
/// A scenario does not exist, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context<'_>) -> anyhow::Result<Exit> {
    if args.scenario.iter().any(|name| name == "list") {
        return list(context);
    }
    let scenarios = chosen(&args.scenario)?;
    super::check_place(args.plot.as_deref())?;
    if let Some(dir) = &args.export {
        export::write(dir, &scenarios, args.seed, args.seeds)?;
    }
    let contestants = match &args.models[..] {
        [] => Contestant::usual(),
        some => some.to_vec(),
    };
    let processors = || thread::available_parallelism().map_or(1, usize::from);
    let series = Series {
        first: args.seed,
        seeds: args.seeds,
        threads: args.threads.map_or_else(processors, usize::from),
    };
    let mut all = Vec::with_capacity(scenarios.len());
    let mut printer = context.printer(MEASURED)?;
    let progress = Progress::new(scenarios.len() as u64 * series.seeds);
    for scenario in scenarios {
        let summaries = series.run(scenario, &contestants, &|| progress.step(scenario.name));
        for (at, summary) in summaries.iter().enumerate() {
            let (tone, remark) = remarked(scenario, at, &summaries);
            printer.toned(tone, row(scenario, summary, &series, remark))?;
        }
        all.push((scenario, summaries));
    }
    // What it said must be gone before the table comes.
    drop(progress);
    printer.end()?;
    if let Some(file) = &args.plot {
        plot::write(file, &all)?;
    }
    Ok(Exit::Ok)
}

fn list(context: &mut Context<'_>) -> anyhow::Result<Exit> {
    let mut printer = context.printer(LISTED)?;
    for scenario in SCENARIOS {
        printer.row(vec![
            scenario.name.into(),
            scenario.claim.word().into(),
            scenario.liars.into(),
            scenario.about.into(),
        ])?;
    }
    printer.end()?;
    Ok(Exit::Ok)
}

/// The scenarios of these names, each once, in the order of the catalogue.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Scenario>> {
    let names_one = |name: &str, scenario: &Scenario| match name.strip_suffix('*') {
        Some(start) => scenario.name.starts_with(start),
        None => name == "all" || name == scenario.name,
    };
    for name in names {
        if !SCENARIOS.iter().any(|scenario| names_one(name, scenario)) {
            return Err(Exit::Usage.because(unknown(name)));
        }
    }
    let is_chosen =
        |scenario: &&Scenario| names.iter().any(|name| names_one(name.as_str(), scenario));
    Ok(SCENARIOS.iter().filter(is_chosen).collect())
}

fn unknown(name: &str) -> String {
    let likeness = |scenario: &&Scenario| {
        let like = strsim::normalized_damerau_levenshtein(name, scenario.name);
        // A likeness is between 0 and 1, so the order of its bits is its own.
        like.to_bits()
    };
    let nearest = SCENARIOS.iter().max_by_key(likeness);
    let hint = nearest.map_or("", |scenario| scenario.name);
    format!("no scenario is called `{name}`; did you mean {hint}? --scenario list shows them all")
}

fn row(scenario: &Scenario, summary: &Summary, series: &Series, remark: &str) -> Vec<Cell> {
    let mut cells = vec![
        scenario.name.into(),
        summary.contestant.as_str().into(),
        Cell::count(series.first),
        Cell::count(series.seeds),
    ];
    for figure in [
        summary.auc,
        summary.f1,
        summary.brier,
        summary.coverage,
        summary.surely_wrong,
    ] {
        cells.extend(spread(figure));
    }
    cells.extend([
        summary.turned.into(),
        summary.most_sure.into(),
        remark.into(),
    ]);
    cells
}

fn spread(figure: Option<Spread>) -> [Cell; 3] {
    [
        figure.map(|figure| figure.median).into(),
        figure.map(|figure| figure.worst).into(),
        figure.map_or(Cell::Null, |figure| Cell::count(figure.worst_seed)),
    ]
}

/// What a reader should see at a glance: the best AUC of the scenario, and known failures.
fn remarked(scenario: &Scenario, at: usize, all: &[Summary]) -> (Tone, &'static str) {
    let median = |summary: &Summary| summary.auc.map_or(f64::NEG_INFINITY, |auc| auc.median);
    let best = all.iter().map(median).fold(f64::NEG_INFINITY, f64::max);
    let is_known = scenario.claim == Claim::KnownFailure && at == 0;
    match (is_known, median(&all[at]) >= best) {
        (true, true) => (Tone::Warn, "best AUC; a known failure mode"),
        (true, false) => (Tone::Warn, "a known failure mode"),
        (false, true) => (Tone::Good, "best AUC"),
        (false, false) => (Tone::Plain, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_scenarios_and_an_unknown_one_is_told_its_neighbour() {
        let names = |of: &[&str]| {
            let of: Vec<String> = of.iter().map(|&name| name.into()).collect();
            chosen(&of).map(|all| all.iter().map(|s| s.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["on-off", "honest"]).unwrap(), ["honest", "on-off"]);
        assert_eq!(names(&["liars-*", "liars-10"]).unwrap().len(), 7);
        assert_eq!(names(&["all"]).unwrap().len(), SCENARIOS.len());
        let error = names(&["slepers"]).unwrap_err().to_string();
        assert!(error.contains("did you mean sleepers?"), "{error}");
    }
}
