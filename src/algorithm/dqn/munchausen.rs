//! Munchausen Q-learning (Vieillard, Pietquin and Geist 2020, section 2): the policy's own
//! log-probability is added to the reward, and the next state has a soft value.
//!
//! The policy is the softmax of the target network's values `q` over a temperature `t`. With
//! `V(s) = t log sum_a exp(q(s, a) / t)`,
//!
//! ```text
//! t log pi(a | s) = q(s, a) - V(s)
//! sum_a pi(a | s') (q(s', a) - t log pi(a | s')) = V(s')
//! target = r + alpha max(t log pi(a | s), clip) + gamma V(s')
//! ```

use num_traits::Float;

/// The soft value `t log sum_a exp(values[a] / t)` of a state. NaN if any value is.
pub(super) fn soft_value<T: Float>(values: &[T], temperature: T) -> T {
    let (largest, above) = soft_maximum(values, temperature);
    largest + above
}

/// `t log pi(action | s)`, raised to `clip` where it is lower. NaN if any value is.
pub(super) fn log_policy<T: Float>(values: &[T], action: usize, temperature: T, clip: T) -> T {
    let (largest, above) = soft_maximum(values, temperature);
    (values[action] - largest - above).clamp(clip, T::zero())
}

/// The largest value, and how far the soft value is above it. They are returned separately so that
/// nothing overflows and a small difference of large values keeps its digits.
fn soft_maximum<T: Float>(values: &[T], temperature: T) -> (T, T) {
    let largest = values.iter().copied().fold(T::neg_infinity(), T::max);
    let likelihood = |value: &T| ((*value - largest) / temperature).exp();
    let sum = values.iter().map(likelihood).fold(T::zero(), T::add);
    (largest, temperature * sum.ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes both from their definitions, in f64.
    fn plainly(values: &[f32], t: f64) -> (f64, Vec<f64>) {
        let values: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = values.iter().map(|v| ((v - largest) / t).exp()).sum();
        let pi = values.iter().map(|v| ((v - largest) / t).exp() / sum);
        let soft = values.iter().zip(pi.clone());
        // 0 log 0 is 0.
        let term = |(v, p): (&f64, f64)| if p == 0.0 { 0.0 } else { p * (v - t * p.ln()) };
        (soft.map(term).sum(), pi.map(|p| t * p.ln()).collect())
    }

    #[test]
    fn is_the_definition() {
        let mut worst = 0f64;
        for t in [0.03, 0.5, 3.0] {
            for k in 0..200 {
                let value = |i: usize| ((i * 7 + k * 3) as f32 * 1.7).sin() * (k % 9) as f32;
                let values: Vec<f32> = (0..2 + k % 5).map(value).collect();
                let (soft, logs) = plainly(&values, t);
                let t = t as f32;
                worst = worst.max((f64::from(soft_value(&values, t)) - soft).abs());
                for (action, log) in logs.iter().enumerate() {
                    let ours = f64::from(log_policy(&values, action, t, -1.0));
                    worst = worst.max((ours - log.clamp(-1.0, 0.0)).abs());
                }
            }
        }
        assert!(worst < 3e-6, "{worst:e}");
    }

    #[test]
    fn is_sound_at_its_limits() {
        // If the values are far apart, the soft value is the largest, and the log-probability of
        // the others is clipped.
        assert_eq!(soft_value(&[3e38, -3e38], 0.03), 3e38);
        assert_eq!(soft_value(&[-1e30, -1e30], 1e-6), -1e30);
        assert_eq!(log_policy(&[1000.0, 0.0], 1, 0.03, -1.0), -1.0);
        assert_eq!(log_policy(&[1000.0, 0.0], 0, 0.03, -1.0), 0.0);
        // If the values are equal, the policy is uniform.
        let log = log_policy(&[5.0; 4], 2, 0.1, -1.0);
        assert!((log + 0.1 * 4f32.ln()).abs() < 1e-6);
        assert!(soft_value(&[1.0, f32::NAN], 0.1).is_nan());
        assert!(log_policy(&[1.0, f32::NAN], 0, 0.1, -1.0).is_nan());
    }
}
