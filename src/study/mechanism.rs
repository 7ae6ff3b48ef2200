//! A one-line summary of a run's diagnostics, which a study keeps.

use serde::{Deserialize, Serialize};

use crate::run::DiagnosticsRow;

/// The diagnostics of a run: a line of `mechanism.csv`.
///
/// Values are medians over the rows of the run's `diagnostics.csv` unless their comment says otherwise. Rows in which a
/// value was not measured are left out, and the value is `None` if no row has it. [`DiagnosticsRow`] says what each is
/// measured from. The study fills in the columns that identify the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mechanism {
    /// The run.
    pub id: String,
    /// Its environment.
    pub environment: String,
    /// Its factors' levels.
    pub factors: String,
    /// Its optimiser, as the study calls it.
    pub optimiser: String,
    /// Its seed.
    pub seed: u64,
    /// Its score.
    pub score: f64,
    /// Rows of the diagnostics.
    pub rows: usize,
    /// The decay of momentum's average per step.
    pub momentum_beta: f64,
    /// Whether the optimiser has no momentum, so that the average is only hypothetical.
    pub momentum_is_hypothetical: bool,
    /// The cosine of the momentum before a step and the step's gradient.
    pub cos_momentum_gradient: Option<f64>,
    /// The cosine of a gradient and the one before it.
    pub autocorrelation_1: Option<f64>,
    /// The cosine of a gradient and the one eight steps earlier.
    pub autocorrelation_8: Option<f64>,
    /// The cosine of momentum's average and the average of the same minibatches' gradients at today's weights and
    /// targets: 1 if nothing is stale.
    pub cos_average_oracle: Option<f64>,
    /// How far the part of the average that is due to moved weights pushes along today's gradient: the sum over the
    /// rows, divided by the sum of that gradient's norms.
    pub parameter_push: Option<f64>,
    /// The same for the part that is due to moved targets.
    pub target_push: Option<f64>,
    /// The same for the part that is due to other data.
    pub data_push: Option<f64>,
    /// The expected push by other data if their distribution were the same: `-noise / 4` along today's
    /// gradient. That gradient is of four minibatches, and the average does not share their noise.
    pub data_push_by_chance: Option<f64>,
    /// The squared norm of the expected gradient over the variance of a minibatch's gradient.
    pub signal_to_noise: Option<f64>,
    /// How far the targets of momentum's minibatches have moved since, in units of the value. This is a mean, because
    /// most rows are far from an update of the target network.
    pub target_drift: Option<f64>,
    /// The mean age of a minibatch's transitions, in environment steps.
    pub age_mean: Option<f64>,
    /// The gradient's norm in the first fifth of the interval after an update of the target network, divided by its
    /// norm in the rest.
    pub norm_after_target: Option<f64>,
}

impl Mechanism {
    /// Sums up a run's diagnostics, without identifying the run; `None` if there are none.
    pub fn of(rows: &[DiagnosticsRow]) -> Option<Self> {
        let last = rows.last()?;
        let over =
            |value: fn(&DiagnosticsRow) -> Option<f64>| median(rows.iter().filter_map(value));
        let interval = rows.iter().map(|row| row.since_target).max().unwrap_or(0);
        let norms = |early: bool| {
            let its = rows
                .iter()
                .filter(|row| (5 * row.since_target < interval) == early);
            median(its.map(|row| row.grad_norm))
        };
        Some(Self {
            rows: rows.len(),
            momentum_beta: last.momentum_beta,
            momentum_is_hypothetical: last.momentum_is_hypothetical,
            cos_momentum_gradient: over(|row| row.cos_momentum_gradient),
            autocorrelation_1: over(|row| row.autocorrelation_1),
            autocorrelation_8: over(|row| row.autocorrelation_8),
            cos_average_oracle: over(|row| row.cos_average_oracle),
            parameter_push: push(rows, |row| (row.parameter_norm, row.cos_parameter_fresh)),
            target_push: push(rows, |row| (row.target_norm, row.cos_target_fresh)),
            data_push: push(rows, |row| (row.data_norm, row.cos_data_fresh)),
            data_push_by_chance: push(rows, |row| {
                (Some(-row.noise / 4.0 / row.fresh_norm), Some(1.0))
            }),
            signal_to_noise: over(|row| Some(row.signal / row.noise)),
            target_drift: mean(rows.iter().filter_map(|row| row.target_drift)),
            age_mean: over(|row| Some(row.age_mean)),
            norm_after_target: match (norms(true), norms(false)) {
                (Some(early), Some(late)) => Some(early / late).filter(|ratio| ratio.is_finite()),
                _ => None,
            },
            ..Self::default()
        })
    }
}

/// How far a part of the average pushes along today's gradient. `part` gives its norm and its cosine with that
/// gradient; a part of norm 0 has no cosine and does not push.
fn push(
    rows: &[DiagnosticsRow],
    part: fn(&DiagnosticsRow) -> (Option<f64>, Option<f64>),
) -> Option<f64> {
    let pushes = rows.iter().filter_map(|row| match part(row) {
        (Some(0.0), _) => Some((0.0, row.fresh_norm)),
        (norm, cosine) => Some((norm? * cosine?, row.fresh_norm)),
    });
    let (pushed, norms) = pushes.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    Some(pushed / norms).filter(|push| push.is_finite())
}

/// The mean, if there is any value.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    Some(values.iter().sum::<f64>() / values.len() as f64).filter(|mean| mean.is_finite())
}

/// The median of the finite values, if there are any.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    (n > 0).then(|| (values[(n - 1) / 2] + values[n / 2]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(since_target: u64, grad_norm: f64, target_norm: f64) -> DiagnosticsRow {
        DiagnosticsRow {
            since_target,
            grad_norm,
            fresh_norm: 2.0,
            target_norm: Some(target_norm),
            cos_target_fresh: (target_norm > 0.0).then_some(0.5),
            signal: 3.0,
            noise: if since_target == 0 { 0.0 } else { 6.0 },
            ..DiagnosticsRow::default()
        }
    }

    #[test]
    fn medians_leave_out_what_was_not_measured() {
        let rows = [
            row(0, 8.0, 0.0),
            row(10, 2.0, 4.0),
            row(49, 4.0, 8.0),
            row(30, 6.0, 2.0),
        ];
        let found = Mechanism::of(&rows).unwrap();
        assert_eq!(found.rows, 4);
        // 0, 2, 4 and 1 along gradients of 2 each.
        assert_eq!(found.target_push, Some(0.875));
        assert_eq!((found.data_push, found.target_drift), (None, None));
        // Three noises of 6 by 4 by norms of 2, over four norms.
        assert_eq!(found.data_push_by_chance, Some(-2.25 / 8.0));
        // One variance is 0, so its ratio is not a number.
        assert_eq!(found.signal_to_noise, Some(0.5));
        // 8 in the first fifth, the median of 2, 4 and 6 in the rest.
        assert_eq!(found.norm_after_target, Some(2.0));
        assert_eq!(found.cos_momentum_gradient, None);
        assert!(Mechanism::of(&[]).is_none());
    }
}
