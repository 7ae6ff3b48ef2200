//! The settings of a run of order alone.

use ::settings::{settings, words};

use super::{Order, Rules};
use crate::{Result, algorithm::dqn::Loss};

words! {
    /// The target of a transition.
    pub enum TargetKind {
        /// The true value of its action
        Fixed = "fixed",
        /// The reward plus the discounted value of the policy's next action, by the learner's own estimate
        Bootstrapped = "bootstrapped",
    }
}

settings! {
    /// What is recorded, and how it is learned.
    pub struct OrderRun {
        /// The environment in which a DQN learns and is recorded
        env: String = "cartpole".into();
        /// The DQN's published setting: rl --list
        preset: String = "cleanrl".into();
        /// Transitions to record: all that the DQN sees in a run of this many steps
        stream: usize = 50_000, in 1..=1_000_000_000;
        /// How many of these are held out, evenly spread, to measure the error on
        held_out: usize = 1_000, in 2..;
        /// The order in which the others are learned, each once
        order: Order = Order::Recorded;
        /// Consecutive transitions that are shuffled together, with order = windows: 1 gives the recorded order, all
        /// of them the shuffled order
        window: usize = 100, in 1..;
        /// What a transition teaches
        targets: TargetKind = TargetKind::Fixed;
        /// Updates between copies to the target network, with bootstrapped targets; 1 for no target network
        target_every: u64 = 1, in 1..;
        /// Transitions in an update; the last update uses what is left
        batch: usize = 1, in 1..=65_536;
        /// The discount of the values
        gamma: f64 = 0.99, in 0.0..=1.0;
        /// The loss of a value against its target
        loss: Loss = Loss::Mse;
        /// Rollouts that are averaged for a true value if the environment is random
        rollouts: u32 = 16, in 1..=100_000;
        /// Evaluations of the error, evenly spread, in addition to one at the start
        evaluations: u64 = 20, in 1..;
        /// Updates between lines of diagnostics.csv, on average; 0 for no such file
        diagnostics: u64 = 0;
        /// Past minibatches that a line of diagnostics.csv evaluates again; 0 for all
        diagnostics_lags: u32 = 4, in 0..=1_000;
        /// Fixes what is recorded, the initial weights and the shuffling
        seed: u64 = 1;
    }
}

impl OrderRun {
    /// Transitions that are learned from.
    pub fn learned(&self) -> usize {
        self.stream.saturating_sub(self.held_out)
    }

    /// Updates of the run.
    pub fn updates(&self) -> u64 {
        self.learned().div_ceil(self.batch) as u64
    }

    /// Consecutive transitions that are shuffled together.
    pub fn window_size(&self) -> usize {
        match self.order {
            Order::Recorded => 1,
            Order::Windows => self.window,
            Order::Shuffled => self.learned(),
        }
    }

    /// How transitions are learned.
    pub fn rules(&self) -> Rules {
        Rules {
            gamma: self.gamma,
            loss: self.loss,
            target_every: (self.targets == TargetKind::Bootstrapped).then_some(self.target_every),
        }
    }

    /// The number of updates before evaluation number `k`, counted from 0.
    pub fn evaluated_at(&self, k: u64) -> u64 {
        let at = u128::from(self.updates()) * u128::from(k);
        at.div_ceil(u128::from(self.evaluations)) as u64
    }

    /// Bytes of the recording, roughly.
    pub(super) fn bytes(&self) -> Result<usize> {
        let obs_len = envs::make(&self.env)?.spec().observation.len();
        Ok(self.stream * (8 * obs_len + 29))
    }
}
