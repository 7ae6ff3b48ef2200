//! Transitions to learn from.

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
    }
}

/// The part of agent number `agent` of `agents` in an array for all of them.
fn part<T: Copy>(all: &[T], agent: usize, agents: usize) -> Vec<T> {
    let each = all.len() / agents;
    all[agent * each..(agent + 1) * each].to_vec()
}
