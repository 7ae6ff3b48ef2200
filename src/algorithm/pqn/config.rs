//! The settings of PQN.

use settings::{Interval, Settings, settings, words};

use optim::{Clipping, Schedule};

use crate::{
    Result,
    algorithm::{Convs, Hidden, Span},
    nn::{Activation, Architecture, Filters, InitialWeights, NormedArchitecture},
};

words! {
    /// How hidden layers are initialised.
    pub enum Initial {
        /// A variance of 1 / inputs, flax's default
        Lecun = "lecun",
        /// A variance of 2 / inputs
        He = "he",
    }
}

settings! {
    /// The settings of PQN; the defaults are purejaxql's for CartPole.
    pub struct PqnConfig {
        /// Convolutions of stride 1 before the hidden layers: filters x size, such as 16x3,32x3; `none`
        /// for none
        conv: Convs = Convs(Vec::new());
        /// Hidden layer sizes, such as 256,256; `linear` for none
        hidden: Hidden = Hidden(vec![256, 256]);
        /// How the weights of hidden layers are initialised
        initial: Initial = Initial::Lecun;
        /// Added to the variance that a layer's normalisation divides by
        norm_eps: f64 = 1e-6, in Interval::at_least(1e-12).at_most(1e3);
        /// What observations are multiplied by
        observation_scale: f64 = 1.0, in Interval::above(0.0).at_most(1e6);
        /// What rewards are multiplied by
        reward_scale: f64 = 0.1, in Interval::above(0.0).at_most(1e6);
        /// Environments that an agent acts in at once
        n_envs: usize = 32, in 1..=1 << 16;
        /// Steps of each environment in a rollout
        n_steps: usize = 64, in 1..=1 << 16;
        /// Minibatches that a rollout is cut into
        minibatches: usize = 16, in 1..=1 << 20;
        /// How often each transition of a rollout is learned from
        epochs: u32 = 4, in 1..=1 << 16;
        /// Discount of a reward one step later
        gamma: f64 = 0.99, in 0.0..=1.0;
        /// How much of a return comes from the rollout rather than from the values: 0 looks one step ahead, 1 as
        /// far as the rollout goes
        lambda: f64 = 0.95, in 0.0..=1.0;
        /// Probability of a random action at the start
        start_e: f64 = 1.0, in 0.0..=1.0;
        /// Probability of a random action at the end
        end_e: f64 = 0.2, in 0.0..=1.0;
        /// Share of the run over which that probability falls, rollout by rollout
        exploration_fraction: f64 = 0.2, in 0.0..=1.0;
        /// Longer gradients are scaled down to this norm; 0 turns this off
        max_grad_norm: f64 = 10.0, in Interval::at_least(0.0);
        /// What lr is multiplied by over the run: constant, linear[:end=0], cosine[:end=0] or
        /// step:every=1000,gamma=0.5, optionally with warmup=500; in gradient steps
        lr_schedule: Schedule = "linear".parse().unwrap_or_default();
        /// A loss above this, or NaN, ends the run as diverged
        max_loss: f64 = 1e9, in Interval::above(0.0);
    }
}

impl PqnConfig {
    /// purejaxql's `pqn_cartpole.yaml`: RAdam at lr 1e-4 is its optimiser, 500,000 steps its run.
    pub fn cartpole() -> Self {
        Self::default()
    }

    /// purejaxql's `pqn_minatar.yaml`, which divides observations by 255 as it does Atari's: RAdam at lr 5e-4
    /// is its optimiser, 10 million steps its run.
    pub fn minatar() -> Self {
        Self {
            conv: Convs(vec![Filters { count: 16, size: 3 }]),
            hidden: Hidden(vec![128]),
            initial: Initial::He,
            observation_scale: 1.0 / 255.0,
            reward_scale: 1.0,
            n_envs: 128,
            n_steps: 32,
            minibatches: 32,
            epochs: 2,
            lambda: 0.65,
            end_e: 0.05,
            exploration_fraction: 0.1,
            ..Self::default()
        }
    }

    /// Transitions of a rollout.
    pub fn rollout(&self) -> usize {
        self.n_envs * self.n_steps
    }

    /// Transitions of a minibatch.
    pub fn minibatch(&self) -> usize {
        self.rollout() / self.minibatches
    }

    /// Gradient steps on a rollout.
    pub fn updates_a_rollout(&self) -> u64 {
        self.minibatches as u64 * u64::from(self.epochs)
    }

    /// Gradient steps in a run of `steps` environment steps.
    pub fn updates(&self, steps: u64) -> u64 {
        (steps / self.rollout() as u64).saturating_mul(self.updates_a_rollout())
    }

    /// The network for observations of shape `observation` and this many actions.
    pub fn architecture(&self, observation: &[usize], actions: usize) -> NormedArchitecture {
        NormedArchitecture {
            layers: Architecture {
                observation: observation.to_vec(),
                conv: self.conv.0.clone(),
                hidden: self.hidden.0.clone(),
                activation: Activation::Relu,
                outputs: actions,
                dueling: false,
            },
            eps: self.norm_eps,
            initial: match self.initial {
                Initial::Lecun => InitialWeights::Lecun,
                Initial::He => InitialWeights::He,
            },
        }
    }

    /// An error that names the first value that is out of its range or does not fit the others.
    pub fn validate(&self) -> Result<()> {
        self.check_ranges()?;
        if !self.rollout().is_multiple_of(self.minibatches) {
            let (all, environments, steps) = (self.rollout(), self.n_envs, self.n_steps);
            let allowed = format!(
                "a divisor of the {all} transitions of a rollout (n_envs = {environments} times n_steps = {steps})"
            );
            let wrong = settings::Error::not_allowed("minibatches", self.minibatches, allowed);
            return Err(wrong.into());
        }
        Ok(())
    }

    /// How gradients are clipped.
    pub fn clipping(&self) -> Clipping {
        match self.max_grad_norm > 0.0 {
            true => Clipping::Norm(self.max_grad_norm),
            false => Clipping::Off,
        }
    }

    /// Rollouts over which the probability of a random action falls.
    fn explored(&self, steps: u64) -> f64 {
        self.exploration_fraction * (steps / self.rollout() as u64) as f64
    }

    /// The settings whose effect is spread over a run of `steps`.
    pub fn spans(&self, steps: u64) -> Vec<Span> {
        let lr = Span::lr(&self.lr_schedule, self.updates(steps));
        let exploration = Span::exploration(self.explored(steps), self.start_e, self.end_e);
        lr.into_iter().chain(exploration).collect()
    }

    /// The probability of a random action in the rollout of step `t` of `steps`.
    pub fn epsilon(&self, t: u64, steps: u64) -> f64 {
        let duration = self.explored(steps);
        let rollout = (t / self.rollout() as u64) as f64;
        if rollout >= duration {
            return self.end_e;
        }
        self.start_e + (self.end_e - self.start_e) * rollout / duration
    }
}
