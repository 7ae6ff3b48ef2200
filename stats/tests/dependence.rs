//! Statistics of dependent data against statsmodels, emcee, scipy and numpy (tests/fixtures/dependence.py), and
//! against values that are known exactly.

mod common;

use common::{Fixtures, close};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stats::{
    autocorrelation::{Autocorrelation, integrated_time, window},
    two_sample::{EnergyDistance, mean_distance, mean_gap},
};

/// Numbers that were single precision in Python.
fn points(fixtures: &Fixtures, name: &str) -> Vec<f32> {
    let numbers = fixtures.vector(name);
    numbers.into_iter().map(|x| x as f32).collect()
}

fn autocorrelation(features: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = Autocorrelation::new(features[0].len());
    features.iter().for_each(|series| sum.add(series));
    sum.finish().unwrap().rho
}

/// The integrated time over the window that the autocorrelation itself gives.
fn time(rho: &[f64]) -> f64 {
    integrated_time(rho, window(rho))
}

#[test]
fn autocorrelation_is_statsmodels_and_its_time_emcees() {
    let fixtures = Fixtures::load("dependence");
    let series = fixtures.rows("series");
    let times = fixtures.vector("times");
    for ((series, expected), of_emcee) in series.iter().zip(fixtures.rows("rho")).zip(times) {
        let rho = autocorrelation(std::slice::from_ref(series));
        for (found, expected) in rho.iter().zip(&expected) {
            close(*found, *expected, 1e-12);
        }
        close(time(&rho), of_emcee, 1e-10);
    }
    let rho = autocorrelation(&series);
    for (found, expected) in rho.iter().zip(&fixtures.vector("mean_rho")) {
        close(*found, *expected, 1e-12);
    }
    close(time(&rho), fixtures.vector("mean_time")[0], 1e-10);
}

#[test]
fn the_time_of_a_known_process_is_found() {
    // AR(1): (1 + phi) / (1 - phi).
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for phi in [0.0, 0.5, 0.9, 0.98] {
        let mut x = 0.0;
        let mut series = Vec::with_capacity(500_000);
        for _ in 0..500_000 {
            x = phi * x + (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            series.push(x);
        }
        let found = time(&autocorrelation(&[series]));
        let expected: f64 = (1.0 + phi) / (1.0 - phi);
        // Three standard errors by Sokal's formula, for a window of five autocorrelation times.
        let allowed = 3.0 * (20.0 * expected / 500_000.0).sqrt();
        assert!(
            (found / expected - 1.0).abs() < allowed,
            "{phi}: {found}, not {expected}"
        );
    }
}

#[test]
fn a_series_too_short_for_its_time_underestimates_it() {
    // The true time is 199. This is why an estimate from a short series is marked as a lower bound.
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let short: Vec<f64> = (0..50)
        .map(|_| {
            let mut x = 0.0;
            let series = (0..1500).map(|_| {
                x = 0.99 * x + rng.random::<f64>() - 0.5;
                x
            });
            let series: Vec<f64> = series.skip(1000).collect();
            time(&autocorrelation(&[series]))
        })
        .collect();
    let mean = short.iter().sum::<f64>() / 50.0;
    assert!((20.0..100.0).contains(&mean), "{mean}");
}

#[test]
fn energy_distance_is_scipys_and_numpys() {
    let fixtures = Fixtures::load("dependence");
    let energy = |a: &str, b: &str, width| {
        let (a, b) = (points(&fixtures, a), points(&fixtures, b));
        EnergyDistance {
            across: mean_distance(&a, &b, width),
            early: mean_distance(&a, &a, width),
            late: mean_distance(&b, &b, width),
        }
    };
    close(
        energy("x", "y", 1).distance(),
        fixtures.vector("xy")[0],
        1e-6,
    );
    let sorted = |name: &str| {
        let mut points = points(&fixtures, name);
        points.sort_by(f32::total_cmp);
        points
    };
    let (x, y) = (sorted("x"), sorted("y"));
    for (a, b) in [(&x, &y), (&x, &x), (&y, &x)] {
        close(mean_gap(a, b), mean_distance(a, b, 1), 1e-6);
    }
    // Many equal numbers, as rewards are.
    let (a, b) = ([0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 3.0]);
    close(mean_gap(&a, &b), 18.0 / 16.0, 1e-12);
    let [across, early, late] = fixtures.vector("ab")[..] else {
        panic!("three mean distances");
    };
    let found = energy("a", "b", 20);
    close(found.across, across, 1e-6);
    close(found.early, early, 1e-6);
    close(found.late, late, 1e-6);
    let coefficient = 1.0 - (early + late) / (2.0 * across);
    close(found.coefficient(), coefficient, 1e-5);
    assert_eq!(EnergyDistance::default().coefficient(), 0.0);
}
