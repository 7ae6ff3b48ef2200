//! A GPU's passes, run on the CPU by [`Emulated`] and on a GPU if there is one, compared with the CPU's own.

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
    place::Place,
    text::Element,
};
#[cfg(feature = "cuda")]
use super::{emulated::kernels, text::Kernels};
use crate::nn::{Augmentation, ResNet, Stem, pixels::fill_by_position, window::Window};

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
    convolutions(&Place::emulated());
}

#[test]
fn batch_normalisation_is_the_cpus() {
    batch_normalisation(&Place::emulated());
}

#[test]
fn max_pooling_is_the_cpus() {
    max_pooling(&Place::emulated());
}

#[test]
fn a_nan_is_the_largest_and_is_not_clipped() {
    a_nan(&Place::emulated());
}

#[test]
fn minibatches_are_the_cpus_to_the_bit() {
    minibatches(&Place::emulated());
}

/// The same passes on a GPU.
#[cfg(feature = "cuda")]
mod on_a_gpu {
    use super::*;

    /// Calls `test` with the GPU, if there is one.
    fn with(test: fn(&Place)) {
        match Device::new_cuda(0) {
            Ok(gpu) => test(&Place::Gpu(gpu)),
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

fn convolutions(place: &Place) {
    // Channels, height, width; kernel, stride, padding: those of ResNet-18, and odd ones.
    let windows = [
        ([3, 9, 9], 7, 2, 3),
        ([3, 6, 5], 3, 1, 1),
        ([32, 8, 8], 3, 1, 1),
        ([64, 2, 2], 3, 1, 1),
        ([64, 1, 1], 3, 1, 1),
        ([32, 5, 7], 3, 2, 1),
        ([64, 2, 2], 3, 2, 1),
        ([32, 4, 4], 1, 2, 0),
        ([32, 5, 3], 1, 2, 0),
        ([32, 3, 4], 1, 1, 0),
    ];
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (image, kernel, stride, padding) in windows {
            let window = Window::new(image, kernel, stride, padding).unwrap();
            let geometry = Geometry::new(&window, 64).unwrap();
            let (sizes, [positions, outputs]) = (geometry.sizes(), geometry.positions());
            let (batch, real) = (5, Element::of(dtype).unwrap().real());
            let x = random(rng, (positions, batch, sizes.inputs), dtype);
            let dy = random(rng, (outputs, batch, sizes.outputs), dtype);
            let weight = random(rng, (sizes.taps, sizes.inputs, sizes.outputs), dtype);
            let like = weight.to_dtype(real).unwrap();
            let onto = random(rng, x.dims(), dtype);
            let found = place.twice(|| {
                let [x, dy, weight, like] = [&x, &dy, &weight, &like].map(|x| place.put(x));
                let [y, seen] = passes::convolve(&geometry, &x, &weight).unwrap();
                let d_weight = passes::weight_grad(&geometry, &seen, &dy, &like).unwrap();
                let dx = passes::input_grad(&geometry, &dy, &weight, None).unwrap();
                let onto = place.put(&onto).copy().unwrap();
                let added = passes::input_grad(&geometry, &dy, &weight, Some(onto)).unwrap();
                vec![y, d_weight, dx, added]
            });
            assert_eq!(found[1].dtype(), real);
            let [x, dy, onto] = [&x, &dy, &onto].map(exact);
            let weight = panels(&exact(&weight), sizes);
            let what = format!("{window:?}");
            let [y, _] = cpu::convolve(&geometry, &x, &weight).unwrap();
            same(&format!("{what}: y"), dtype, &y, &found[0]);
            let d_weight = panels(&exact(&found[1]), sizes);
            let expected = cpu::weight_grad(&geometry, &x, &dy, &weight).unwrap();
            // Its products are summed in f32 and stay f32.
            same(&format!("{what}: weight"), real, &expected, &d_weight);
            if sizes.inputs % PANEL == 0 {
                let dx = cpu::input_grad(&geometry, &dy, &weight, None).unwrap();
                same(&format!("{what}: dx"), dtype, &dx, &found[2]);
                let added = cpu::input_grad(&geometry, &dy, &weight, Some(onto)).unwrap();
                same(&format!("{what}: onto"), dtype, &added, &found[3]);
            }
        }
    }
}

fn batch_normalisation(place: &Place) {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    // Few rows and many; channel counts that divide evenly and not; one group and more than a block's
    // worth.
    let shapes = [
        (1, 6, 64),
        (3, 5, 6),
        (4, 7, 96),
        (1, 3, 7),
        (40, 33, 32),
        (2, 4, 512),
    ];
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (positions, batch, channels) in shapes {
            let real = Element::of(dtype).unwrap().real();
            let shape = (positions, batch, channels);
            // Far from 0, where a variance computed from squares would lose its digits.
            let far = random(rng, shape, DType::F64).affine(0.5, 9.0).unwrap();
            let x = far.to_dtype(dtype).unwrap();
            let [dy, shortcut] = [0; 2].map(|_| random(rng, shape, dtype));
            let [gamma, beta, mean, variance] = [0; 4].map(|_| random(rng, channels, real));
            for (with, relu) in [(true, true), (true, false), (false, true), (false, false)] {
                let run = |x: &Tensor, dy: &Tensor, shortcut: &Tensor, real: DType| {
                    let shortcut = with.then_some(shortcut);
                    let like_x = |tensor: &Tensor| {
                        let tensor = tensor.to_dtype(real).unwrap();
                        tensor.to_device(x.device()).unwrap()
                    };
                    let [gamma, beta] = [&gamma, &beta].map(like_x);
                    let running = [&mean, &variance].map(|x| Var::from_tensor(&like_x(x)).unwrap());
                    let moments = passes::moments(x, &running, 0.1).unwrap();
                    let scale = [&gamma, &beta];
                    let y = passes::normalise(x, &moments, scale, 1e-5, shortcut, relu).unwrap();
                    let clipped = relu.then_some(&y);
                    let grads =
                        passes::normalise_backward(x, dy, clipped, &moments, &gamma, 1e-5, with)
                            .unwrap();
                    let [mean, variance] = moments;
                    let [running_mean, running_variance] =
                        running.map(|var| var.as_detached_tensor());
                    let mut all = vec![mean, variance, running_mean, running_variance];
                    all.extend([grads.gamma, grads.beta, y, grads.x]);
                    all.extend(grads.shortcut);
                    all
                };
                let found = place.twice(|| {
                    let [x, dy, shortcut] = [&x, &dy, &shortcut].map(|x| place.put(x));
                    run(&x, &dy, &shortcut, real)
                });
                let expected = run(&exact(&x), &exact(&dy), &exact(&shortcut), DType::F64);
                assert_eq!(found.len(), expected.len());
                for (i, (expected, found)) in expected.iter().zip(&found).enumerate() {
                    let error = error(expected, found);
                    // The mean is far from 0, and rounded.
                    let most = 30.0 * tolerance(found.dtype());
                    assert!(error < most, "{i} of {shape:?} in {dtype:?}: {error:e}");
                }
            }
        }
    }
}

fn max_pooling(place: &Place) {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (image, batch) in [([8, 6, 6], 3), ([5, 7, 4], 3), ([3, 1, 1], 2)] {
            let pool = MaxPool::new(&Window::new(image, 3, 2, 1).unwrap()).unwrap();
            let [positions, outputs] = pool.positions();
            // Few different numbers, so that some are equal.
            let x = random(rng, (positions, batch, image[0]), DType::F64);
            let x = x.affine(3.0, 0.0).unwrap().round().unwrap();
            let x = x.to_dtype(dtype).unwrap();
            let dy = random(rng, (outputs, batch, image[0]), dtype);
            let run = |x: &Tensor, dy: &Tensor| {
                let [largest, found] = passes::max_pool(&pool, x).unwrap();
                let dx = passes::max_pool_backward(&pool, dy, &found).unwrap();
                vec![largest, found, dx]
            };
            let found = place.twice(|| run(&place.put(&x), &place.put(&dy)));
            let expected = run(&exact(&x), &exact(&dy));
            assert_eq!(numbers(&expected[0]), numbers(&found[0]));
            assert_eq!(numbers(&expected[1]), numbers(&found[1]));
            same("dx", dtype, &expected[2], &found[2]);
        }
    }
}

