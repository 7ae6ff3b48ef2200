//! The hyper-parameters of a DQN agent, and the presets they start from.

use std::{fmt, str::FromStr};

use optim::{Clipping, Schedule};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    keys::{choices, holds},
    nn::{Architecture, Filters},
    settings::{check, settings},
};

/// How a value's distance from its target counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// The square of the difference.
    Mse,
    /// Half the square up to 1, linear beyond (PyTorch's `SmoothL1Loss`).
    Huber,
}

/// The sizes of the hidden layers, written `120,84`; `linear` for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden(pub Vec<usize>);

impl FromStr for Hidden {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "linear" {
            return Ok(Self(Vec::new()));
        }
        let size = |s: &str| s.trim().parse().ok();
        let sizes: Option<Vec<usize>> = text.split(',').map(size).collect();
        let wrong = "allowed: sizes separated by commas, such as 120,84, or `linear`";
        sizes.map(Self).ok_or_else(|| wrong.into())
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&sizes.join(","))
    }
}

/// The convolutions before the hidden layers, written `16x3,32x3`; `none` for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convs(pub Vec<Filters>);

impl FromStr for Convs {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let layers: std::result::Result<_, String> = text.split(',').map(str::parse).collect();
        let allowed = "allowed: filters x size separated by commas, such as 16x3,32x3, or `none`";
        layers
            .map(Self)
            .map_err(|wrong| format!("{wrong}; {allowed}"))
    }
}

impl fmt::Display for Convs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let layers: Vec<String> = self.0.iter().map(Filters::to_string).collect();
        f.write_str(&layers.join(","))
    }
}

impl Serialize for Convs {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Convs {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

choices!(Loss);

holds! {
    Convs: "text, such as \"16x3\"",
    Hidden: "a list of sizes",
    Schedule: "text, such as \"linear:end=0.1\"",
}

settings! {
    /// The hyper-parameters of a DQN agent, under CleanRL's names.
    DqnConfig, set by DqnOverrides {
        /// Convolutions of stride 1 before the hidden layers: filters x size, such as 16x3,32x3; `none`
        /// for none
        conv: Convs,
        /// Hidden layer sizes, such as 120,84; `linear` for none
        hidden: Hidden,
        /// Dueling network: a value is the state's plus the action's advantage over the mean
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        dueling: bool,
        /// Discount of a reward one step later
        gamma: f64,
        /// Steps whose rewards a target adds up before it values what follows
        n_step: u32,
        /// Transitions the replay buffer holds
        buffer_size: usize,
        /// Transitions in a batch
        batch_size: usize,
        /// Environment steps before the first update
        learning_starts: u64,
        /// Environment steps from update to update
        train_frequency: u64,
        /// Gradient steps an update
        gradient_steps: u32,
        /// Environment steps between updates of the target network
        target_network_frequency: u64,
        /// Share of the online network that the target network takes over: 1 copies it
        tau: f64,
        /// Probability of a random action at the start
        start_e: f64,
        /// Probability of a random action at the end
        end_e: f64,
        /// Share of the run over which that probability falls
        exploration_fraction: f64,
        /// The loss of a value against its target
        #[arg(value_enum)]
        loss: Loss,
        /// Double DQN: the online network chooses the next action, the target network values it
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        double: bool,
        /// Munchausen DQN: the policy's log-probability is added to the reward, and what follows is
        /// valued softly
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        munchausen: bool,
        /// Share of the log-probability that is added to the reward
        munchausen_alpha: f64,
        /// Temperature of the softmax of the values that is the policy
        munchausen_temperature: f64,
        /// The least that temperature times log-probability counts as, at most 0
        munchausen_clip: f64,
        /// Prioritized replay: transitions are drawn by the size of their last TD error
        #[arg(num_args = 0..=1, default_missing_value = "true")]
        prioritized: bool,
        /// Power of a priority in the probability: 0 draws uniformly
        priority_alpha: f64,
        /// How far weights make up for priorities at the start; wholly, 1, at the end
        priority_beta: f64,
        /// Added to the size of every TD error
        priority_eps: f64,
        /// Longer gradients are scaled down to this norm; 0 leaves them
        max_grad_norm: f64,
        /// Larger elements of a gradient are cut to this size; 0 leaves them
        max_grad_value: f64,
        /// What lr is multiplied by over the run: constant, linear[:end=0], cosine[:end=0] or
        /// step:every=1000,gamma=0.5, each with warmup=500 if wanted; in gradient steps
        lr_schedule: Schedule,
        /// A loss above this, or NaN, ends the run as diverged
        max_loss: f64,
    }
}

impl DqnConfig {
    /// CleanRL's `dqn.py` for classic control: Adam at lr 2.5e-4 is its optimiser.
    pub fn cleanrl() -> Self {
        Self {
            conv: Convs(Vec::new()),
            hidden: Hidden(vec![120, 84]),
            dueling: false,
            gamma: 0.99,
            n_step: 1,
            buffer_size: 10_000,
            batch_size: 128,
            learning_starts: 10_000,
            train_frequency: 10,
            gradient_steps: 1,
            target_network_frequency: 500,
            tau: 1.0,
            start_e: 1.0,
            end_e: 0.05,
            exploration_fraction: 0.5,
            loss: Loss::Mse,
            double: false,
            munchausen: false,
            munchausen_alpha: 0.9,
            munchausen_temperature: 0.03,
            munchausen_clip: -1.0,
            prioritized: false,
            priority_alpha: 0.6,
            priority_beta: 0.4,
            priority_eps: 1e-6,
            max_grad_norm: 0.0,
            max_grad_value: 0.0,
            lr_schedule: Schedule::default(),
            max_loss: 1e9,
        }
    }

