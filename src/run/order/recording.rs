//! A stream of transitions from an agent that learns, recorded once per process.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::Device;
use envs::TimeLimit;
use settings::{Settings, Value};

use super::{
    OrderRun, Transitions,
    learner::layers,
    truth::{FinalPolicy, StreamStates, Truth, Watched},
};
use crate::{
    Error, Result,
    algorithm::{
        Experience, Learning, PendingUpdate, Setup,
        dqn::{DqnConfig, untrained_policy},
    },
    nn::Architecture,
    run::rl::{Config, ConfigSource},
    streams::env_stream,
};

/// What is added to a run's seed for the agent that is recorded. With the run's own seed, it would start from the
/// weights that the stream is then learned with.
pub const RECORDED_SEED: u64 = 1_000_000;

/// A recorded stream and what is known of it.
pub struct Recording {
    /// The transitions.
    pub transitions: Transitions,
    /// The places of those that are learned from, in the recorded order.
    pub learned: Vec<u32>,
    /// The places of those that the error is measured on.
    pub held_out: Vec<u32>,
    /// Whether the true values are exact. If the environment is random, they are means over rollouts.
    pub exact: bool,
    /// The standard deviation of the true values held out: the error of the best constant.
    pub spread: f64,
    /// The recorded agent's network.
    pub architecture: Architecture,
}

/// The run of the agent that `run` records: that of `rl --env ENV --preset PRESET --steps STREAM` with the run's seed
/// plus [`RECORDED_SEED`].
///
/// # Errors
/// If there is no such run.
pub fn recorded_config(run: &OrderRun) -> Result<Config> {
    let stream = run.stream as i64;
    let source = ConfigSource {
        preset: Some(run.preset.clone()),
        run: [
            ("env", Value::from(run.env.as_str())),
            ("steps", Value::Whole(stream)),
            // It is not evaluated here.
            ("eval_every", Value::Whole(stream)),
        ]
        .into_iter()
        .collect(),
        ..ConfigSource::default()
    };
    let mut config = source.resolve(None)?;
    config.run.seed = run.seed.wrapping_add(RECORDED_SEED);
    Ok(config)
}

/// What a recording depends on.
#[derive(Clone, PartialEq)]
struct Key {
    env: String,
    preset: String,
    stream: usize,
    held_out: usize,
    gamma: f64,
    rollouts: u32,
    seed: u64,
}

/// A recording, or the place where one is being made.
type RecordingSlot = Arc<Mutex<Option<Arc<Recording>>>>;

/// Recordings of this process with their sizes in bytes, the last used last.
static RECORDINGS: Mutex<Vec<(Key, usize, RecordingSlot)>> = Mutex::new(Vec::new());
/// Beyond this, the least recently used ones are forgotten.
const MOST_BYTES: usize = 1 << 30;

/// The recording that `run` learns from, made the first time that this process asks for it. Other threads that ask
/// meanwhile wait.
pub(super) fn recording(run: &OrderRun) -> Result<Arc<Recording>> {
    let key = Key {
        env: run.env.clone(),
        preset: run.preset.clone(),
        stream: run.stream,
        held_out: run.held_out,
        gamma: run.gamma,
        rollouts: run.rollouts,
        seed: run.seed,
    };
    let slot = slot(key, run.bytes()?);
    let mut recorded = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recording) = &*recorded {
        return Ok(recording.clone());
    }
    let recording = Arc::new(record(run)?);
    *recorded = Some(recording.clone());
    Ok(recording)
}

fn slot(key: Key, bytes: usize) -> RecordingSlot {
    let mut all = RECORDINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = match all.iter().position(|(known, ..)| *known == key) {
        Some(place) => all.remove(place),
        None => (key, bytes, RecordingSlot::default()),
    };
    let slot = entry.2.clone();
    all.push(entry);
    let mut held: usize = all.iter().map(|(_, bytes, _)| bytes).sum();
    while held > MOST_BYTES && all.len() > 1 {
        held -= all.remove(0).1;
    }
    slot
}

/// Values whose standard deviation is at most this share of them differ only by what rollouts leave out.
const ALL_ALIKE: f64 = 1e-5;

/// Ignores the updates of the recorded agent.
#[derive(Default)]
struct Unwatched {
    diverged: bool,
}

impl Learning for Unwatched {
    fn is_alive(&self, _agent: usize) -> bool {
        !self.diverged
    }

    fn is_recorded(&self, _update: u64) -> bool {
        false
    }

    fn pending(&mut self, _agent: usize, _update: u64, _pending: &dyn PendingUpdate) -> Result<()> {
        Ok(())
    }

    fn updated(&mut self, _agent: usize, _update: u64, _measured: &[f64]) -> Result<()> {
        Ok(())
    }

    fn diverged(&mut self, _agent: usize) {
        self.diverged = true;
    }
}

/// A stream without its true values.
struct RawStream {
    transitions: Transitions,
    states: StreamStates,
    /// Whether a step was random.
    random: bool,
    /// Whether an episode ended.
    ended: bool,
    /// The final policy, saved.
    policy: Vec<u8>,
}

