//! Each pass by itself, on any machine.

use super::*;

pub fn convolutions(machine: &TestMachine) {
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
            let (batch, real) = (5, NumberType::of(dtype).unwrap().real());
            let x = random(rng, (positions, batch, sizes.inputs), dtype);
            let dy = random(rng, (outputs, batch, sizes.outputs), dtype);
            let weight = random(rng, (sizes.taps, sizes.inputs, sizes.outputs), dtype);
            let like = weight.to_dtype(real).unwrap();
            let onto = random(rng, x.dims(), dtype);
            let found = machine.twice(|| {
                let [x, dy, weight, like] = [&x, &dy, &weight, &like].map(|x| machine.put(x));
                let [y, seen] = passes::convolve(&geometry, &x, &weight).unwrap();
                let d_weight = passes::weight_grad(&geometry, &seen, &dy, &like).unwrap();
                let dx = passes::input_grad(&geometry, &dy, &weight, None).unwrap();
                let onto = machine.put(&onto).copy().unwrap();
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

pub fn batch_normalisation(machine: &TestMachine) {
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
            let real = NumberType::of(dtype).unwrap().real();
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
                let found = machine.twice(|| {
                    let [x, dy, shortcut] = [&x, &dy, &shortcut].map(|x| machine.put(x));
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

pub fn max_pooling(machine: &TestMachine) {
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
            let found = machine.twice(|| run(&machine.put(&x), &machine.put(&dy)));
            let expected = run(&exact(&x), &exact(&dy));
            assert_eq!(numbers(&expected[0]), numbers(&found[0]));
            assert_eq!(numbers(&expected[1]), numbers(&found[1]));
            same("dx", dtype, &expected[2], &found[2]);
        }
    }
}

pub fn a_nan(machine: &TestMachine) {
    let pool = MaxPool::new(&Window::new([1, 2, 2], 3, 2, 1).unwrap()).unwrap();
    let x = Tensor::new(&[1_f32, f32::NAN, 2., 3.], &Device::Cpu).unwrap();
    let x = machine.put(&x.reshape((4, 1, 1)).unwrap());
    machine.run(|| {
        let [largest, found] = passes::max_pool(&pool, &x).unwrap();
        assert!(numbers(&largest)[0].is_nan());
        assert_eq!(numbers(&found), [5.0]);
        let one = Tensor::ones(1, DType::F32, x.device()).unwrap();
        let moments = [one.clone(), one.clone()];
        let y = passes::normalise(&x, &moments, [&one, &one], 0.0, None, true).unwrap();
        assert!(numbers(&y)[1].is_nan());
    });
}

pub fn minibatches(machine: &TestMachine) {
    let shape @ [channels, height, width] = [3, 32, 32];
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let bytes: Vec<u8> = (0..20 * channels * height * width)
        .map(|_| rng.random())
        .collect();
    let images = Tensor::from_slice(&bytes, (20, channels, height, width), &Device::Cpu).unwrap();
    let resident = machine.put(&images);
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
            machine.twice(|| vec![minibatch(&resident, &rows, augmentations, DType::F32).unwrap()]);
        let mut expected = vec![0.0; rows.len() * pixels];
        fill_by_position(&chosen, shape, augmentations, &mut expected);
        let found: Vec<f32> = found[0].flatten_all().unwrap().to_vec1().unwrap();
        assert!(expected == found);
    }
    machine.run(|| {
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
