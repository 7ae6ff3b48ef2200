//! Transitions to learn from.

use super::rows::unpacked;

/// Transitions to learn from, one agent after another: `[agents, batch, ...]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Observations before the step, `[agents, batch, obs_len]`.
    pub obs: Vec<f32>,
    /// Observations after the last of its n steps, `[agents, batch, obs_len]`.
    pub next_obs: Vec<f32>,
    /// Actions, `[agents, batch]`.
    pub actions: Vec<u32>,
    /// Discounted sums of the rewards of the n steps, `[agents, batch]`.
    pub rewards: Vec<f32>,
    /// The factor of the value of `next_obs`, `[agents, batch]`: gamma^n, or a lower power if the
    /// episode ended earlier.
    pub discounts: Vec<f32>,
    /// Whether the episode terminated within the n steps, `[agents, batch]`.
    pub terminated: Vec<bool>,
    /// The weight of each transition, `[agents, batch]`; empty if all count equally.
    pub weights: Vec<f32>,
    /// The index of each transition in its agent's buffer, `[agents, batch]`.
    pub indices: Vec<u32>,
    /// The observations, in place of `obs` and `next_obs`, for networks on a GPU, which unpack them there.
    pub packed: Option<Packed>,
}

/// Observations of 0 and 1, eight values a byte, the first in its lowest bit. Each starts at a new byte.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packed {
    /// Observations before the step, `[agents, batch, bytes]`.
    pub obs: Vec<u8>,
    /// Observations after the last of its n steps, `[agents, batch, bytes]`.
    pub next_obs: Vec<u8>,
}

impl Batch {
    /// The part of agent number `agent` of `agents`.
    pub fn agent(&self, agent: usize, agents: usize) -> Self {
        Self {
            obs: part(&self.obs, agent, agents),
            next_obs: part(&self.next_obs, agent, agents),
            actions: part(&self.actions, agent, agents),
            rewards: part(&self.rewards, agent, agents),
            discounts: part(&self.discounts, agent, agents),
            terminated: part(&self.terminated, agent, agents),
            weights: part(&self.weights, agent, agents),
            indices: part(&self.indices, agent, agents),
            packed: self.packed.as_ref().map(|packed| Packed {
                obs: part(&packed.obs, agent, agents),
                next_obs: part(&packed.next_obs, agent, agents),
            }),
        }
    }

    /// Removes the transitions but keeps the allocated memory.
    pub fn clear(&mut self) {
        self.obs.clear();
        self.next_obs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.discounts.clear();
        self.terminated.clear();
        self.weights.clear();
        self.indices.clear();
        if let Some(packed) = &mut self.packed {
            packed.obs.clear();
            packed.next_obs.clear();
        }
    }

    /// The same transitions with observations of `obs_len` numbers, none of them packed.
    pub fn unpacked(self, obs_len: usize) -> Self {
        let Some(Packed { obs, next_obs }) = &self.packed else {
            return self;
        };
        Self {
            obs: unpacked(obs, obs_len),
            next_obs: unpacked(next_obs, obs_len),
            packed: None,
            ..self
        }
    }
}

/// The part of agent number `agent` of `agents` in an array for all of them.
fn part<T: Copy>(all: &[T], agent: usize, agents: usize) -> Vec<T> {
    let each = all.len() / agents;
    all[agent * each..(agent + 1) * each].to_vec()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::algorithm::dqn::{Encoding, Replay, Transition};

    #[test]
    fn packed_transitions_are_the_same() {
        for obs_len in [3, 8, 20] {
            let new = || Replay::new(7, obs_len, Encoding::Bits, 0.9).n_step(2);
            let (mut plain, mut packed) = (new(), new().packed());
            let row = |step: usize| -> Vec<f32> {
                (0..obs_len)
                    .map(|i| ((step * step + i * 3) % 5 % 2) as f32)
                    .collect()
            };
            for step in 0..30 {
                let (obs, next_obs) = (row(step), row(step + 1));
                let transition = Transition {
                    obs: &obs,
                    action: (step % 3) as u8,
                    reward: step as f32,
                    next_obs: &next_obs,
                    terminated: step % 11 == 5,
                    truncated: step % 11 == 8,
                };
                plain.push(transition).unwrap();
                packed.push(transition).unwrap();
                if plain.is_empty() {
                    continue;
                }
                let mut batches = [Batch::default(), Batch::default()];
                for (replay, batch) in [&plain, &packed].into_iter().zip(&mut batches) {
                    // What is left from before is cleared.
                    replay.append_all(batch);
                    batch.clear();
                    let rng = &mut ChaCha8Rng::seed_from_u64(step as u64);
                    replay.sample(rng, 6, 1.0, batch);
                }
                let [plain, packed] = batches;
                assert!(packed.obs.is_empty() && packed.packed.is_some());
                for agent in 0..2 {
                    let own = packed.agent(agent, 2).unpacked(obs_len);
                    assert_eq!(own, plain.agent(agent, 2));
                }
                assert_eq!(packed.unpacked(obs_len), plain);
            }
        }
    }
}
