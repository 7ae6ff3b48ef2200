//! A recorded stream.

/// Transitions in the order in which they were recorded, with the true values of their actions.
#[derive(Clone, Debug, Default)]
pub struct Transitions {
    /// Numbers in an observation.
    pub obs_len: usize,
    /// The observations before the steps, `[n, obs_len]`.
    pub obs: Vec<f32>,
    /// The observations after the steps, before any reset, `[n, obs_len]`.
    pub next_obs: Vec<f32>,
    /// The actions taken.
    pub actions: Vec<u32>,
    /// The rewards.
    pub rewards: Vec<f32>,
    /// Whether the episode was over for good; a truncated one was not.
    pub terminated: Vec<bool>,
    /// What the policy whose values are learned does after the step.
    pub next_actions: Vec<u32>,
    /// The true values of the actions under that policy.
    pub values: Vec<f64>,
}

impl Transitions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The observation before step `row`.
    pub fn obs(&self, row: usize) -> &[f32] {
        &self.obs[row * self.obs_len..(row + 1) * self.obs_len]
    }

    /// The observation after step `row`.
    pub fn next_obs(&self, row: usize) -> &[f32] {
        &self.next_obs[row * self.obs_len..(row + 1) * self.obs_len]
    }
}
