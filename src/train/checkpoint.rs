//! Everything it takes to go on with a run, in one file: `checkpoint.safetensors`.
//!
//! The networks, the optimiser's state, the replay buffer, the places in the random streams, the
//! environment's inner state, the counters, the best policy, and how long each of the run's files
//! was. What it belongs to is in the metadata: the run's id and the version of the program, since
//! another version might go on differently.

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use safetensors::Dtype;

use super::{Config, EvaluationRow, member::Member};
use crate::{
    Error, Result,
    agent::{Dqn, Policy},
    saved::{self, Array, Saved, bytes, numbers},
};

/// What is saved here, and the metadata's key.
const WHAT: &str = "checkpoint";

/// Where a run can go on.
pub struct Checkpoint {
    data: Vec<u8>,
    whose: String,
    path: String,
    /// Environment steps done.
    pub step: u64,
    /// How long each file of the run's folder was, under its name.
    pub files: Vec<(String, u64)>,
}

/// Whose checkpoint it is.
fn whose(config: &Config) -> String {
    format!("run {}, version {}", config.id(), env!("CARGO_PKG_VERSION"))
}

/// All that a run is at one moment.
pub struct Snapshot {
    /// What is saved: the metadata's key.
    pub(super) what: &'static str,
    pub(super) whose: String,
    pub(super) arrays: Vec<Array>,
}

/// Everything about `member`, agent number `agent` of `agents`, after `step` steps.
pub(super) fn snapshot(member: &Member, agents: &Dqn, agent: usize, step: u64) -> Result<Snapshot> {
    let mut arrays = agents.agent_arrays(agent)?;
    let evaluations = [&member.last, &member.best].map(|row| row.map_or(NO_ROW, flat));
    let solved = member.solved_step.map_or(0, |step| step + 1);
    let counters = [
        step,
        member.updates,
        member.episodes,
        member.evaluator.done,
        solved,
    ];
    let streams = [&member.env_stream, &member.explore, &member.replay_stream].map(place);
    let mut add_f64 = |name: &str, values: &[f64]| {
        let data = bytes(values, |x| x.to_le_bytes());
        arrays.push((name.into(), Dtype::F64, vec![values.len()], data));
    };
    add_f64("env", &member.env.save()?);
    add_f64("episode_return", &[member.episode_return]);
    add_f64("recent", &member.recent.iter().copied().collect::<Vec<_>>());
    add_f64("evaluations", &evaluations.concat());
    let obs = bytes(&member.obs, |x| x.to_le_bytes());
    arrays.push(("obs".into(), Dtype::F32, vec![member.obs.len()], obs));
    for (name, values) in [("counters", &counters[..]), ("streams", &streams.concat())] {
        let data = bytes(values, |x| x.to_le_bytes());
        arrays.push((name.into(), Dtype::U64, vec![values.len()], data));
    }
    for (name, data) in [
        ("replay", member.replay.to_safetensors()?),
        ("policy", member.best_policy.clone()),
    ] {
        arrays.push((name.into(), Dtype::U8, vec![data.len()], data));
    }
    if let Some(diagnostics) = &member.diagnostics {
        arrays.extend(diagnostics.arrays());
    }
    Ok(Snapshot {
        what: WHAT,
        whose: whose(member.config),
        arrays,
    })
}

impl Snapshot {
    /// The content of the file, for a run whose files are of the given lengths now.
    pub fn to_safetensors(&self, files: &[(&str, u64)]) -> Result<Vec<u8>> {
        let files = saved::lengths(files);
        let arrays = self.arrays.iter().chain(&files);
        Ok(saved::write(self.what, self.whose.clone(), arrays)?)
    }
}

impl Checkpoint {
    /// Reads the checkpoint of the run `config`; an error if it is another's, or no whole one.
    pub fn read(path: &Path, config: &Config) -> Result<Self> {
        let data = std::fs::read(path).map_err(|e| Error::io("cannot read", path, e))?;
        let shown = path.display().to_string();
        let within = |error: Error| Error::usage(format!("{shown}: {error}; it is left as it is"));
        let saved = Saved::read(WHAT, &whose(config), &data);
        let saved = saved.map_err(|error| within(error.into()))?;
        let counters = counters(&saved).map_err(within)?;
        let files = saved::saved_lengths(&saved).map_err(within)?;
        Ok(Self {
            step: counters[0],
            files,
            whose: whose(config),
            path: shown,
            data,
        })
    }

