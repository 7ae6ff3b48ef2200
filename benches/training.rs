//! One training run of a single agent, without evaluations and files, as CSV on stdout.
//!
//! ```sh
//! cargo bench --bench training -- cartpole [STEPS] [SEED]
//! cargo bench --bench training -- breakout [STEPS] [SEED]
//! cargo bench --bench training -- a2c [STEPS] [SEED]
//! cargo bench --bench training -- pqn [STEPS] [SEED]
//! cargo bench --bench training -- pqn-breakout [STEPS] [SEED]
//! ```
//!
//! The clock starts after the run's first evaluation and stops at its last step. `peers/dqn.sh`
//! and `peers/onpolicy.sh` compare it with others, in the settings below.

use std::{fs, time::Instant};

use optimiser_paradigms::{
    Error, Result,
    cli::{keep_freed_memory, one_thread_an_operation},
    run::{
        Observer, Progress, Row,
        rl::{Config, ConfigSource, train},
    },
};
use settings::{Table, Value};

// The binaries' allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    one_thread_an_operation();
    keep_freed_memory();
    // cargo adds `--bench`.
    let args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let args: Vec<String> = args.collect();
    let number = |place: usize, default: u64| match args.get(place).map(|arg| arg.parse()) {
        None => Ok(default),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => {
            let wrong = format!("`{}` is not allowed; allowed: a whole number", args[place]);
            Err(Error::usage(wrong))
        }
    };
    let case = args.first().map_or("cartpole", String::as_str);
    let seed = number(2, 1)?;
    let config = match case {
        "cartpole" => cartpole(number(1, 100_000)?, seed)?,
        "breakout" => breakout(number(1, 5_000)?, seed)?,
        "a2c" => published("a2c", "sb3", number(1, 1_000_000)?, seed)?,
        "pqn" => published("pqn", "pqn-cartpole", number(1, 102_400)?, seed)?,
        "pqn-breakout" => published("pqn", "pqn-minatar", number(1, 40_960)?, seed)?,
        _ => {
            let allowed = "cartpole, breakout, a2c, pqn, pqn-breakout";
            let wrong = format!("`{case}` is not allowed; allowed: {allowed}");
            return Err(Error::usage(wrong));
        }
    };
    let mut watch = Watch::default();
    let outcome = train(&config, &mut watch)?;
    let [seconds, cpu_seconds] = watch.taken;
    println!("system,case,steps,seed,updates,seconds,cpu_seconds,last_100_return");
    println!(
        "ours,{case},{},{seed},{},{seconds:.4},{cpu_seconds:.4},{:.2}",
        config.run.steps,
        outcome.updates,
        outcome.last_100_return.unwrap_or(f64::NAN),
    );
    Ok(())
}

/// CleanRL's setting with its optimiser; exploration lasts for a share of `steps`.
fn cartpole(steps: u64, seed: u64) -> Result<Config> {
    let source = ConfigSource {
        preset: Some("cleanrl".into()),
        run: unobserved(steps, seed),
        optimiser: Some("adam-cleanrl".parse()?),
        ..ConfigSource::default()
    };
    source.resolve(None)
}

/// MinAtar's setting with its optimiser: an update every step from step 100 on, when epsilon has fallen
/// to 0.1.
fn breakout(steps: u64, seed: u64) -> Result<Config> {
    let source = ConfigSource {
        preset: Some("minatar".into()),
        run: unobserved(steps, seed),
        agent: [
            ("learning_starts", Value::Whole(100)),
            (
                "exploration_fraction",
                Value::Number((100.0 / steps as f64).min(1.0)),
            ),
        ]
        .into_iter()
        .collect(),
        ..ConfigSource::default()
    };
    source.resolve(None)
}

/// An algorithm's preset as it was published.
fn published(algo: &str, preset: &str, steps: u64, seed: u64) -> Result<Config> {
    let source = ConfigSource {
        algo: Some(algo.into()),
        preset: Some(preset.into()),
        run: unobserved(steps, seed),
        ..ConfigSource::default()
    };
    source.resolve(None)
}

/// Evaluations only at the start and at the end, and one line of updates.csv.
fn unobserved(steps: u64, seed: u64) -> Table {
    let [steps, seed] = [steps, seed].map(|number| Value::Whole(number as i64));
    let run = [
        ("steps", steps.clone()),
        ("seed", seed),
        ("eval_every", steps.clone()),
        ("eval_episodes", Value::Whole(1)),
        ("log_every", steps),
    ];
    run.into_iter().collect()
}

/// Measures the time from the first evaluation to the last step.
#[derive(Default)]
struct Watch {
    start: Option<(Instant, f64)>,
    /// Seconds of wall-clock time and of processor time.
    taken: [f64; 2],
}

impl Observer for Watch {
    fn progress(&mut self, _progress: &Progress) -> Result<()> {
        if let Some((clock, processor)) = self.start {
            self.taken = [
                clock.elapsed().as_secs_f64(),
                processor_seconds() - processor,
            ];
        }
        Ok(())
    }
    fn row(&mut self, row: Row) -> Result<()> {
        if let Row::Evaluation(_) = row {
            self.start
                .get_or_insert_with(|| (Instant::now(), processor_seconds()));
        }
        Ok(())
    }
}

/// Processor seconds of this thread. They are less than the wall-clock time if others wanted the
/// processor too. Known only on Linux.
fn processor_seconds() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|first| first.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}
