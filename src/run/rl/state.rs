//! Everything that is needed to continue an agent's run exactly: the algorithm's part, the inner state of
//! each environment and its position in its random stream, the counters, the best policy.

use safetensors::Dtype;

use super::member::Member;
use optim::state_file::{Array, StateFile, StatePart, bytes, numbers, of_part};

use crate::{
    Error, Result,
    algorithm::Algorithm,
    run::{EvaluationRow, Snapshot},
    streams::{go_to, place},
};

/// The part of a checkpoint that belongs to the algorithm.
const AGENT: &str = "agent";
/// The part that belongs to the diagnostics.
const DIAGNOSTICS: &str = "diagnostics";

/// The name under which `name` of environment number `environment` is saved. The first environment has the plain name.
fn of_environment(name: &str, environment: usize) -> String {
    match environment {
        0 => name.to_owned(),
        _ => format!("{name}.{environment}"),
    }
}

/// Everything about `member`, agent number `agent` of `algorithm`, which sees `obs`,
/// `[environments, observation]`, after `step` steps.
pub(super) fn snapshot(
    member: &Member,
    algorithm: &dyn Algorithm,
    agent: usize,
    obs: &[f32],
    step: u64,
) -> Result<Snapshot> {
    let mut arrays: Vec<Array> = of_part(AGENT, algorithm.save(agent)?).collect();
    let evaluations = [&member.last, &member.best].map(|row| row.map_or(NO_ROW, flat));
    let solved = member.solved_step.map_or(0, |step| step + 1);
    let counters = [member.episodes, member.evaluator.done, solved];
    let mut add_f64 = |name: &str, values: &[f64]| {
        let data = bytes(values, |x| x.to_le_bytes());
        arrays.push((name.into(), Dtype::F64, vec![values.len()], data));
    };
    for (environment, own) in member.envs.iter().enumerate() {
        add_f64(&of_environment("env", environment), &own.env.save()?);
    }
    let returns = member.envs.iter().map(|own| own.episode_return);
    add_f64("episode_return", &returns.collect::<Vec<_>>());
    add_f64("recent", &member.recent.iter().copied().collect::<Vec<_>>());
    add_f64("evaluations", &evaluations.concat());
    let data = bytes(obs, |x| x.to_le_bytes());
    arrays.push(("obs".into(), Dtype::F32, vec![obs.len()], data));
    let streams = member.envs.iter().flat_map(|own| place(&own.stream));
    let streams: Vec<u64> = streams.collect();
    for (name, values) in [("counters", &counters[..]), ("env_stream", &streams)] {
        let data = bytes(values, |x| x.to_le_bytes());
        arrays.push((name.into(), Dtype::U64, vec![values.len()], data));
    }
    let policy = member.best_policy.clone();
    arrays.push(("policy".into(), Dtype::U8, vec![policy.len()], policy));
    if let Some(diagnostics) = &member.diagnostics {
        arrays.extend(of_part(DIAGNOSTICS, diagnostics.arrays()));
    }
    Ok(Snapshot::new(member.config, step, arrays))
}

/// Restores what [`snapshot`] returned.
pub(super) fn load(
    member: &mut Member,
    algorithm: &mut dyn Algorithm,
    agent: usize,
    obs: &mut [f32],
    saved: &StateFile,
) -> Result<()> {
    load_agent(algorithm, agent, saved)?;
    let f64s = |name: &str| -> Result<Vec<f64>> {
        Ok(numbers(saved.list(name, Dtype::F64)?, f64::from_le_bytes))
    };
    for (environment, own) in member.envs.iter_mut().enumerate() {
        own.env.load(&f64s(&of_environment("env", environment))?)?;
    }
    let seen = saved.find("obs", Dtype::F32, &[obs.len()])?;
    obs.copy_from_slice(&numbers(seen, f32::from_le_bytes));
    let u64s = |name: &str, n: usize| -> Result<Vec<u64>> {
        let data = saved.find(name, Dtype::U64, &[n])?;
        Ok(numbers(data, u64::from_le_bytes))
    };
    let places = u64s("env_stream", 2 * member.envs.len())?;
    let returns = f64s("episode_return")?;
    if returns.len() != member.envs.len() {
        return Err(Error::usage(format!(
            "the checkpoint has {} environments' returns; needed: {}",
            returns.len(),
            member.envs.len()
        )));
    }
    let saved_envs = places.as_chunks::<2>().0.iter().zip(returns);
    for (own, (place, episode_return)) in member.envs.iter_mut().zip(saved_envs) {
        go_to(&mut own.stream, *place);
        own.episode_return = episode_return;
    }
    let rows = f64s("evaluations")?;
    let (rows, rest) = rows.as_chunks::<7>();
    let ([last, best], []) = (rows, rest) else {
        return Err(Error::usage("the checkpoint has no two evaluations"));
    };
    (member.last, member.best) = (row(last), row(best));
    member.best_policy = saved.list("policy", Dtype::U8)?.to_vec();
    member.recent = f64s("recent")?.into();
    let counters = u64s("counters", 3)?;
    member.episodes = counters[0];
    member.evaluator.done = counters[1];
    member.solved_step = counters[2].checked_sub(1);
    if let Some(diagnostics) = &mut member.diagnostics {
        let part = StatePart::new(saved, DIAGNOSTICS);
        diagnostics.load(&part, algorithm.updates(agent))?;
    }
    Ok(())
}

/// Restores only the algorithm's part.
pub(super) fn load_agent(
    algorithm: &mut dyn Algorithm,
    agent: usize,
    saved: &StateFile,
) -> Result<()> {
    algorithm.load(agent, &StatePart::new(saved, AGENT))
}

/// The first environment's state.
pub(super) fn env(saved: &StateFile) -> Result<Vec<f64>> {
    Ok(numbers(saved.list("env", Dtype::F64)?, f64::from_le_bytes))
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
