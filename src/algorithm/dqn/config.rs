//! The hyper-parameters of a DQN agent, and the published settings that they start from.

use settings::{Interval, Settings, settings, words};

use optim::{Clipping, Schedule};

use crate::{
    Result,
    algorithm::{Convs, Hidden, Span},
    nn::{Activation, Architecture, Filters},
};

words! {
    /// The loss of a value against its target.
    pub enum Loss {
        /// The square of the difference
        Mse = "mse",
        /// Half the square up to 1, linear beyond (PyTorch's `SmoothL1Loss`)
        Huber = "huber",
    }
}

/// A clipping bound: 0 leaves gradients as they are.
const CLIPPING: Interval = Interval::at_least(0.0);

settings! {
    /// The hyper-parameters of a DQN agent, under CleanRL's names; the defaults are those of CleanRL's
    /// `dqn.py` for classic control.
    pub struct DqnConfig {
        /// Convolutions of stride 1 before the hidden layers: filters x size, such as 16x3,32x3; `none`
        /// for none
        conv: Convs = Convs(Vec::new());
        /// Hidden layer sizes, such as 120,84; `linear` for none
        hidden: Hidden = Hidden(vec![120, 84]);
        /// Dueling network: a value is the state's plus the action's advantage over the mean
        dueling: bool = false;
        /// Discount of a reward one step later
        gamma: f64 = 0.99, in 0.0..=1.0;
        /// Number of steps whose rewards a target adds up before it bootstraps
        n_step: u32 = 1, in 1..=1000;
        /// Transitions in the replay buffer; if this equals batch_size and train_frequency, a batch is the
        /// whole buffer, and there is no replay
        buffer_size: usize = 10_000, in 1..=1 << 30;
        /// Transitions in a batch
        batch_size: usize = 128, in 1..=1 << 20;
        /// Environment steps before the first update
        learning_starts: u64 = 10_000, in 0..;
        /// Environment steps between updates
        train_frequency: u64 = 10, in 1..;
        /// Gradient steps per update
        gradient_steps: u32 = 1, in 1..=1 << 20;
        /// Environment steps between updates of the target network
        target_network_frequency: u64 = 500, in 1..;
        /// Share of the online network that is mixed into the target network: 1 copies it
        tau: f64 = 1.0, in Interval::above(0.0).at_most(1.0);
        /// Probability of a random action at the start
        start_e: f64 = 1.0, in 0.0..=1.0;
        /// Probability of a random action at the end
        end_e: f64 = 0.05, in 0.0..=1.0;
        /// Share of the run over which that probability falls
        exploration_fraction: f64 = 0.5, in 0.0..=1.0;
        /// The loss of a value against its target
        loss: Loss = Loss::Mse;
        /// Double DQN: the online network chooses the next action, the target network values it
        double: bool = false;
        /// Munchausen DQN: adds the policy's log-probability to the reward and uses soft values for
        /// the next state
        munchausen: bool = false;
        /// Share of the log-probability that is added to the reward
        munchausen_alpha: f64 = 0.9, in 0.0..=1.0;
        /// Temperature of the policy, which is a softmax of the values
        munchausen_temperature: f64 = 0.03, in 1e-6..=1e6;
        /// Lower bound of temperature times log-probability; at most 0
        munchausen_clip: f64 = -1.0, in Interval::FINITE.at_most(0.0);
        /// Prioritized replay: transitions are drawn by the size of their last TD error
        prioritized: bool = false;
        /// Exponent of the priorities: 0 draws uniformly
        priority_alpha: f64 = 0.6, in 0.0..=1.0;
        /// How far weights correct for the priorities at the start of the run; rises to 1 at the
        /// end, which corrects fully
        priority_beta: f64 = 0.4, in 0.0..=1.0;
        /// Added to the absolute value of every TD error
        priority_eps: f64 = 1e-6, in Interval::above(0.0).at_most(1e9);
        /// Longer gradients are scaled down to this norm; 0 turns this off
        max_grad_norm: f64 = 0.0, in CLIPPING;
        /// Larger elements of a gradient are cut to this size; 0 turns this off
        max_grad_value: f64 = 0.0, in CLIPPING;
        /// What lr is multiplied by over the run: constant, linear[:end=0], cosine[:end=0] or
        /// step:every=1000,gamma=0.5, optionally with warmup=500; in gradient steps
        lr_schedule: Schedule = Schedule::default();
        /// A loss above this, or NaN, ends the run as diverged
        max_loss: f64 = 1e9, in Interval::above(0.0);
    }
}

impl DqnConfig {
    /// CleanRL's `dqn.py` for classic control. Its optimiser is Adam at lr 2.5e-4.
    pub fn cleanrl() -> Self {
        Self::default()
    }

