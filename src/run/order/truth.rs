//! The true values of a recorded stream's actions: the returns of the recorded agent's final policy after them.

use envs::TimeLimit;
use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use super::Transitions;
use crate::{
    Error, Result,
    algorithm::greedy,
    nn::single::{Layers, Pass},
    streams::rollout_stream,
};

/// Rewards whose discount is below this are left out of a value.
const NEGLIGIBLE: f64 = 1e-6;
/// Steps after which the rollout for a value is given up if it has not ended.
const LONGEST: f64 = 100_000.0;

/// The greedy policy of a network, one observation at a time, so that an action does not depend on the other
/// observations.
pub(super) struct FinalPolicy {
    layers: Layers,
    weights: Vec<f32>,
    pass: Pass<f32>,
}

impl FinalPolicy {
    pub fn new(layers: Layers, weights: Vec<f32>) -> Self {
        Self {
            pass: layers.pass(),
            layers,
            weights,
        }
    }

    pub fn act(&mut self, obs: &[f32]) -> usize {
        self.layers.forward(&self.weights, obs, &mut self.pass);
        greedy(self.pass.values())
    }
}

/// A stream of random numbers that notices if any is drawn.
pub(super) struct Watched<'a> {
    pub rng: &'a mut ChaCha8Rng,
    pub drawn: bool,
}

impl RngCore for Watched<'_> {
    fn next_u32(&mut self) -> u32 {
        self.drawn = true;
        self.rng.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.drawn = true;
        self.rng.next_u64()
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        self.drawn = true;
        self.rng.fill_bytes(to);
    }
}

/// The states of an environment around a recorded stream.
#[derive(Default)]
pub(super) struct StreamStates {
    /// Before each step.
    pub before: Vec<Vec<f64>>,
    /// After each step at which an episode or the recording was cut short; empty after the others.
    pub after: Vec<Vec<f64>>,
}

/// Measures true values.
pub(super) struct Truth<'a> {
    pub env: TimeLimit,
    pub policy: FinalPolicy,
    pub states: &'a StreamStates,
    pub gamma: f64,
    pub seed: u64,
    obs: Vec<f32>,
}

impl<'a> Truth<'a> {
    /// In `env`, whose time limit is ignored from now on.
    pub fn new(
        env: TimeLimit,
        policy: FinalPolicy,
        states: &'a StreamStates,
        gamma: f64,
        seed: u64,
    ) -> Self {
        Self {
            obs: vec![0.0; env.spec().observation.len()],
            env: env.unlimited(),
            policy,
            states,
            gamma,
            seed,
        }
    }

    /// The value of each action of `all`. With `rollouts`, it is the mean of this many discounted returns after
    /// the action. Without, nothing is random and one rollout is exact; `None` if something turns out to be
    /// random.
    pub fn values(&mut self, all: &Transitions, rollouts: Option<u32>) -> Result<Option<Vec<f64>>> {
        match rollouts {
            Some(n) => self.means(all, n).map(Some),
            None => self.exact(all),
        }
    }

    /// From the last transition to the first. If the recorded agent continued as the policy would, the next
    /// transition's value is known. A rollout is needed only if it did not.
    fn exact(&mut self, all: &Transitions) -> Result<Option<Vec<f64>>> {
        let n = all.len();
        let mut values = vec![0.0; n];
        for t in (0..n).rev() {
            let reward = f64::from(all.rewards[t]);
            let cut = !self.states.after[t].is_empty();
            let follows = !cut && t + 1 < n && all.actions[t + 1] == all.next_actions[t];
            values[t] = if all.terminated[t] {
                reward
            } else if follows {
                reward + self.gamma * values[t + 1]
            } else {
                let from = match cut {
                    true => &self.states.after[t],
                    false => &self.states.before[t + 1],
                };
                self.env.load(from)?;
                self.env.go_on();
                let mut rng = rollout_stream(self.seed, t as u64);
                let (value, drawn) = self.rollout(all.next_actions[t] as usize, &mut rng)?;
                if drawn {
                    return Ok(None);
                }
                reward + self.gamma * value
            };
        }
        Ok(Some(values))
    }

    fn means(&mut self, all: &Transitions, n: u32) -> Result<Vec<f64>> {
        let each = u64::from(n);
        let mean = |t: usize| {
            let mut sum = 0.0;
            for k in 0..each {
                self.env.load(&self.states.before[t])?;
                let mut rng = rollout_stream(self.seed, t as u64 * each + k);
                sum += self.rollout(all.actions[t] as usize, &mut rng)?.0;
            }
            Ok(sum / f64::from(n))
        };
        (0..all.len()).map(mean).collect()
    }

    /// The discounted return of `action` and of the policy after it, from the environment's present state; and whether
    /// anything was random.
    fn rollout(&mut self, mut action: usize, rng: &mut ChaCha8Rng) -> Result<(f64, bool)> {
        let mut draws = Watched { rng, drawn: false };
        let (mut value, mut discount, mut steps) = (0.0, 1.0, 0.0);
        while discount > NEGLIGIBLE {
            let step = self.env.step(action, &mut draws, &mut self.obs)?;
            value += discount * f64::from(step.reward);
            if step.terminated {
                break;
            }
            if step.truncated {
                return Err(Error::usage(format!(
                    "{} cuts its episodes short by itself, so the values beyond are not known; allowed: environments that \
                     only a time limit cuts short",
                    self.env.spec().name
                )));
            }
            discount *= self.gamma;
            steps += 1.0;
            if steps > LONGEST {
                return Err(Error::usage(format!(
                    "gamma = {} is not allowed in {}: an episode of the recorded policy has not ended after {LONGEST} \
                     steps, so its value is not known; allowed: 0 <= x <= 0.9998",
                    self.gamma,
                    self.env.spec().name
                )));
            }
            action = self.policy.act(&self.obs);
        }
        Ok((value, draws.drawn))
    }
}