fn a_nan(place: &Place) {
    let pool = MaxPool::new(&Window::new([1, 2, 2], 3, 2, 1).unwrap()).unwrap();
    let x = Tensor::new(&[1_f32, f32::NAN, 2., 3.], &Device::Cpu).unwrap();
    let x = place.put(&x.reshape((4, 1, 1)).unwrap());
    place.run(|| {
        let [largest, found] = passes::max_pool(&pool, &x).unwrap();
        assert!(numbers(&largest)[0].is_nan());
        assert_eq!(numbers(&found), [5.0]);
        let one = Tensor::ones(1, DType::F32, x.device()).unwrap();
        let moments = [one.clone(), one.clone()];
        let y = passes::normalise(&x, &moments, [&one, &one], 0.0, None, true).unwrap();
        assert!(numbers(&y)[1].is_nan());
    });
}

fn minibatches(place: &Place) {
    let shape @ [channels, height, width] = [3, 32, 32];
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let bytes: Vec<u8> = (0..20 * channels * height * width)
        .map(|_| rng.random())
        .collect();
    let images = Tensor::from_slice(&bytes, (20, channels, height, width), &Device::Cpu).unwrap();
    let resident = place.put(&images);
    let rows = [3, 19, 0, 7, 7];
    let pixels = channels * height * width;
    let chosen = rows.map(|row| &bytes[row as usize * pixels..][..pixels]);
    let crop = |down, right, flip| Augmentation { down, right, flip };
    let augmentations = [
        Augmentation::NONE,
        crop(0, 8, true),
        crop(8, 0, false),
        crop(3, 5, true),
        crop(4, 7, false),
    ];
    for augmentations in [None, Some(&augmentations[..])] {
        let found =
            place.twice(|| vec![minibatch(&resident, &rows, augmentations, DType::F32).unwrap()]);
        let mut expected = vec![0.0; rows.len() * pixels];
        fill_by_position(&chosen, shape, augmentations, &mut expected);
        let found: Vec<f32> = found[0].flatten_all().unwrap().to_vec1().unwrap();
        assert!(expected == found);
    }
    place.run(|| {
        let refused = |rows: &[u32], augmentations: Option<&[Augmentation]>| {
            let batch = minibatch(&resident, rows, augmentations, DType::F32);
            batch.unwrap_err().to_string()
        };
        assert!(refused(&[20], None).contains("no image 20; allowed: 0 to 19"));
        assert!(refused(&[1], Some(&[])).contains("0 augmentations for 1 images"));
    });
    let nowhere = minibatch(&images, &rows, None, DType::F32);
    assert!(nowhere.unwrap_err().to_string().contains("--features cuda"));
}

