//! What answers are worth: AUC, F1, Brier score, coverage, and how often a model is surely wrong.

/// From this confidence on a wrong answer is surely wrong: "right with probability 0.75" or more,
/// in the words of the trust model. A guess at where somebody would act.
const SURE: f64 = 0.5;
/// What an unanswered question counts as: undecided.
const UNDECIDED: f64 = 0.5;

/// A model's answer to a question, beside the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Whether the address is malicious.
    pub malicious: bool,
    /// Score in 0..=1 and confidence in 0..=1; `None` without an opinion.
    pub opinion: Option<(f64, f64)>,
}

/// The figures of one run. A question without an answer counts as score 0.5, so that silence is
/// neither rewarded nor ignored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// The chance that a malicious address has a higher score than a benign one, ties counted half;
    /// `None` where one of the two kinds was not asked about.
    pub auc: Option<f64>,
    /// Harmonic mean of precision and recall of "malicious is what scores above 0.5"; `None` where
    /// nothing was malicious or called so.
    pub f1: Option<f64>,
    /// Mean squared distance of the score from the truth (1 malicious, 0 benign); 0 is best.
    pub brier: f64,
    /// Share of the questions with an answer.
    pub coverage: f64,
    /// Share of the questions answered on the wrong side with a confidence of at least 0.5.
    pub surely_wrong: f64,
    /// The highest confidence of any answer; 0 without one.
    pub most_sure: f64,
    /// How many questions there were.
    pub asked: usize,
}

impl Figures {
    /// What these answers are worth. Of no answers, everything is 0 or unknown.
    #[must_use]
    pub fn of(answers: &[Answer]) -> Self {
        let share = |count: usize| ratio(count, answers.len()).unwrap_or(0.0);
        let count = |holds: &dyn Fn(&Answer) -> bool| answers.iter().filter(|a| holds(a)).count();
        let says_malicious = |answer: &Answer| score(answer) > UNDECIDED;
        let hits = count(&|a| a.malicious && says_malicious(a));
        let mistakes = count(&|a| a.malicious != says_malicious(a));
        let squares = answers.iter().map(|answer| {
            let truth = if answer.malicious { 1.0 } else { 0.0 };
            (score(answer) - truth) * (score(answer) - truth)
        });
        let confidences = answers.iter().filter_map(|answer| Some(answer.opinion?.1));
        Self {
            auc: auc(answers),
            f1: ratio(2 * hits, 2 * hits + mistakes),
            brier: squares.sum::<f64>() / (answers.len().max(1) as f64),
            coverage: share(count(&|a| a.opinion.is_some())),
            surely_wrong: share(count(&is_surely_wrong)),
            most_sure: confidences.fold(0.0, f64::max),
            asked: answers.len(),
        }
    }
}

fn score(answer: &Answer) -> f64 {
    answer.opinion.map_or(UNDECIDED, |(score, _)| score)
}

fn is_surely_wrong(answer: &Answer) -> bool {
    answer.opinion.is_some_and(|(score, confidence)| {
        let wrong = if answer.malicious {
            score < UNDECIDED
        } else {
            score > UNDECIDED
        };
        wrong && confidence >= SURE
    })
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Area under the ROC curve as the rank statistic of Mann and Whitney.
fn auc(answers: &[Answer]) -> Option<f64> {
    let mut ranked: Vec<(f64, bool)> = answers.iter().map(|a| (score(a), a.malicious)).collect();
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut benign_below, mut halves) = (0, 0);
    for tied in ranked.chunk_by(|one, other| one.0 == other.0) {
        let malicious = tied.iter().filter(|(_, malicious)| *malicious).count();
        let benign = tied.len() - malicious;
        halves += malicious * (2 * benign_below + benign);
        benign_below += benign;
    }
    ratio(halves, 2 * benign_below * (answers.len() - benign_below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(of: &[(bool, Option<f64>)]) -> Vec<Answer> {
        of.iter()
            .map(|&(malicious, score)| Answer {
                malicious,
                opinion: score.map(|score| (score, 0.8)),
            })
            .collect()
    }

    fn near(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-12, "{one} is not {other}");
    }

    #[test]
    fn auc_is_the_share_of_pairs_in_the_right_order_with_ties_half() {
        // Malicious .9 .5 .5, benign .1 .5 .7: the nine pairs are
        // .9: 1 1 1, .5: 1 1/2 0, .5: 1 1/2 0 = 6 of 9.
        let six_ninths = answers(&[
            (true, Some(0.9)),
            (true, Some(0.5)),
            (true, Some(0.5)),
            (false, Some(0.1)),
            (false, Some(0.5)),
            (false, Some(0.7)),
        ]);
        near(auc(&six_ninths).unwrap(), 6.0 / 9.0);
        near(
            auc(&answers(&[(true, Some(0.9)), (false, Some(0.1))])).unwrap(),
            1.0,
        );
        near(
            auc(&answers(&[(true, Some(0.1)), (false, Some(0.9))])).unwrap(),
            0.0,
        );
        near(auc(&answers(&[(true, None), (false, None)])).unwrap(), 0.5);
        assert_eq!(auc(&answers(&[(true, Some(0.9))])), None);
        assert_eq!(auc(&[]), None);
    }

    #[test]
    fn f1_brier_coverage_and_sure_mistakes_are_those_computed_by_hand() {
        // Called malicious: .9 (right), .8 (wrong); missed: the unanswered one.
        // precision 1/2, recall 1/2, F1 1/2.
        let figures = Figures::of(&answers(&[
            (true, Some(0.9)),
            (true, None),
            (false, Some(0.8)),
            (false, Some(0.2)),
        ]));
        near(figures.f1.unwrap(), 0.5);
        // (.1^2 + .5^2 + .8^2 + .2^2) / 4 = (.01 + .25 + .64 + .04) / 4.
        near(figures.brier, 0.235);
        near(figures.coverage, 0.75);
        near(figures.surely_wrong, 0.25);
        near(figures.most_sure, 0.8);
        assert_eq!(figures.asked, 4);
    }

    #[test]
    fn what_cannot_be_computed_is_unknown_and_never_nan() {
        let nothing = Figures::of(&[]);
        assert_eq!((nothing.auc, nothing.f1), (None, None));
        assert_eq!((nothing.brier, nothing.coverage), (0.0, 0.0));
        assert_eq!(
            Figures::of(&answers(&[(false, Some(0.1))])).f1,
            None,
            "nothing malicious, nothing called so"
        );
        let missed = Figures::of(&answers(&[(true, Some(0.1))]));
        assert_eq!(missed.f1, Some(0.0));
    }

    #[test]
    fn half_is_undecided_and_a_mistake_needs_confidence() {
        let unsure = Answer {
            malicious: false,
            opinion: Some((0.9, 0.49)),
        };
        let undecided = Answer {
            malicious: true,
            opinion: Some((0.5, 1.0)),
        };
        let figures = Figures::of(&[unsure, undecided]);
        assert_eq!(figures.surely_wrong, 0.0);
        assert_eq!(figures.f1, Some(0.0));
    }
}
