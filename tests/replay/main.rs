//! The replay buffer against plain computations over everything that was ever pushed to it.

mod content;
mod memory;
mod priorities;
mod saved;

use optimiser_paradigms::algorithm::dqn::{Batch, Encoding, Replay, Transition};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const GAMMA: f64 = 0.9;

/// A step with both of its observations.
#[derive(Clone, Debug)]
struct Whole {
    obs: Vec<f32>,
    action: u8,
    reward: f32,
    next_obs: Vec<f32>,
    terminated: bool,
    truncated: bool,
}

impl Whole {
    fn transition(&self) -> Transition<'_> {
        Transition {
            obs: &self.obs,
            action: self.action,
            reward: self.reward,
            next_obs: &self.next_obs,
            terminated: self.terminated,
            truncated: self.truncated,
        }
    }
}

/// Steps of random episodes; about a fifth of the steps are terminated and a fifth truncated.
fn steps(n: usize, obs_len: usize, encoding: Encoding, seed: u64) -> Vec<Whole> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let observe = |rng: &mut ChaCha8Rng| -> Vec<f32> {
        let value = |_| match encoding {
            Encoding::Floats => rng.random_range(-1.0..1.0),
            Encoding::Bits => f32::from(rng.random_bool(0.3)),
        };
        (0..obs_len).map(value).collect()
    };
    let mut obs = observe(&mut rng);
    let mut all = Vec::new();
    for _ in 0..n {
        let next_obs = observe(&mut rng);
        let kind = rng.random_range(0..20);
        let step = Whole {
            obs,
            action: rng.random_range(0..6),
            reward: rng.random_range(-1.0..1.0),
            next_obs: next_obs.clone(),
            terminated: kind < 4,
            truncated: (3..7).contains(&kind),
        };
        let ended = step.terminated || step.truncated;
        obs = if ended { observe(&mut rng) } else { next_obs };
        all.push(step);
    }
    all
}

fn filled(mut replay: Replay, steps: &[Whole]) -> Replay {
    for step in steps {
        replay.push(step.transition()).unwrap();
    }
    replay
}

/// The transition over `n` steps from step `k` on, once it is complete.
fn over_n_steps(all: &[Whole], k: usize, n: usize) -> Option<Batch> {
    let ended = |step: &Whole| step.terminated || step.truncated;
    let last = (k..k + n).find(|j| *j + 1 == k + n || all.get(*j).is_some_and(ended))?;
    let last_step = all.get(last)?;
    let reward = |j: usize| GAMMA.powi((j - k) as i32) * f64::from(all[j].reward);
    Some(Batch {
        obs: all[k].obs.clone(),
        next_obs: last_step.next_obs.clone(),
        actions: vec![all[k].action.into()],
        rewards: vec![(k..=last).map(reward).sum::<f64>() as f32],
        discounts: vec![GAMMA.powi((last - k + 1) as i32) as f32],
        terminated: vec![last_step.terminated],
        ..Batch::default()
    })
}

/// Buffers of every kind, by name.
fn kinds() -> Vec<(Encoding, Replay)> {
    let mut all = Vec::new();
    for encoding in [Encoding::Floats, Encoding::Bits] {
        let plain = || Replay::new(10, 13, encoding, GAMMA);
        all.push((encoding, plain()));
        all.push((encoding, plain().n_step(4)));
        all.push((encoding, plain().prioritized(0.6, 1e-6)));
        all.push((encoding, plain().n_step(3).prioritized(0.5, 1e-3)));
    }
    all
}

/// Pushes, draws and updates priorities; returns what was drawn.
fn go_on(replay: &mut Replay, steps: &[Whole], seed: u64) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Batch::default();
    for step in steps {
        replay.push(step.transition()).unwrap();
        if !replay.is_empty() {
            let from = all.indices.len();
            replay.sample(&mut rng, 6, 0.7, &mut all);
            let errors: Vec<f32> = (0..6).map(|_| rng.random_range(-3.0..3.0)).collect();
            replay.update_priorities(&all.indices[from..], &errors);
        }
    }
    all
}
