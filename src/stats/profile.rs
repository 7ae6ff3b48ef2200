//! Performance profiles: which share of runs, or of tasks, does better than each of several scores.
//!
//! Dolan & Moré 2002, with the distribution of runs of Agarwal et al. 2021, section 4.2.

use rand::Rng;

use super::{Bootstrap, Estimate, Scores, aggregate::mean};
use crate::{Error, Result};

/// What a profile counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Runs: the mean over tasks of the share of a task's runs above the threshold (rliable's
    /// `run_score_deviation`).
    Runs,
    /// Tasks: the share of tasks whose mean over runs is above the threshold (rliable's
    /// `mean_score_deviation`).
    Tasks,
}

impl Scores {
    /// The share above each of `thresholds`, which do not fall, each with its own interval: a band of them
    /// holds the whole truth less often than its level says.
    pub fn profile(
        &self,
        counted: Counted,
        thresholds: &[f64],
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Vec<Estimate>> {
        if thresholds.iter().any(|threshold| !threshold.is_finite()) || !thresholds.is_sorted() {
            let why = "the thresholds of a profile are finite numbers that do not fall";
            return Err(Error::usage(why));
        }
        let tasks: Vec<&[f64]> = self.tasks().iter().map(|task| task.scores()).collect();
        // How many thresholds each score is above.
        let passed = |score: f64| thresholds.partition_point(|threshold| *threshold < score);
        let passed_by_run: Vec<Vec<usize>> = tasks
            .iter()
            .map(|scores| scores.iter().map(|&score| passed(score)).collect())
            .collect();
        let mut ends = vec![0.0; thresholds.len() + 1];
        let shares = |drawn: &[Vec<usize>], out: &mut Vec<f64>| {
            ends.fill(0.0);
            for (task, places) in drawn.iter().enumerate() {
                match counted {
                    Counted::Runs => {
                        let share = 1.0 / places.len() as f64;
                        for &place in places {
                            ends[passed_by_run[task][place]] += share;
                        }
                    }
                    Counted::Tasks => {
                        let scores = places.iter().map(|&place| tasks[task][place]);
                        ends[passed(mean(scores))] += 1.0;
                    }
                }
            }
            // Above a threshold is whatever passes it or one further up.
            let mut above: f64 = ends.iter().sum();
            for end in &ends[..thresholds.len()] {
                above -= end;
                out.push((above / drawn.len() as f64).max(0.0));
            }
        };
        Ok(bootstrap.estimates(&self.sizes(), shares, rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn points(scores: &Scores, counted: Counted, thresholds: &[f64]) -> Vec<f64> {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let profile = scores.profile(counted, thresholds, &Bootstrap::default(), rng);
        profile.unwrap().iter().map(|e| e.point).collect()
    }

    #[test]
    fn what_is_as_good_as_a_threshold_is_not_above_it() {
        let scores = Scores::new([
            ("a", 1, 0.0),
            ("a", 2, 1.0),
            ("a", 3, 1.0),
            ("a", 4, 2.0),
            ("b", 1, 1.5),
        ])
        .unwrap();
        let thresholds = [-1.0, 0.0, 1.0, 1.0, 1.9, 2.0];
        let runs = points(&scores, Counted::Runs, &thresholds);
        assert_eq!(runs, [1.0, 0.875, 0.625, 0.625, 0.125, 0.0]);
        let tasks = points(&scores, Counted::Tasks, &thresholds);
        assert_eq!(tasks, [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]);
        assert!(points(&scores, Counted::Runs, &[]).is_empty());
    }

    #[test]
    fn thresholds_rise() {
        let scores = Scores::new([("a", 1, 0.0)]).unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        for thresholds in [[1.0, 0.5], [0.0, f64::NAN]] {
            let profile = scores.profile(Counted::Runs, &thresholds, &Bootstrap::default(), rng);
            assert!(profile.is_err());
        }
    }
}