fn net(dtype: DType, stem: Stem, side: usize) -> ResNet {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    ResNet::new(stem, [side; 2], 10, rng, dtype, &Device::Cpu).unwrap()
}

/// A step of the whole network: forward, back, and the running statistics.
#[test]
fn a_step_of_resnet_is_the_cpus() {
    let machine: Rc<Emulated> = Rc::default();
    for (dtype, stem, side, most) in [
        (DType::F64, Stem::Imagenet, 32, 1e-10),
        (DType::F64, Stem::Imagenet, 37, 1e-10),
        (DType::F32, Stem::Imagenet, 32, 1e-3),
    ] {
        let rng = &mut ChaCha8Rng::seed_from_u64(6);
        let batch = 4;
        let images = random(rng, (side * side, batch, 3), dtype);
        let labels = Tensor::new(&[1_u32, 0, 7, 7], &Device::Cpu).unwrap();
        let step = || {
            let mut net = net(dtype, stem, side);
            machine.launches.borrow_mut().clear();
            let learned = net.learn(&images, &labels).unwrap();
            let grads = net.torch_grads(&learned.grads).unwrap();
            let infer = net.infer(&images).unwrap();
            (learned.loss, grads, net.state().unwrap(), infer)
        };
        let expected = step();
        let found = as_on_a_gpu(&machine, step);
        assert!(
            (expected.0 - found.0).abs() < most,
            "{} {}",
            expected.0,
            found.0
        );
        let pairs = expected.1.iter().zip(&found.1);
        for ((name, expected), (_, found)) in pairs.chain(expected.2.iter().zip(&found.2)) {
            let error = error(expected, found);
            assert!(error < most, "{name}: {error:e}");
        }
        assert!(error(&expected.3, &found.3) < most);
    }
}

/// The counts in the module's documentation.
#[test]
fn launches_are_counted() {
    let machine: Rc<Emulated> = Rc::default();
    let rng = &mut ChaCha8Rng::seed_from_u64(7);
    let images = random(rng, (32 * 32, 2, 3), DType::F32);
    let labels = Tensor::new(&[1_u32, 0], &Device::Cpu).unwrap();
    as_on_a_gpu(&machine, || {
        let mut net = net(DType::F32, Stem::Imagenet, 32);
        net.learn(&images, &labels).unwrap();
    });
    let launches = machine.launches.borrow();
    let products = launches.iter().filter(|&&name| name == "product").count();
    assert_eq!([launches.len() - products, products], [115, 59]);
}

/// With activations in bf16 the gradients are those of f32 except for rounding.
#[test]
fn a_step_of_resnet_in_bf16_comes_close() {
    let machine: Rc<Emulated> = Rc::default();
    let rng = &mut ChaCha8Rng::seed_from_u64(8);
    let images = random(rng, (32 * 32, 8, 3), DType::BF16);
    let labels = Tensor::new(&[1_u32, 0, 7, 3, 9, 2, 5, 4], &Device::Cpu).unwrap();
    let step = |dtype: DType| {
        let mut net = net(DType::F32, Stem::Imagenet, 32);
        let images = images.to_dtype(dtype).unwrap();
        let learned = net.learn(&images, &labels).unwrap();
        (learned.loss, net.torch_grads(&learned.grads).unwrap())
    };
    let expected = step(DType::F32);
    let found = as_on_a_gpu(&machine, || step(DType::BF16));
    let off = (expected.0 - found.0).abs();
    assert!(off < 0.05, "{} {}", expected.0, found.0);
    for (name, expected) in &expected.1 {
        let found = &found.1[name];
        assert_eq!(found.dtype(), DType::F32);
        let (a, b) = (numbers(expected), numbers(found));
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let cosine = a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>() / (norm(&a) * norm(&b));
        // After the last pooling a batch has 8 numbers, which makes the statistics this sensitive.
        assert!(cosine > 0.8, "{name}: {cosine}");
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
    for element in [Element::F32, Element::F64, Element::Bf16] {
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
                channels == 64 && element != Element::F64
            );
        }
    }
}
