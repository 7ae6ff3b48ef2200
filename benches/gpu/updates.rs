//! Where the time of a cohort's update goes: DQN agents on MinAtar's breakout, part by part.

use candle_core::DType;
use optim::Spec;
use optimiser_paradigms::{
    Result,
    algorithm::dqn::{Batch, Dqn, DqnConfig, Encoding, Replay, Transition},
    run::Compute,
    streams::{Stream, stream},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::effort::{Effort, spread};

/// Breakout's observations and actions.
const OBSERVATION: [usize; 3] = [4, 10, 10];
const ACTIONS: usize = 3;
/// Transitions in a buffer: as many as [`crate::cohorts`] has.
const BUFFER: usize = 10_000;

/// Prints a line for each part of an update, for each number of agents in `cohorts`.
pub fn measure(on: Compute, cohorts: &[usize]) -> Result<()> {
    println!("agents,part,us,us_min,us_max,repetitions");
    cohorts.iter().try_for_each(|agents| parts(on, *agents))
}

fn parts(on: Compute, agents: usize) -> Result<()> {
    let device = on.device()?;
    let config = DqnConfig::minatar();
    let len = OBSERVATION.iter().product();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut buffer = filled(&config, len, &mut rng)?;
    if on != Compute::Cpu {
        buffer = buffer.packed();
    }
    let specs = vec!["rmsprop:lr=0.00025".parse::<Spec>()?; agents];
    let mut init: Vec<_> = (0..agents as u64)
        .map(|seed| stream(seed, Stream::Init))
        .collect();
    let (of, updates) = ((DType::F32, &device), 1_000_000);
    let mut dqn = Dqn::on(
        &config,
        &specs,
        &OBSERVATION[..],
        ACTIONS,
        &mut init,
        updates,
        of,
    )?;
    let mut batch = Batch::default();
    let obs: Vec<f32> = (0..agents * len)
        .map(|_| f32::from(rng.random::<bool>() as u8))
        .collect();

    report(agents, "act", |_| dqn.act(&obs).map(drop))?;
    report(agents, "sample", |_| {
        batch.clear();
        for _ in 0..agents {
            buffer.sample(&mut rng, config.batch_size, 1.0, &mut batch);
        }
        Ok(())
    })?;
    report(agents, "learn", |_| dqn.learn(&batch, false).map(drop))
}

/// A buffer of random transitions.
fn filled(config: &DqnConfig, len: usize, rng: &mut ChaCha8Rng) -> Result<Replay> {
    let mut buffer = Replay::new(BUFFER, len, Encoding::Bits, config.gamma);
    let mut picture = || -> Vec<f32> {
        (0..len)
            .map(|_| f32::from(rng.random::<bool>() as u8))
            .collect()
    };
    let mut obs = picture();
    for step in 0..BUFFER {
        let next_obs = picture();
        buffer.push(Transition {
            obs: &obs,
            action: (step % ACTIONS) as u8,
            reward: (step % 7) as f32 / 7.0,
            next_obs: &next_obs,
            terminated: false,
            truncated: false,
        })?;
        obs = next_obs;
    }
    Ok(buffer)
}

fn report(agents: usize, part: &str, mut call: impl FnMut(usize) -> Result<()>) -> Result<()> {
    let call = |i: usize| call(i).map_err(candle_core::Error::wrap);
    let us = Effort::from_env().microseconds(call)?;
    let [us_each, least, most] = spread(&us);
    println!(
        "{agents},{part},{us_each:.1},{least:.1},{most:.1},{}",
        us.len()
    );
    Ok(())
}
