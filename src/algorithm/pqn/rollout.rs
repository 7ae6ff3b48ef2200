//! What an agent did in its environments since its last updates, and the returns that follow.

use safetensors::Dtype;

use super::PqnConfig;
use optim::state_file::{Array, StatePart, bytes, numbers};

use crate::{Result, algorithm::Experience};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The episode continues.
    Open,
    /// It is over for good: what follows is worth nothing.
    Terminated,
    /// It was cut short: what would have followed has a value.
    Truncated,
}

impl End {
    /// The end whose saved form is this number.
    pub(super) fn of(number: u8) -> Self {
        match number {
            0 => End::Open,
            1 => End::Terminated,
            _ => End::Truncated,
        }
    }
}

/// The lambda-return of each step of one environment (Gallici et al. 2024, sec. 4; Peng's Q(lambda)):
///
/// ```text
/// G_t = r_t                                                          if the episode terminated
/// G_t = r_t + gamma after_t                                          if it was truncated, or in the last step
/// G_t = r_t + gamma ((1 - lambda) values_t+1 + lambda G_t+1)         otherwise
/// ```
///
/// `values` has the largest action value of the observation before each step. `after` has that of the
/// observation after it, and is used only where the second line holds. All lists have the same length.
pub fn lambda_returns(
    rewards: &[f64],
    values: &[f64],
    after: &[f64],
    ends: &[End],
    (gamma, lambda): (f64, f64),
) -> Vec<f64> {
    let n = rewards.len();
    let mut returns = vec![0.0; n];
    for t in (0..n).rev() {
        let following = match ends[t] {
            End::Terminated => 0.0,
            End::Open if t + 1 < n => (1.0 - lambda) * values[t + 1] + lambda * returns[t + 1],
            _ => after[t],
        };
        returns[t] = rewards[t] + gamma * following;
    }
    returns
}

/// The rollout of one agent: lists `[steps, environments]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Rollout {
    pub obs: Vec<f32>,
    pub actions: Vec<u32>,
    pub rewards: Vec<f64>,
    pub ends: Vec<End>,
    pub values: Vec<f64>,
    pub after: Vec<f64>,
    /// Where `after` is needed, and the observation there.
    pub places: Vec<u32>,
    pub observed: Vec<f32>,
    /// Filled in once the rollout is complete.
    pub targets: Vec<f64>,
}

impl Rollout {
    /// Adds a step of the next environment.
    pub fn push(&mut self, experience: &Experience, reward_scale: f64) {
        self.obs.extend_from_slice(experience.obs);
        self.actions.push(experience.action as u32);
        self.rewards
            .push(reward_scale * f64::from(experience.reward));
        self.ends
            .push(match (experience.terminated, experience.truncated) {
                (true, _) => End::Terminated,
                (_, true) => End::Truncated,
                _ => End::Open,
            });
        self.after.push(f64::NAN);
    }

    /// Records the value of the observation after the step at `place`.
    pub fn bootstrap(&mut self, place: usize, obs: &[f32], value: f64) {
        self.after[place] = value;
        self.places.push(place as u32);
        self.observed.extend_from_slice(obs);
    }

    /// Computes the targets.
    pub fn finish(&mut self, config: &PqnConfig) {
        let (n, steps) = (config.n_envs, config.n_steps);
        self.targets = vec![0.0; n * steps];
        for environment in 0..n {
            let pick = |all: &[f64]| -> Vec<f64> {
                all[environment..].iter().step_by(n).copied().collect()
            };
            let ends: Vec<End> = self.ends[environment..]
                .iter()
                .step_by(n)
                .copied()
                .collect();
            let returns = lambda_returns(
                &pick(&self.rewards),
                &pick(&self.values),
                &pick(&self.after),
                &ends,
                (config.gamma, config.lambda),
            );
            for (t, target) in returns.into_iter().enumerate() {
                self.targets[t * n + environment] = target;
            }
        }
    }

    /// Removes the steps but keeps the allocated memory.
    pub fn clear(&mut self) {
        self.obs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.ends.clear();
        self.values.clear();
        self.after.clear();
        self.places.clear();
        self.observed.clear();
        self.targets.clear();
    }

