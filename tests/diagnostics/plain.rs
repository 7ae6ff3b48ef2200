//! Q-learning's loss and its gradient, computed a second time: in f64, one number at a time, from the
//! definitions.

use optimiser_paradigms::algorithm::dqn::{Batch, DqnConfig, Loss};

/// A perceptron of these layer sizes; its weights are one list: for each layer, `[out, in]` and then
/// the biases.
pub struct Plain<'a> {
    pub sizes: &'a [usize],
    pub config: &'a DqnConfig,
}

impl Plain<'_> {
    /// The output of each layer for one observation, starting with the observation.
    fn layers(&self, weights: &[f64], obs: &[f32]) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = vec![obs.iter().map(|x| f64::from(*x)).collect()];
        let mut at = 0;
        for (i, pair) in self.sizes.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            let mut next = Vec::new();
            for o in 0..outputs {
                let row = &weights[at + o * inputs..][..inputs];
                let sum: f64 = row.iter().zip(&all[i]).map(|(w, x)| w * x).sum();
                let z = sum + weights[at + outputs * inputs + o];
                let last = i + 2 == self.sizes.len();
                next.push(if last { z } else { z.max(0.0) });
            }
            all.push(next);
            at += outputs * (inputs + 1);
        }
        all
    }

    fn values(&self, weights: &[f64], obs: &[f32]) -> Vec<f64> {
        self.layers(weights, obs).pop().unwrap()
    }

    fn obs<'b>(&self, all: &'b [f32], i: usize) -> &'b [f32] {
        &all[i * self.sizes[0]..(i + 1) * self.sizes[0]]
    }

    /// The targets of `batch` from the target network's weights `target`, and from the online ones
    /// where they are used.
    pub fn targets(&self, batch: &Batch, online: &[f64], target: &[f64]) -> Vec<f64> {
        let one = |i: usize| {
            let next = self.obs(&batch.next_obs, i);
            let values = self.values(target, next);
            let mut reward = f64::from(batch.rewards[i]);
            let following = if self.config.munchausen {
                let t = self.config.munchausen_temperature;
                let soft = |values: &[f64]| {
                    let most = values.iter().copied().fold(f64::MIN, f64::max);
                    most + t * values
                        .iter()
                        .map(|v| ((v - most) / t).exp())
                        .sum::<f64>()
                        .ln()
                };
                let before = self.values(target, self.obs(&batch.obs, i));
                let log = before[batch.actions[i] as usize] - soft(&before);
                let clip = self.config.munchausen_clip;
                reward += self.config.munchausen_alpha * log.clamp(clip, 0.0);
                soft(&values)
            } else {
                let chooser = match self.config.double {
                    true => self.values(online, next),
                    false => values.clone(),
                };
                let best = (0..chooser.len()).max_by(|a, b| chooser[*a].total_cmp(&chooser[*b]));
                values[best.unwrap()]
            };
            match batch.terminated[i] {
                true => reward,
                false => reward + f64::from(batch.discounts[i]) * following,
            }
        };
        (0..batch.actions.len()).map(one).collect()
    }

    /// The gradient of the batch's mean loss against `targets`, by the chain rule.
    pub fn gradient(&self, batch: &Batch, weights: &[f64], targets: &[f64]) -> Vec<f64> {
        let mut gradient = vec![0.0; weights.len()];
        let n = batch.actions.len();
        for (i, target) in targets.iter().enumerate() {
            let layers = self.layers(weights, self.obs(&batch.obs, i));
            let action = batch.actions[i] as usize;
            let off = layers.last().unwrap()[action] - target;
            let slope = match self.config.loss {
                Loss::Mse => 2.0 * off,
                Loss::Huber => off.clamp(-1.0, 1.0),
            };
            let own = batch.weights.get(i).map_or(1.0, |w| f64::from(*w));
            let mut dz = vec![0.0; self.sizes[self.sizes.len() - 1]];
            dz[action] = slope * own / n as f64;
            let mut end = weights.len();
            for l in (1..self.sizes.len()).rev() {
                let (inputs, outputs) = (self.sizes[l - 1], self.sizes[l]);
                let at = end - outputs * (inputs + 1);
                let mut dx = vec![0.0; inputs];
                for o in 0..outputs {
                    for k in 0..inputs {
                        gradient[at + o * inputs + k] += dz[o] * layers[l - 1][k];
                        dx[k] += dz[o] * weights[at + o * inputs + k];
                    }
                    gradient[at + outputs * inputs + o] += dz[o];
                }
                for (dx, x) in dx.iter_mut().zip(&layers[l - 1]) {
                    *dx = if *x > 0.0 { *dx } else { 0.0 };
                }
                (dz, end) = (dx, at);
            }
        }
        gradient
    }
}
