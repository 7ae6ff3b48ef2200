//! Agents on small random decision processes learn the values that dynamic programming gives.
//!
//! Measured errors: 5e-8 when agents see every outcome and compute in f64 (values are given in f32),
//! and 4e-6 from experience in f32.

#[path = "common/larger.rs"]
mod larger;

use candle_core::DType;
use envs::{Draws, EnvSpec, Environment, Error, Space, Step, TimeLimit};
use larger::larger;
use optimiser_paradigms::algorithm::dqn::{
    Batch, Dqn, DqnConfig, Encoding, Hidden, Replay, Transition,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STATES: usize = 6;
const GAMMA: f64 = 0.75;

/// One of the equally likely outcomes of an action.
#[derive(Clone, Copy)]
struct Outcome {
    reward: f32,
    next: usize,
    terminated: bool,
}

/// A decision process: `outcomes[state][action]`. The state is observed as a one-hot vector.
#[derive(Clone)]
struct Process {
    spec: EnvSpec,
    outcomes: Vec<Vec<Vec<Outcome>>>,
    state: usize,
}

impl Process {
    /// A random process in which each action has this many outcomes. One step in ten ends the episode;
    /// the time limit ends it after five.
    fn random(seed: u64, actions: usize, chances: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut outcome = |_| Outcome {
            reward: rng.random_range(-1.0..1.0),
            next: rng.random_range(0..STATES as u32) as usize,
            terminated: rng.random_bool(0.1),
        };
        let mut action = |_| (0..chances).map(&mut outcome).collect();
        let mut state = |_| (0..actions).map(&mut action).collect();
        Self {
            outcomes: (0..STATES).map(&mut state).collect(),
            spec: EnvSpec {
                name: "process".into(),
                id: "process".into(),
                observation: Space::binary(&[STATES]),
                actions,
                max_steps: Some(5),
                reward_threshold: None,
                rewards: (-1.0, 1.0),
                worst_return: -5.0,
            },
            state: 0,
        }
    }

    /// The optimal values `[states, actions]`: the fixed point of `Q(s, a)` = mean of reward + gamma
    /// `value` of Q(s'), each with `own` of Q(s) and the action added.
    fn solved(
        &self,
        value: impl Fn(&[f64]) -> f64,
        own: impl Fn(&[f64], usize) -> f64,
    ) -> Vec<f64> {
        let actions = self.spec.actions;
        let mut q = vec![0.0; STATES * actions];
        for _ in 0..2000 {
            let row = |state: usize| &q[state * actions..][..actions];
            let target = |o: &Outcome| {
                let follows = if o.terminated {
                    0.0
                } else {
                    value(row(o.next))
                };
                f64::from(o.reward) + GAMMA * follows
            };
            let mut better = Vec::new();
            for (state, each) in self.outcomes.iter().enumerate() {
                for (action, outcomes) in each.iter().enumerate() {
                    let sum: f64 = outcomes.iter().map(target).sum();
                    better.push(sum / outcomes.len() as f64 + own(row(state), action));
                }
            }
            q = better;
        }
        q
    }

    fn optimal(&self) -> Vec<f64> {
        self.solved(largest, |_, _| 0.0)
    }

    /// Every possible transition, each once.
    fn everything(&self) -> Batch {
        let mut batch = Batch::default();
        for (state, each) in self.outcomes.iter().enumerate() {
            for (action, outcomes) in each.iter().enumerate() {
                for outcome in outcomes {
                    batch.obs.extend(one_hot(state));
                    batch.actions.push(action as u32);
                    batch.rewards.push(outcome.reward);
                    batch.next_obs.extend(one_hot(outcome.next));
                    batch.discounts.push(GAMMA as f32);
                    batch.terminated.push(outcome.terminated);
                }
            }
        }
        batch
    }
}

impl Environment for Process {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, draws: &mut dyn Draws, observation: &mut [f32]) {
        self.state = draws.index("state", STATES);
        observation.copy_from_slice(&one_hot(self.state));
    }

    fn step(&mut self, action: usize, draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        let outcomes = &self.outcomes[self.state][action];
        let outcome = outcomes[draws.index("outcome", outcomes.len())];
        self.state = outcome.next;
        observation.copy_from_slice(&one_hot(self.state));
        Step {
            reward: outcome.reward,
            terminated: outcome.terminated,
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Ok(vec![self.state as f64])
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        self.state = state[0] as usize;
        Ok(())
    }
}

fn one_hot(state: usize) -> [f32; STATES] {
    std::array::from_fn(|i| f32::from(u8::from(i == state)))
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// An agent whose values are linear in its observation.
fn linear() -> DqnConfig {
    DqnConfig {
        hidden: Hidden(Vec::new()),
        gamma: GAMMA,
        munchausen_temperature: 0.3,
        munchausen_clip: -0.5,
        ..DqnConfig::cleanrl()
    }
}

/// The agent's values in every state, `[states, actions]`.
fn values(dqn: &Dqn) -> Vec<f32> {
    let states: Vec<f32> = (0..STATES).flat_map(one_hot).collect();
    dqn.values(&states).unwrap()
}

fn furthest(learned: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(learned.len(), exact.len());
    let error = |(q, exact): (&f32, &f64)| (f64::from(*q) - exact).abs();
    learned.iter().zip(exact).map(error).fold(0.0, larger)
}

/// The largest error of an agent after `updates` updates on every possible transition.
fn error_of(process: &Process, exact: &[f64], config: &DqnConfig, opt: &str, updates: u64) -> f64 {
    let mut dqn = Dqn::with_dtype(
        config,
        &[opt.parse().unwrap()],
        STATES,
        process.spec.actions,
        &mut [ChaCha8Rng::seed_from_u64(3)],
        updates,
        DType::F64,
    )
    .unwrap();
    let everything = process.everything();
    for update in 1..=updates {
        dqn.learn(&everything, false).unwrap();
        if update % 50 == 0 {
            dqn.update_target().unwrap();
        }
    }
    furthest(&values(&dqn), exact)
}

#[test]
fn knowing_everything_it_learns_the_optimal_values() {
    for seed in 0..3 {
        let process = Process::random(seed, 3, 4);
        let optimal = process.optimal();
        let double = DqnConfig {
            double: true,
            ..linear()
        };
        let dueling = DqnConfig {
            dueling: true,
            ..linear()
        };
        for config in [linear(), double, dueling] {
            let error = error_of(&process, &optimal, &config, "sgd:lr=0.5", 4000);
            assert!(error < 1e-6, "{seed}, {config:?}: {error:e}");
        }
        let layers = DqnConfig {
            hidden: Hidden(vec![32]),
            lr_schedule: "cosine".parse().unwrap(),
            ..linear()
        };
        let error = error_of(&process, &optimal, &layers, "adam:lr=1e-2", 4000);
        assert!(error < 1e-6, "{seed}, with a hidden layer: {error:e}");
    }
}

#[test]
fn knowing_everything_it_learns_munchausens_values() {
    let config = DqnConfig {
        munchausen: true,
        ..linear()
    };
    let (alpha, t) = (config.munchausen_alpha, config.munchausen_temperature);
    let soft = |values: &[f64]| t * values.iter().map(|q| (q / t).exp()).sum::<f64>().ln();
    let own = |values: &[f64], action: usize| {
        alpha * (values[action] - soft(values)).max(config.munchausen_clip)
    };
    for seed in 0..3 {
        let process = Process::random(seed, 3, 4);
        let exact = process.solved(soft, own);
        let optimal = process.optimal();
        let apart = optimal.iter().zip(&exact).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, larger) > 0.1, "they must differ");
        let error = error_of(&process, &exact, &config, "sgd:lr=0.5", 8000);
        assert!(error < 1e-6, "{seed}: {error:e}");
    }
}

