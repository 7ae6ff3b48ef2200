//! How long and how often measurements are made.

use std::time::{Duration, Instant};

use candle_core::Result;

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// How often each measurement is repeated.
    pub repetitions: usize,
    /// The shortest time that a repetition takes.
    pub span: Duration,
}

impl Effort {
    /// Reads `REPETITIONS` and `MILLISECONDS`.
    pub fn from_env() -> Self {
        Self {
            repetitions: number("REPETITIONS", 11),
            span: Duration::from_millis(number("MILLISECONDS", 50) as u64),
        }
    }

    /// Microseconds per call, one value for each repetition; `call` gets the number of calls before it.
    pub fn microseconds(self, mut call: impl FnMut(usize) -> Result<()>) -> Result<Vec<f64>> {
        let mut run = |calls: usize| -> Result<Duration> {
            let start = Instant::now();
            (0..calls).try_for_each(&mut call)?;
            Ok(start.elapsed())
        };
        // The first calls set up states and fault their pages in; after that, as many as fill the
        // span.
        run(2)?;
        let mut calls = 2;
        loop {
            let took = run(calls)?;
            if took >= self.span / 4 {
                let fill = self.span.as_secs_f64() / took.as_secs_f64();
                calls = (calls as f64 * fill).ceil() as usize;
                break;
            }
            calls *= 2;
        }
        (0..self.repetitions)
            .map(|_| Ok(run(calls)?.as_secs_f64() * 1e6 / calls as f64))
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

/// Whether `name` is to be measured: it contains a word of the command line, or there are none.
#[allow(dead_code, reason = "not every benchmark can be narrowed down")]
pub fn wanted(name: &str) -> bool {
    // Cargo adds `--bench`.
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

/// The middle one of `values`, the smallest and the largest.
pub fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    [
        (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0,
        sorted[0],
        sorted[n - 1],
    ]
}