    /// MinAtar's `dqn.py` (Young & Tian 2019, sec. 4): `rmsprop-minatar` is its optimiser, and runs
    /// of 5 million steps are what the exploration is a share of.
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

    /// The network for observations of the shape `observation` and so many actions.
    pub fn architecture(&self, observation: &[usize], actions: usize) -> Architecture {
        Architecture {
            observation: observation.to_vec(),
            conv: self.conv.0.clone(),
            hidden: self.hidden.0.clone(),
            outputs: actions,
            dueling: self.dueling,
        }
    }

    /// An error that names the first value out of range.
    pub fn validate(&self) -> Result<()> {
        let fraction = |key, x: f64| check(key, x, (0.0..=1.0).contains(&x), "0 <= x <= 1");
        let count = |key, x: u64, most: u64| {
            let allowed = format!("1 <= x <= {most}");
            check(key, x, (1..=most).contains(&x), &allowed)
        };
        for filters in &self.conv.0 {
            count("conv's filters", filters.count as u64, 1 << 12)?;
            count("conv's size", filters.size as u64, 1 << 8)?;
        }
        let layers = self.conv.0.len();
        check("conv", &self.conv, layers <= 16, "at most 16 layers")?;
        for &size in &self.hidden.0 {
            count("hidden", size as u64, 1 << 16)?;
        }
        let layers = self.hidden.0.len();
        check("hidden", &self.hidden, layers <= 16, "at most 16 layers")?;
        fraction("gamma", self.gamma)?;
        count("buffer_size", self.buffer_size as u64, 1 << 30)?;
        count("batch_size", self.batch_size as u64, 1 << 20)?;
        count("train_frequency", self.train_frequency, i64::MAX as u64)?;
        let starts = self.learning_starts;
        let allowed = format!("0 <= x <= {}", i64::MAX);
        check(
            "learning_starts",
            starts,
            starts <= i64::MAX as u64,
            &allowed,
        )?;
        count("gradient_steps", self.gradient_steps.into(), 1 << 20)?;
        count(
            "target_network_frequency",
            self.target_network_frequency,
            i64::MAX as u64,
        )?;
        let tau = self.tau;
        check("tau", tau, tau > 0.0 && tau <= 1.0, "0 < x <= 1")?;
        // Else the first update could find no transition complete.
        let most = self.learning_starts.saturating_add(2).min(1000);
        let allowed = "1 <= x <= 1000, and at most learning_starts + 2";
        let steps = self.n_step;
        check("n_step", steps, (1..=most).contains(&steps.into()), allowed)?;
        self.validate_munchausen()?;
        fraction("priority_alpha", self.priority_alpha)?;
        fraction("priority_beta", self.priority_beta)?;
        let eps = self.priority_eps;
        let fits = eps > 0.0 && eps <= 1e9;
        check("priority_eps", eps, fits, "0 < x <= 1e9")?;
        fraction("start_e", self.start_e)?;
        fraction("end_e", self.end_e)?;
        fraction("exploration_fraction", self.exploration_fraction)?;
        for (key, most) in [
            ("max_grad_norm", self.max_grad_norm),
            ("max_grad_value", self.max_grad_value),
        ] {
            let allowed = "0 (no clipping) or a finite number above it";
            check(key, most, most.is_finite() && most >= 0.0, allowed)?;
        }
        let one = self.max_grad_norm == 0.0 || self.max_grad_value == 0.0;
        check(
            "max_grad_value",
            self.max_grad_value,
            one,
            "0 where max_grad_norm is set",
        )?;
        let most = self.max_loss;
        check(
            "max_loss",
            most,
            most.is_finite() && most > 0.0,
            "a finite number above 0",
        )
    }

