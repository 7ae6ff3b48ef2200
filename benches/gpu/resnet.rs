//! Whole steps of ResNet-18 with Adam on images of 3x32x32, in each precision that the device has.

use candle_core::{DType, Tensor};
use optim::Optimiser;
use optimiser_paradigms::{
    Error, Result,
    nn::{ResNet, Stem},
    run::{Compute, supervised::Precision},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::effort::{Effort, spread};

/// Prints a line for each precision. A step reads its loss, so it ends on the host.
pub fn measure(on: Compute) -> Result<()> {
    let precisions: &[Precision] = match on {
        Compute::Cpu => &[Precision::F32],
        Compute::Cuda => &[Precision::F32, Precision::Tf32, Precision::Bf16],
    };
    println!(
        "library,precision,form,batch,ms_per_step,ms_min,ms_max,images_per_second,repetitions"
    );
    for precision in precisions {
        let (batch, us) = steps(on, *precision)?;
        let [ms, least, most] = spread(&us).map(|us| us / 1e3);
        println!(
            "ours,{precision},,{batch},{ms:.3},{least:.3},{most:.3},{:.0},{}",
            1e3 * batch as f64 / ms,
            us.len()
        );
    }
    Ok(())
}

/// Images in a batch, and microseconds a step.
fn steps(on: Compute, precision: Precision) -> Result<(usize, Vec<f64>)> {
    let batch = match std::env::var("BATCH") {
        Ok(text) => text.parse().map_err(|_| {
            Error::usage(format!(
                "BATCH = {text} is not allowed; allowed: a whole number from 2"
            ))
        })?,
        Err(_) => 256,
    };
    let device = on.device()?;
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let mut net = ResNet::new(Stem::Imagenet, [32; 2], 10, rng, DType::F32, &device)?;
    let mut optimiser = Optimiser::new(&["adam".parse()?], net.parameters())?;
    let numbers = (0..32 * 32 * batch * 3).map(|_| rng.random_range(-1.0_f32..1.0));
    let images = Tensor::from_vec(numbers.collect(), (32 * 32, batch, 3), &device)?;
    let images = match precision {
        Precision::Bf16 => images.to_dtype(DType::BF16)?,
        Precision::F32 | Precision::Tf32 => images,
    };
    let labels = Tensor::from_iter((0..batch).map(|_| rng.random_range(0..10_u32)), &device)?;
    // For the whole process; it has no effect on a CPU.
    candle_core::cuda::set_gemm_reduced_precision_f32(precision == Precision::Tf32);
    let us = Effort::from_env().microseconds(|_| {
        let learned = net.learn(&images, &labels)?;
        assert!(learned.loss.is_finite(), "what diverges is not measured");
        optimiser
            .step(&learned.grads)
            .map_err(candle_core::Error::wrap)?;
        device.synchronize()
    })?;
    Ok((batch, us))
}
