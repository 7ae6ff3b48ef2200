//! A frozen buffer: transitions that were made once, with a teacher's action values.

use envs::TimeLimit;
use rand::Rng;

use super::teacher::Teacher;
use crate::{
    Result,
    algorithm::dqn::{Batch, greedy},
    run::rl::Actor,
};

/// Transitions that stay as they are.
pub(super) struct Frozen {
    all: Batch,
    obs_len: usize,
    actions: usize,
    /// The teacher's action values of the observations before the step, `[n, actions]`.
    values: Vec<f32>,
}

/// Observations that the teacher values together.
const CHUNK: usize = 256;

impl Frozen {
    /// The first `n` transitions of `teacher` in `env` after a reset; its actions are random with
    /// probability `epsilon`. All random numbers are drawn from `draws`.
    pub fn fill(
        env: &mut TimeLimit,
        teacher: &Teacher,
        epsilon: f64,
        n: usize,
        draws: &mut impl Rng,
    ) -> Result<Self> {
        let actor = Actor::epsilon_greedy(&teacher.policy, epsilon);
        let (obs_len, actions) = teacher.shape;
        let (mut obs, mut all) = (vec![0.0; obs_len], Batch::default());
        env.reset(draws, &mut obs);
        for _ in 0..n {
            let action = actor.act(&obs, actions, draws)?;
            all.obs.extend_from_slice(&obs);
            let step = env.step(action, draws, &mut obs)?;
            all.next_obs.extend_from_slice(&obs);
            all.actions.push(action as u32);
            all.rewards.push(step.reward);
            all.discounts.push(teacher.gamma as f32);
            all.terminated.push(step.terminated);
            if step.terminated || step.truncated {
                env.reset(draws, &mut obs);
            }
        }
        let mut values = Vec::with_capacity(n * actions);
        for obs in all.obs.chunks(CHUNK * obs_len) {
            values.extend(teacher.policy.values(obs)?);
        }
        Ok(Self {
            all,
            obs_len,
            actions,
            values,
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.actions.len()
    }

    /// The transitions `rows`.
    pub fn batch(&self, rows: &[u32]) -> Batch {
        let all = &self.all;
        Batch {
            obs: gather(&all.obs, rows, self.obs_len),
            next_obs: gather(&all.next_obs, rows, self.obs_len),
            actions: gather(&all.actions, rows, 1),
            rewards: gather(&all.rewards, rows, 1),
            discounts: gather(&all.discounts, rows, 1),
            terminated: gather(&all.terminated, rows, 1),
            weights: Vec::new(),
            indices: rows.to_vec(),
            packed: None,
        }
    }

    /// The observations before each step, `[n, obs_len]`, in chunks.
    pub fn observations(&self) -> impl Iterator<Item = &[f32]> {
        self.all.obs.chunks(CHUNK * self.obs_len)
    }

    /// The teacher's values of the actions that the transitions `rows` took.
    pub fn taken(&self, rows: &[u32]) -> Vec<f32> {
        let value = |&row: &u32| self.of(&self.values, row as usize, row as usize);
        rows.iter().map(value).collect()
    }

    /// Of `values`, `[rows, actions]`: the value in line `line` of the action that the transition `row`
    /// took.
    pub fn of(&self, values: &[f32], line: usize, row: usize) -> f32 {
        values[line * self.actions + self.all.actions[row] as usize]
    }

    /// The share of `rows` of which `values`, `[rows, actions]`, have the teacher's best action as theirs.
    pub fn agreement(&self, rows: &[u32], values: &[f32]) -> f64 {
        let own = values.chunks_exact(self.actions);
        let same = rows.iter().zip(own).filter(|(row, own)| {
            let at = **row as usize * self.actions;
            greedy(&self.values[at..at + self.actions]) == greedy(own)
        });
        same.count() as f64 / rows.len() as f64
    }
}

/// The entries `rows` of `all`, of `size` numbers each.
fn gather<T: Copy>(all: &[T], rows: &[u32], size: usize) -> Vec<T> {
    let entry = |&row: &u32| &all[row as usize * size..(row as usize + 1) * size];
    rows.iter().flat_map(entry).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        algorithm::{
            Policy,
            dqn::{DqnConfig, untrained_policy},
        },
        run::rl::{ConfigSource, Trained},
        streams::{Stream, stream},
    };

    /// 3000 transitions of an untrained agent on CartPole.
    fn frozen(epsilon: f64) -> Frozen {
        let config = ConfigSource::default().resolve(None).unwrap();
        let spec = envs::make("cartpole").unwrap().spec().clone();
        let policy = untrained_policy(&DqnConfig::cleanrl(), &spec).unwrap();
        let saved = policy.to_safetensors().unwrap();
        let teacher = Teacher::of(Trained::of(config, &saved).unwrap()).unwrap();
        let draws = &mut stream(1, Stream::Buffer);
        let mut env = envs::make("cartpole").unwrap();
        Frozen::fill(&mut env, &teacher, epsilon, 3000, draws).unwrap()
    }

    #[test]
    fn transitions_follow_each_other() {
        let frozen = frozen(0.5);
        let all = &frozen.all;
        assert_eq!((frozen.len(), frozen.values.len()), (3000, 6000));
        let ends = all.terminated.iter().filter(|ended| **ended).count();
        assert!((30..400).contains(&ends), "{ends} episodes");
        for row in 0..2999 {
            let next = &all.next_obs[row * 4..row * 4 + 4];
            let then = &all.obs[row * 4 + 4..row * 4 + 8];
            assert_eq!(next == then, !all.terminated[row], "{row}");
        }
    }

    #[test]
    fn so_many_actions_are_random() {
        for (epsilon, same) in [(0.0, 1.0), (0.5, 0.75), (1.0, 0.5)] {
            let frozen = frozen(epsilon);
            let best = frozen.values.chunks(2).map(greedy);
            let taken = frozen.all.actions.iter().zip(best);
            let greedy = taken.filter(|(taken, best)| **taken as usize == *best);
            let share = greedy.count() as f64 / 3000.0;
            assert!((share - same).abs() < 0.03, "{epsilon}: {share}");
        }
    }

    #[test]
    fn rows_are_what_they_were() {
        let frozen = frozen(0.5);
        let rows = [7, 0, 2999];
        let (batch, taken) = (frozen.batch(&rows), frozen.taken(&rows));
        let mut values = Vec::new();
        for (i, &row) in rows.iter().enumerate() {
            let row = row as usize;
            assert_eq!(
                batch.obs[i * 4..i * 4 + 4],
                frozen.all.obs[row * 4..row * 4 + 4]
            );
            assert_eq!(batch.next_obs[i * 4 + 1], frozen.all.next_obs[row * 4 + 1]);
            assert_eq!(batch.terminated[i], frozen.all.terminated[row]);
            let of_both = &frozen.values[row * 2..row * 2 + 2];
            assert_eq!(taken[i], of_both[batch.actions[i] as usize]);
            values.extend_from_slice(of_both);
        }
        assert_eq!(frozen.agreement(&rows, &values), 1.0);
        values.swap(0, 1);
        assert_eq!(frozen.agreement(&rows, &values), 2.0 / 3.0);
    }
}
