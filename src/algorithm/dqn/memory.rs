//! One agent's replay buffer, its positions in its random streams, and its count of updates.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{Batch, DqnConfig, Encoding, Replay, Transition};
use optim::state_file::{Array, StatePart, bytes, numbers};

use crate::{
    Error, Result,
    algorithm::Experience,
    streams::{Stream, go_to, place, stream},
};

/// An agent's state besides its networks.
pub(super) struct AgentMemory {
    pub replay: Replay,
    /// Draws which actions are random, and which.
    explore: ChaCha8Rng,
    /// Draws which transitions are learned from.
    sampling: ChaCha8Rng,
    pub updates: u64,
    /// Whether a batch is the whole buffer.
    learns_once: bool,
}

impl AgentMemory {
    /// An empty buffer, and the streams of `seed` at their start. Observations of bits are fetched as bits for a
    /// network that is on a GPU.
    pub fn new(config: &DqnConfig, seed: u64, space: &envs::Space, on_gpu: bool) -> Self {
        let replay = Self::buffer(config, space);
        Self {
            replay: match on_gpu && space.binary {
                true => replay.packed(),
                false => replay,
            },
            explore: stream(seed, Stream::Explore),
            sampling: stream(seed, Stream::Replay),
            updates: 0,
            learns_once: config.learns_once(),
        }
    }

    /// The buffer that `config` asks for, still empty.
    pub fn buffer(config: &DqnConfig, space: &envs::Space) -> Replay {
        let encoding = match space.binary {
            true => Encoding::Bits,
            false => Encoding::Floats,
        };
        let replay = Replay::new(config.buffer_size, space.len(), encoding, config.gamma)
            .n_step(config.n_step);
        match config.prioritized {
            true => replay.prioritized(config.priority_alpha, config.priority_eps),
            false => replay,
        }
    }

    /// With probability `epsilon`, a random one of `actions` actions.
    pub fn random_action(&mut self, epsilon: f64, actions: usize) -> Option<usize> {
        let random = self.explore.random::<f64>() < epsilon;
        random.then(|| self.explore.random_range(0..actions as u32) as usize)
    }

    /// Stores a step in the buffer.
    pub fn push(&mut self, experience: &Experience) -> Result<()> {
        let Experience {
            obs,
            action,
            reward,
            next_obs,
            terminated,
            truncated,
        } = *experience;
        self.replay.push(Transition {
            obs,
            // Environments with more than 256 actions have been refused.
            action: action as u8,
            reward,
            next_obs,
            terminated,
            truncated,
        })
    }

    /// Appends `n` transitions to `batch`: each of the last `n` once if there is no replay.
    pub fn sample(&mut self, n: usize, beta: f64, batch: &mut Batch) {
        if self.learns_once && self.replay.len() == n {
            return self.replay.append_all(batch);
        }
        self.replay.sample(&mut self.sampling, n, beta, batch);
    }

    /// The whole state.
    pub fn arrays(&self) -> Result<Vec<Array>> {
        let replay = self.replay.to_safetensors()?;
        let places = [&self.explore, &self.sampling].map(place).concat();
        let places = bytes(&places, |x| x.to_le_bytes());
        Ok(vec![
            ("replay".into(), Dtype::U8, vec![replay.len()], replay),
            ("streams".into(), Dtype::U64, vec![4], places),
            (
                "updates".into(),
                Dtype::U64,
                vec![1],
                self.updates.to_le_bytes().to_vec(),
            ),
        ])
    }

    /// Restores what [`arrays`](Self::arrays) returned.
    pub fn load(&mut self, state: &StatePart) -> Result<()> {
        self.replay.restore(state.list("replay", Dtype::U8)?)?;
        let places = numbers(state.find("streams", Dtype::U64, &[4])?, u64::from_le_bytes);
        let [explore, sampling] = places.as_chunks::<2>().0 else {
            return Err(Error::usage("the state has no places of two streams"));
        };
        go_to(&mut self.explore, *explore);
        go_to(&mut self.sampling, *sampling);
        self.updates = state.count("updates")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rewards of the batches of an agent whose steps have the rewards 0, 1, 2, ...
    fn learned(config: &DqnConfig, steps: u64) -> Vec<Vec<f32>> {
        let space = envs::Space::symmetric(&[1e9]);
        let mut memory = AgentMemory::new(config, 1, &space, false);
        let mut batches = Vec::new();
        for step in 0..steps {
            let (obs, next_obs) = ([step as f32], [step as f32 + 1.0]);
            let experience = Experience {
                obs: &obs,
                action: 0,
                reward: step as f32,
                next_obs: &next_obs,
                terminated: false,
                truncated: false,
            };
            memory.push(&experience).unwrap();
            if step > 0 && step.is_multiple_of(config.train_frequency) {
                let mut batch = Batch::default();
                memory.sample(config.batch_size, 1.0, &mut batch);
                assert_eq!(batch.obs, batch.rewards);
                batches.push(batch.rewards);
            }
        }
        batches
    }

    #[test]
    fn without_replay_each_step_is_learned_from_once_and_in_order() {
        for k in [1, 2, 3, 10] {
            let config = DqnConfig {
                buffer_size: k,
                batch_size: k,
                train_frequency: k as u64,
                ..DqnConfig::cleanrl()
            };
            let batches = learned(&config, 61);
            assert!(batches.iter().all(|batch| batch.len() == k));
            let all: Vec<f32> = batches.concat();
            let expected: Vec<f32> = (1..=60 / k * k).map(|step| step as f32).collect();
            assert_eq!(all, expected);
        }
        let replay = DqnConfig {
            buffer_size: 11,
            ..DqnConfig::no_replay()
        };
        let all = learned(&replay, 61).concat();
        assert!(all.iter().zip(&all[1..]).any(|(a, b)| a >= b));
    }
}