    /// The policy that the agent had, made from one like it, and the world it was in.
    pub(super) fn policy(&self, mut like: Dqn, config: &Config) -> Result<(Policy, Vec<f64>)> {
        let mut read = || {
            let saved = Saved::read(WHAT, &self.whose, &self.data)?;
            like.load_agent(0, &saved)?;
            let mut env = envs::make(&config.run.env)?;
            let state = saved.list("env", Dtype::F64)?;
            env.load(&numbers(state, f64::from_le_bytes))?;
            Ok((like.policy(0)?, env.world()))
        };
        let within = |error: Error| Error::usage(format!("{}: {error}", self.path));
        read().map_err(within)
    }

    /// Puts everything in place for agent number `agent` of `agents`.
    pub(super) fn load(&self, member: &mut Member, agents: &mut Dqn, agent: usize) -> Result<()> {
        let mut load = || {
            let saved = Saved::read(WHAT, &self.whose, &self.data)?;
            agents.load_agent(agent, &saved)?;
            load(member, &saved)
        };
        let within = |error: Error| Error::usage(format!("{}: {error}", self.path));
        load().map_err(within)
    }
}

fn counters(saved: &Saved) -> Result<[u64; 5]> {
    let counters = saved.find("counters", Dtype::U64, &[5])?;
    let counters = numbers(counters, u64::from_le_bytes);
    Ok([0, 1, 2, 3, 4].map(|i| counters[i]))
}

fn load(member: &mut Member, saved: &Saved) -> Result<()> {
    let f64s = |name: &str| -> Result<Vec<f64>> {
        Ok(numbers(saved.list(name, Dtype::F64)?, f64::from_le_bytes))
    };
    let [_, updates, episodes, evaluations, solved] = counters(saved)?;
    member.env.load(&f64s("env")?)?;
    member.replay.restore(saved.list("replay", Dtype::U8)?)?;
    let obs = saved.find("obs", Dtype::F32, &[member.obs.len()])?;
    member.obs = numbers(obs, f32::from_le_bytes);
    let streams = saved.find("streams", Dtype::U64, &[6])?;
    let streams = numbers(streams, u64::from_le_bytes);
    let rngs = [
        &mut member.env_stream,
        &mut member.explore,
        &mut member.replay_stream,
    ];
    for (rng, words) in rngs.into_iter().zip(streams.as_chunks::<2>().0) {
        rng.set_word_pos(u128::from(words[0]) | u128::from(words[1]) << 64);
    }
    let rows = f64s("evaluations")?;
    let (rows, rest) = rows.as_chunks::<7>();
    let ([last, best], []) = (rows, rest) else {
        return Err(Error::usage("the checkpoint has no two evaluations"));
    };
    (member.last, member.best) = (row(last), row(best));
    member.best_policy = saved.list("policy", Dtype::U8)?.to_vec();
    member.recent = f64s("recent")?.into();
    member.episode_return = f64s("episode_return")?.first().copied().unwrap_or(0.0);
    (member.updates, member.episodes) = (updates, episodes);
    member.evaluator.done = evaluations;
    member.solved_step = solved.checked_sub(1);
    if let Some(diagnostics) = &mut member.diagnostics {
        let spec = member.env.spec();
        let shape = &spec.observation.shape;
        let network = member.config.agent.architecture(shape, spec.actions);
        let sizes = (spec.observation.len(), spec.actions);
        diagnostics.load(saved, updates, network.weights()?, sizes)?;
    }
    Ok(())
}

/// Where a stream is, in two words.
fn place(rng: &ChaCha8Rng) -> [u64; 2] {
    let words = rng.get_word_pos();
    [words as u64, (words >> 64) as u64]
}

/// An evaluation that has not happened.
const NO_ROW: [f64; 7] = [f64::NAN; 7];

fn flat(row: EvaluationRow) -> [f64; 7] {
    [
        row.step as f64,
        f64::from(row.episodes),
        row.mean_return,
        row.std_return,
        row.min_return,
        row.max_return,
        row.mean_length,
    ]
}

fn row(flat: &[f64; 7]) -> Option<EvaluationRow> {
    let [
        step,
        episodes,
        mean_return,
        std_return,
        min_return,
        max_return,
        mean_length,
    ] = *flat;
    (!step.is_nan()).then_some(EvaluationRow {
        step: step as u64,
        episodes: episodes as u32,
        mean_return,
        std_return,
        min_return,
        max_return,
        mean_length,
    })
}
