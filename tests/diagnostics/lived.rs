//! Repeats a run with the library's parts and keeps everything about it.

use super::Case;
use candle_core::DType;
use optim::Parameter;
use optimiser_paradigms::{
    algorithm::dqn::{Batch, Dqn, Encoding, Replay, Transition, epsilon},
    streams::{Stream, diagnostics_stream, stream},
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A gradient step.
pub struct Update {
    /// The weights before it, and those of the target network.
    pub online: Vec<f64>,
    pub target: Vec<f64>,
    pub batch: Batch,
    /// Gradient steps since the target network's last update.
    pub since: u64,
    pub step: u64,
    /// The age of each transition of the batch.
    pub ages: Vec<u64>,
    /// If the step is examined: the past lags, their weights, and minibatches drawn now.
    pub look: Option<Look>,
}

/// Lags with their weights, and minibatches drawn now.
pub type Look = (Vec<(usize, f64)>, Vec<Batch>);

/// All gradient steps of the run `config`; the steps numbered in `looked_at` have what is drawn for
/// them. `beta` is momentum's; `resets` says whether target updates reset it.
pub fn live(config: &Case, looked_at: &[u64], beta: f64, resets: bool) -> Vec<Update> {
    let (run, agent) = (&config.run, &config.agent);
    let mut env = envs::make(&run.env).unwrap();
    let spec = env.spec().clone();
    let n = spec.observation.len();
    let [mut env_stream, mut explore, mut replays] =
        [Stream::Env, Stream::Explore, Stream::Replay].map(|name| stream(run.seed, name));
    let mut dqn = Dqn::new(
        agent,
        std::slice::from_ref(&config.optimiser),
        n,
        spec.actions,
        &mut [stream(run.seed, Stream::Init)],
        agent.updates(run.steps),
    )
    .unwrap();
    let plain = Replay::new(agent.buffer_size, n, Encoding::Floats, agent.gamma);
    let mut replay = plain.n_step(agent.n_step);
    if agent.prioritized {
        replay = replay.prioritized(agent.priority_alpha, agent.priority_eps);
    }
    let (mut obs, mut next_obs) = (vec![0.0; n], vec![0.0; n]);
    env.reset(&mut env_stream, &mut obs);
    let mut updates: Vec<Update> = Vec::new();
    let mut target = weights(&dqn);
    let (mut since, mut goes_on) = (0, 0);
    for step in 0..run.steps {
        let action = match explore.random::<f64>() < epsilon(agent, step, run.steps) {
            true => explore.random_range(0..spec.actions as u32) as usize,
            false => dqn.act(&obs).unwrap()[0],
        };
        let taken = env.step(action, &mut env_stream, &mut next_obs).unwrap();
        replay
            .push(Transition {
                obs: &obs,
                action: action as u8,
                reward: taken.reward,
                next_obs: &next_obs,
                terminated: taken.terminated,
                truncated: taken.truncated,
            })
            .unwrap();
        obs.copy_from_slice(&next_obs);
        goes_on += 1;
        if taken.terminated || taken.truncated {
            env.reset(&mut env_stream, &mut obs);
            goes_on = 0;
        }
        if step <= agent.learning_starts {
            continue;
        }
        let due = step % agent.train_frequency == 0;
        for _ in 0..if due { agent.gradient_steps } else { 0 } {
            let priority_beta = agent.beta(step, run.steps);
            let sample = |rng: &mut ChaCha8Rng| {
                let mut batch = Batch::default();
                replay.sample(rng, agent.batch_size, priority_beta, &mut batch);
                batch
            };
            let batch = sample(&mut replays);
            let number = updates.len() as u64 + 1;
            let look = looked_at.contains(&number).then(|| {
                let gradients = if resets { since } else { number - 1 };
                let line = (number - 1) / run.diagnostics;
                let mut rng = diagnostics_stream(run.seed, line);
                let past = past(run.diagnostics_lags, beta, gradients, &mut rng);
                (past, (0..3).map(|_| sample(&mut rng)).collect())
            });
            // In an episode that continues, the transitions of the last steps are not complete yet.
            let open = (agent.n_step as u64 - 1).min(goes_on);
            let age = |index: &u32| {
                let complete = step + 1 - open;
                let first = (0..complete).rev();
                let mut first = first.filter(|k| k % agent.buffer_size as u64 == u64::from(*index));
                step - first.next().unwrap()
            };
            updates.push(Update {
                online: weights(&dqn),
                target: target.clone(),
                since,
                step: step + 1,
                ages: batch.indices.iter().map(age).collect(),
                look,
                batch: batch.clone(),
            });
            let learned = dqn.learn(&batch, false).unwrap();
            if let Some(errors) = learned.td_errors {
                replay.update_priorities(&batch.indices, &errors);
            }
            since += 1;
        }
        if step % agent.target_network_frequency == 0 {
            let online = weights(&dqn);
            let moved = target.iter().zip(online);
            target = moved.map(|(t, o)| t + agent.tau * (o - t)).collect();
            dqn.update_target().unwrap();
            since = 0;
        }
    }
    updates
}

/// Which past minibatches count, and with what weight, as in `diagnostics.csv`.
fn past(n: u32, beta: f64, gradients: u64, rng: &mut ChaCha8Rng) -> Vec<(usize, f64)> {
    let reach = (1..1000).find(|j| beta.powi(*j) <= 0.01).unwrap_or(1000) as u64;
    let most = gradients.min(reach) as usize;
    let weight = |lag: usize| beta.powi(lag as i32 - 1);
    let whole: f64 = (1..=most).map(weight).sum();
    if n == 0 || n as usize >= most {
        return (1..=most).map(|lag| (lag, weight(lag) / whole)).collect();
    }
    let mut past = Vec::new();
    for part in 0..n {
        let mut left = (f64::from(part) + rng.random::<f64>()) / f64::from(n) * whole;
        let reached = |lag: &usize| {
            left -= weight(*lag);
            left < 0.0
        };
        let lag = (1..=most).find(reached).unwrap();
        past.push((lag, 1.0 / f64::from(n)));
    }
    past
}

fn weights(dqn: &Dqn) -> Vec<f64> {
    let flat = |p: &Parameter| -> Vec<f64> {
        let all = p.var.flatten_all().unwrap();
        all.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
    };
    dqn.parameters().iter().flat_map(flat).collect()
}
