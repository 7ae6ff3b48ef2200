//! Steps of ResNet-18.

use super::*;

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
