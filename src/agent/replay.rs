//! The replay buffer: the last `capacity` transitions of one agent, sampled uniformly.

use rand::Rng;

/// What the agent saw, did and got.
#[derive(Clone, Copy, Debug)]
pub struct Transition<'a> {
    /// The observation before the step.
    pub obs: &'a [f32],
    /// The action taken.
    pub action: u8,
    /// The reward.
    pub reward: f32,
    /// The observation after the step, before any reset.
    pub next_obs: &'a [f32],
    /// Whether the episode is over for good: truncation is not, and does not stop the bootstrap.
    pub terminated: bool,
}

/// A ring of transitions.
pub struct Replay {
    capacity: usize,
    obs_len: usize,
    obs: Vec<f32>,
    next_obs: Vec<f32>,
    actions: Vec<u8>,
    rewards: Vec<f32>,
    terminated: Vec<bool>,
    /// Where the next transition goes once the ring is full.
    head: usize,
}

impl Replay {
    /// An empty buffer for observations of `obs_len` numbers. Memory grows as it fills.
    pub fn new(capacity: usize, obs_len: usize) -> Self {
        assert!(
            capacity > 0,
            "a replay buffer holds at least one transition"
        );
        Self {
            capacity,
            obs_len,
            obs: Vec::new(),
            next_obs: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
            terminated: Vec::new(),
            head: 0,
        }
    }

    /// How many transitions it holds.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Adds a transition, in place of the oldest when full.
    pub fn push(&mut self, t: Transition) {
        assert!(t.obs.len() == self.obs_len && t.next_obs.len() == self.obs_len);
        if self.len() < self.capacity {
            self.obs.extend_from_slice(t.obs);
            self.next_obs.extend_from_slice(t.next_obs);
            self.actions.push(t.action);
            self.rewards.push(t.reward);
            self.terminated.push(t.terminated);
        } else {
            let at = self.head * self.obs_len..(self.head + 1) * self.obs_len;
            self.obs[at.clone()].copy_from_slice(t.obs);
            self.next_obs[at].copy_from_slice(t.next_obs);
            self.actions[self.head] = t.action;
            self.rewards[self.head] = t.reward;
            self.terminated[self.head] = t.terminated;
            self.head = (self.head + 1) % self.capacity;
        }
    }

    /// Appends `n` transitions to `batch`, drawn uniformly with replacement. It must not be empty.
    pub fn sample(&self, rng: &mut impl Rng, n: usize, batch: &mut Batch) {
        for _ in 0..n {
            // u32: the same draws on every machine, whatever its word size.
            let i = rng.random_range(0..self.len() as u32) as usize;
            let at = i * self.obs_len..(i + 1) * self.obs_len;
            batch.obs.extend_from_slice(&self.obs[at.clone()]);
            batch.next_obs.extend_from_slice(&self.next_obs[at]);
            batch.actions.push(self.actions[i].into());
            batch.rewards.push(self.rewards[i]);
            batch.terminated.push(self.terminated[i]);
        }
    }
}

/// Transitions to learn from, agent after agent: `[agents, batch, ...]`.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Observations before the step, `[agents, batch, obs_len]`.
    pub obs: Vec<f32>,
    /// Observations after the step, `[agents, batch, obs_len]`.
    pub next_obs: Vec<f32>,
    /// Actions, `[agents, batch]`.
    pub actions: Vec<u32>,
    /// Rewards, `[agents, batch]`.
    pub rewards: Vec<f32>,
    /// Whether the step ended the episode for good, `[agents, batch]`.
    pub terminated: Vec<bool>,
}

impl Batch {
    /// Forgets the transitions, keeps the memory.
    pub fn clear(&mut self) {
        self.obs.clear();
        self.next_obs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.terminated.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn filled(n: usize) -> Replay {
        let mut replay = Replay::new(5, 2);
        for i in 0..n {
            let x = i as f32;
            replay.push(Transition {
                obs: &[x, -x],
                action: i as u8,
                reward: 10.0 * x,
                next_obs: &[x + 1.0, -x - 1.0],
                terminated: i % 2 == 0,
            });
        }
        replay
    }

    #[test]
    fn keeps_the_newest_and_keeps_each_together() {
        let replay = filled(13);
        assert_eq!(replay.len(), 5);
        let mut batch = Batch::default();
        replay.sample(&mut ChaCha8Rng::seed_from_u64(0), 200, &mut batch);
        let mut seen = [0; 13];
        for i in 0..200 {
            let x = batch.actions[i] as f32;
            assert_eq!(batch.obs[2 * i..][..2], [x, -x]);
            assert_eq!(batch.next_obs[2 * i..][..2], [x + 1.0, -x - 1.0]);
            assert_eq!(batch.rewards[i], 10.0 * x);
            assert_eq!(batch.terminated[i], batch.actions[i] % 2 == 0);
            seen[batch.actions[i] as usize] += 1;
        }
        assert!(seen[..8].iter().all(|n| *n == 0), "too old: {seen:?}");
        assert!(seen[8..].iter().all(|n| *n > 10), "not uniform: {seen:?}");
    }
}
