//! Transitions to learn from.

/// Transitions to learn from, agent after agent: `[agents, batch, ...]`.
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
    /// What the value of `next_obs` is multiplied by, gamma^n; of fewer steps where the episode
    /// ended before, `[agents, batch]`.
    pub discounts: Vec<f32>,
    /// Whether the episode ended for good within the n steps, `[agents, batch]`.
    pub terminated: Vec<bool>,
    /// How much each transition counts, `[agents, batch]`; empty where all count alike.
    pub weights: Vec<f32>,
    /// Where each transition is in its agent's buffer, `[agents, batch]`.
    pub indices: Vec<u32>,
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
        }
    }

    /// Forgets the transitions, keeps the memory.
    pub fn clear(&mut self) {
        self.obs.clear();
        self.next_obs.clear();
        self.actions.clear();
        self.rewards.clear();
        self.discounts.clear();
        self.terminated.clear();
        self.weights.clear();
        self.indices.clear();
    }
}

/// The part of agent number `agent` of `agents` in what all of them have.
fn part<T: Copy>(all: &[T], agent: usize, agents: usize) -> Vec<T> {
    let each = all.len() / agents;
    all[agent * each..(agent + 1) * each].to_vec()
}
