//! Statistics of dependent data against statsmodels, emcee, scipy and numpy (tests/fixtures/stats.py), and
//! against what is known exactly.

use std::{collections::HashMap, path::PathBuf};

use candle_core::{DType, Device, Tensor, safetensors};
use optimiser_paradigms::stats::{
    autocorrelation::{Autocorrelation, integrated_time, window},
    two_sample::{Energy, mean_distance, mean_gap},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn fixtures() -> HashMap<String, Tensor> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stats.safetensors");
    safetensors::load(path, &Device::Cpu).unwrap()
}

/// The rows of a fixture; one row for a vector.
fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
    let width = tensor.dims().last().copied().unwrap();
    let numbers: Vec<f64> = tensor
        .to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    numbers.chunks(width).map(<[f64]>::to_vec).collect()
}

fn points(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn autocorrelation(features: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = Autocorrelation::new(features[0].len());
    features.iter().for_each(|series| sum.add(series));
    sum.finish().unwrap().rho
}

/// The integrated time with its own window.
fn time(rho: &[f64]) -> f64 {
    integrated_time(rho, window(rho))
}

fn close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error < tolerance, "{found} is not {expected}");
}

#[test]
fn autocorrelation_is_statsmodels_and_its_time_emcees() {
    let fixtures = fixtures();
    let series = rows(&fixtures["series"]);
    let times = rows(&fixtures["times"]).concat();
    for ((series, expected), of_emcee) in series.iter().zip(rows(&fixtures["rho"])).zip(times) {
        let rho = autocorrelation(std::slice::from_ref(series));
        for (found, expected) in rho.iter().zip(&expected) {
            close(*found, *expected, 1e-12);
        }
        close(time(&rho), of_emcee, 1e-10);
    }
    let rho = autocorrelation(&series);
    for (found, expected) in rho.iter().zip(&rows(&fixtures["mean_rho"])[0]) {
        close(*found, *expected, 1e-12);
    }
    close(time(&rho), rows(&fixtures["mean_time"])[0][0], 1e-10);
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
        // Three of Sokal's standard errors, with a window of five times.
        let allowed = 3.0 * (20.0 * expected / 500_000.0).sqrt();
        assert!(
            (found / expected - 1.0).abs() < allowed,
            "{phi}: {found}, not {expected}"
        );
    }
}

#[test]
fn a_series_too_short_for_its_time_underestimates_it() {
    // Why such figures are marked as lower bounds: the true time is 199.
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
    let fixtures = fixtures();
    let energy = |a: &str, b: &str, width| {
        let (a, b) = (points(&fixtures[a]), points(&fixtures[b]));
        Energy {
            across: mean_distance(&a, &b, width),
            early: mean_distance(&a, &a, width),
            late: mean_distance(&b, &b, width),
        }
    };
    close(
        energy("x", "y", 1).distance(),
        rows(&fixtures["xy"])[0][0],
        1e-6,
    );
    let sorted = |name: &str| {
        let mut points = points(&fixtures[name]);
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
    let [across, early, late] = rows(&fixtures["ab"])[0][..] else {
        panic!("three mean distances");
    };
    let found = energy("a", "b", 20);
    close(found.across, across, 1e-6);
    close(found.early, early, 1e-6);
    close(found.late, late, 1e-6);
    let coefficient = 1.0 - (early + late) / (2.0 * across);
    close(found.coefficient(), coefficient, 1e-5);
    assert_eq!(Energy::default().coefficient(), 0.0);
}
