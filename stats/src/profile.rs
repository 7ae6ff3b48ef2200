//! Performance profiles: the share of runs, or of tasks, above each of several scores (Dolan & Moré 2002; for runs,
//! Agarwal et al. 2021, section 4.2).

use rand::Rng;

use crate::{Bootstrap, Error, Estimate, Result, Scores, moments::mean};

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
    /// The share above each of `thresholds`.
    ///
    /// Each share has its own interval. The band that the intervals form holds the whole true profile less often
    /// than the level says.
    ///
    /// # Errors
    /// Unless the thresholds are finite and sorted in increasing order.
    pub fn profile(
        &self,
        counted: Counted,
        thresholds: &[f64],
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Vec<Estimate>> {
        if thresholds.iter().any(|threshold| !threshold.is_finite()) || !thresholds.is_sorted() {
            let why = "the thresholds of a profile must be finite numbers in increasing order";
            return Err(Error::data(why));
        }
        let tasks: Vec<&[f64]> = self.tasks().iter().map(|task| task.scores()).collect();
        // The number of thresholds that a score is above.
        let passed = |score: f64| thresholds.partition_point(|threshold| *threshold < score);
        let passed_by_run: Vec<Vec<usize>> = tasks
            .iter()
            .map(|scores| scores.iter().map(|&score| passed(score)).collect())
            .collect();
        // The share of scores that pass exactly this many thresholds.
        let mut passing = vec![0.0; thresholds.len() + 1];
        let shares = |drawn: &[Vec<usize>], out: &mut Vec<f64>| {
            passing.fill(0.0);
            for (task, runs) in drawn.iter().enumerate() {
                match counted {
                    Counted::Runs => {
                        let share = 1.0 / runs.len() as f64;
                        for &run in runs {
                            passing[passed_by_run[task][run]] += share;
                        }
                    }
                    Counted::Tasks => {
                        let scores = runs.iter().map(|&run| tasks[task][run]);
                        passing[passed(mean(scores))] += 1.0;
                    }
                }
            }
            // All pass at least no threshold. Each threshold loses the share that passes only those before it.
            let mut above: f64 = passing.iter().sum();
            for share in &passing[..thresholds.len()] {
                above -= share;
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
    fn a_score_equal_to_a_threshold_is_not_above_it() {
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
    fn thresholds_that_fall_or_are_not_finite_are_refused() {
        let scores = Scores::new([("a", 1, 0.0)]).unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        for thresholds in [[1.0, 0.5], [0.0, f64::NAN]] {
            let profile = scores.profile(Counted::Runs, &thresholds, &Bootstrap::default(), rng);
            assert!(profile.is_err());
        }
    }
}
