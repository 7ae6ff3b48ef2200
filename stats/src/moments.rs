//! The mean and the spread of a sample.

use crate::{Error, Result};

/// The size, mean and standard deviation of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// The number of observations.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with `n - 1` in the denominator.
    pub sd: f64,
}

impl Moments {
    /// The moments of `values`.
    ///
    /// # Errors
    /// Unless there are at least two values, all finite.
    pub fn new(values: &[f64]) -> Result<Self> {
        let n = values.len();
        if n < 2 {
            let why = format!("the spread of {n} values is unknown; at least 2 are needed");
            return Err(Error::data(why));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let why = format!("value {at} is {}, not a finite number", values[at]);
            return Err(Error::data(why));
        }
        // Without this, the rounded sum of equal values would give them a spread.
        if values.iter().all(|value| *value == values[0]) {
            let (mean, sd) = (values[0], 0.0);
            return Ok(Self { n, mean, sd });
        }
        let mean = mean(values.iter().copied());
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (squares / (n - 1) as f64).sqrt();
        Ok(Self { n, mean, sd })
    }

    /// The standard error of the mean.
    pub(crate) fn standard_error(&self) -> f64 {
        self.sd / (self.n as f64).sqrt()
    }
}

/// The mean of at least one value.
pub(crate) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}