/// Which transitions an update learns from.
#[derive(Clone, Copy, Debug)]
enum Batches {
    /// Draws from the last 2,000, in every step.
    Replayed,
    /// The last this many, each time that all of them are new.
    Latest(usize),
}

/// The values learned from random actions, in episodes truncated after five steps.
fn from_experience(process: &Process, config: &DqnConfig, batches: Batches) -> Vec<f32> {
    let (steps, capacity) = match batches {
        Batches::Replayed => (6_000, 2_000),
        Batches::Latest(k) => (60_000, k),
    };
    let mut env = TimeLimit::new(Box::new(process.clone()));
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let plain = Replay::new(capacity, STATES, Encoding::Bits, GAMMA).n_step(config.n_step);
    let mut replay = match config.prioritized {
        true => plain.prioritized(config.priority_alpha, config.priority_eps),
        false => plain,
    };
    let init = &mut [ChaCha8Rng::seed_from_u64(3)];
    let specs = ["sgd:lr=0.3".parse().unwrap()];
    let actions = process.spec.actions;
    let mut dqn = Dqn::new(config, &specs, STATES, actions, init, steps).unwrap();
    let (mut obs, mut next_obs) = ([0.0; STATES], [0.0; STATES]);
    env.reset(&mut rng, &mut obs);
    let mut cut = 0;
    for step in 1..=steps {
        let action = rng.random_range(0..actions as u32) as usize;
        let taken = env.step(action, &mut rng, &mut next_obs).unwrap();
        let transition = Transition {
            obs: &obs,
            action: action as u8,
            reward: taken.reward,
            next_obs: &next_obs,
            terminated: taken.terminated,
            truncated: taken.truncated,
        };
        replay.push(transition).unwrap();
        obs = next_obs;
        if taken.terminated || taken.truncated {
            cut += u32::from(taken.truncated && !taken.terminated);
            env.reset(&mut rng, &mut obs);
        }
        let mut batch = Batch::default();
        match batches {
            Batches::Replayed if step > 100 => {
                replay.sample(&mut rng, 64, config.beta(step, steps), &mut batch);
            }
            Batches::Latest(k) if step % k as u64 == 0 => replay.append_all(&mut batch),
            _ => (),
        }
        if !batch.indices.is_empty() {
            let learned = dqn.learn(&batch, false).unwrap();
            if let Some(errors) = learned.td_errors {
                replay.update_priorities(&batch.indices, &errors);
            }
        }
        if step % 20 == 0 {
            dqn.update_target().unwrap();
        }
    }
    assert!(cut > 200, "nothing was cut short: {cut}");
    values(&dqn)
}

