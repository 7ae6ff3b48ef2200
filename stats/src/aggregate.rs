//! One number for the scores of all tasks (Agarwal et al. 2021, section 4), as rliable computes it.

use crate::{Scores, moments::mean};

/// How the scores of all tasks and runs become one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// The interquartile mean: the mean of all runs of all tasks without the lowest and the highest quarter.
    /// Each quarter is rounded down to whole runs (`scipy.stats.trim_mean(scores, 0.25)`; Agarwal et al. 2021,
    /// section 4.3).
    Iqm,
    /// The mean over tasks of the mean over runs.
    Mean,
    /// The median over tasks of the mean over runs.
    Median,
    /// How far scores fall short of `gamma`: the mean over tasks of the mean over runs of
    /// `gamma - min(score, gamma)` (Agarwal et al. 2021, section 4.3). Lower is better.
    OptimalityGap {
        /// The score above which more is worth nothing, a finite number: 1 on normalised scores.
        gamma: f64,
    },
}

impl Aggregate {
    /// Aggregates the scores of each task, `[tasks][runs]`, with at least one run in each.
    pub(crate) fn of(self, tasks: &[Vec<f64>]) -> f64 {
        match self {
            Self::Iqm => iqm(tasks.concat()),
            Self::Mean => mean(tasks.iter().map(|runs| mean(runs.iter().copied()))),
            Self::Median => median(
                tasks
                    .iter()
                    .map(|runs| mean(runs.iter().copied()))
                    .collect(),
            ),
            Self::OptimalityGap { gamma } => {
                let reached = |runs: &Vec<f64>| mean(runs.iter().map(|score| score.min(gamma)));
                gamma - mean(tasks.iter().map(reached))
            }
        }
    }

    /// 1 where higher is better, -1 where lower is better.
    pub(crate) fn sign(self) -> f64 {
        match self {
            Self::OptimalityGap { .. } => -1.0,
            Self::Iqm | Self::Mean | Self::Median => 1.0,
        }
    }
}

impl Scores {
    /// The aggregate of the scores, without an interval.
    pub fn aggregate(&self, aggregate: Aggregate) -> f64 {
        let tasks: Vec<Vec<f64>> = self.tasks().iter().map(|t| t.scores().to_vec()).collect();
        aggregate.of(&tasks)
    }
}

fn iqm(mut scores: Vec<f64>) -> f64 {
    let cut = scores.len() / 4;
    if cut > 0 {
        // Two selections are cheaper than sorting, and the order within the parts does not matter.
        scores.select_nth_unstable_by(cut, f64::total_cmp);
        let kept = scores.len() - 2 * cut;
        scores[cut..].select_nth_unstable_by(kept - 1, f64::total_cmp);
    }
    let end = scores.len() - cut;
    mean(scores[cut..end].iter().copied())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    (values[(n - 1) / 2] + values[n / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_rounded_down_to_whole_runs() {
        // scipy.stats.trim_mean(x, 0.25)
        assert_eq!(iqm(vec![5.0]), 5.0);
        assert_eq!(iqm(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(iqm(vec![100.0, 3.0, 2.0, -50.0]), 2.5);
        assert_eq!(iqm(vec![100.0, 3.0, 2.0, -50.0, 4.0]), 3.0);
        assert_eq!(iqm(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 99.0]), 4.0);
    }

    #[test]
    fn tasks_count_alike_whatever_their_runs() {
        let tasks = [vec![1.0; 9], vec![0.0]];
        assert_eq!(Aggregate::Mean.of(&tasks), 0.5);
        assert_eq!(Aggregate::Median.of(&tasks), 0.5);
        assert_eq!(Aggregate::OptimalityGap { gamma: 0.5 }.of(&tasks), 0.25);
        assert_eq!(Aggregate::Iqm.of(&tasks), 1.0);
    }
}
