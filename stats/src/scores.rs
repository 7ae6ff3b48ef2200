//! The scores of one arm of a study: the runs of each task, by seed.

use std::collections::HashSet;

use crate::{Error, Result};

/// The scores of one arm: tasks in the order of their first appearance, each with its runs by increasing seed.
///
/// There is at least one task, and each has at least one run. Tasks may have different numbers of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    tasks: Vec<Task>,
}

/// The runs of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    name: String,
    seeds: Vec<u64>,
    scores: Vec<f64>,
}

impl Task {
    /// The name of the task.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The seeds of the runs, in increasing order.
    pub fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    /// The score of each run, in the order of the seeds.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }
}

impl Scores {
    /// The scores in rows of task, seed and score, which may come in any order.
    ///
    /// # Errors
    /// If there is no row, if a task has a seed twice, or if a score is not finite. A run that diverged has the worst
    /// score of its task, never NaN.
    pub fn new<S: AsRef<str>>(rows: impl IntoIterator<Item = (S, u64, f64)>) -> Result<Self> {
        let mut tasks: Vec<(String, Vec<(u64, f64)>)> = Vec::new();
        for (name, seed, score) in rows {
            let name = name.as_ref();
            if !score.is_finite() {
                return Err(Error::data(format!(
                    "the score of task `{name}`, seed {seed}, is {score}; a score is a finite number, and a \
                     run that diverged has the worst one"
                )));
            }
            match tasks.iter_mut().find(|(known, _)| known == name) {
                Some((_, runs)) => runs.push((seed, score)),
                None => tasks.push((name.to_owned(), vec![(seed, score)])),
            }
        }
        if tasks.is_empty() {
            return Err(Error::data("there are no scores: at least one is needed"));
        }
        for (name, runs) in &mut tasks {
            runs.sort_by_key(|(seed, _)| *seed);
            if let Some(twice) = runs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let seed = twice[0].0;
                let why = format!(
                    "task `{name}` has seed {seed} twice; a seed is allowed once in a task"
                );
                return Err(Error::data(why));
            }
        }
        let tasks = tasks.into_iter().map(|(name, runs)| {
            let (seeds, scores) = runs.into_iter().unzip();
            Task {
                name,
                seeds,
                scores,
            }
        });
        Ok(Self {
            tasks: tasks.collect(),
        })
    }

    /// The tasks.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The number of runs of all tasks.
    pub fn runs(&self) -> usize {
        self.tasks.iter().map(|task| task.scores.len()).sum()
    }

    /// The difference `self - other` between the runs with the same task and seed.
    ///
    /// # Errors
    /// If either arm has a run that the other lacks.
    pub fn minus(&self, other: &Self) -> Result<Self> {
        let other = other.tasks_paired_with(self)?;
        let tasks = self.tasks.iter().zip(other).map(|(a, b)| Task {
            scores: a.scores.iter().zip(&b.scores).map(|(a, b)| a - b).collect(),
            ..a.clone()
        });
        Ok(Self {
            tasks: tasks.collect(),
        })
    }

    /// The tasks in the order of `other`. An error unless both arms have the same tasks.
    pub(crate) fn tasks_in_the_order_of(&self, other: &Self) -> Result<Vec<&Task>> {
        let names = |scores: &Self| -> HashSet<String> {
            scores.tasks.iter().map(|task| task.name.clone()).collect()
        };
        let (ours, theirs) = (names(self), names(other));
        if let Some(name) = ours.symmetric_difference(&theirs).min() {
            let why = format!("task `{name}` is in only one of two arms; both need the same tasks");
            return Err(Error::data(why));
        }
        let by_name = |wanted: &Task| self.tasks.iter().find(|task| task.name == wanted.name);
        Ok(other.tasks.iter().filter_map(by_name).collect())
    }

    /// The tasks in the order of `other`. An error unless both arms have the same seeds in the same tasks.
    pub(crate) fn tasks_paired_with(&self, other: &Self) -> Result<Vec<&Task>> {
        let tasks = self.tasks_in_the_order_of(other)?;
        for (a, b) in tasks.iter().zip(&other.tasks) {
            let (ours, theirs): (HashSet<_>, HashSet<_>) =
                (a.seeds.iter().collect(), b.seeds.iter().collect());
            if let Some(seed) = ours.symmetric_difference(&theirs).min() {
                return Err(Error::data(format!(
                    "seed {seed} of task `{}` is in only one of two arms; pairs need it in both",
                    a.name
                )));
            }
        }
        Ok(tasks)
    }

    /// The number of runs of each task.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.tasks.iter().map(|task| task.scores.len()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(rows: &[(&str, u64, f64)], with: &str) {
        let error = Scores::new(rows.iter().copied()).unwrap_err().to_string();
        assert!(error.contains(with), "{error}");
    }

    #[test]
    fn rows_that_cannot_be_scores_are_named() {
        fails(&[], "no scores");
        fails(&[("a", 1, 0.5), ("b", 7, f64::NAN)], "task `b`, seed 7");
        fails(&[("a", 3, f64::INFINITY)], "task `a`, seed 3, is inf");
        fails(
            &[("a", 3, 1.0), ("a", 4, 1.0), ("a", 3, 2.0)],
            "seed 3 twice",
        );
    }

    #[test]
    fn rows_may_come_in_any_order() {
        let rows = [("a", 2, 0.2), ("b", 1, 1.1), ("a", 1, 0.1)];
        let scores = Scores::new(rows).unwrap();
        assert_eq!(scores.runs(), 3);
        assert_eq!(scores.tasks()[0].seeds(), [1, 2]);
        assert_eq!(scores.tasks()[0].scores(), [0.1, 0.2]);
        assert_eq!(scores.tasks()[1].scores(), [1.1]);
    }

    #[test]
    fn differences_are_taken_seed_by_seed() {
        let a = Scores::new([("x", 1, 5.0), ("x", 2, 7.0), ("y", 1, 1.0)]).unwrap();
        let b = Scores::new([("y", 1, 3.0), ("x", 2, 1.0), ("x", 1, 2.0)]).unwrap();
        let difference = a.minus(&b).unwrap();
        assert_eq!(difference.tasks()[0].scores(), [3.0, 6.0]);
        assert_eq!(difference.tasks()[1].scores(), [-2.0]);
        let fewer = Scores::new([("x", 1, 5.0), ("y", 1, 1.0)]).unwrap();
        let error = a.minus(&fewer).unwrap_err().to_string();
        assert!(error.contains("seed 2 of task `x`"), "{error}");
        let other = Scores::new([("x", 1, 5.0), ("x", 2, 1.0)]).unwrap();
        let error = a.minus(&other).unwrap_err().to_string();
        assert!(error.contains("task `y`"), "{error}");
    }
}