    /// MinAtar's `dqn.py` (Young & Tian 2019, sec. 4). Its optimiser is `rmsprop-minatar`; the
    /// exploration fraction assumes runs of 5 million steps.
    pub fn minatar() -> Self {
        Self {
            conv: Convs(vec![Filters { count: 16, size: 3 }]),
            hidden: Hidden(vec![128]),
            buffer_size: 100_000,
            batch_size: 32,
            learning_starts: 5_000,
            train_frequency: 1,
            target_network_frequency: 1_000,
            end_e: 0.1,
            exploration_fraction: 0.02,
            loss: Loss::Huber,
            ..Self::cleanrl()
        }
    }

    /// CleanRL's agent without replay: each transition is learned from once, and updates are as frequent as
    /// CleanRL's.
    pub fn no_replay() -> Self {
        let cleanrl = Self::cleanrl();
        let steps = cleanrl.train_frequency as usize;
        Self {
            buffer_size: steps,
            batch_size: steps,
            ..cleanrl
        }
    }

    /// Whether a batch is the whole buffer, each transition once: the buffer holds exactly one batch, and as many
    /// steps pass between updates. No transition is then learned from twice, unless there are several gradient steps or
    /// the returns of several steps, which can leave one out or repeat it where an episode ends.
    pub fn learns_once(&self) -> bool {
        self.buffer_size == self.batch_size
            && self.batch_size as u64 == self.train_frequency
            && !self.prioritized
    }

    /// The network for observations of shape `observation` and `actions` actions.
    pub fn architecture(&self, observation: &[usize], actions: usize) -> Architecture {
        Architecture {
            observation: observation.to_vec(),
            conv: self.conv.0.clone(),
            hidden: self.hidden.0.clone(),
            activation: Activation::Relu,
            outputs: actions,
            dueling: self.dueling,
        }
    }

    /// An error that names the first value that is out of range or contradicts another.
    pub fn validate(&self) -> Result<()> {
        self.check_ranges()?;
        let refused = |key: &str, value: String, allowed: &str| {
            Err(settings::Error::not_allowed(key, value, allowed).into())
        };
        // Otherwise no transition could be complete at the first update.
        let most = self.learning_starts.saturating_add(2);
        if u64::from(self.n_step) > most {
            let allowed = "1 <= x <= 1000, and at most learning_starts + 2";
            return refused("n_step", self.n_step.to_string(), allowed);
        }
        // Munchausen's target has no best action for another network to choose, and with n steps
        // the log-probability of each step's action would have to be known.
        if self.munchausen && self.double {
            return refused("double", "true".into(), "false where munchausen is set");
        }
        if self.munchausen && self.n_step > 1 {
            return refused(
                "n_step",
                self.n_step.to_string(),
                "1 where munchausen is set",
            );
        }
        if self.max_grad_norm > 0.0 && self.max_grad_value > 0.0 {
            let value = self.max_grad_value.to_string();
            return refused("max_grad_value", value, "0 where max_grad_norm is set");
        }
        Ok(())
    }

    /// How far the weights of prioritized replay correct for the priorities at step `t` of `steps`:
    /// rises linearly from `priority_beta` to 1.
    pub fn beta(&self, t: u64, steps: u64) -> f64 {
        self.priority_beta + (1.0 - self.priority_beta) * (t as f64 / steps as f64)
    }

    /// The settings whose effect is spread over a run of `steps`.
    pub fn spans(&self, steps: u64) -> Vec<Span> {
        let rises = self.prioritized && self.priority_beta < 1.0;
        let beta = rises.then_some(Span {
            key: "priority_beta",
            over: steps as f64,
            is_share: false,
            otherwise: "priority_beta = 1",
        });
        let lr = Span::lr(&self.lr_schedule, self.updates(steps));
        let explored = self.exploration_fraction * steps as f64;
        let exploration = Span::exploration(explored, self.start_e, self.end_e);
        [lr, beta, exploration].into_iter().flatten().collect()
    }

    /// How gradients are clipped.
    pub fn clipping(&self) -> Clipping {
        match (self.max_grad_norm > 0.0, self.max_grad_value > 0.0) {
            (true, _) => Clipping::Norm(self.max_grad_norm),
            (_, true) => Clipping::Value(self.max_grad_value),
            _ => Clipping::Off,
        }
    }

    /// Gradient steps in a run of `steps`.
    pub fn updates(&self, steps: u64) -> u64 {
        let due = |last: u64| last / self.train_frequency;
        let after_start = due(steps - 1).saturating_sub(due(self.learning_starts));
        after_start.saturating_mul(self.gradient_steps.into())
    }

