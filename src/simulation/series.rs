//! A scenario over many seeds: each contestant's median and worst.

use std::{
    panic,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::{contest::Contestant, figures::Figures, scenario::Scenario, story::Story};

/// Which seeds are run, and by how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// The first seed; the others follow it, beginning again at 0 after the highest.
    pub first: u64,
    /// How many seeds.
    pub seeds: u64,
    /// How many threads share them; the result does not depend on it.
    pub threads: usize,
}

/// A figure over all seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median; the mean of the middle two of an even number.
    pub median: f64,
    /// The worst.
    pub worst: f64,
    /// The seed of the worst, the first of several.
    pub worst_seed: u64,
}

/// How one contestant did in one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Whose figures these are.
    pub contestant: String,
    /// See [`Figures::auc`]; `None` where no seed has it.
    pub auc: Option<Spread>,
    /// See [`Figures::f1`].
    pub f1: Option<Spread>,
    /// See [`Figures::brier`]; the worst is the highest.
    pub brier: Option<Spread>,
    /// See [`Figures::coverage`].
    pub coverage: Option<Spread>,
    /// See [`Figures::surely_wrong`]; the worst is the highest.
    pub surely_wrong: Option<Spread>,
    /// Share of the seeds in which the model was turned: an AUC below 0.5, worse than silence.
    pub turned: f64,
    /// The highest confidence of any answer to any seed.
    pub most_sure: f64,
}

/// Which end of a figure is the bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worst {
    Lowest,
    Highest,
}

impl Series {
    /// Runs a scenario with every seed; calls `done` after each, from any thread. Answers one
    /// summary a contestant, in their order.
    pub fn run(
        &self,
        scenario: &Scenario,
        contestants: &[Contestant],
        done: &(dyn Fn() + Sync),
    ) -> Vec<Summary> {
        let next = AtomicU64::new(0);
        let work = || {
            let mut mine = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.seeds {
                    return mine;
                }
                let seed = self.first.wrapping_add(number);
                mine.push((number, seed, run_one(scenario, seed, contestants)));
                done();
            }
        };
        let mut runs = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads.max(1))
                .map(|_| scope.spawn(work))
                .collect();
            let mut runs = Vec::new();
            for thread in threads {
                match thread.join() {
                    Ok(mine) => runs.extend(mine),
                    Err(panicked) => panic::resume_unwind(panicked),
                }
            }
            runs
        });
        runs.sort_by_key(|(number, ..)| *number);
        let of = |at: usize| -> Vec<(u64, Figures)> {
            runs.iter().map(|(_, seed, all)| (*seed, all[at])).collect()
        };
        contestants
            .iter()
            .enumerate()
            .map(|(at, contestant)| Summary::of(contestant.name(), &of(at)))
            .collect()
    }
}

fn run_one(scenario: &Scenario, seed: u64, contestants: &[Contestant]) -> Vec<Figures> {
    let story = Story::tell(scenario, seed);
    contestants
        .iter()
        .map(|contestant| Figures::of(&contestant.hear(&story)))
        .collect()
}

impl Summary {
    fn of(contestant: &str, runs: &[(u64, Figures)]) -> Self {
        let spread = |worst, figure: &dyn Fn(&Figures) -> Option<f64>| {
            let known = runs.iter();
            Spread::of(
                known.filter_map(|(seed, run)| Some((*seed, figure(run)?))),
                worst,
            )
        };
        let is_turned = |run: &Figures| run.auc.is_some_and(|auc| auc < 0.5);
        let turned = runs.iter().filter(|(_, run)| is_turned(run)).count();
        let most_sure = runs.iter().map(|(_, run)| run.most_sure);
        Self {
            contestant: contestant.into(),
            auc: spread(Worst::Lowest, &|run| run.auc),
            f1: spread(Worst::Lowest, &|run| run.f1),
            brier: spread(Worst::Highest, &|run| Some(run.brier)),
            coverage: spread(Worst::Lowest, &|run| Some(run.coverage)),
            surely_wrong: spread(Worst::Highest, &|run| Some(run.surely_wrong)),
            turned: turned as f64 / runs.len().max(1) as f64,
            most_sure: most_sure.fold(0.0, f64::max),
        }
    }
}

impl Spread {
    fn of(values: impl Iterator<Item = (u64, f64)>, worst: Worst) -> Option<Self> {
        let mut sorted: Vec<(u64, f64)> = values.collect();
        // Stable: of equal values, the earliest seed stands first.
        sorted.sort_by(|one, other| match worst {
            Worst::Lowest => one.1.total_cmp(&other.1),
            Worst::Highest => other.1.total_cmp(&one.1),
        });
        let (worst_seed, worst) = *sorted.first()?;
        let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
        Some(Self {
            median: f64::midpoint(sorted[low].1, sorted[high].1),
            worst,
            worst_seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_and_the_worst_names_its_seed() {
        let values = [(1, 0.4), (2, 0.1), (3, 0.9), (4, 0.1)];
        let low = Spread::of(values.into_iter(), Worst::Lowest).unwrap();
        assert_eq!(low.median.to_bits(), 0.25_f64.to_bits());
        assert_eq!((low.worst, low.worst_seed), (0.1, 2));
        let high = Spread::of(values.into_iter().take(3), Worst::Highest).unwrap();
        assert_eq!((high.median, high.worst, high.worst_seed), (0.4, 0.9, 3));
        assert_eq!(Spread::of(std::iter::empty(), Worst::Lowest), None);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let scenario = Scenario::named("liars-30").unwrap();
        let contestants = ["mean".parse().unwrap(), "slips".parse().unwrap()];
        let with = |threads| {
            let series = Series {
                first: u64::MAX,
                seeds: 5,
                threads,
            };
            series.run(scenario, &contestants, &|| {})
        };
        assert_eq!(with(1), with(3));
    }
}
