//! Cohorts of DQN agents on MinAtar's breakout in MinAtar's setting, with an update every step.

use std::time::Instant;

use optimiser_paradigms::{
    Error, Result,
    run::{
        Compute, Control, Observer, Row,
        rl::{Config, ConfigSource, RunTask, train_cohort},
    },
};
use settings::Value;

use crate::effort::{Effort, spread};

/// Updates between two looks at the clock. The update before a look also computes what `updates.csv` records.
const LOOK_EVERY: u64 = 50;

/// Prints a line for each number of agents in `cohorts`.
pub fn measure(on: Compute, cohorts: &[usize]) -> Result<()> {
    println!(
        "agents,updates,us_per_step,us_min,us_max,agent_steps_per_second,updates_per_second,repetitions"
    );
    for &agents in cohorts {
        let mut watch = Watch::default();
        cohort(on, agents, &mut watch)?;
        let [us, least, most] = spread(&watch.us);
        println!(
            "{agents},{},{us:.1},{least:.1},{most:.1},{:.0},{:.1},{}",
            watch.updates,
            1e6 * agents as f64 / us,
            1e6 / us,
            watch.us.len()
        );
    }
    Ok(())
}

/// Trains `agents` agents until `watch` has seen enough.
fn cohort(on: Compute, agents: usize, watch: &mut Watch) -> Result<()> {
    let configs = (1..=agents).map(|seed| config(on, seed as i64));
    let configs = configs.collect::<Result<Vec<_>>>()?;
    let mut others = vec![(); agents - 1];
    let others = others.iter_mut().map(|other| other as &mut dyn Observer);
    let observers = std::iter::once(watch as &mut dyn Observer).chain(others);
    let task = |(config, observer)| RunTask {
        config,
        from: None,
        observer,
    };
    let tasks = configs.iter().zip(observers).map(task).collect();
    let ended = train_cohort(tasks, &Control::default()).map(drop);
    match ended {
        Err(Error::Usage(why)) if why == ENOUGH => Ok(()),
        ended => ended,
    }
}

/// MinAtar's setting with its optimiser, but an update every step from step 100 on, when epsilon has
/// fallen to 0.1, and a smaller buffer: 1,024 of MinAtar's would take 12 GB.
fn config(on: Compute, seed: i64) -> Result<Config> {
    let steps = 1_000_000;
    let run = [
        ("env", Value::from("breakout")),
        ("steps", Value::Whole(steps)),
        ("seed", Value::Whole(seed)),
        ("device", Value::from(on.to_string().as_str())),
        ("eval_every", Value::Whole(steps)),
        ("eval_episodes", Value::Whole(1)),
        ("log_every", Value::Whole(LOOK_EVERY as i64)),
    ];
    let agent = [
        ("learning_starts", Value::Whole(100)),
        ("exploration_fraction", Value::Number(100.0 / steps as f64)),
        ("buffer_size", Value::Whole(10_000)),
    ];
    let source = ConfigSource {
        preset: Some("minatar".into()),
        run: run.into_iter().collect(),
        agent: agent.into_iter().collect(),
        ..ConfigSource::default()
    };
    source.resolve(None)
}

/// The error by which a watch ends a run.
const ENOUGH: &str = "enough has been measured";

/// Measures the time between updates of the first agent.
#[derive(Default)]
struct Watch {
    /// The last update that ended a repetition, and when.
    since: Option<(u64, Instant)>,
    /// Microseconds a step, one value for each repetition.
    us: Vec<f64>,
    /// Updates measured.
    updates: u64,
}

impl Observer for Watch {
    fn row(&mut self, row: Row) -> Result<()> {
        let Row::Update(now) = row else {
            return Ok(());
        };
        let effort = Effort::from_env();
        match self.since {
            // Kernels are compiled in the first update.
            None if now.update == 1 => {}
            None => self.since = Some((now.update, Instant::now())),
            Some((update, clock)) if clock.elapsed() >= effort.span => {
                let updates = now.update - update;
                self.us
                    .push(clock.elapsed().as_secs_f64() * 1e6 / updates as f64);
                self.updates += updates;
                self.since = Some((now.update, Instant::now()));
            }
            Some(_) => {}
        }
        if self.us.len() == effort.repetitions {
            return Err(Error::usage(ENOUGH));
        }
        Ok(())
    }
}