    /// The key that prevents learning, if a run of `steps` takes no gradient step.
    pub fn learns_nothing(&self, steps: u64) -> Option<&'static str> {
        if self.updates(steps) > 0 {
            return None;
        }
        // If no step of the run is due for an update, an earlier start would not help.
        Some(if self.train_frequency >= steps {
            "train_frequency"
        } else {
            "learning_starts"
        })
    }

    /// Settings that have no effect in a run of so many environment steps.
    pub fn warnings(&self, steps: u64) -> Vec<String> {
        let mut warnings = Vec::new();
        let explored = self.exploration_fraction * steps as f64;
        let falls = explored > 0.0 && self.start_e != self.end_e;
        if falls && explored < self.learning_starts as f64 && self.learning_starts < steps {
            warnings.push(format!(
                "epsilon is at end_e = {} from step {explored:.0} on, before anything is learned: learning_starts = {}",
                self.end_e, self.learning_starts
            ));
        }
        let updates = self.updates(steps);
        if updates > 0 && self.lr_schedule.warmup() >= updates {
            warnings.push(format!(
                "lr_schedule = {} is still warming up when the run ends: it makes {updates} updates",
                self.lr_schedule
            ));
        }
        warnings
    }

    /// How many gradient steps before number `update`, counted from 1, were taken since the last
    /// update of the target network, or since the first if there was none.
    pub fn since_target(&self, update: u64) -> u64 {
        let each = u64::from(self.gradient_steps);
        let before = self.learning_starts / self.train_frequency + 1;
        let turn = before.saturating_add((update - 1) / each);
        let step = turn.saturating_mul(self.train_frequency);
        // The target network is updated after the gradient steps of the same environment step.
        let last = (step - 1) / self.target_network_frequency * self.target_network_frequency;
        if last <= self.learning_starts {
            return update - 1;
        }
        (update - 1).saturating_sub(self.updates(last + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_since_the_target_networks_are_counted_as_they_happen() {
        for (starts, train, target, each) in [
            (10, 1, 7, 1),
            (0, 10, 500, 2),
            (95, 10, 40, 3),
            (100, 4, 1, 1),
            (20, 30, 7, 2),
        ] {
            let config = DqnConfig {
                learning_starts: starts,
                train_frequency: train,
                target_network_frequency: target,
                gradient_steps: each,
                ..DqnConfig::cleanrl()
            };
            let (mut update, mut since) = (0, 0);
            for step in starts + 1..5000 {
                for _ in 0..if step % train == 0 { each } else { 0 } {
                    update += 1;
                    assert_eq!(config.since_target(update), since, "{config:?}, {update}");
                    since += 1;
                }
                if step % target == 0 {
                    since = 0;
                }
            }
            assert!(update > 100);
        }
    }

    #[test]
    fn what_is_of_no_use_is_told() {
        let told = |change: fn(&mut DqnConfig), steps: u64| -> Vec<String> {
            let mut config = DqnConfig::cleanrl();
            change(&mut config);
            config.warnings(steps)
        };
        assert_eq!(told(|_| {}, 500_000), [""; 0]);
        assert_eq!(told(|_| {}, 20_000), [""; 0]);
        assert_eq!(
            told(|_| {}, 19_998),
            [
                "epsilon is at end_e = 0.05 from step 9999 on, before anything is learned: learning_starts = 10000"
            ]
        );
        // Constant exploration has no end, and a run that learns nothing has no use for exploration.
        assert_eq!(told(|c| c.exploration_fraction = 0.0, 19_998), [""; 0]);
        assert_eq!(told(|c| c.start_e = c.end_e, 19_998), [""; 0]);
        assert_eq!(told(|_| {}, 5_000), [""; 0]);
        let warming = |c: &mut DqnConfig| c.lr_schedule = "linear:warmup=1000000".parse().unwrap();
        assert_eq!(
            told(warming, 500_000),
            [
                "lr_schedule = linear:end=0,warmup=1000000 is still warming up when the run ends: it makes 48999 updates"
            ]
        );
        assert_eq!(told(warming, 20_000_000), [""; 0]);
    }

    #[test]
    fn a_run_that_learns_nothing_is_known_with_the_key_to_change() {
        let of = |steps, starts, frequency| {
            let config = DqnConfig {
                learning_starts: starts,
                train_frequency: frequency,
                ..DqnConfig::cleanrl()
            };
            config.learns_nothing(steps)
        };
        assert_eq!(of(5_000, 10_000, 10), Some("learning_starts"));
        assert_eq!(of(101, 99, 10), None);
        assert_eq!(of(101, 100, 10), Some("learning_starts"));
        assert_eq!(of(101, 95, 100), None);
        assert_eq!(of(101, 0, 101), Some("train_frequency"));
    }

    #[test]
    fn updates_are_counted_as_they_happen() {
        for (steps, starts, frequency) in [
            (500_000, 10_000, 10),
            (101, 50, 10),
            (100, 50, 7),
            (5, 50, 1),
        ] {
            let config = DqnConfig {
                learning_starts: starts,
                train_frequency: frequency,
                gradient_steps: 2,
                ..DqnConfig::cleanrl()
            };
            let happen = |step: &u64| *step > starts && step.is_multiple_of(frequency);
            assert_eq!(
                config.updates(steps),
                2 * (0..steps).filter(happen).count() as u64
            );
        }
    }
}
