//! The gradients of layers.

use super::*;

#[test]
fn mlp() {
    let net = Mlp::new(&[3, 6, 5, 2], &mut streams(2), DType::F64, &Device::Cpu).unwrap();
    let x: Vec<f64> = (0..2 * 4 * 3).map(|i| (i as f64 * 0.7).sin()).collect();
    let x = Tensor::from_vec(x, (2, 4, 3), &Device::Cpu).unwrap();
    let vars: Vec<Var> = net.parameters().into_iter().map(|p| p.var).collect();
    // A square on top makes the incoming gradient differ between elements.
    check(&vars, || net.forward(&x).unwrap().sqr().unwrap());
}

#[test]
fn mlp_is_what_candle_computes_op_by_op() {
    let net = Mlp::new(&[3, 6, 2], &mut streams(2), DType::F64, &Device::Cpu).unwrap();
    let x = Tensor::randn(0.0, 1.0, (2, 4, 3), &Device::Cpu).unwrap();
    let mut expected = x.clone();
    let parameters = net.parameters();
    for (i, layer) in parameters.chunks(2).enumerate() {
        let weight = layer[0].var.transpose(1, 2).unwrap();
        let bias = layer[1].var.unsqueeze(1).unwrap();
        expected = expected
            .matmul(&weight)
            .unwrap()
            .broadcast_add(&bias)
            .unwrap();
        if i == 0 {
            expected = expected.relu().unwrap();
        }
    }
    for y in [net.forward(&x).unwrap(), net.infer(&x).unwrap()] {
        let difference = (y - &expected).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f64>().unwrap() < 1e-14);
    }
}

#[test]
fn conv() {
    for (kernel, stride, padding) in [
        (1, 1, 0),
        (1, 2, 0),
        (3, 1, 0),
        (3, 1, 1),
        (3, 2, 0),
        (3, 2, 1),
        (2, 3, 1),
    ] {
        for (bias, relu) in [(true, true), (true, false), (false, true), (false, false)] {
            // Small, so that the rounding of the summed loss stays below the tolerance.
            let weight = (waves(&[2, 3, 2, kernel, kernel], 0.7) * 0.2).unwrap();
            let weight = Var::from_tensor(&weight).unwrap();
            let bias = bias.then(|| Var::from_tensor(&waves(&[2, 3], 1.9)).unwrap());
            let x = Var::from_tensor(&waves(&[2, 2, 2, 5, 4], 0.9)).unwrap();
            let conv =
                Conv::new(weight.clone(), bias.clone(), relu, true).stepping(stride, padding);
            let vars: Vec<Var> = [x.clone(), weight].into_iter().chain(bias).collect();
            check(&vars, || {
                conv.forward(x.as_tensor()).unwrap().sqr().unwrap()
            });
        }
    }
}

#[test]
fn conv_is_pytorchs() {
    // tests/fixtures/conv.py
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conv.safetensors");
    let fixtures: HashMap<String, Tensor> = safetensors::load(path, &Device::Cpu).unwrap();
    let cases: Vec<&str> = fixtures
        .keys()
        .filter_map(|key| key.strip_suffix(".x"))
        .collect();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let part = |name: &str| fixtures.get(&format!("{case}.{name}"));
        let var = |name: &str| Some(Var::from_tensor(part(name)?).unwrap());
        let size = |letter: char| -> usize {
            let part = case.split('_').find_map(|word| word.strip_prefix(letter));
            part.unwrap().parse().unwrap()
        };
        let (x, weight, bias) = (var("x").unwrap(), var("weight").unwrap(), var("bias"));
        assert_eq!(bias.is_some(), case.contains("bias"));
        let conv = Conv::new(weight.clone(), bias.clone(), case.contains("relu"), true);
        let conv = conv.stepping(size('s'), size('p'));
        let y = conv.forward(x.as_tensor()).unwrap();
        assert!(distance(&y, part("y").unwrap()) < 1e-13, "{case}");
        assert_eq!(distance(&y, &conv.infer(x.as_tensor()).unwrap()), 0.0);
        let grads = (y * part("dy").unwrap()).unwrap().backward().unwrap();
        for (name, var) in [("dx", Some(x)), ("dw", Some(weight)), ("db", bias)] {
            let Some(var) = var else { continue };
            let grad = grads.get(&var).expect("a gradient");
            assert!(
                distance(grad, part(name).unwrap()) < 1e-13,
                "{case}, {name}"
            );
        }
    }
}

#[test]
fn conv_of_many_tiles_is_candles() {
    // Many channels make tiles small: the first images are cut across several tiles or share one; the
    // later ones fit several to a tile.
    let (channels, outputs, batch) = (40, 5, 7);
    for (height, width, padding) in [(20, 19, 1), (17, 13, 0), (3, 40, 1)] {
        let x = Var::from_tensor(&waves(&[2, batch, channels, height, width], 0.37)).unwrap();
        let weight = Var::from_tensor(&waves(&[2, outputs, channels, 3, 3], 0.83)).unwrap();
        let ours = Conv::new(weight.clone(), None, false, true).stepping(1, padding);
        let ours = ours.forward(x.as_tensor()).unwrap();
        let each = |agent: usize| {
            let (x, weight) = (x.get(agent).unwrap(), weight.get(agent).unwrap());
            x.conv2d(&weight, padding, 1, 1, 1).unwrap()
        };
        let candles = Tensor::stack(&[each(0), each(1)], 0).unwrap();
        assert!(distance(&ours, &candles) < 1e-11);
        let [ours, candles] = [ours, candles].map(|y| y.sqr().unwrap().backward().unwrap());
        for var in [&x, &weight] {
            let distance = distance(ours.get(var).unwrap(), candles.get(var).unwrap());
            assert!(distance < 1e-9, "{height}x{width}: {distance:e}");
        }
    }
}

#[test]
fn an_input_that_needs_no_gradient_gets_none() {
    let weight = Var::from_tensor(&waves(&[1, 2, 1, 3, 3], 0.7)).unwrap();
    let x = Var::from_tensor(&waves(&[1, 2, 1, 4, 4], 0.9)).unwrap();
    let conv = Conv::new(weight.clone(), None, true, false);
    let grads = conv.forward(x.as_tensor()).unwrap().backward().unwrap();
    assert!(grads.get(&x).is_none() && grads.get(&weight).is_some());
}
