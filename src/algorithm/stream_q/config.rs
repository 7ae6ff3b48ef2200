//! The settings of stream Q(lambda).

use settings::{Interval, Settings, settings, words};

use optim::Schedule;

use crate::{
    Result,
    algorithm::{Convs, Hidden, Span},
    nn::{Activation, Architecture, Filters},
};

words! {
    /// What the optimiser is given.
    pub enum Direction {
        /// The TD error times the eligibility trace
        Trace = "trace",
        /// Only the gradient of this step's loss
        Gradient = "gradient",
    }
}

words! {
    /// The loss of a TD error.
    pub enum StreamLoss {
        /// Half its square: steps are proportional to it
        Mse = "mse",
        /// Half its square up to 1, linear beyond: steps are proportional to it up to 1, and constant beyond
        Huber = "huber",
    }
}

settings! {
    /// The settings of stream Q(lambda); the defaults are those of its paper for classic control.
    pub struct StreamQConfig {
        /// Convolutions of stride 1 before the hidden layers: filters x size, such as 16x3,32x3; `none`
        /// for none
        conv: Convs = Convs(Vec::new());
        /// Hidden layer sizes, such as 32,32; `linear` for none
        hidden: Hidden = Hidden(vec![32, 32]);
        /// Normalise the output of each layer but the last, before its leaky relu; the normalisation has no learned
        /// weights
        layer_norm: bool = true;
        /// Share of each neuron's incoming weights that start at 0
        sparsity: f64 = 0.9, in Interval::at_least(0.0).below(1.0);
        /// Normalise observations to mean 0 and variance 1 by running statistics
        normalize_observations: bool = true;
        /// Divide rewards by the standard deviation of their discounted sums
        scale_rewards: bool = true;
        /// Discount of a reward one step later
        gamma: f64 = 0.99, in 0.0..=1.0;
        /// Share of a trace that a step keeps, in addition to the discount
        lambda: f64 = 0.8, in 0.0..=1.0;
        /// What the optimiser is given: trace or gradient
        direction: Direction = Direction::Trace;
        /// The loss of a TD error
        loss: StreamLoss = StreamLoss::Mse;
        /// Probability of a random action at the start
        start_e: f64 = 1.0, in 0.0..=1.0;
        /// Probability of a random action at the end
        end_e: f64 = 0.01, in 0.0..=1.0;
        /// Share of the run over which that probability falls
        exploration_fraction: f64 = 0.05, in 0.0..=1.0;
        /// What lr is multiplied by over the run: constant, linear[:end=0], cosine[:end=0] or
        /// step:every=1000,gamma=0.5, optionally with warmup=500; in environment steps
        lr_schedule: Schedule = Schedule::default();
        /// A TD error above this, or NaN, ends the run as diverged
        max_error: f64 = 1e9, in Interval::above(0.0);
    }
}

impl StreamQConfig {
    /// The paper's classic control: `stream_q.py` of its authors. Unlike it, this does not add the time to
    /// the observation and does not treat truncation as an end.
    pub fn classic() -> Self {
        Self::default()
    }

    /// The paper's MinAtar: `stream_q_minatar.py` of its authors.
    pub fn minatar() -> Self {
        Self {
            conv: Convs(vec![Filters { count: 16, size: 3 }]),
            hidden: Hidden(vec![128]),
            exploration_fraction: 0.2,
            ..Self::default()
        }
    }

    /// The layers for observations of shape `observation` and this many actions.
    pub fn architecture(&self, observation: &[usize], actions: usize) -> Architecture {
        Architecture {
            observation: observation.to_vec(),
            conv: self.conv.0.clone(),
            hidden: self.hidden.0.clone(),
            activation: Activation::Relu,
            outputs: actions,
            dueling: false,
        }
    }

    /// An error that names the first value that is out of its range.
    pub fn validate(&self) -> Result<()> {
        Ok(self.check_ranges()?)
    }

    /// The probability of a random action in step `t`, counted from 0, of `steps`: a straight line from
    /// `start_e` to `end_e`. It is first used one step after `start_e`.
    pub fn epsilon(&self, t: u64, steps: u64) -> f64 {
        let (t, duration) = ((t + 1) as f64, self.exploration_fraction * steps as f64);
        if t >= duration {
            return self.end_e;
        }
        self.start_e + (self.end_e - self.start_e) * t / duration
    }

    /// The settings whose effect is spread over a run of `steps`.
    pub fn spans(&self, steps: u64) -> Vec<Span> {
        let lr = Span::lr(&self.lr_schedule, steps);
        let explored = self.exploration_fraction * steps as f64;
        let exploration = Span::exploration(explored, self.start_e, self.end_e);
        lr.into_iter().chain(exploration).collect()
    }

    /// What a trace is multiplied by in a step.
    pub(super) fn decay(&self) -> f64 {
        match self.direction {
            Direction::Trace => self.gamma * self.lambda,
            Direction::Gradient => 0.0,
        }
    }
}

impl StreamLoss {
    /// Minus the derivative of the loss at a TD error; a NaN stays one.
    pub(super) fn pull(self, error: f64) -> f64 {
        match self {
            StreamLoss::Huber if error > 1.0 => 1.0,
            StreamLoss::Huber if error < -1.0 => -1.0,
            _ => error,
        }
    }

    /// The loss of a TD error.
    pub(super) fn of(self, error: f64) -> f64 {
        match self {
            StreamLoss::Huber if error.abs() > 1.0 => error.abs() - 0.5,
            _ => 0.5 * error * error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epsilon_falls_in_a_straight_line_then_stays() {
        let config = StreamQConfig {
            exploration_fraction: 0.5,
            ..StreamQConfig::classic()
        };
        assert!((config.epsilon(0, 1000) - (1.0 - 0.99 / 500.0)).abs() < 1e-12);
        assert!((config.epsilon(249, 1000) - 0.505).abs() < 1e-12);
        assert_eq!(config.epsilon(499, 1000), 0.01);
        assert_eq!(config.epsilon(999, 1000), 0.01);
    }

    #[test]
    fn hubers_pull_is_its_derivative_and_bounded() {
        for error in [-3.0, -1.0, -0.2, 0.0, 0.4, 1.0, 9.0] {
            for loss in [StreamLoss::Mse, StreamLoss::Huber] {
                let h = 1e-6;
                let slope = (loss.of(error + h) - loss.of(error - h)) / (2.0 * h);
                assert!((loss.pull(error) - slope).abs() < 1e-6, "{loss:?}, {error}");
            }
            assert!(StreamLoss::Huber.pull(error).abs() <= 1.0);
        }
        assert!(StreamLoss::Huber.pull(f64::NAN).is_nan());
    }
}
