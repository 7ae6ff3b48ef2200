//! The choice of a grid's setting for the report stage.

use stats::{Scores, choose};

use super::experiment::Selection;
use crate::Result;

/// The trial that `rule` chooses in `cell`, and every trial's score by that rule. Of several equal trials, the first
/// in `preferred` is chosen. `trials` has each trial's seeds with their scores.
pub fn select(
    rule: Selection,
    cell: &str,
    trials: &[Vec<(u64, f64)>],
    preferred: &[usize],
) -> Result<(usize, Vec<f64>)> {
    let rows =
        |runs: &Vec<(u64, f64)>| Scores::new(runs.iter().map(|&(seed, score)| (cell, seed, score)));
    let scores: Vec<Scores> = trials.iter().map(rows).collect::<stats::Result<_>>()?;
    let in_order: Vec<&Scores> = preferred.iter().map(|&trial| &scores[trial]).collect();
    let chosen = choose(&in_order, rule.aggregate())?;
    let by_rule = scores.iter().map(|s| s.aggregate(rule.aggregate()));
    Ok((preferred[chosen.index()], by_rule.collect()))
}

/// Whether the score of the chosen trial differs from any of `scores`. If all trials do equally well, none is best, and it
/// means nothing that the chosen one is at an end of its grid.
pub fn is_best(chosen: f64, scores: impl IntoIterator<Item = f64>) -> bool {
    scores.into_iter().any(|score| score != chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(rule: Selection, trials: &[&[f64]]) -> (usize, Vec<f64>) {
        let seeded = |scores: &&[f64]| (0..).zip(scores.iter().copied()).collect();
        let trials: Vec<Vec<(u64, f64)>> = trials.iter().map(seeded).collect();
        let order: Vec<usize> = (0..trials.len()).collect();
        super::select(rule, "here", &trials, &order).unwrap()
    }

    #[test]
    fn the_first_of_the_best_by_the_rule_is_chosen() {
        let trials: [&[f64]; 3] = [&[0.0, 0.0], &[1.0, 2.0], &[3.0, 0.0]];
        let (best, means) = select(Selection::BestMean, &trials);
        assert_eq!((best, means), (1, vec![0.0, 1.5, 1.5]));
        // One lucky run lifts a mean but not an interquartile mean.
        let trials: [&[f64]; 2] = [&[0.0, 0.0, 0.0, 9.0], &[1.0, 1.0, 1.0, 1.0]];
        assert_eq!(select(Selection::BestMean, &trials).0, 0);
        assert_eq!(select(Selection::BestIqm, &trials), (1, vec![0.0, 1.0]));
    }

    #[test]
    fn of_equals_the_preferred_one_is_chosen() {
        let trials = [vec![(1, 0.0)], vec![(1, 0.0)], vec![(1, -1.0)]];
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
            let chosen = super::select(Selection::BestMean, "here", &trials, &order)
                .unwrap()
                .0;
            assert_eq!(Some(&chosen), order.iter().find(|&&trial| trial != 2));
        }
    }

    #[test]
    fn a_score_that_is_no_number_is_named() {
        let error = super::select(Selection::BestMean, "here", &[vec![(7, f64::NAN)]], &[0]);
        let said = error.unwrap_err().to_string();
        assert!(said.contains("task `here`, seed 7"), "{said}");
    }
}
