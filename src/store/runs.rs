//! Folding statements that say the same into one: the rule that keeps a repeating peer from filling the disk.

use std::{collections::HashMap, hash::Hash};

use super::REPEATS_WITHIN;
use crate::domain::{Confidence, Score, Timestamp};

/// Something said once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub score: Score,
    pub confidence: Confidence,
    pub at: Timestamp,
    /// Who handed it over, where that is somebody else.
    pub heard_from: Option<i64>,
    /// It is a repetition only of what was begun at this time or later.
    pub joins_since: Timestamp,
}

/// The same thing said one or more times without anything else said between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run<K> {
    /// Who said it of what.
    pub key: K,
    pub score: Score,
    pub confidence: Confidence,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// How often it was said again after the first time.
    pub repeats: u32,
    /// Who handed it over the first time.
    pub heard_from: Option<i64>,
    /// Whether nothing before it in this transaction has its key: the database may hold its beginning.
    pub opens: bool,
    /// That beginning must be at this time or later.
    pub joins_since: Timestamp,
}

/// Folds what was said, in order, into runs, in order of their beginnings.
pub(super) fn fold<K: Copy + Eq + Hash>(said: impl Iterator<Item = (K, Said)>) -> Vec<Run<K>> {
    let mut runs: Vec<Run<K>> = Vec::with_capacity(said.size_hint().0);
    let mut newest: HashMap<K, usize> = HashMap::with_capacity(said.size_hint().0);
    for (key, said) in said {
        let known = newest.get(&key).copied();
        if let Some(run) = known.and_then(|at| runs.get_mut(at))
            && run.score == said.score
            && run.confidence == said.confidence
            && said.at.since(run.first_at) < REPEATS_WITHIN
            && run.first_at >= said.joins_since
        {
            run.repeats = run.repeats.saturating_add(1);
            run.first_at = run.first_at.min(said.at);
            run.last_at = run.last_at.max(said.at);
            continue;
        }
        newest.insert(key, runs.len());
        runs.push(Run {
            key,
            score: said.score,
            confidence: said.confidence,
            first_at: said.at,
            last_at: said.at,
            repeats: 0,
            heard_from: said.heard_from,
            opens: known.is_none(),
            joins_since: said.joins_since,
        });
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(score: f64, at: i64) -> Said {
        Said {
            score: Score::clamped(score),
            confidence: Confidence::MAX,
            at: Timestamp::from_micros(at),
            heard_from: None,
            joins_since: Timestamp::ZERO,
        }
    }

    #[test]
    fn a_repetition_lengthens_the_run_and_a_change_begins_another() {
        let runs = fold(
            [
                (1, said(0.5, 10)),
                (1, said(0.5, 20)),
                (1, said(0.6, 30)),
                (1, said(0.5, 40)),
            ]
            .into_iter(),
        );
        let short: Vec<_> = runs
            .iter()
            .map(|r| (r.first_at.as_micros(), r.last_at.as_micros(), r.repeats))
            .collect();
        assert_eq!(short, [(10, 20, 1), (30, 30, 0), (40, 40, 0)]);
        assert_eq!(
            runs.iter().map(|r| r.opens).collect::<Vec<_>>(),
            [true, false, false]
        );
    }

    #[test]
    fn others_speaking_between_do_not_break_a_run() {
        let runs = fold([(1, said(0.5, 10)), (2, said(0.1, 11)), (1, said(0.5, 12))].into_iter());
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0].repeats, 1);
        assert!(runs[1].opens);
    }

    #[test]
    fn what_may_not_join_begins_a_run() {
        let late = |at, joins_since| Said {
            joins_since: Timestamp::from_micros(joins_since),
            ..said(0.5, at)
        };
        let runs = fold([(1, late(10, 0)), (1, late(20, 11)), (1, late(30, 20))].into_iter());
        let short: Vec<_> = (runs.iter())
            .map(|r| (r.first_at.as_micros(), r.repeats))
            .collect();
        assert_eq!(short, [(10, 0), (20, 1)]);
    }

    #[test]
    fn a_clock_that_ran_backwards_keeps_first_before_last() {
        let runs = fold([(1, said(0.5, 10)), (1, said(0.5, 5))].into_iter());
        assert_eq!(
            (runs[0].first_at.as_micros(), runs[0].last_at.as_micros()),
            (5, 10)
        );
    }
}