    /// The whole state.
    pub fn arrays(&self) -> Vec<Array> {
        let list = |name: &str, values: &[f64]| -> Array {
            let data = bytes(values, |x| x.to_le_bytes());
            (
                format!("rollout.{name}"),
                Dtype::F64,
                vec![values.len()],
                data,
            )
        };
        let floats = |name: &str, values: &[f32]| -> Array {
            let data = bytes(values, |x| x.to_le_bytes());
            (
                format!("rollout.{name}"),
                Dtype::F32,
                vec![values.len()],
                data,
            )
        };
        let whole = |name: &str, values: &[u32]| -> Array {
            let data = bytes(values, |x| x.to_le_bytes());
            (
                format!("rollout.{name}"),
                Dtype::U32,
                vec![values.len()],
                data,
            )
        };
        let ends = bytes(&self.ends, |end| [*end as u8]);
        vec![
            list("rewards", &self.rewards),
            list("values", &self.values),
            list("after", &self.after),
            floats("obs", &self.obs),
            floats("observed", &self.observed),
            whole("actions", &self.actions),
            whole("places", &self.places),
            (
                "rollout.ends".into(),
                Dtype::U8,
                vec![self.ends.len()],
                ends,
            ),
        ]
    }

    /// Restores what [`arrays`](Self::arrays) returned.
    pub fn load(&mut self, saved: &StatePart) -> Result<()> {
        let list = |name: &str| -> Result<Vec<f64>> {
            let data = saved.list(&format!("rollout.{name}"), Dtype::F64)?;
            Ok(numbers(data, f64::from_le_bytes))
        };
        let floats = |name: &str| -> Result<Vec<f32>> {
            let data = saved.list(&format!("rollout.{name}"), Dtype::F32)?;
            Ok(numbers(data, f32::from_le_bytes))
        };
        let whole = |name: &str| -> Result<Vec<u32>> {
            let data = saved.list(&format!("rollout.{name}"), Dtype::U32)?;
            Ok(numbers(data, u32::from_le_bytes))
        };
        let ends = saved.list("rollout.ends", Dtype::U8)?;
        *self = Self {
            obs: floats("obs")?,
            observed: floats("observed")?,
            actions: whole("actions")?,
            places: whole("places")?,
            rewards: list("rewards")?,
            ends: ends.iter().map(|end| End::of(*end)).collect(),
            values: list("values")?,
            after: list("after")?,
            targets: Vec::new(),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The return by its definition: the average of all n-step returns, each with its weight.
    fn enumerated(
        t: usize,
        rewards: &[f64],
        values: &[f64],
        after: &[f64],
        ends: &[End],
        (gamma, lambda): (f64, f64),
    ) -> f64 {
        let (mut sum, mut discount, mut weight, mut average) = (0.0, 1.0, 1.0, 0.0);
        for k in t..rewards.len() {
            sum += discount * rewards[k];
            discount *= gamma;
            let last = ends[k] != End::Open || k + 1 == rewards.len();
            let value = match ends[k] {
                End::Terminated => 0.0,
                _ if last => after[k],
                _ => values[k + 1],
            };
            let own = if last {
                weight
            } else {
                weight * (1.0 - lambda)
            };
            average += own * (sum + discount * value);
            weight *= lambda;
            if last {
                break;
            }
        }
        average
    }

    #[test]
    fn returns_are_the_weighted_average_of_all_n_step_returns_for_every_pattern_of_ends() {
        const T: usize = 6;
        let wave = |k: f64| -> Vec<f64> { (0..T).map(|t| (t as f64 * k).sin()).collect() };
        let (rewards, values, after) = (wave(1.1), wave(0.7), wave(1.9));
        for pattern in 0..3usize.pow(T as u32) {
            let end = |t: usize| End::of((pattern / 3usize.pow(t as u32) % 3) as u8);
            let ends: Vec<End> = (0..T).map(end).collect();
            for weights in [
                (0.9, 0.0),
                (0.9, 0.65),
                (0.99, 1.0),
                (1.0, 0.95),
                (0.0, 0.5),
            ] {
                let returns = lambda_returns(&rewards, &values, &after, &ends, weights);
                for (t, found) in returns.iter().enumerate() {
                    let expected = enumerated(t, &rewards, &values, &after, &ends, weights);
                    assert!(
                        (found - expected).abs() < 1e-14,
                        "{ends:?}, {weights:?}, {t}"
                    );
                }
            }
        }
    }

    #[test]
    fn termination_does_not_bootstrap_and_truncation_does() {
        let of = |end| lambda_returns(&[1.0], &[9.0], &[4.0], &[end], (0.5, 0.9))[0];
        assert_eq!(of(End::Terminated), 1.0);
        assert_eq!(of(End::Truncated), 3.0);
        assert_eq!(of(End::Open), 3.0);
        // What follows an end belongs to another episode.
        let two = |end| {
            let lists = ([1.0, 100.0], [9.0, 50.0], [4.0, 0.0]);
            lambda_returns(&lists.0, &lists.1, &lists.2, &[end, End::Open], (0.5, 0.9))[0]
        };
        assert_eq!(two(End::Terminated), 1.0);
        assert_eq!(two(End::Truncated), 3.0);
    }
}
