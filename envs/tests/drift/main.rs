//! Environments that change: settings, dials, drifts and chains.

mod by_episode;
mod dials;
mod names;
mod over_time;

use envs::{Error, Setting, Step, TimeLimit, make, registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// An environment that is reset whenever its episode ends.
struct Play {
    env: TimeLimit,
    draws: ChaCha8Rng,
    seen: Vec<f32>,
}

impl Play {
    fn new(name: &str) -> Self {
        let env = make(name).unwrap_or_else(|error| panic!("{error}"));
        let seen = vec![0.0; env.spec().observation.len()];
        let mut play = Self {
            env,
            draws: stream(1),
            seen,
        };
        play.reset();
        play
    }

    fn reset(&mut self) {
        self.env.reset(&mut self.draws, &mut self.seen);
    }

    /// The result of a step, bit for bit, before the reset that may follow.
    fn step(&mut self, action: usize) -> (Step, Vec<u32>) {
        let step = self.env.step(action, &mut self.draws, &mut self.seen);
        let step = step.unwrap();
        let bits = self.seen.iter().map(|value| value.to_bits()).collect();
        if step.terminated || step.truncated {
            self.reset();
        }
        (step, bits)
    }
}