#[test]
fn from_episodes_cut_short_it_learns_the_values_of_those_that_go_on() {
    let prioritized = DqnConfig {
        prioritized: true,
        ..linear()
    };
    for seed in 0..3 {
        // Each action has a single outcome, so that experience contains everything.
        let process = Process::random(seed, 3, 1);
        let optimal = process.optimal();
        for (config, batches) in [
            (linear(), Batches::Replayed),
            (prioritized.clone(), Batches::Replayed),
            (linear(), Batches::Latest(1)),
            (linear(), Batches::Latest(8)),
        ] {
            let learned = from_experience(&process, &config, batches);
            let error = furthest(&learned, &optimal);
            assert!(error < 2e-5, "{seed}, {config:?}, {batches:?}: {error:e}");
        }
    }
}

#[test]
fn over_several_steps_as_well() {
    // With a single action, because rewards over several steps depend on the policy that took them.
    for (seed, n_step) in [(4, 2), (5, 3), (6, 7)] {
        let process = Process::random(seed, 1, 1);
        let config = DqnConfig { n_step, ..linear() };
        let error = furthest(
            &from_experience(&process, &config, Batches::Replayed),
            &process.optimal(),
        );
        assert!(error < 2e-5, "{n_step} steps: {error:e}");
    }
}
