//! The optimisers and ResNet-18 on a GPU. `.ci/cuda` builds this. Without a GPU it says so and compares
//! nothing.
#![cfg(feature = "cuda")]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use optim::{Clipping, Optimiser, Parameter, Spec, compile_kernel, registry};
use optimiser_paradigms::{
    data::{Dataset, augmentations},
    nn::{ResNet, Stem, minibatch},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every variant that runs on a GPU: of the rules that step each weight by itself.
fn variants() -> impl Iterator<Item = &'static str> {
    let all = registry().into_iter().flat_map(|entry| entry.variants);
    let elementwise = |text: &str| text.parse::<Spec>().unwrap().rule().unwrap().elementwise();
    all.copied().filter(move |text| elementwise(text))
}

/// NVRTC accepts every kernel and fuses no multiplication with an addition.
#[test]
fn kernels_compile() {
    // Checks for the library first, because the bindings would panic without it.
    if std::env::var_os("NVRTC").is_none() && Device::new_cuda(0).is_err() {
        eprintln!("skipped: neither a GPU nor NVRTC=1");
        return;
    }
    for variant in variants() {
        let rule = variant.parse::<Spec>().unwrap().rule().unwrap();
        for (f64, sqrt) in [(false, "sqrt.rn.f32"), (true, "sqrt.rn.f64")] {
            let ptx = compile_kernel(&*rule, f64).unwrap();
            assert!(!ptx.contains("fma.rn"), "{variant}");
            assert!(
                !ptx.contains(".ftz") && !ptx.contains("approx"),
                "{variant}"
            );
            let root = rule.kernel().is_some_and(|text| text.contains("real_sqrt"));
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
        Parameter::new(name, Var::from_tensor(&tensor).unwrap())
    };
    let weights = vec![one("weight", &[2, 37, 11]), one("bias", &[2, 37])];
    let optimiser = Optimiser::new(specs, weights.clone())
        .unwrap()
        .clip(clipping)
        .unwrap();
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

/// Whether all weights agree but for rounding.
fn close(one: &Side, other: &Side) -> bool {
    let (one, other) = (one.bits().0.concat(), other.bits().0.concat());
    let mut pairs = one.iter().zip(&other);
    pairs.all(|(a, b)| (a - b).abs() <= 1e-6 * a.abs().max(1.0))
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
            // The L1 norm that bounds a step is summed in another order on a GPU.
            match specs[0].bound() {
                None => assert!(cpu.bits() == gpu.bits(), "{variant} {dtype:?}"),
                Some(_) => assert!(close(&cpu, &gpu), "{variant} {dtype:?}"),
            }
        }
    }
}

/// ResNet-18 from one seed, and its results on a batch of 64.
fn resnet(dtype: DType, activations: DType, device: &Device) -> (f64, BTreeMap<String, Vec<f64>>) {
    let rng = &mut ChaCha8Rng::seed_from_u64(6);
    let (batch, side) = (64, 32);
    let mut net = ResNet::new(Stem::Imagenet, [side; 2], 10, rng, dtype, device).unwrap();
    let numbers = (0..side * side * batch * 3).map(|_| rng.random_range(-1.0..1.0));
    let images = Tensor::from_iter(numbers, &Device::Cpu).unwrap();
    let images = images.reshape((side * side, batch, 3)).unwrap();
    let images = images.to_dtype(activations).unwrap();
    let images = images.to_device(device).unwrap();
    let labels: Vec<u32> = (0..batch as u32).map(|i| i % 10).collect();
    let labels = Tensor::new(labels, device).unwrap();
    let learned = net.learn(&images, &labels).unwrap();
    let mut all = net.torch_grads(&learned.grads).unwrap();
    let running = net.state().unwrap().into_iter();
    all.extend(running.filter(|(name, _)| name.contains("running")));
    all.insert("logits".into(), learned.logits);
    all.insert("infer".into(), net.infer(&images).unwrap());
    let read = |x: Tensor| -> Vec<f64> {
        let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
        x.to_vec1().unwrap()
    };
    let all = all.into_iter().map(|(name, x)| (name, read(x)));
    (learned.loss, all.collect())
}

/// The largest distance of a tensor from the expected one, relative to its norm.
fn furthest(
    expected: &BTreeMap<String, Vec<f64>>,
    found: &BTreeMap<String, Vec<f64>>,
) -> (f64, String) {
    assert_eq!(expected.len(), found.len());
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let mut most = (0.0, String::new());
    for (name, expected) in expected {
        let off = norm(&mut expected.iter().zip(&found[name]).map(|(a, b)| a - b));
        assert!(off.is_finite(), "{name}");
        let off = off / norm(&mut expected.iter().copied());
        if off > most.0 {
            most = (off, name.clone());
        }
    }
    most
}

#[test]
fn resnet_on_gpu_is_the_cpus() {
    let Ok(gpu) = Device::new_cuda(0) else {
        eprintln!("skipped: no GPU");
        return;
    };
    let (loss, expected) = resnet(DType::F64, DType::F64, &Device::Cpu);
    let (f32, f64, bf16) = (DType::F32, DType::F64, DType::BF16);
    let cases = [
        ("f64", f64, f64, false, 1e-10),
        ("f32", f32, f32, false, 2e-3),
        ("tf32", f32, f32, true, 0.4),
        ("bf16", f32, bf16, false, 0.9),
    ];
    // The effect of rounding the factors of every product on the worst gradient, measured on the CPU:
    // 0.14 for TF32, 0.45 for bf16.
    for (name, weights, activations, tf32, most) in cases {
        candle_core::cuda::set_gemm_reduced_precision_f32(tf32);
        let on_gpu = resnet(weights, activations, &gpu);
        let again = resnet(weights, activations, &gpu);
        candle_core::cuda::set_gemm_reduced_precision_f32(false);
        let (error, worst) = furthest(&expected, &on_gpu.1);
        let off = (loss - on_gpu.0).abs();
        println!("{name}: loss off by {off:.1e}, {worst} by {error:.1e}");
        assert!(error < most && off < most, "{name}: {worst}");
        // Sums are formed in a fixed order.
        assert!(on_gpu == again, "{name} differs from run to run");
    }
}

#[test]
fn minibatches_on_gpu_are_the_cpus_to_the_bit() {
    let Ok(gpu) = Device::new_cuda(0) else {
        eprintln!("skipped: no GPU");
        return;
    };
    let split = Dataset::synthetic(1, 100, 1).train;
    let [channels, height, width] = split.shape();
    let shape = (split.len(), channels, height, width);
    let images = Tensor::from_slice(split.images(), shape, &gpu).unwrap();
    let rows: Vec<u32> = (0..64).map(|i| i * 37 % 100).collect();
    let augmentations = augmentations(3, 1, 0..rows.len());
    for augmentations in [None, Some(&augmentations[..])] {
        let found = minibatch(&images, &rows, augmentations, DType::F32).unwrap();
        let mut expected = vec![0.0; rows.len() * split.pixels()];
        split.fill(&rows, augmentations, &mut expected);
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        assert!(expected == found);
    }
}
