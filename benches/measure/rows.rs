//! The results as CSV, one row for each optimiser and case.

use std::hint::black_box;

use candle_core::{Result, backprop::GradStore};

use super::{Case, Effort, Problem, copy, spread};

const HEADER: &str = "library,optimiser,case,ns_per_parameter,us_per_step,bytes_per_parameter,gb_per_s,share_of_copy,us_min,us_max,repetitions,copy_gb_per_s";

/// Collects rows; measures the copy's bandwidth before the first row and after the last.
pub struct ResultRows {
    wanted: Vec<String>,
    effort: Effort,
    copy: f64,
    rows: Vec<ResultRow>,
}

struct ResultRow {
    start: String,
    parameters: usize,
    bytes: usize,
    us: Vec<f64>,
}

impl ResultRows {
    /// No rows yet; the words on the command line select which are measured.
    pub fn new() -> Self {
        // Cargo adds `--bench`.
        let words = std::env::args()
            .skip(1)
            .filter(|word| !word.starts_with("--"));
        Self {
            wanted: words.collect(),
            effort: Effort::from_env(),
            copy: copy::bandwidth(),
            rows: Vec::new(),
        }
    }

    /// Whether one of the words is part of `library/optimiser/case`, or there are no words.
    pub fn wants(&self, library: &str, optimiser: &str, case: &Case) -> bool {
        let name = format!("{library}/{optimiser}/{}", case.name);
        self.wanted.is_empty() || self.wanted.iter().any(|word| name.contains(word))
    }

    /// Measures `step`, an optimiser with `states` numbers of state a weight.
    pub fn measure(
        &mut self,
        library: &str,
        optimiser: &str,
        states: usize,
        case: &Case,
        problem: &Problem,
        mut step: impl FnMut(&GradStore) -> Result<()>,
    ) -> Result<()> {
        // The gradient alternates, because the average of a constant has no variance, and centred
        // RMSprop divides by the variance.
        let step = |i: usize| step(black_box(&problem.grads[i % 2]));
        let us = self.effort.microseconds(step)?;
        if !problem.is_sound()? {
            // candle-optimisers' centred RMSprop takes the root of a variance that rounding made
            // negative.
            assert_ne!(
                library, "ours",
                "{optimiser}: a weight is 0, subnormal, infinite or NaN"
            );
            eprintln!(
                "{library}, {optimiser}, {}: left out, its weights became 0 or NaN",
                case.name
            );
            return Ok(());
        }
        eprintln!(
            "{library}, {optimiser}, {}: {:.2} us",
            case.name,
            spread(&us)[0]
        );
        self.rows.push(ResultRow {
            start: format!("{library},{optimiser},{}", case.name),
            parameters: case.parameters(),
            // Reads the weight, its gradient and its states; writes all of these except the
            // gradient.
            bytes: size_of::<f32>() * (3 + 2 * states),
            us,
        });
        Ok(())
    }

    /// Measures the copy again and prints everything; shares are relative to the better copy.
    pub fn print(self) {
        let copy = self.copy.max(copy::bandwidth());
        println!("{HEADER}");
        for row in &self.rows {
            let [us, least, most] = spread(&row.us);
            let ns = us * 1e3 / row.parameters as f64;
            let rate = row.bytes as f64 / ns;
            println!(
                "{},{ns:.4},{us:.3},{},{rate:.2},{:.3},{least:.3},{most:.3},{},{copy:.2}",
                row.start,
                row.bytes,
                rate / copy,
                row.us.len(),
            );
        }
    }
}