    fn validate_munchausen(&self) -> Result<()> {
        let alpha = self.munchausen_alpha;
        let fits = (0.0..=1.0).contains(&alpha);
        check("munchausen_alpha", alpha, fits, "0 <= x <= 1")?;
        let temperature = self.munchausen_temperature;
        let fits = (1e-6..=1e6).contains(&temperature);
        check(
            "munchausen_temperature",
            temperature,
            fits,
            "1e-6 <= x <= 1e6",
        )?;
        let clip = self.munchausen_clip;
        let fits = clip.is_finite() && clip <= 0.0;
        check("munchausen_clip", clip, fits, "a finite number, at most 0")?;
        // Its target takes no best action that another network could choose, and each step's own
        // log-probability would have to be known.
        let fits = !(self.munchausen && self.double);
        check("double", self.double, fits, "false where munchausen is set")?;
        let fits = !(self.munchausen && self.n_step > 1);
        check("n_step", self.n_step, fits, "1 where munchausen is set")
    }

    /// How far the weights of prioritized replay make up for the priorities at step `t` of `steps`:
    /// from `priority_beta` to 1 in a straight line.
    pub fn beta(&self, t: u64, steps: u64) -> f64 {
        self.priority_beta + (1.0 - self.priority_beta) * (t as f64 / steps as f64)
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

    /// The key, and its value, for which a run of `steps` takes no gradient step; `None` if it takes one.
    pub fn learns_nothing(&self, steps: u64) -> Option<(&'static str, u64)> {
        if self.updates(steps) > 0 {
            return None;
        }
        // Where no step of the run is an update's, an earlier start would be of no use.
        Some(if self.train_frequency >= steps {
            ("train_frequency", self.train_frequency)
        } else {
            ("learning_starts", self.learning_starts)
        })
    }

    /// How many gradient steps before number `update`, counted from 1, were taken since the last
    /// update of the target network, or since the first if there was none.
    pub fn since_target(&self, update: u64) -> u64 {
        let each = u64::from(self.gradient_steps);
        let before = self.learning_starts / self.train_frequency + 1;
        let turn = before.saturating_add((update - 1) / each);
        let step = turn.saturating_mul(self.train_frequency);
        // The target network follows the gradient steps of the same environment step.
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
    fn a_run_that_learns_nothing_is_known_with_the_key_to_change() {
        let of = |steps, starts, frequency| {
            let config = DqnConfig {
                learning_starts: starts,
                train_frequency: frequency,
                ..DqnConfig::cleanrl()
            };
            config.learns_nothing(steps)
        };
        assert_eq!(of(5_000, 10_000, 10), Some(("learning_starts", 10_000)));
        assert_eq!(of(101, 99, 10), None);
        assert_eq!(of(101, 100, 10), Some(("learning_starts", 100)));
        assert_eq!(of(101, 95, 100), None);
        assert_eq!(of(101, 0, 101), Some(("train_frequency", 101)));
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
