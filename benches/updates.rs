//! How long one learning step takes, and where the time goes, as CSV on stdout.
//!
//! ```sh
//! taskset -c 1 cargo bench --bench updates              # all
//! taskset -c 1 cargo bench --bench updates -- cleanrl minatar-4/update   # those whose case/part has such a part
//! MILLISECONDS=10 REPETITIONS=5 cargo bench --bench updates
//! ```
//!
//! `products` is the floor: an update's matrix products alone, with matrices in the layout that suits
//! the product best.

#[path = "measure/effort.rs"]
mod effort;
#[path = "updates/product.rs"]
mod product;

use std::hint::black_box;

use candle_core::{DType, Device, Error, Result, Tensor};
use effort::{Effort, spread, wanted};
use optim::{Optimiser, Spec};
use optimiser_paradigms::{
    algorithm::dqn::{Batch, Dqn, DqnConfig, td_loss},
    cli,
    nn::Network,
};
use product::Product;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

// The binaries' allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An agent, the size of its observation, and the matrix products of one of its updates.
struct Case {
    name: String,
    config: DqnConfig,
    optimiser: &'static str,
    observation: Vec<usize>,
    actions: usize,
    products: Vec<Product>,
}

fn main() -> Result<()> {
    cli::one_thread_an_operation();
    cli::keep_freed_memory();
    println!("case,part,us_per_call,us_min,us_max,repetitions");
    [cleanrl(), minatar(4), minatar(10)]
        .iter()
        .try_for_each(Case::measure)
}

/// CleanRL's CartPole.
fn cleanrl() -> Case {
    let first = Product::layer(128, 4, 120, false);
    let second = Product::layer(128, 120, 84, true);
    let last = Product::layer(128, 84, 2, true);
    Case {
        name: "cleanrl".into(),
        config: DqnConfig::cleanrl(),
        optimiser: "rmsprop:lr=2.5e-4",
        observation: vec![4],
        actions: 2,
        products: [first, second, last].concat(),
    }
}

/// MinAtar's games have between 4 and 10 channels.
fn minatar(channels: usize) -> Case {
    // Positions are the batch dimension of a convolution's product, image by image.
    let mut conv = Product::layer(64, channels * 9, 16, false);
    conv.iter_mut().for_each(|product| product.times *= 32);
    let hidden = Product::layer(32, 16 * 64, 128, true);
    let last = Product::layer(32, 128, 6, true);
    Case {
        name: format!("minatar-{channels}"),
        config: DqnConfig::minatar(),
        optimiser: "rmsprop-minatar",
        observation: vec![channels, 10, 10],
        actions: 6,
        products: [conv, hidden, last].concat(),
    }
}

impl Case {
    fn measure(&self) -> Result<()> {
        self.report("products", |effort| {
            let us = self.products.iter().map(|product| product.measure(effort));
            let us = us.collect::<Result<Vec<_>>>()?;
            let sum = |i: usize| us.iter().map(|us| us[i]).sum();
            Ok((0..effort.repetitions).map(sum).collect())
        })?;
        let batches = [self.batch(1), self.batch(2)];
        let mut agent = self.agent().map_err(Error::wrap)?;
        self.calls("update", |i| {
            let learned = agent.learn(&batches[i % 2], false).map_err(Error::wrap)?;
            assert!(!learned.diverged[0], "what diverges is not measured");
            Ok(())
        })?;
        let n = self.numbers();
        self.calls("action", |i| {
            let obs = &batches[i % 2].obs[i % self.config.batch_size * n..][..n];
            black_box(agent.act(obs).map_err(Error::wrap)?);
            Ok(())
        })?;
        self.measure_parts(&batches[0])
    }

    /// The parts of an update, one by one.
    fn measure_parts(&self, batch: &Batch) -> Result<()> {
        let architecture = self.config.architecture(&self.observation, self.actions);
        let mut init = [ChaCha8Rng::seed_from_u64(1)];
        let network = Network::new(&architecture, &mut init, DType::F32, &Device::Cpu);
        let network = network.map_err(Error::wrap)?;
        let size = (1, self.config.batch_size);
        let x = Tensor::from_slice(&batch.obs, (1, size.1, self.numbers()), &Device::Cpu)?;
        let actions = Tensor::from_slice(&batch.actions, size, &Device::Cpu)?;
        let targets = Tensor::from_slice(&batch.rewards, size, &Device::Cpu)?;
        let loss = || {
            td_loss(
                &network.forward(&x)?,
                &actions,
                &targets,
                None,
                self.config.loss,
            )
        };
        self.calls("forward without backward", |_| {
            black_box(network.infer(&x)?);
            Ok(())
        })?;
        self.calls("forward and backward", |_| {
            black_box(network.backward(&loss()?)?);
            Ok(())
        })?;
        let spec = self.spec().map_err(Error::wrap)?;
        let optimiser = Optimiser::new(&[spec], network.parameters());
        let mut optimiser = optimiser.map_err(Error::wrap)?;
        let grads = [
            network.backward(&loss()?)?,
            network.backward(&(loss()? * 0.5)?)?,
        ];
        self.calls("optimiser", |i| {
            optimiser.step(&grads[i % 2]).map_err(Error::wrap)
        })
    }

    fn calls(&self, part: &str, call: impl FnMut(usize) -> Result<()>) -> Result<()> {
        self.report(part, |effort| effort.microseconds(call))
    }

    /// Prints a line for `part`, if `case/part` is wanted.
    fn report(&self, part: &str, measure: impl FnOnce(Effort) -> Result<Vec<f64>>) -> Result<()> {
        if wanted(&format!("{}/{part}", self.name)) {
            let us = measure(Effort::from_env())?;
            let [middle, least, most] = spread(&us);
            let n = us.len();
            println!("{},{part},{middle:.2},{least:.2},{most:.2},{n}", self.name);
        }
        Ok(())
    }

    fn spec(&self) -> optimiser_paradigms::Result<Spec> {
        Ok(self.optimiser.parse()?)
    }

    fn agent(&self) -> optimiser_paradigms::Result<Dqn> {
        let mut init = [ChaCha8Rng::seed_from_u64(1)];
        let shape = self.observation.as_slice();
        Dqn::new(
            &self.config,
            &[self.spec()?],
            shape,
            self.actions,
            &mut init,
            1,
        )
    }

    /// A batch; images are of 0 and 1, like MinAtar's.
    fn batch(&self, seed: u64) -> Batch {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut batch = Batch::default();
        for _ in 0..self.config.batch_size {
            for obs in [&mut batch.obs, &mut batch.next_obs] {
                obs.extend((0..self.numbers()).map(|_| match self.observation.len() {
                    1 => rng.random_range(-1.0..1.0),
                    _ => f32::from(u8::from(rng.random_bool(0.1))),
                }));
            }
            batch.actions.push(rng.random_range(0..self.actions as u32));
            batch.rewards.push(rng.random_range(-1.0..1.0));
            batch.discounts.push(self.config.gamma as f32);
            batch.terminated.push(rng.random_bool(0.05));
        }
        batch
    }

    /// Numbers in an observation.
    fn numbers(&self) -> usize {
        self.observation.iter().product()
    }
}
