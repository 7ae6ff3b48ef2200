//! One step of every optimiser that runs on a GPU.

use candle_core::{DType, Device, Tensor, Var, backprop::GradStore};
use optim::{Optimiser, Parameter, Spec, registry};
use optimiser_paradigms::{Result, run::Compute};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::effort::{Effort, spread};

/// The learning rate of every optimiser: small enough that no weight becomes too large.
const LR: f64 = 1e-3;
/// Steps between two waits for the device, as between two losses that are read.
const BURST: usize = 20;

/// What is stepped: tensors `[agents, ...]`.
struct Case {
    name: &'static str,
    agents: usize,
    shapes: &'static [&'static [usize]],
}

/// CleanRL's DQN for CartPole.
const MLP: &[&[usize]] = &[&[120, 4], &[120], &[84, 120], &[84], &[2, 84], &[2]];

/// One large tensor, where memory is the limit; one agent, where the launch is; and a cohort of agents.
const CASES: [Case; 3] = [
    Case {
        name: "10M",
        agents: 1,
        shapes: &[&[10_000_000]],
    },
    Case {
        name: "dqn-mlp",
        agents: 1,
        shapes: MLP,
    },
    Case {
        name: "256-dqn-mlps",
        agents: 256,
        shapes: MLP,
    },
];

/// Prints a line for each optimiser and case of which one of `words` is a part; for all if there are none.
pub fn measure(on: Compute, words: &[String]) -> Result<()> {
    let device = on.device()?;
    println!(
        "library,optimiser,case,us_per_step,us_min,us_max,bytes_per_step,gb_per_s,repetitions"
    );
    copies(&device)?;
    for entry in registry() {
        let spec: Spec = entry.name.parse()?;
        if !spec.rule()?.elementwise() {
            continue;
        }
        for case in &CASES {
            let name = format!("{}/{}", entry.name, case.name);
            if words.is_empty() || words.iter().any(|word| name.contains(word)) {
                steps(&spec, case, &device)?;
            }
        }
    }
    Ok(())
}

fn report(optimiser: &str, case: &str, bytes: usize, bursts: &[f64]) {
    let [us, least, most] = spread(bursts).map(|us| us / BURST as f64);
    println!(
        "ours,{optimiser},{case},{us:.3},{least:.3},{most:.3},{bytes},{:.2},{}",
        bytes as f64 / us / 1e3,
        bursts.len()
    );
}

/// A copy, which is what a step limited only by memory would reach: 160 MB, too large for any GPU's cache.
fn copies(device: &Device) -> Result<()> {
    const ELEMENTS: usize = 40_000_000;
    let from = Tensor::full(1.5_f32, ELEMENTS, device)?;
    let to = Tensor::zeros(ELEMENTS, DType::F32, device)?;
    let us = Effort::from_env().microseconds(|_| {
        (0..BURST).try_for_each(|_| to.slice_set(&from, 0, 0))?;
        device.synchronize()
    })?;
    report("copy", "40M", 2 * size_of::<f32>() * ELEMENTS, &us);
    Ok(())
}

fn steps(spec: &Spec, case: &Case, device: &Device) -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let shape = |dims: &[usize]| [&[case.agents], dims].concat();
    let mut vars = Vec::new();
    for dims in case.shapes {
        vars.push(Var::from_tensor(&random(rng, shape(dims), device)?)?);
    }
    let mut grads = Vec::new();
    for _ in 0..2 {
        grads.push(gradients(rng, &vars)?);
    }
    let parameter = |(i, var): (usize, &Var)| Parameter::new(format!("p{i}"), var.clone());
    let parameters: Vec<_> = vars.iter().enumerate().map(parameter).collect();
    let mut spec = spec.clone();
    spec.set("lr", LR)?;
    let specs = vec![spec; case.agents];
    let mut optimiser = Optimiser::cohort(&specs, parameters)?;
    let us = Effort::from_env().microseconds(|_| {
        // The gradient alternates, because the average of a constant has no variance.
        let step = |i: usize| optimiser.step(&grads[i % 2]);
        (0..BURST)
            .try_for_each(step)
            .map_err(candle_core::Error::wrap)?;
        device.synchronize()
    })?;
    for var in &vars {
        let largest = var.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
        assert!(largest.is_finite(), "{}: a weight diverged", specs[0]);
    }
    // Reads the weight, its gradient and its states; writes all of these except the gradient.
    let each = size_of::<f32>() * (3 + 2 * optimiser.state_names().len());
    let weights: usize = vars.iter().map(|var| var.elem_count()).sum();
    report(specs[0].entry().name, case.name, each * weights, &us);
    Ok(())
}

/// Numbers of either sign with an absolute value between 0.5 and 1.5.
fn random(rng: &mut ChaCha8Rng, shape: Vec<usize>, device: &Device) -> candle_core::Result<Tensor> {
    let number = |_| rng.random_range(0.5_f32..1.5) * if rng.random() { 1.0 } else { -1.0 };
    let numbers = (0..shape.iter().product::<usize>()).map(number);
    Tensor::from_vec(numbers.collect(), shape, device)
}

/// The gradients of `sum(w c)` for random `c`, by candle's own backward pass.
fn gradients(rng: &mut ChaCha8Rng, vars: &[Var]) -> candle_core::Result<GradStore> {
    let mut terms = Vec::new();
    for var in vars {
        let factors = random(rng, var.dims().to_vec(), var.device())?;
        terms.push((var.as_tensor() * factors)?.sum_all()?);
    }
    Tensor::stack(&terms, 0)?.sum_all()?.backward()
}
