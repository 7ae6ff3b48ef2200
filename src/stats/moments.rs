//! The mean of a sample and its spread.

use super::aggregate::mean;
use crate::{Error, Result};

/// What the tests and plans that assume normal data need of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// How many observations.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, from `n - 1`.
    pub sd: f64,
}

impl Moments {
    /// Of at least two finite values.
    pub fn new(values: &[f64]) -> Result<Self> {
        let n = values.len();
        if n < 2 {
            let why = format!("the spread of {n} values cannot be told; at least 2 are needed");
            return Err(Error::usage(why));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let why = format!("value {at} is {}, not a finite number", values[at]);
            return Err(Error::usage(why));
        }
        // Equal values differ by nothing, not by what their sum is rounded by.
        if values.iter().all(|value| *value == values[0]) {
            let (mean, sd) = (values[0], 0.0);
            return Ok(Self { n, mean, sd });
        }
        let mean = mean(values.iter().copied());
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (squares / (n - 1) as f64).sqrt();
        Ok(Self { n, mean, sd })
    }

    /// The standard deviation that two samples have in common, weighted by their degrees of freedom.
    pub fn pooled_sd(&self, other: &Self) -> f64 {
        let (a, b) = ((self.n - 1) as f64, (other.n - 1) as f64);
        ((a * self.sd.powi(2) + b * other.sd.powi(2)) / (a + b)).sqrt()
    }

    /// The standard error of the mean.
    pub(super) fn standard_error(&self) -> f64 {
        self.sd / (self.n as f64).sqrt()
    }
}
