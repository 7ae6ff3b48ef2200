//! Statistics of scores against rliable, scipy, arch and statsmodels (tests/fixtures/inference.py), and against
//! values that are known exactly.

mod common;

use common::{Fixtures, close};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use stats::{
    Aggregate, Bootstrap, Contrast, Counted, Estimate, Method, Pairing, Power, Scores, holm,
    t_equivalence, t_test,
};

const AGGREGATES: [Aggregate; 5] = [
    Aggregate::Iqm,
    Aggregate::Mean,
    Aggregate::Median,
    Aggregate::OptimalityGap { gamma: 1.0 },
    Aggregate::OptimalityGap { gamma: 0.4 },
];

const TABLES: [&str; 6] = ["10x10", "7x3", "30x1", "5x2", "3x1", "1x1"];

/// The scores in a table `[runs, tasks]`.
fn scores(table: &[Vec<f64>]) -> Scores {
    let rows = table.iter().enumerate().flat_map(|(seed, row)| {
        let of = move |(task, score): (usize, &f64)| (format!("task {task}"), seed as u64, *score);
        row.iter().enumerate().map(of)
    });
    Scores::new(rows).unwrap()
}

/// The scores of an arm whose tasks have these runs.
fn tasks(samples: &[Vec<f64>]) -> Scores {
    let rows = samples.iter().enumerate().flat_map(|(task, sample)| {
        let of = move |(seed, score): (usize, &f64)| (format!("task {task}"), seed as u64, *score);
        sample.iter().enumerate().map(of)
    });
    Scores::new(rows).unwrap()
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Fails unless both ends are within a `share` of the expected interval's width. An end of an interval from B resamples
/// has a standard error of sqrt(0.025 0.975 / B) over the density there. For the 95 % interval of a normal distribution
/// from 10,000 resamples, this is 0.7 % of the width, and up to twice that in the longer tail of a skewed one.
fn interval_close(found: Estimate, expected: &[f64], share: f64) {
    let width = expected[1] - expected[0];
    for (found_end, end) in [(found.lo, expected[0]), (found.hi, expected[1])] {
        let error = (found_end - end).abs() / width;
        assert!(error < share, "{found:?} is not {expected:?}");
    }
}

#[test]
fn aggregates_profiles_and_improvement_are_rliables() {
    let fixtures = Fixtures::load("inference");
    let quick = Bootstrap::new(1, 0.95, Method::Percentile).unwrap();
    let thresholds = fixtures.vector("thresholds");
    for name in TABLES {
        let get = |what: &str| fixtures.vector(&format!("{name}.{what}"));
        let (a, b) = (
            scores(&fixtures.rows(&format!("{name}.a"))),
            scores(&fixtures.rows(&format!("{name}.b"))),
        );
        for (aggregate, expected) in AGGREGATES.into_iter().zip(get("aggregates")) {
            close(a.aggregate(aggregate), expected, 1e-12);
            let estimate = a.estimate(aggregate, &quick, &mut rng(1));
            close(estimate.point, expected, 1e-12);
            assert_eq!(estimate.n, a.runs());
        }
        for (counted, expected) in [(Counted::Runs, "runs"), (Counted::Tasks, "tasks")] {
            let profile = a
                .profile(counted, &thresholds, &quick, &mut rng(1))
                .unwrap();
            assert_eq!(profile.len(), thresholds.len());
            for (found, expected) in profile.iter().zip(get(expected)) {
                close(found.point, expected, 1e-12);
            }
        }
        let improvement = a.improvement_over(&b, &quick, &mut rng(1)).unwrap();
        close(improvement.point, get("improvement")[0], 1e-12);
    }
}

#[test]
fn stratified_intervals_are_rliables() {
    let fixtures = Fixtures::load("inference");
    let (a, b) = (
        scores(&fixtures.rows("10x10.a")),
        scores(&fixtures.rows("10x10.b")),
    );
    let plain = Bootstrap::default();
    // rliable drew 20,000 resamples, and 5,000 for the improvement; we draw 10,000. The standard error of the
    // difference is 1 % of the width. Four of them are allowed.
    let expected = fixtures.rows("10x10.intervals");
    for (k, aggregate) in AGGREGATES.into_iter().enumerate() {
        let found = a.estimate(aggregate, &plain, &mut rng(2));
        interval_close(found, &[expected[0][k], expected[1][k]], 0.04);
    }
    let expected = fixtures.vector("10x10.improvement_interval");
    let found = a.improvement_over(&b, &plain, &mut rng(3)).unwrap();
    interval_close(found, &expected, 0.05);
    let bands = fixtures.rows("10x10.band");
    let thresholds = fixtures.vector("thresholds");
    let found = a.profile(Counted::Runs, &thresholds, &plain, &mut rng(4));
    for (k, found) in found.unwrap().iter().enumerate() {
        // Shares are multiples of 1/100, and an end may fall on the next one.
        close(found.lo, bands[0][k], 0.0101);
        close(found.hi, bands[1][k], 0.0101);
    }
}

#[test]
fn bca_is_scipys_and_archs() {
    let fixtures = Fixtures::load("inference");
    let samples = |name: &str, n: usize| -> Vec<Vec<f64>> {
        let one = |k| fixtures.vector(&format!("bca.{name}.{k}"));
        (0..n).map(one).collect()
    };
    for (name, n) in [("one", 1), ("three", 3)] {
        let scores = tasks(&samples(name, n));
        let expected = fixtures.rows(&format!("bca.{name}.scipy"));
        let mut expected = expected.iter();
        for aggregate in [Aggregate::Mean, Aggregate::Iqm] {
            for method in [Method::Bca, Method::Percentile] {
                for level in [0.95, 0.9] {
                    // We draw 100,000 resamples, scipy 200,000. The standard error is 0.3 % of the width, up to
                    // twice that in the tail of a skewed sample, plus that of the bias correction. Four are allowed.
                    let bootstrap = Bootstrap::new(100_000, level, method).unwrap();
                    let found = scores.estimate(aggregate, &bootstrap, &mut rng(5));
                    interval_close(found, expected.next().unwrap(), 0.02);
                }
            }
        }
    }
    let one = tasks(&samples("one", 1));
    let bca = Bootstrap::new(100_000, 0.95, Method::Bca).unwrap();
    let expected = fixtures.rows("bca.one.arch");
    for (aggregate, expected) in [Aggregate::Mean, Aggregate::Iqm].into_iter().zip(expected) {
        interval_close(one.estimate(aggregate, &bca, &mut rng(6)), &expected, 0.02);
    }
}

#[test]
fn paired_tests_are_statsmodels_and_scipys() {
    let fixtures = Fixtures::load("inference");
    let (x, y) = (fixtures.vector("paired.x"), fixtures.vector("paired.y"));
    let differences: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
    let found = t_equivalence(&differences, 0.15, 0.05).unwrap();
    let values = [
        found.p_lower,
        found.p_upper,
        found.p,
        found.difference.lo,
        found.difference.hi,
    ];
    for (found, expected) in values.into_iter().zip(fixtures.vector("paired.tost")) {
        close(found, expected, 1e-12);
    }
    assert_eq!(found.equivalent, found.p < 0.05);
    close(
        t_test(&differences).unwrap(),
        fixtures.vector("paired.t")[0],
        1e-12,
    );

    let (with, without) = (tasks(&[x]), tasks(&[y]));
    let effect = Contrast::effect(&with, &without).unwrap();
    let bootstrap = Bootstrap::new(100_000, 0.9, Method::Percentile).unwrap();
    let by_bootstrap = effect.estimate(Aggregate::Mean, &bootstrap, &mut rng(7));
    interval_close(by_bootstrap, &fixtures.vector("paired.bootstrap"), 0.02);
    assert_eq!(by_bootstrap.n, 24);
}

#[test]
fn corrected_p_values_are_statsmodels() {
    let fixtures = Fixtures::load("inference");
    for name in ["few", "ties", "many"] {
        let p = fixtures.vector(&format!("family.{name}"));
        let expected = fixtures.vector(&format!("family.{name}.holm"));
        for (found, expected) in holm(&p).unwrap().into_iter().zip(expected) {
            close(found, expected, 1e-14);
        }
    }
}

#[test]
fn power_is_that_of_statsmodels_and_of_an_exact_integral() {
    let fixtures = Fixtures::load("inference");
    for row in fixtures.rows("power") {
        let [n, effect, sd, margin, alpha, pairs, equal, arms, both] = row[..] else {
            panic!("nine numbers");
        };
        for (pairing, detects, equates) in [
            (Pairing::Paired, pairs, equal),
            (Pairing::Independent, arms, both),
        ] {
            let power = Power::new(pairing, alpha).unwrap();
            // The error of Simpson's rule is largest for equivalence with a single degree of freedom.
            let found = power.to_detect(n as usize, effect, sd).unwrap();
            close(found, detects, 1e-8);
            let found = power.to_equate(n as usize, effect, sd, margin).unwrap();
            close(found, equates, 1e-8);
        }
    }
    for row in fixtures.rows("solved") {
        let [effect, target, pairs, arms] = row[..] else {
            panic!("four numbers");
        };
        for (pairing, expected) in [(Pairing::Paired, pairs), (Pairing::Independent, arms)] {
            // statsmodels gives a fractional number of seeds.
            let found = Power::new(pairing, 0.05).unwrap();
            let found = found.seeds_to_detect(target, effect, 1.0).unwrap();
            assert_eq!(found, Some(expected.ceil() as usize), "{effect} {target}");
        }
    }
}

/// Three tasks with a skewed distribution, whose means are 1, 2 and 3.
fn exponential(rng: &mut ChaCha8Rng, runs: usize) -> Scores {
    let mut sample = |mean: f64| -> Vec<f64> {
        (0..runs)
            .map(|_| -mean * (1.0 - rng.random::<f64>()).ln())
            .collect()
    };
    tasks(&[sample(1.0), sample(2.0), sample(3.0)])
}

/// How often the percentile and the BCa interval of the mean, at 95 %, cover the true value, which is
/// 2, in the same 1500 tables.
fn coverage(seed: u64, mut draw: impl FnMut(&mut ChaCha8Rng) -> Scores) -> [f64; 2] {
    let mut rng = rng(seed);
    let mut hits = [0, 0];
    for _ in 0..1500 {
        let scores = draw(&mut rng);
        for (hits, method) in hits.iter_mut().zip([Method::Percentile, Method::Bca]) {
            let bootstrap = Bootstrap::new(1000, 0.95, method).unwrap();
            let found = scores.estimate(Aggregate::Mean, &bootstrap, &mut rng);
            *hits += usize::from(found.lo <= 2.0 && 2.0 <= found.hi);
        }
    }
    hits.map(|hits| hits as f64 / 1500.0)
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    // With symmetric scores, nearly 95 %. Binomial(1500, 0.95) has a standard deviation of 0.6 %.
    let symmetric = coverage(8, |rng| {
        let mut sample = || -> Vec<f64> { (0..40).map(|_| 4.0 * rng.random::<f64>()).collect() };
        tasks(&[sample(), sample(), sample()])
    });
    for held in symmetric {
        assert!((0.93..0.965).contains(&held), "{symmetric:?}");
    }
    // With skewed scores, both fall short, BCa by less (Efron & Tibshirani 1993, section 14.3). The same simulation in
    // numpy gives 92.8 and 93.3 %.
    let skewed = coverage(9, |rng| exponential(rng, 40));
    assert!((skewed[0] - 0.928).abs() < 0.025, "{skewed:?}");
    assert!((skewed[1] - 0.933).abs() < 0.025, "{skewed:?}");
    // With few runs, both fall far short.
    let few = coverage(10, |rng| exponential(rng, 5));
    assert!(few[0] < 0.9 && few[0] < few[1], "{few:?}");
}

#[test]
fn paired_and_improvement_intervals_hold_the_truth() {
    let mut rng = rng(9);
    let bootstrap = Bootstrap::new(1000, 0.95, Method::Percentile).unwrap();
    let (mut paired, mut improvement) = (0, 0);
    for _ in 0..600 {
        let seeds: Vec<f64> = (0..40).map(|_| 5.0 * rng.random::<f64>()).collect();
        let mut arm = |shift: f64| -> Vec<f64> {
            let noise = seeds.iter().map(|seed| seed + shift + rng.random::<f64>());
            noise.collect()
        };
        let (with, without) = (tasks(&[arm(0.3)]), tasks(&[arm(0.0)]));
        let effect = Contrast::effect(&with, &without).unwrap();
        let found = effect.estimate(Aggregate::Mean, &bootstrap, &mut rng);
        paired += usize::from(found.lo <= 0.3 && 0.3 <= found.hi);
        let mut uniform =
            |shift: f64| -> Vec<f64> { (0..40).map(|_| shift + rng.random::<f64>()).collect() };
        let (a, b) = (tasks(&[uniform(0.5)]), tasks(&[uniform(0.0)]));
        let found = a.improvement_over(&b, &bootstrap, &mut rng).unwrap();
        // P(U + 0.5 > V) = 1 - 0.5^2 / 2.
        improvement += usize::from(found.lo <= 0.875 && 0.875 <= found.hi);
    }
    for held in [paired, improvement] {
        let share = held as f64 / 600.0;
        // A standard deviation of 0.9 %.
        assert!((0.91..0.98).contains(&share), "{share}");
    }
}

#[test]
fn intervals_ignore_the_order_of_rows_and_scale_with_the_scores() {
    let mut rows: Vec<(String, u64, f64)> = Vec::new();
    let mut draw = rng(10);
    for task in ["a", "b", "c"] {
        for seed in 0..11 {
            rows.push((task.to_owned(), seed, draw.random::<f64>()));
        }
    }
    let original = Scores::new(rows.clone()).unwrap();
    for method in [Method::Percentile, Method::Bca] {
        let bootstrap = Bootstrap::new(500, 0.95, method).unwrap();
        for aggregate in &AGGREGATES[..3] {
            let of = |scores: &Scores| scores.estimate(*aggregate, &bootstrap, &mut rng(11));
            let before = of(&original);
            // Only within tasks, since strata are drawn in the order of tasks.
            for task in rows.chunks_mut(11) {
                task.shuffle(&mut draw);
            }
            assert_eq!(of(&Scores::new(rows.clone()).unwrap()), before);
            let scaled = rows
                .iter()
                .map(|(task, seed, score)| (task, *seed, 3.0 * score - 7.0));
            let scaled = of(&Scores::new(scaled).unwrap());
            for (found, before) in [
                (scaled.point, before.point),
                (scaled.lo, before.lo),
                (scaled.hi, before.hi),
            ] {
                close(found, 3.0 * before - 7.0, 1e-12);
            }
        }
    }
}

#[test]
fn an_improvement_is_the_same_on_every_monotone_scale() {
    let mut draw = rng(12);
    let (a, b) = (exponential(&mut draw, 15), exponential(&mut draw, 9));
    let logs = |scores: &Scores| {
        let rows = scores.tasks().iter().flat_map(|task| {
            let runs = task.seeds().iter().zip(task.scores());
            runs.map(|(seed, score)| (task.name(), *seed, score.ln()))
        });
        Scores::new(rows).unwrap()
    };
    let of = |a: &Scores, b: &Scores| {
        a.improvement_over(b, &Bootstrap::default(), &mut rng(13))
            .unwrap()
    };
    assert_eq!(of(&a, &b), of(&logs(&a), &logs(&b)));
}