/// Trains the agent of `config` and records what it sees.
fn stream(config: &Config, env: &mut TimeLimit) -> Result<RawStream> {
    let spec = env.spec().clone();
    let mut agent = config.algorithm.make(&Setup {
        settings: &config.agent,
        optimisers: std::slice::from_ref(&config.optimiser),
        seeds: &[config.run.seed],
        env: &spec,
        steps: config.run.steps,
        device: &Device::Cpu,
    })?;
    let mut rng = env_stream(config.run.seed, 0);
    let obs_len = spec.observation.len();
    let (mut obs, mut next_obs) = (vec![0.0; obs_len], vec![0.0; obs_len]);
    let (mut actions, mut learning) = ([0], Unwatched::default());
    let mut all = Transitions {
        obs_len,
        ..Transitions::default()
    };
    let mut states = StreamStates::default();
    let (mut random, mut ended) = (false, false);
    env.reset(&mut rng, &mut obs);
    for step in 0..config.run.steps {
        states.before.push(env.save()?);
        agent.act(step, &obs, &[true], &mut actions)?;
        let mut draws = Watched {
            rng: &mut rng,
            drawn: false,
        };
        let taken = env.step(actions[0], &mut draws, &mut next_obs)?;
        random |= draws.drawn;
        all.obs.extend_from_slice(&obs);
        all.next_obs.extend_from_slice(&next_obs);
        all.actions.push(actions[0] as u32);
        all.rewards.push(taken.reward);
        all.terminated.push(taken.terminated);
        let over = taken.terminated || taken.truncated;
        let cut = !taken.terminated && (taken.truncated || step + 1 == config.run.steps);
        states.after.push(match cut {
            true => env.save()?,
            false => Vec::new(),
        });
        let experience = Experience {
            obs: &obs,
            action: actions[0],
            reward: taken.reward,
            next_obs: &next_obs,
            terminated: taken.terminated,
            truncated: taken.truncated,
        };
        agent.observe(0, 0, &experience)?;
        obs.copy_from_slice(&next_obs);
        if over {
            ended = true;
            env.reset(&mut rng, &mut obs);
        }
        agent.learn(step, &mut learning)?;
        if learning.diverged {
            return Err(Error::usage(format!(
                "the agent to be recorded in {} diverged after {} steps; allowed: another seed or preset",
                spec.name,
                step + 1
            )));
        }
    }
    Ok(RawStream {
        transitions: all,
        states,
        random,
        ended,
        policy: agent.policy(0)?.to_safetensors()?,
    })
}

/// Makes the recording that `run` learns from.
fn record(run: &OrderRun) -> Result<Recording> {
    let config = recorded_config(run)?;
    let mut env = envs::make(&run.env)?;
    let spec = env.spec().clone();
    let RawStream {
        mut transitions,
        states,
        random,
        ended,
        policy,
    } = stream(&config, &mut env)?;
    if !ended {
        return Err(Error::usage(format!(
            "stream = {} is not allowed in {}: no episode ended in it; allowed: a longer one",
            run.stream, spec.name
        )));
    }
    let dqn = DqnConfig::from_table(&config.agent)?;
    let architecture = dqn.architecture(&spec.observation.shape, spec.actions);
    let weights = untrained_policy(&dqn, &spec)?.load(&policy)?.weights()?;
    let mut policy = FinalPolicy::new(layers(&architecture)?, weights);
    let next = transitions.next_obs.chunks_exact(transitions.obs_len);
    transitions.next_actions = next.map(|obs| policy.act(obs) as u32).collect();
    let seed = config.run.seed;
    let mut truth = Truth::new(env, policy, &states, run.gamma, seed);
    let exact = match random {
        true => None,
        false => truth.values(&transitions, None)?,
    };
    let is_exact = exact.is_some();
    transitions.values = match exact {
        Some(values) => values,
        None => truth
            .values(&transitions, Some(run.rollouts))?
            .unwrap_or_default(),
    };
    let (learned, held_out) = apart(run.stream, run.held_out);
    let held: Vec<f64> = held_out
        .iter()
        .map(|&row| transitions.values[row as usize])
        .collect();
    let spread = deviation(&held);
    if spread <= ALL_ALIKE * held[0].abs().max(1.0) {
        return Err(Error::usage(format!(
            "stream = {} is not allowed in {}: all true values of the policy that was recorded are about {:.6}, and there is \
             nothing to learn; allowed: a longer one, or another seed",
            run.stream, spec.name, held[0]
        )));
    }
    Ok(Recording {
        transitions,
        learned,
        held_out,
        exact: is_exact,
        spread,
        architecture,
    })
}

/// Splits the places 0 to `n - 1` into those to learn from and `held_out` others, which are spread evenly.
fn apart(n: usize, held_out: usize) -> (Vec<u32>, Vec<u32>) {
    let held: Vec<u32> = (0..held_out)
        .map(|i| ((2 * i + 1) * n / (2 * held_out)) as u32)
        .collect();
    let mut next = held.iter().copied().peekable();
    let learned = (0..n as u32).filter(|place| next.next_if_eq(place).is_none());
    (learned.collect(), held)
}

/// The standard deviation, with n in the denominator.
fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / n).sqrt()
}
