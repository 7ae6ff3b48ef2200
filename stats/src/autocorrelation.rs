//! How long a series remembers: its autocorrelation and its integrated autocorrelation time.
//!
//! The window is Sokal's (Sokal 1997, section 3; as in emcee 3). Geyer's initial monotone sequence (Geyer 1992; as
//! in Stan) would be wrong here. It assumes a reversible Markov chain, whose correlations, added in pairs, are
//! positive and decrease. An agent's observations are not reversible, since an episode has a direction, and they
//! swing.
//!
//! ```
//! use stats::autocorrelation::{Autocorrelation, integrated_time, window};
//!
//! let swing: Vec<f64> = (0..100).map(|t| f64::from(t / 10 % 2)).collect();
//! let mut sum = Autocorrelation::new(swing.len());
//! sum.add(&swing);
//! let rho = sum.finish().expect("the series changes").rho;
//! println!("one independent sample in {} steps", integrated_time(&rho, window(&rho)));
//! ```

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

/// Sokal's window is this many autocorrelation times long.
const TIMES_IN_WINDOW: f64 = 5.0;

/// How many autocorrelation times a series must span for its estimated time to be trusted (emcee's rule of thumb).
///
/// The estimate from a shorter series is too low.
pub const TRUSTED_TIMES: f64 = 50.0;

/// The autocorrelation of a series of vectors: the mean of the autocorrelations of its features.
///
/// Every feature has the same weight, whatever its unit. The mean is the autocorrelation of the whole vector with
/// each feature standardised. Features that never change have no correlation and are left out.
pub struct Autocorrelation {
    length: usize,
    fft: Arc<dyn RealToComplex<f64>>,
    sum: Lags,
    features: usize,
}

/// The autocorrelation at lags 0 to `length - 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lags {
    /// The sum of products at each lag, divided by the sum of squares (statsmodels' `acf(adjusted=False)`).
    pub rho: Vec<f64>,
    /// The squared autocorrelation, in which positive and negative correlations do not cancel.
    pub squares: Vec<f64>,
}

impl Autocorrelation {
    /// An empty sum, for features of `length` numbers.
    pub fn new(length: usize) -> Self {
        Self {
            length,
            // Padded with as many zeros, so that the end does not wrap around to the start.
            fft: RealFftPlanner::new().plan_fft_forward(2 * length),
            sum: Lags {
                rho: vec![0.0; length],
                squares: vec![0.0; length],
            },
            features: 0,
        }
    }

    /// Adds a feature. A number that is not finite makes the whole result NaN.
    ///
    /// # Panics
    /// If the feature does not have `length` numbers.
    pub fn add(&mut self, series: &[f64]) {
        assert_eq!(series.len(), self.length, "the length of a feature");
        if series.iter().all(|x| *x == series[0]) {
            return;
        }
        let mean = series.iter().sum::<f64>() / self.length as f64;
        let mut padded: Vec<f64> = series.iter().map(|x| x - mean).collect();
        padded.resize(2 * self.length, 0.0);
        let spectrum = self.transform(&mut padded);
        // The power spectrum is real and even, so a second forward transform inverts it, up to a factor.
        let power = spectrum.iter().map(Complex::norm_sqr);
        let mirrored = spectrum[1..self.length].iter().rev().map(Complex::norm_sqr);
        let products = self.transform(&mut power.chain(mirrored).collect::<Vec<_>>());
        let Lags { rho, squares } = &mut self.sum;
        for ((rho, square), product) in rho.iter_mut().zip(squares).zip(&products) {
            let one = product.re / products[0].re;
            *rho += one;
            *square += one * one;
        }
        self.features += 1;
    }

    /// The means over the features; `None` if no feature ever changes.
    pub fn finish(self) -> Option<Lags> {
        let n = self.features as f64;
        let mean = |sum: Vec<f64>| sum.iter().map(|sum| sum / n).collect();
        (self.features > 0).then(|| Lags {
            rho: mean(self.sum.rho),
            squares: mean(self.sum.squares),
        })
    }

    fn transform(&self, input: &mut [f64]) -> Vec<Complex<f64>> {
        let mut output = self.fft.make_output_vec();
        self.fft
            .process(input, &mut output)
            .expect("input and output have the planned length");
        output
    }
}

/// The integrated time `1 + 2 (rho_1 + ... + rho_window)` of an autocorrelation, in steps.
///
/// For a mean, this many steps are worth one independent sample. The time is below 1 where successive values repel
/// each other. Given the squared autocorrelation, it is the number of steps that are worth one independent sample
/// for a variance (Bayley & Hammersley 1946). A window beyond the last lag ends there.
pub fn integrated_time(rho: &[f64], window: usize) -> f64 {
    1.0 + 2.0 * rho.iter().skip(1).take(window).sum::<f64>()
}

/// The smallest window at least five times as long as the integrated time within it, or the last lag if there is
/// none.
pub fn window(rho: &[f64]) -> usize {
    let mut time = 1.0;
    for (lag, rho) in rho.iter().enumerate().skip(1) {
        time += 2.0 * rho;
        if lag as f64 >= TIMES_IN_WINDOW * time {
            return lag;
        }
    }
    rho.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(features: &[&[f64]]) -> Option<Lags> {
        let mut sum = Autocorrelation::new(features[0].len());
        features.iter().for_each(|series| sum.add(series));
        sum.finish()
    }

    #[test]
    fn is_the_sum_of_products() {
        let series = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0];
        let mean = 25.0 / 7.0;
        let product = |k: usize| -> f64 {
            let pairs = series.iter().zip(&series[k..]);
            pairs.map(|(a, b)| (a - mean) * (b - mean)).sum()
        };
        let Lags { rho, squares } = of(&[&series]).unwrap();
        for (k, rho) in rho.iter().enumerate() {
            assert!((rho - product(k) / product(0)).abs() < 1e-12, "lag {k}");
            assert_eq!(squares[k], rho * rho, "lag {k}");
        }
    }

    #[test]
    fn constant_features_are_left_out() {
        let series = [3.0, 1.0, 4.0, 1.0];
        let one = [1e9; 4];
        assert_eq!(of(&[&one, &series, &one]), of(&[&series]));
        assert_eq!(of(&[&one, &one]), None);
        assert_eq!(of(&[&[2.0]]), None);
    }

    #[test]
    fn swings_do_not_cancel_in_squares() {
        // At lag 5 the first feature is its opposite and the second repeats.
        let first: Vec<f64> = (0..400).map(|t| f64::from(t / 5 % 2)).collect();
        let second: Vec<f64> = (0..400).map(|t| f64::from(t % 5 / 3)).collect();
        let Lags { rho, squares } = of(&[&first, &second]).unwrap();
        assert!(rho[5].abs() < 0.1 && squares[5] > 0.9);
    }

    #[test]
    fn the_window_ends_where_it_is_five_times_as_long() {
        // The time is 2 from lag 1 on, and five times 2 is reached at lag 10.
        let mut rho = vec![0.0; 100];
        (rho[0], rho[1], rho[11]) = (1.0, 0.5, 99.0);
        assert_eq!(window(&rho), 10);
        assert_eq!(integrated_time(&rho, 10), 2.0);
        rho[10] = 0.5;
        assert_eq!(window(&rho), 99);
        assert_eq!((window(&[1.0]), window(&[])), (0, 0));
        assert_eq!(integrated_time(&[1.0], 5), 1.0);
    }
}
