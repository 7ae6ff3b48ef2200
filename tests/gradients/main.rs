//! Every operation with its own backward pass, against finite differences in f64.

#[path = "../common/differences.rs"]
mod differences;
mod layers;
mod losses;
mod networks;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use candle_core::{DType, Device, Tensor, Var, safetensors};
use differences::{check, check_grads};
use optim::Parameter;
use optimiser_paradigms::{
    algorithm::{
        a2c::{Choices, Outputs, Weighting, actor_critic_loss},
        dqn::{Loss, td_loss},
    },
    nn::{Activation, Architecture, Conv, Filters, Mlp, Network},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn streams(agents: u64) -> Vec<ChaCha8Rng> {
    (0..agents).map(ChaCha8Rng::seed_from_u64).collect()
}

/// Numbers of either sign that vary from place to place.
fn waves(dims: &[usize], frequency: f64) -> Tensor {
    let wave = |i: usize| (i as f64 * frequency + 0.3).sin();
    let values: Vec<f64> = (0..dims.iter().product()).map(wave).collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

/// The largest difference between two tensors of one shape.
fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b).unwrap().abs().unwrap();
    difference.max_all().unwrap().to_scalar().unwrap()
}
