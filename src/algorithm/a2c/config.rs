//! The hyper-parameters of an A2C agent, and the published settings that they start from.

use optim::{Clipping, Schedule};
use settings::{Interval, Settings, settings, words};

use super::Weighting;
use crate::{
    Result,
    algorithm::{Convs, Hidden},
    nn::{Activation, Architecture, Filters},
};

words! {
    /// How weights are initialised.
    pub enum Init {
        /// Orthogonal, with gain sqrt(2), 0.01 for the policy's last layer and 1 for the value's; biases 0
        Orthogonal = "orthogonal",
        /// PyTorch's default: uniform within 1 / sqrt(inputs), biases too
        Uniform = "uniform",
    }
}

/// A weight in the loss.
const COEFFICIENT: Interval = Interval::at_least(0.0).at_most(1e6);

settings! {
    /// The hyper-parameters of an A2C agent, under Stable-Baselines3's names; the defaults are those of its `A2C`, and
    /// rl-zoo's 8 environments for CartPole.
    pub struct A2cConfig {
        /// Environments that the agent acts in at once. Each has its own episode and clock: periods of drift=
        /// and chain?every= count the steps of one environment
        n_envs: usize = 8, in 1..=4096;
        /// Steps in each environment between updates
        n_steps: usize = 5, in 1..=1 << 20;
        /// Convolutions of stride 1 before the hidden layers, each with relu: filters x size, such as 16x3; `none`
        /// for none
        conv: Convs = Convs(Vec::new());
        /// Hidden layer sizes, such as 64,64; `linear` for none
        hidden: Hidden = Hidden(vec![64, 64]);
        /// The activation function of the hidden layers
        activation: Activation = Activation::Tanh;
        /// Policy and value share all layers but the last; otherwise they have two networks
        shared: bool = false;
        /// How weights are initialised
        init: Init = Init::Orthogonal;
        /// Discount of a reward one step later
        gamma: f64 = 0.99, in 0.0..=1.0;
        /// Weight of a TD error one step later in an advantage (GAE): 1 takes the whole return, 0 one step
        gae_lambda: f64 = 1.0, in 0.0..=1.0;
        /// Advantages of an update are shifted and scaled to mean 0 and standard deviation 1
        normalize_advantage: bool = false;
        /// Weight of the policy's entropy, which is subtracted from the loss
        ent_coef: f64 = 0.0, in COEFFICIENT;
        /// Weight of the values' squared error in the loss
        vf_coef: f64 = 0.5, in COEFFICIENT;
        /// Longer gradients are scaled down to this norm; 0 turns this off
        max_grad_norm: f64 = 0.5, in Interval::at_least(0.0);
        /// What lr is multiplied by over the run: constant, linear[:end=0], cosine[:end=0] or
        /// step:every=1000,gamma=0.5, optionally with warmup=500; in updates
        lr_schedule: Schedule = Schedule::default();
        /// A loss further from 0 than this, or NaN, ends the run as diverged
        max_loss: f64 = 1e9, in Interval::above(0.0);
    }
}

impl A2cConfig {
    /// Stable-Baselines3's `A2C` in rl-zoo's setting for CartPole: RMSprop at lr 7e-4 with eps 1e-5 is its optimiser.
    pub fn sb3() -> Self {
        Self::default()
    }

    /// rl-zoo's setting for Atari, with MinAtar's network (Young & Tian 2019, sec. 4).
    pub fn minatar() -> Self {
        Self {
            n_envs: 16,
            conv: Convs(vec![Filters { count: 16, size: 3 }]),
            hidden: Hidden(vec![128]),
            activation: Activation::Relu,
            shared: true,
            ent_coef: 0.01,
            vf_coef: 0.25,
            ..Self::sb3()
        }
    }

    /// The networks for observations of shape `observation` and this many actions: one for the policy and one for the
    /// value, or a single one whose last output is the value.
    pub fn architectures(&self, observation: &[usize], actions: usize) -> Vec<Architecture> {
        let network = |outputs| Architecture {
            observation: observation.to_vec(),
            conv: self.conv.0.clone(),
            hidden: self.hidden.0.clone(),
            activation: self.activation,
            outputs,
            dueling: false,
        };
        match self.shared {
            true => vec![network(actions + 1)],
            false => vec![network(actions), network(1)],
        }
    }

    /// Environment steps between updates.
    pub fn rollout(&self) -> usize {
        self.n_envs * self.n_steps
    }

    /// Updates in a run of `steps` environment steps.
    pub fn updates(&self, steps: u64) -> u64 {
        steps / self.rollout() as u64
    }

    /// An error if a run of `steps` environment steps is too short for an update.
    pub fn check_steps(&self, steps: u64) -> Result<()> {
        if self.updates(steps) > 0 {
            return Ok(());
        }
        let most = steps / self.n_envs as u64;
        let allowed = format!(
            "at most {most}, so that a rollout of {} environments fits into {steps} steps",
            self.n_envs
        );
        Err(settings::Error::not_allowed("n_steps", self.n_steps, allowed).into())
    }

    /// Settings that have no effect in a run of so many environment steps.
    pub fn warnings(&self, steps: u64) -> Vec<String> {
        let updates = self.updates(steps);
        let warming = updates > 0 && self.lr_schedule.warmup() >= updates;
        let told = || {
            format!(
                "lr_schedule = {} is still warming up when the run ends: it makes {updates} updates",
                self.lr_schedule
            )
        };
        warming.then(told).into_iter().collect()
    }

    /// The weights of the loss's terms.
    pub fn weighting(&self) -> Weighting {
        Weighting {
            entropy: self.ent_coef,
            value: self.vf_coef,
        }
    }

    /// How gradients are clipped.
    pub fn clipping(&self) -> Clipping {
        match self.max_grad_norm > 0.0 {
            true => Clipping::Norm(self.max_grad_norm),
            false => Clipping::Off,
        }
    }

    /// An error that names the first value that is out of its range.
    pub fn validate(&self) -> Result<()> {
        Ok(self.check_ranges()?)
    }
}
