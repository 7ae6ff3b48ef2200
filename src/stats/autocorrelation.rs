//! How long a series remembers: its autocorrelation, and the time over which that adds up.
//!
//! The window is Sokal's (Sokal 1997, section 3; as in emcee 3), not Geyer's initial monotone sequence
//! (Geyer 1992; as in Stan): Geyer's needs a reversible Markov chain, whose pairs of correlations are
//! positive and fall. What an agent sees is neither: an episode has a direction, and observations
//! swing.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

/// Sokal's window ends where it holds this many autocorrelation times.
const WINDOW: f64 = 5.0;

/// A series of fewer autocorrelation times than this says too little of its own: the estimate is then
/// biased downwards (emcee's rule of thumb).
pub const ENOUGH: f64 = 50.0;

/// The autocorrelation of several features of one series, as means over the features.
///
/// Each feature counts alike, whatever its unit: that is the correlation of the whole vector
/// once every feature is standardised. Features that never change have no correlation and are left out.
pub struct Autocorrelation {
    length: usize,
    fft: Arc<dyn RealToComplex<f64>>,
    sum: Lags,
    features: usize,
}

/// The autocorrelation at the lags 0 to `length - 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lags {
    /// Each sum of products divided by the whole sum of squares (statsmodels' `acf(adjusted=False)`).
    pub rho: Vec<f64>,
    /// Their squares, in which swings do not cancel.
    pub squares: Vec<f64>,
}

impl Autocorrelation {
    /// For features of `length` numbers.
    pub fn new(length: usize) -> Self {
        Self {
            length,
            // As many zeros behind the numbers, so that the end does not meet the start.
            fft: RealFftPlanner::new().plan_fft_forward(2 * length),
            sum: Lags {
                rho: vec![0.0; length],
                squares: vec![0.0; length],
            },
            features: 0,
        }
    }

    /// Adds a feature, `length` finite numbers.
    pub fn add(&mut self, series: &[f64]) {
        if series.iter().all(|x| *x == series[0]) {
            return;
        }
        let mean = series.iter().sum::<f64>() / self.length as f64;
        let mut padded: Vec<f64> = series.iter().map(|x| x - mean).collect();
        padded.resize(2 * self.length, 0.0);
        let spectrum = self.transform(&mut padded);
        // The power spectrum is real and even, so a second forward transform brings it back.
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
            .expect("both have the planned length");
        output
    }
}

/// The integrated time `1 + 2 (rho_1 + ... + rho_window)` of an autocorrelation, in steps.
///
/// Of the autocorrelation itself, it is how many steps go by for each independent sample's worth, as far
/// as a mean is concerned. It can come out below 1 where neighbours repel each other. Of its squares, the
/// same as far as a variance is concerned (Bayley & Hammersley 1946).
pub fn integrated_time(rho: &[f64], window: usize) -> f64 {
    1.0 + 2.0 * rho[1..=window].iter().sum::<f64>()
}

/// The smallest window that is at least five times as long as the integrated time in it.
pub fn window(rho: &[f64]) -> usize {
    let mut time = 1.0;
    for (m, rho) in rho.iter().enumerate().skip(1) {
        time += 2.0 * rho;
        if m as f64 >= WINDOW * time {
            return m;
        }
    }
    rho.len() - 1
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
        // At lag 5 the first is its opposite, the second itself.
        let first: Vec<f64> = (0..400).map(|t| f64::from(t / 5 % 2)).collect();
        let second: Vec<f64> = (0..400).map(|t| f64::from(t % 5 / 3)).collect();
        let Lags { rho, squares } = of(&[&first, &second]).unwrap();
        assert!(rho[5].abs() < 0.1 && squares[5] > 0.9);
    }

    #[test]
    fn the_window_ends_where_it_is_five_times_as_long() {
        // 1, then 2 at every lag after: five times 2 is reached at lag 10.
        let mut rho = vec![0.0; 100];
        (rho[0], rho[1], rho[11]) = (1.0, 0.5, 99.0);
        assert_eq!(window(&rho), 10);
        assert_eq!(integrated_time(&rho, 10), 2.0);
        rho[10] = 0.5;
        assert_eq!(window(&rho), 99);
        assert_eq!(window(&[1.0]), 0);
        assert_eq!(integrated_time(&[1.0], 0), 1.0);
    }
}
