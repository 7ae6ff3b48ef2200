//! Statistics of a table of scores with 10,000 resamples, as CSV on stdout.
//!
//! ```sh
//! cargo bench -p optimiser-paradigms-stats
//! benches/peers/stats.sh          # next to rliable
//! ```
//!
//! Times are in milliseconds on one thread: the median of `REPETITIONS` (5), the smallest and the largest.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use stats::{Aggregate, Bootstrap, Counted, Estimate, Method, Scores};

const RESAMPLES: usize = 10_000;
/// Runs and tasks of a table.
const TABLES: [(u64, u64); 2] = [(10, 100), (100, 10)];

fn main() {
    let repetitions = std::env::var("REPETITIONS").map_or(5, |text| {
        text.parse().expect("REPETITIONS is a whole number from 1")
    });
    println!("table,statistic,ms,ms_min,ms_max,point,lo,hi");
    for (runs, tasks) in TABLES {
        let (a, b) = (table(runs, tasks, 0), table(runs, tasks, 1));
        let table = format!("{runs}x{tasks}");
        let percentile = bootstrap(Method::Percentile);
        let measure = |statistic: &str, of: &dyn Fn(&mut ChaCha8Rng) -> Estimate| {
            measure(&table, statistic, repetitions, of);
        };
        for (name, aggregate) in [
            ("iqm", Aggregate::Iqm),
            ("mean", Aggregate::Mean),
            ("median", Aggregate::Median),
            ("optimality gap", Aggregate::OptimalityGap { gamma: 1.0 }),
        ] {
            measure(name, &|rng| a.estimate(aggregate, &percentile, rng));
        }
        let bca = bootstrap(Method::Bca);
        measure("iqm (BCa)", &|rng| a.estimate(Aggregate::Iqm, &bca, rng));
        measure("improvement", &|rng| {
            let found = a.improvement_over(&b, &percentile, rng);
            found.expect("the same tasks")
        });
        let thresholds: Vec<f64> = (0..101).map(|i| f64::from(i) / 100.0).collect();
        measure("profile at 101 scores", &|rng| {
            let profile = a.profile(Counted::Runs, &thresholds, &percentile, rng);
            profile.expect("thresholds that rise")[50]
        });
    }
}

fn bootstrap(method: Method) -> Bootstrap {
    Bootstrap::new(RESAMPLES, 0.95, method).expect("settings of an interval")
}

/// The same scores as `benches/peers/stats.py`.
fn table(runs: u64, tasks: u64, arm: u64) -> Scores {
    let score = |run, task| {
        let mixed = (run * 7919 + task * 104_729 + arm * 611_953) % 1000;
        (mixed * mixed % 1000) as f64 / 1000.0
    };
    let rows = (0..tasks)
        .flat_map(|task| (0..runs).map(move |run| (task.to_string(), run, score(run, task))));
    Scores::new(rows).expect("finite scores")
}

fn measure(
    table: &str,
    statistic: &str,
    repetitions: usize,
    of: &dyn Fn(&mut ChaCha8Rng) -> Estimate,
) {
    let mut found = of(&mut ChaCha8Rng::seed_from_u64(0));
    let mut times: Vec<f64> = (0..repetitions)
        .map(|repetition| {
            let start = Instant::now();
            found = of(&mut ChaCha8Rng::seed_from_u64(repetition as u64));
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let Estimate { point, lo, hi, .. } = found;
    println!(
        "{table},{statistic},{:.2},{:.2},{:.2},{point:.6},{lo:.4},{hi:.4}",
        times[repetitions / 2],
        times[0],
        times[repetitions - 1],
    );
}
