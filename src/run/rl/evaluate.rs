//! Evaluation: greedy episodes with their own environments and streams.

use envs::TimeLimit;
use rand::Rng;

use super::RunConfig;
use crate::{Result, algorithm::Policy, run::EvaluationRow, streams::eval_stream};

/// Plays the evaluation episodes of one run, side by side so that one forward pass serves all.
pub struct Evaluator {
    config: RunConfig,
    envs: Vec<TimeLimit>,
    /// Evaluations done, so that each has new draws.
    pub(crate) done: u64,
}

impl Evaluator {
    /// `config.eval_episodes` environments.
    pub fn new(config: &RunConfig) -> Result<Self> {
        let one = |_| Ok(envs::make(&config.env)?);
        Ok(Self {
            config: config.clone(),
            envs: (0..config.eval_episodes).map(one).collect::<Result<_>>()?,
            done: 0,
        })
    }

    /// Evaluates `policy` after `step` steps of training, in the present `worlds` of the training
    /// environments ([`TimeLimit::world`]). Each evaluation episode takes the next of these in turn.
    pub fn evaluate(
        &mut self,
        policy: &dyn Policy,
        step: u64,
        worlds: &[Vec<f64>],
    ) -> Result<EvaluationRow> {
        let n = self.envs.len();
        for (env, world) in self.envs.iter_mut().zip(worlds.iter().cycle()) {
            env.hold(world)?;
        }
        let seed = self.config.eval_seed.unwrap_or(self.config.seed);
        let first = self.done * n as u64;
        let mut streams: Vec<_> = (first..first + n as u64)
            .map(|episode| eval_stream(seed, episode))
            .collect();
        let (obs_len, actions) = {
            let spec = self.envs[0].spec();
            (spec.observation.len(), spec.actions)
        };
        let mut obs = vec![0.0; n * obs_len];
        for ((env, stream), obs) in self
            .envs
            .iter_mut()
            .zip(&mut streams)
            .zip(obs.chunks_mut(obs_len))
        {
            env.reset(stream, obs);
        }
        let (mut returns, mut lengths) = (vec![0.0; n], vec![0u32; n]);
        // Row `i` of `obs` belongs to episode `alive[i]`; finished episodes leave.
        let mut alive: Vec<usize> = (0..n).collect();
        while !alive.is_empty() {
            let chosen = policy.act(&obs)?;
            let mut kept = 0;
            for row in 0..alive.len() {
                let (episode, at) = (alive[row], row * obs_len..(row + 1) * obs_len);
                let stream = &mut streams[episode];
                let random = self.config.eval_epsilon > 0.0
                    && stream.random::<f64>() < self.config.eval_epsilon;
                let action = if random {
                    stream.random_range(0..actions as u32) as usize
                } else {
                    chosen[row]
                };
                let step = self.envs[episode].step(action, stream, &mut obs[at.clone()])?;
                returns[episode] += f64::from(step.reward);
                lengths[episode] += 1;
                if !(step.terminated || step.truncated) {
                    obs.copy_within(at, kept * obs_len);
                    alive[kept] = episode;
                    kept += 1;
                }
            }
            alive.truncate(kept);
            obs.truncate(kept * obs_len);
        }
        self.done += 1;
        Ok(row(step, &returns, &lengths))
    }
}

fn row(step: u64, returns: &[f64], lengths: &[u32]) -> EvaluationRow {
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let squares: f64 = returns.iter().map(|r| (r - mean).powi(2)).sum();
    EvaluationRow {
        step,
        episodes: returns.len() as u32,
        mean_return: mean,
        std_return: (squares / (n - 1.0).max(1.0)).sqrt(),
        min_return: returns.iter().copied().fold(f64::INFINITY, f64::min),
        max_return: returns.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        mean_length: lengths.iter().map(|l| f64::from(*l)).sum::<f64>() / n,
    }
}
