//! The optimisers on a GPU. `.ci/cuda` builds this; without a GPU it says so and compares nothing.
#![cfg(feature = "cuda")]

use candle_core::{DType, Device, Tensor, Var};
use optimiser_paradigms::optim::{Clipping, Optimiser, Parameter, Spec, cuda, registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn variants() -> impl Iterator<Item = &'static str> {
    registry().iter().flat_map(|entry| entry.variants).copied()
}

/// Every kernel is accepted by NVRTC and fuses no multiplication with an addition.
#[test]
fn kernels_compile() {
    // Asks for the library first: without it, the bindings would panic.
    if std::env::var_os("NVRTC").is_none() && Device::new_cuda(0).is_err() {
        eprintln!("skipped: neither a GPU nor NVRTC=1");
        return;
    }
    for variant in variants() {
        let rule = variant.parse::<Spec>().unwrap().rule().unwrap();
        for (f64, sqrt) in [(false, "sqrt.rn.f32"), (true, "sqrt.rn.f64")] {
            let ptx = cuda::compile(&*rule, f64).unwrap();
            assert!(!ptx.contains("fma.rn"), "{variant}");
            assert!(
                !ptx.contains(".ftz") && !ptx.contains("approx"),
                "{variant}"
            );
            let root = rule.kernel().contains("real_sqrt");
            assert_eq!(ptx.contains(sqrt), root, "{variant}");
        }
    }
}

struct Side {
    weights: Vec<Parameter>,
    optimiser: Optimiser,
}

fn side(specs: &[Spec], dtype: DType, device: &Device, clipping: Clipping) -> Side {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut one = |name: &str, shape: &[usize]| {
        let n = shape.iter().product();
        let data: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let tensor = Tensor::from_vec(data, shape, &Device::Cpu).unwrap();
        let tensor = tensor.to_dtype(dtype).unwrap().to_device(device).unwrap();
        Parameter {
            name: name.into(),
            var: Var::from_tensor(&tensor).unwrap(),
        }
    };
    let weights = vec![one("weight", &[2, 37, 11]), one("bias", &[2, 37])];
    let optimiser = Optimiser::new(specs, weights.clone())
        .unwrap()
        .clip(clipping);
    Side { weights, optimiser }
}

impl Side {
    fn step(&mut self, pulls: &[Tensor]) {
        let device = self.weights[0].var.device();
        let term = |(p, pull): (&Parameter, &Tensor)| {
            (p.var.as_tensor() * pull.to_device(device).unwrap())
                .unwrap()
                .sum_all()
                .unwrap()
        };
        let loss = self
            .weights
            .iter()
            .zip(pulls)
            .map(term)
            .reduce(|a, b| (a + b).unwrap())
            .unwrap();
        self.optimiser.step(&loss.backward().unwrap()).unwrap();
    }

    fn bits(&self) -> (Vec<Vec<f64>>, Vec<u8>) {
        let flat = |p: &Parameter| -> Vec<f64> {
            p.var
                .to_dtype(DType::F64)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap()
        };
        (
            self.weights.iter().map(flat).collect(),
            self.optimiser.to_safetensors().unwrap(),
        )
    }
}

#[test]
fn gpu_and_cpu_agree_bit_for_bit() {
    let Ok(gpu) = Device::new_cuda(0) else {
        eprintln!("skipped: no GPU");
        return;
    };
    for dtype in [DType::F32, DType::F64] {
        for variant in variants() {
            let mut specs: Vec<Spec> = vec![variant.parse().unwrap(); 2];
            specs[1].set_text("lr", "0.003").unwrap();
            let clipping = Clipping::Value(0.9);
            let mut cpu = side(&specs, dtype, &Device::Cpu, clipping);
            let mut gpu = side(&specs, dtype, &gpu, clipping);
            let mut rng = ChaCha8Rng::seed_from_u64(5);
            for t in 1..=1000 {
                let mut pull = |p: &Parameter| {
                    let n = p.var.elem_count();
                    let stops = |i: usize| i.is_multiple_of(5) && t > 20;
                    let one = |i: usize| {
                        let g = rng.random_range(-1.0..1.0) * 10f64.powi(i as i32 % 9 - 6);
                        if stops(i) { 0.0 } else { g }
                    };
                    let data: Vec<f64> = (0..n).map(one).collect();
                    Tensor::from_vec(data, p.var.shape(), &Device::Cpu)
                        .unwrap()
                        .to_dtype(dtype)
                        .unwrap()
                };
                let pulls: Vec<Tensor> = cpu.weights.iter().map(&mut pull).collect();
                cpu.step(&pulls);
                gpu.step(&pulls);
                if t == 500 {
                    cpu.optimiser.target_updated().unwrap();
                    gpu.optimiser.target_updated().unwrap();
                }
            }
            assert!(cpu.bits() == gpu.bits(), "{variant} {dtype:?}");
        }
    }
}
