//! Steps a second of every environment here, with random actions, as CSV on stdout.
//!
//! ```sh
//! cargo bench -p optimiser-paradigms-envs --bench steps                    # all
//! cargo bench -p optimiser-paradigms-envs --bench steps -- pole asterix    # those whose name has such a part
//! MILLISECONDS=10 REPETITIONS=5 cargo bench -p optimiser-paradigms-envs --bench steps
//! ```

use std::time::{Duration, Instant};

use envs::{TimeLimit, make, registry};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The number of actions drawn before the clock starts; they are then used in turn.
const ACTIONS: usize = 1 << 12;

/// An environment with everything needed to drive it.
struct Play {
    env: TimeLimit,
    observation: Vec<f32>,
    draws: ChaCha8Rng,
    actions: Vec<usize>,
}

impl Play {
    fn of(name: &str) -> Result<Self, envs::Error> {
        let env = make(name)?;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let n = env.spec().actions as u64;
        let mut play = Self {
            observation: vec![0.0; env.spec().observation.len()],
            actions: (0..ACTIONS)
                .map(|_| (rng.next_u64() % n) as usize)
                .collect(),
            draws: rng,
            env,
        };
        play.env.reset(&mut play.draws, &mut play.observation);
        Ok(play)
    }

    /// Takes every action, with resets in between; returns the time of a step in seconds.
    fn lap(&mut self) -> Result<f64, envs::Error> {
        let start = Instant::now();
        for &action in &self.actions {
            let step = self
                .env
                .step(action, &mut self.draws, &mut self.observation)?;
            if step.terminated || step.truncated {
                self.env.reset(&mut self.draws, &mut self.observation);
            }
        }
        Ok(start.elapsed().as_secs_f64() / ACTIONS as f64)
    }

    /// The mean time of a step, over laps that fill `span`.
    fn repetition(&mut self, span: Duration) -> Result<f64, envs::Error> {
        let (start, mut laps, mut sum) = (Instant::now(), 0.0, 0.0);
        while laps == 0.0 || start.elapsed() < span {
            sum += self.lap()?;
            laps += 1.0;
        }
        Ok(sum / laps)
    }
}

fn main() -> Result<(), envs::Error> {
    let repetitions = number("REPETITIONS", 11);
    let span = Duration::from_millis(number("MILLISECONDS", 50));
    // Cargo adds `--bench`.
    let words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    let words: Vec<String> = words.collect();

    println!("environment,ns_per_step,ns_min,ns_max,million_steps_per_s,repetitions");
    for entry in registry().iter().filter(|entry| entry.native) {
        if !words.is_empty() && !words.iter().any(|word| entry.name.contains(word.as_str())) {
            continue;
        }
        let mut play = Play::of(entry.name)?;
        play.lap()?;
        let mut seconds = (0..repetitions)
            .map(|_| play.repetition(span))
            .collect::<Result<Vec<f64>, _>>()?;
        seconds.sort_by(f64::total_cmp);
        let median = (seconds[(seconds.len() - 1) / 2] + seconds[seconds.len() / 2]) / 2.0;
        println!(
            "{},{:.1},{:.1},{:.1},{:.2},{repetitions}",
            entry.name,
            median * 1e9,
            seconds[0] * 1e9,
            seconds[seconds.len() - 1] * 1e9,
            1e-6 / median,
        );
    }
    Ok(())
}

/// The positive whole number in the environment variable `name`.
fn number(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    match text.parse() {
        Ok(n) if n > 0 => n,
        _ => panic!("{name} = {text} is not allowed; allowed: a whole number from 1"),
    }
}
