//! What an update of PQN takes beside its matrix products alone, and a step of stream Q(lambda), as CSV on stdout.
//!
//! ```sh
//! taskset -c 1 cargo bench --bench pqn                          # all
//! taskset -c 1 cargo bench --bench pqn -- pqn-breakout/update   # those whose case/part has such a part
//! MILLISECONDS=10 REPETITIONS=5 cargo bench --bench pqn
//! ```
//!
//! `products` is the floor of `update`: its products of matrices that lie as the product likes them best.

#[path = "measure/effort.rs"]
mod effort;
#[path = "updates/product.rs"]
mod product;

use candle_core::{DType, Device, Error, Result};
use effort::{Effort, spread, wanted};
use optimiser_paradigms::{
    algorithm::{
        pqn::{Minibatch, Pqn, PqnConfig},
        stream_q::{Seen, StreamQ, StreamQConfig},
    },
    cli,
};
use product::Product;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

// As the binaries have it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    cli::one_thread_an_operation();
    cli::keep_freed_memory();
    println!("case,part,us_per_call,us_min,us_max,repetitions");
    let first = Product::layer(128, 4, 256, false);
    let second = Product::layer(128, 256, 256, true);
    let last = Product::layer(128, 256, 2, true);
    let products = [first, second, last].concat();
    pqn("pqn-cartpole", &PqnConfig::cartpole(), &[4], 2, products)?;
    // Positions are the batch of a convolution's product, image by image.
    let mut conv = Product::layer(64, 4 * 9, 16, false);
    conv.iter_mut().for_each(|product| product.times *= 128);
    let hidden = Product::layer(128, 1024, 128, true);
    let last = Product::layer(128, 128, 6, true);
    let products = [conv, hidden, last].concat();
    pqn(
        "pqn-breakout",
        &PqnConfig::minatar(),
        &[4, 10, 10],
        6,
        products,
    )?;
    stream_q("stream-q-cartpole", &StreamQConfig::classic(), &[4], 2)?;
    stream_q(
        "stream-q-breakout",
        &StreamQConfig::minatar(),
        &[4, 10, 10],
        6,
    )
}

/// Measures and prints `part`, if `case/part` is wanted.
fn report(case: &str, part: &str, measure: impl FnOnce(Effort) -> Result<Vec<f64>>) -> Result<()> {
    if wanted(&format!("{case}/{part}")) {
        let us = measure(Effort::from_env())?;
        let [middle, least, most] = spread(&us);
        println!(
            "{case},{part},{middle:.2},{least:.2},{most:.2},{}",
            us.len()
        );
    }
    Ok(())
}

fn pqn(
    case: &str,
    config: &PqnConfig,
    shape: &[usize],
    actions: usize,
    mut products: Vec<Product>,
) -> Result<()> {
    let len = shape.iter().product::<usize>();
    // A layer's first product is counted for an online and a target network, and here is no target.
    for layer in products.chunks_exact_mut(3) {
        layer[0].times /= 2;
    }
    report(case, "products", |effort| {
        let us = products.iter().map(|product| product.measure(effort));
        let us = us.collect::<Result<Vec<_>>>()?;
        let sum = |i: usize| us.iter().map(|us| us[i]).sum();
        Ok((0..effort.repetitions).map(sum).collect())
    })?;
    let spec = ["radam:lr=1e-4".parse().map_err(Error::wrap)?];
    let mut init = [ChaCha8Rng::seed_from_u64(1)];
    let on = (DType::F32, &Device::Cpu);
    let mut agent =
        Pqn::new(config, &spec, shape, actions, &mut init, u64::MAX, on).map_err(Error::wrap)?;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let size = config.minibatch();
    let minibatch = Minibatch {
        obs: (0..size * len)
            .map(|_| rng.random_range(-1.0..1.0))
            .collect(),
        actions: (0..size)
            .map(|_| rng.random_range(0..actions as u32))
            .collect(),
        targets: (0..size).map(|_| rng.random_range(-1.0..1.0)).collect(),
    };
    report(case, "update", |effort| {
        effort.microseconds(|_| {
            let loss = agent.learn(&minibatch).map_err(Error::wrap)?;
            assert!(loss[0].is_finite(), "what diverges is not measured");
            Ok(())
        })
    })?;
    let obs = &minibatch.obs[..config.n_envs * len];
    report(case, "actions", |effort| {
        effort.microseconds(|_| {
            std::hint::black_box(agent.values(obs).map_err(Error::wrap)?);
            Ok(())
        })
    })
}

/// A step: the values to act by, and what it teaches.
fn stream_q(case: &str, config: &StreamQConfig, shape: &[usize], actions: usize) -> Result<()> {
    let spec = "obgd".parse().map_err(Error::wrap)?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let agent = StreamQ::<f32>::new(config, &spec, shape, actions, &mut rng, u64::MAX);
    let mut agent = agent.map_err(Error::wrap)?;
    let len = shape.iter().product::<usize>();
    let mut draw = || -> Vec<f32> { (0..len).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let seen = [draw(), draw()];
    report(case, "step", |effort| {
        effort.microseconds(|i| {
            agent.values(&seen[i % 2]);
            let update = agent.look(&Seen {
                action: i % actions,
                reward: 0.1,
                next: &seen[(i + 1) % 2],
                terminated: false,
                cut: i % 50 == 0,
            });
            agent.learn(&update);
            Ok(())
        })
    })
}
