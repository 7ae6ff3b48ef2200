//! The schema of `diagnostics.csv`.

use serde::{Deserialize, Serialize};

/// A gradient step looked at closely: a line of `diagnostics.csv`. Off unless asked for
/// (`--diagnostics k`: one step of every k, at a position that is not in step with the target
/// network).
///
/// Gradients are those of the loss: means over a minibatch, before clipping and weight decay. `g`
/// is the gradient of this step's minibatch at the weights before the step; `g_j` is the one `j`
/// gradient steps earlier. Norms and parts have the gradient's unit, drifts the value's unit;
/// cosines are from -1 to 1. A cell is empty if there is nothing to measure: no gradient so far
/// back, or a vector of length 0.
///
/// **Momentum's average** is `a = sum_j w_j g_j` with `w_j` proportional to `beta^(j - 1)` and
/// summing to 1, over all gradient steps so far, or since the optimiser last restarted its state. Up
/// to a factor, it equals `m` of Adam and its kin, and `b` of momentum and NAG. If the rule changes
/// the gradient first (clipping, weight decay, RMSprop's root before its momentum), it is what
/// momentum would hold without that change. If a rule has no momentum, beta is 0.9 and the average is
/// hypothetical: no step uses it, but it allows a comparison.
///
/// **Staleness** is `a - f`, where `f` is the present gradient: the mean over this step's minibatch
/// and three others drawn now from the replay buffer. It is exactly the sum of three parts (Bengio et
/// al. 2021, "Correcting momentum in temporal difference learning", combine the first two):
///
/// ```text
/// parameter part  sum_j w_j (g_j as it was                         - g_j at today's weights, targets as they were)
/// target part     sum_j w_j (g_j at today's weights, targets as they were - g_j at today's weights and targets)
/// data part       oracle - f,  where  oracle = a - parameter part - target part
/// ```
///
/// "Targets as they were" are those of the target network at that time; if the online network also
/// affects them (Double DQN), today's online network is used. The first two sums are over all past
/// minibatches that carry the first 99 % of the weight (at most 1,000), if `diagnostics_lags` is 0
/// or at least their number. Otherwise they are unbiased estimates of these sums from
/// `diagnostics_lags` of the minibatches. The norms of the estimates are larger than those of the
/// sums because of the sampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiagnosticsRow {
    /// Environment steps done.
    pub step: u64,
    /// The gradient step's number, from 1.
    pub update: u64,
    /// Gradient steps before it since the target network was last updated; since the first step if
    /// it never was.
    pub since_target: u64,
    /// The factor by which momentum's average decays in a step: `beta1`, `momentum`, and Lion's `beta2`.
    pub momentum_beta: f64,
    /// Whether the optimiser has no momentum.
    pub momentum_is_hypothetical: bool,
    /// The norm of `g`.
    pub grad_norm: f64,
    /// The cosine of `g` and the momentum before the step: the rule's own state (`m`, `b` or
    /// `velocity`), or the average `a` where it has none.
    pub cos_momentum_gradient: Option<f64>,
    /// The cosine of `g` and `g_1`.
    pub autocorrelation_1: Option<f64>,
    /// The cosine of `g` and `g_2`.
    pub autocorrelation_2: Option<f64>,
    /// The cosine of `g` and `g_4`.
    pub autocorrelation_4: Option<f64>,
    /// The cosine of `g` and `g_8`.
    pub autocorrelation_8: Option<f64>,
    /// The cosine of `g` and `g_16`.
    pub autocorrelation_16: Option<f64>,
    /// The cosine of `g` and `g_32`; from here on only up to lag `2 / (1 - beta)`.
    pub autocorrelation_32: Option<f64>,
    /// The cosine of `g` and `g_64`.
    pub autocorrelation_64: Option<f64>,
    /// The cosine of `g` and `g_128`.
    pub autocorrelation_128: Option<f64>,
    /// The cosine of `g` and `g_256`, the furthest.
    pub autocorrelation_256: Option<f64>,
    /// The norm of the average `a`.
    pub average_norm: Option<f64>,
    /// The norm of the oracle.
    pub oracle_norm: Option<f64>,
    /// The norm of the present gradient `f`.
    pub fresh_norm: f64,
    /// The cosine of the average and the oracle.
    pub cos_average_oracle: Option<f64>,
    /// The cosine of the average and the present gradient.
    pub cos_average_fresh: Option<f64>,
    /// The norm of the parameter part.
    pub parameter_norm: Option<f64>,
    /// The norm of the target part.
    pub target_norm: Option<f64>,
    /// The norm of the data part.
    pub data_norm: Option<f64>,
    /// The root mean square that the data part's norm would have if the data had not changed at all,
    /// from the draws of minibatches alone: `sqrt(noise (sum_j w_j^2 + 1/4))`.
    pub data_norm_by_chance: Option<f64>,
    /// The cosine of the parameter part and the present gradient. Each part's norm times its cosine
    /// is how far it pushes along `f`; their sum is `average_norm cos_average_fresh - fresh_norm`.
    pub cos_parameter_fresh: Option<f64>,
    /// The cosine of the target part and the present gradient.
    pub cos_target_fresh: Option<f64>,
    /// The cosine of the data part and the present gradient.
    pub cos_data_fresh: Option<f64>,
    /// The squared norm of the expected gradient, estimated without bias from the four minibatches
    /// of `f`: `|f|^2 - noise / 4`. It can be below 0 by chance if the signal is weak.
    pub signal: f64,
    /// The variance of one minibatch's gradient, summed over the weights: the squared distance of
    /// the four from `f`, over 3. `signal / noise` is the signal-to-noise ratio of a gradient step.
    pub noise: f64,
    /// How far the targets of momentum's minibatches have moved since they were learned from,
    /// because of the target network alone: `sum_j w_j` times the mean of `|target now - target
    /// then|`, over the same minibatches as the target part.
    pub target_drift: Option<f64>,
    /// The mean over this step's minibatch of the environment steps since each transition's first.
    pub age_mean: f64,
    /// The largest of these.
    pub age_max: u64,
}
