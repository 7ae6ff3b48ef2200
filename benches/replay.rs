//! Filling a replay buffer and drawing batches from it, as CSV on stdout.
//!
//! ```sh
//! cargo bench --bench replay
//! ```
//!
//! Microseconds are the median of 21 repetitions, with the smallest and the largest.

use std::time::Instant;

use optimiser_paradigms::algorithm::dqn::{Batch, Encoding, Replay, Transition};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

// The binaries' allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPETITIONS: usize = 21;
/// Batches drawn in a repetition.
const BATCHES: usize = 500;

/// A kind of buffer, and the batch that is drawn from it.
struct Case {
    name: &'static str,
    capacity: usize,
    obs_len: usize,
    encoding: Encoding,
    batch: usize,
}

const CASES: [Case; 3] = [
    Case {
        name: "cartpole",
        capacity: 1_000_000,
        obs_len: 4,
        encoding: Encoding::Floats,
        batch: 128,
    },
    Case {
        name: "minatar",
        capacity: 100_000,
        obs_len: 1000,
        encoding: Encoding::Bits,
        batch: 32,
    },
    Case {
        name: "minatar_as_floats",
        capacity: 100_000,
        obs_len: 1000,
        encoding: Encoding::Floats,
        batch: 32,
    },
];

fn main() {
    optimiser_paradigms::cli::keep_freed_memory();
    println!("case,drawn,n_step,megabytes,push_us,sample_us,smallest,largest");
    for case in &CASES {
        for (n_step, prioritized) in [(1, false), (3, false), (1, true), (3, true)] {
            measure(case, n_step, prioritized);
        }
    }
}

fn measure(case: &Case, n_step: u32, prioritized: bool) {
    let plain = Replay::new(case.capacity, case.obs_len, case.encoding, 0.99);
    let replay = plain.n_step(n_step);
    let mut replay = match prioritized {
        true => replay.prioritized(0.6, 1e-6),
        false => replay,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // Observations are made beforehand, so that only the buffer is timed.
    let observe = |_| f32::from(rng.random_bool(0.1));
    let pool: Vec<f32> = (0..64 * case.obs_len).map(observe).collect();
    let obs = |k: usize| &pool[k % 64 * case.obs_len..][..case.obs_len];
    let steps = case.capacity + case.capacity / 2;
    let start = Instant::now();
    for k in 0..steps {
        let transition = Transition {
            obs: obs(k),
            action: 0,
            reward: 1.0,
            next_obs: obs(k + 1),
            terminated: k % 25 == 24,
            truncated: false,
        };
        replay.push(transition).expect("observations of 0 and 1");
    }
    let push = start.elapsed().as_secs_f64() * 1e6 / steps as f64;
    // Priorities that differ, as they do after some learning.
    for i in 0..case.capacity as u32 {
        replay.update_priorities(&[i], &[rng.random::<f32>()]);
    }
    let mut batch = Batch::default();
    let mut times: Vec<f64> = (0..REPETITIONS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..BATCHES {
                batch.clear();
                replay.sample(&mut rng, case.batch, 0.4, &mut batch);
            }
            start.elapsed().as_secs_f64() * 1e6 / BATCHES as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{},{},{n_step},{:.1},{push:.3},{:.2},{:.2},{:.2}",
        case.name,
        if prioritized {
            "by priority"
        } else {
            "uniformly"
        },
        replay.bytes() as f64 / 1e6,
        times[REPETITIONS / 2],
        times[0],
        times[REPETITIONS - 1],
    );
}
