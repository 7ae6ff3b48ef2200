//! The passes of ResNet-18's convolutions, and whole steps with Adam, as CSV on stdout; then, for comparison, how long a
//! step's multiplications would take at the rate of one product of 2048x2048 matrices.
//!
//! ```sh
//! cargo bench --bench resnet
//! benches/peers/resnet.sh         # compared with PyTorch
//! ```
//!
//! Milliseconds are the best of `REPETITIONS` (5) on `RAYON_NUM_THREADS` threads (all cores), for `BATCH` (256)
//! images of 3x32x32.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use optim::Optimiser;
use optimiser_paradigms::nn::{Convolution, ResNet, Stem};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

// The binaries' allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Channels, side of the image, outputs, kernel, stride.
const LAYERS: [[usize; 5]; 11] = [
    [3, 32, 64, 7, 2],
    [64, 8, 64, 3, 1],
    [64, 8, 128, 3, 2],
    [64, 8, 128, 1, 2],
    [128, 4, 128, 3, 1],
    [128, 4, 256, 3, 2],
    [128, 4, 256, 1, 2],
    [256, 2, 256, 3, 1],
    [256, 2, 512, 3, 2],
    [256, 2, 512, 1, 2],
    [512, 1, 512, 3, 1],
];

/// Rows and columns of the matrix whose product gives the rate.
const SIDE: usize = 2048;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    optimiser_paradigms::cli::keep_freed_memory();
    let number = |key: &str, default: usize| {
        std::env::var(key).map_or(default, |text| text.parse().expect("a whole number from 1"))
    };
    let (repetitions, batch) = (number("REPETITIONS", 5), number("BATCH", 256));
    let best = |work: &mut dyn FnMut() -> candle_core::Result<()>| {
        work()?;
        let mut best = f64::INFINITY;
        for _ in 0..repetitions {
            let began = Instant::now();
            work()?;
            best = best.min(1e3 * began.elapsed().as_secs_f64());
        }
        candle_core::Result::Ok(best)
    };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut random = |dims: &[usize]| {
        let numbers = (0..dims.iter().product()).map(|_| rng.random_range(-1.0_f32..1.0));
        Tensor::from_vec(numbers.collect(), dims, &Device::Cpu)
    };
    println!("what,forward_ms,input_ms,weight_ms");
    for [channels, side, outputs, kernel, stride] in LAYERS {
        let convolution = Convolution::new([channels, side, side], outputs, kernel, stride)?;
        let x = random(&[side * side, batch, channels])?;
        let weight = random(&convolution.weight_shape())?;
        let dy = convolution.forward(&x, &weight)?;
        let forward = best(&mut || convolution.forward(&x, &weight).map(drop))?;
        let input = match channels {
            3 => 0.0,
            _ => best(&mut || convolution.input_grad(&dy, &weight).map(drop))?,
        };
        let grad = best(&mut || convolution.weight_grad(&x, &dy, &weight).map(drop))?;
        println!(
            "{kernel}x{kernel}/{stride} {channels}->{outputs} {side}x{side},{forward:.3},{input:.3},{grad:.3}"
        );
    }
    let images = random(&[32 * 32, batch, 3])?;
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let labels = Tensor::from_iter(
        (0..batch).map(|_| rng.random_range(0..10_u32)),
        &Device::Cpu,
    )?;
    let mut net = ResNet::new(Stem::Imagenet, [32; 2], 10, rng, DType::F32, &Device::Cpu)?;
    let mut optimiser = Optimiser::new(&["adam".parse()?], net.parameters())?;
    let step = best(&mut || {
        let learned = net.learn(&images, &labels)?;
        optimiser
            .step(&learned.grads)
            .map_err(candle_core::Error::wrap)
    })?;
    println!("step,{step:.3},,");
    let matrix = random(&[SIDE, SIDE])?;
    let product = best(&mut || matrix.matmul(&matrix).map(drop))?;
    let products = (batch * net.operations()) as f64 / (2 * SIDE.pow(3)) as f64;
    println!("products,{:.3},,", products * product);
    Ok(())
}
