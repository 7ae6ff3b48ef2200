//! A GPU's passes, run on the CPU by [`Emulated`] and on a GPU if there is one, compared with the CPU's own.

mod each_pass;
mod resnet;

use std::rc::Rc;

use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    super::{
        cpu,
        geometry::Geometry,
        minibatch::minibatch,
        panels::{PANEL, WeightSizes},
        passes,
        pool::MaxPool,
    },
    emulated::{Emulated, as_on_a_gpu},
    test_machine::TestMachine,
    text::NumberType,
};
#[cfg(feature = "cuda")]
use super::{emulated::kernels, text::Kernels};
use crate::nn::{Augmentation, ResNet, Stem, pixels::fill_by_position, window::Window};
use each_pass::{a_nan, batch_normalisation, convolutions, max_pooling, minibatches};

fn random(rng: &mut ChaCha8Rng, shape: impl Into<candle_core::Shape>, dtype: DType) -> Tensor {
    let shape = shape.into();
    let numbers = (0..shape.elem_count()).map(|_| rng.random_range(-1.0..1.0));
    let numbers: Vec<f64> = numbers.collect();
    let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap();
    tensor.to_dtype(dtype).unwrap()
}

fn numbers(x: &Tensor) -> Vec<f64> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    x.to_vec1().unwrap()
}

/// The largest difference, relative to the largest expected number.
fn error(expected: &Tensor, found: &Tensor) -> f64 {
    assert_eq!(expected.dims(), found.dims());
    let (expected, found) = (numbers(expected), numbers(found));
    let size = expected.iter().fold(0_f64, |size, x| size.max(x.abs()));
    let mut most = 0.0;
    for (a, b) in expected.iter().zip(&found) {
        let off = (a - b).abs();
        assert!(off.is_finite());
        most = off.max(most);
    }
    if most == 0.0 { 0.0 } else { most / size }
}

fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-13,
        DType::F32 => 3e-6,
        _ => 2e-2,
    }
}

#[track_caller]
fn same(what: &str, dtype: DType, expected: &Tensor, found: &Tensor) {
    let error = error(expected, found);
    assert!(error <= tolerance(dtype), "{what} in {dtype:?}: {error:e}");
}

/// The same numbers in f64, from which the CPU's passes compute the expected result.
fn exact(x: &Tensor) -> Tensor {
    x.to_dtype(DType::F64).unwrap()
}

/// A weight `[taps, in, out]` in the CPU's panels.
fn panels(weight: &Tensor, sizes: WeightSizes) -> Tensor {
    let WeightSizes {
        outputs,
        inputs,
        taps,
    } = sizes;
    let shape = (taps, inputs, outputs / PANEL, PANEL);
    let weight = weight.reshape(shape).unwrap();
    weight.permute((2, 0, 1, 3)).unwrap().contiguous().unwrap()
}

#[test]
fn convolutions_are_the_cpus() {
    convolutions(&TestMachine::emulated());
}

#[test]
fn batch_normalisation_is_the_cpus() {
    batch_normalisation(&TestMachine::emulated());
}

#[test]
fn max_pooling_is_the_cpus() {
    max_pooling(&TestMachine::emulated());
}

#[test]
fn a_nan_is_the_largest_and_is_not_clipped() {
    a_nan(&TestMachine::emulated());
}

#[test]
fn minibatches_are_the_cpus_to_the_bit() {
    minibatches(&TestMachine::emulated());
}

/// The same passes on a GPU.
#[cfg(feature = "cuda")]
mod on_a_gpu {
    use super::*;

    /// Calls `test` with the GPU, if there is one.
    fn with(test: fn(&TestMachine)) {
        match Device::new_cuda(0) {
            Ok(gpu) => test(&TestMachine::Gpu(gpu)),
            Err(_) => eprintln!("skipped: no GPU"),
        }
    }

    #[test]
    fn convolutions_are_the_cpus() {
        with(convolutions);
    }

    #[test]
    fn batch_normalisation_is_the_cpus() {
        with(batch_normalisation);
    }

    #[test]
    fn max_pooling_is_the_cpus() {
        with(max_pooling);
    }

    #[test]
    fn a_nan_is_the_largest_and_is_not_clipped() {
        with(a_nan);
    }

    #[test]
    fn minibatches_are_the_cpus_to_the_bit() {
        with(minibatches);
    }
}

/// NVRTC compiles every kernel text. Without a GPU the test runs only with `NVRTC=1`.
#[cfg(feature = "cuda")]
#[test]
fn nvrtc_compiles_the_kernels() {
    // Without NVRTC's library the bindings would panic.
    if std::env::var_os("NVRTC").is_none() && Device::new_cuda(0).is_err() {
        eprintln!("skipped: neither a GPU nor NVRTC=1");
        return;
    }
    for element in [NumberType::F32, NumberType::F64, NumberType::Bf16] {
        for channels in [3, 64] {
            let ptx = super::cuda::compile(Kernels::of(element, channels)).unwrap();
            for (name, ..) in kernels() {
                assert!(
                    ptx.contains(&format!(".entry {name}(")),
                    "{element:?}: {name}"
                );
            }
            assert!(
                !ptx.contains(".ftz") && !ptx.contains("approx"),
                "{element:?}"
            );
            // Memory is read 16 bytes at a time.
            assert_eq!(
                ptx.contains("ld.global.v4"),
                channels == 64 && element != NumberType::F64
            );
        }
    }
}
