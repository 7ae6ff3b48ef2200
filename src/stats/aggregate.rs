//! One number for the scores of all tasks (Agarwal et al. 2021, section 4; the same as rliable's).

use rand::Rng;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Bootstrap, Contrast, Estimate, Scores};

/// How the scores of all tasks and runs become one number.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The interquartile mean: of all runs of all tasks, the mean without the lowest and the highest quarter,
    /// each rounded down to whole runs (`scipy.stats.trim_mean(scores, 0.25)`; Agarwal et al. 2021, section
    /// 4.3).
    Iqm,
    /// The mean over tasks of the mean over runs.
    Mean,
    /// The median over tasks of the mean over runs.
    Median,
    /// How far scores fall short of `gamma`, those above it not counted as better: the mean over tasks of the
    /// mean over runs of `gamma - min(score, gamma)` (Agarwal et al. 2021, section 4.3). Lower is better.
    OptimalityGap {
        /// The score beyond which more is worth nothing, a finite number: 1 on normalised scores.
        #[serde(deserialize_with = "finite")]
        gamma: f64,
    },
}

impl Aggregate {
    /// Of the scores of each task, `[tasks][runs]`: at least one run in each.
    pub(super) fn of(self, tasks: &[Vec<f64>]) -> f64 {
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

    /// 1 where higher is better, -1 where lower is.
    pub fn sign(self) -> f64 {
        match self {
            Self::OptimalityGap { .. } => -1.0,
            Self::Iqm | Self::Mean | Self::Median => 1.0,
        }
    }
}

impl Scores {
    /// Their aggregate, with an interval from drawing the runs of each task anew.
    pub fn estimate(
        &self,
        aggregate: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Estimate {
        Contrast::of(self).estimate(aggregate, bootstrap, rng)
    }

    /// Their aggregate.
    pub fn aggregate(&self, aggregate: Aggregate) -> f64 {
        let tasks: Vec<Vec<f64>> = self.tasks().iter().map(|t| t.scores().to_vec()).collect();
        aggregate.of(&tasks)
    }
}

fn finite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let gamma = f64::deserialize(deserializer)?;
    match gamma.is_finite() {
        true => Ok(gamma),
        false => Err(D::Error::custom(format!(
            "gamma = {gamma} is not allowed; allowed: a finite number"
        ))),
    }
}

fn iqm(mut scores: Vec<f64>) -> f64 {
    let cut = scores.len() / 4;
    if cut > 0 {
        // Not sorted: only what is below and above is told apart.
        scores.select_nth_unstable_by(cut, f64::total_cmp);
        let kept = scores.len() - 2 * cut;
        scores[cut..].select_nth_unstable_by(kept - 1, f64::total_cmp);
    }
    let end = scores.len() - cut;
    mean(scores[cut..end].iter().copied())
}

/// The mean of at least one value.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
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

    #[test]
    fn names_are_read_from_settings() {
        #[derive(Deserialize)]
        struct Settings {
            rule: Aggregate,
            other: Aggregate,
        }
        let text = "rule = \"iqm\"\nother = { optimality_gap = { gamma = 1.0 } }";
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!(settings.rule, Aggregate::Iqm);
        assert_eq!(settings.other, Aggregate::OptimalityGap { gamma: 1.0 });
        let error = toml::from_str::<Settings>(&text.replace("1.0", "nan"));
        let error = error.err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("gamma = NaN is not allowed")));
    }
}
