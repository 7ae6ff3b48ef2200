//! What our benchmark and the peers written in Rust measure optimisers with.
//!
//! Peers are on another version of candle: they include this file as it is, and each
//! builds it with its own.

mod copy;
mod problem;
mod rows;

pub use problem::{CASES, Case, Problem};
pub use rows::Rows;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use candle_core::{Result, backprop::GradStore};

/// The learning rate of every optimiser: small enough that no weight grows out of hand in a million steps.
pub const LR: f64 = 1e-3;

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// How often each measurement is repeated.
    pub repetitions: usize,
    /// How long a repetition takes, at least.
    pub span: Duration,
}

impl Effort {
    /// From `REPETITIONS` and `MILLISECONDS`.
    pub fn from_env() -> Self {
        Self {
            repetitions: number("REPETITIONS", 11),
            span: Duration::from_millis(number("MILLISECONDS", 50) as u64),
        }
    }

    /// Microseconds a step, one for each repetition.
    pub fn steps(
        self,
        problem: &Problem,
        mut step: impl FnMut(&GradStore) -> Result<()>,
    ) -> Result<Vec<f64>> {
        let mut run = |steps: usize| -> Result<Duration> {
            let start = Instant::now();
            // The gradient alternates: an average of a constant has no variance, and
            // that is what centred RMSprop divides by.
            for i in 0..steps {
                step(black_box(&problem.grads[i % 2]))?;
            }
            Ok(start.elapsed())
        };
        // First steps set states up and fault their pages in; then as many as fill the span.
        run(2)?;
        let mut steps = 2;
        loop {
            let took = run(steps)?;
            if took >= self.span / 4 {
                let fill = self.span.as_secs_f64() / took.as_secs_f64();
                steps = (steps as f64 * fill).ceil() as usize;
                break;
            }
            steps *= 2;
        }
        (0..self.repetitions)
            .map(|_| Ok(run(steps)?.as_secs_f64() * 1e6 / steps as f64))
            .collect()
    }
}

/// The positive whole number in the environment variable `name`.
fn number(name: &str, default: usize) -> usize {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    match text.parse() {
        Ok(n) if n > 0 => n,
        _ => panic!("{name} = {text} is not allowed; allowed: a whole number from 1"),
    }
}

/// The middle one of `values`, the smallest and the largest.
fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    [
        (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
        sorted[0],
        sorted[n - 1],
    ]
}
