//! Every operation with a backward of its own, against finite differences in f64.

use candle_core::{DType, Device, Tensor, Var};
use optimiser_paradigms::{
    agent::{self, Loss},
    nn::Mlp,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Checks the gradient of `loss` (summed) for every number in `vars`.
fn check(vars: &[Var], loss: impl Fn() -> Tensor) {
    let grads = loss().backward().unwrap();
    let value = || loss().sum_all().unwrap().to_scalar::<f64>().unwrap();
    for (which, var) in vars.iter().enumerate() {
        let grad = grads.get(var).expect("a gradient");
        assert_eq!(grad.dims(), var.dims());
        let grad: Vec<f64> = grad.flatten_all().unwrap().to_vec1().unwrap();
        let start: Vec<f64> = var.flatten_all().unwrap().to_vec1().unwrap();
        assert!(
            grad.iter().any(|g| *g != 0.0),
            "var {which} has no gradient at all"
        );
        for i in 0..start.len() {
            let h = 1e-6;
            let at = |x: f64| {
                let mut moved = start.clone();
                moved[i] = x;
                var.set(&Tensor::from_vec(moved, var.shape(), &Device::Cpu).unwrap())
                    .unwrap();
                value()
            };
            let numeric = (at(start[i] + h) - at(start[i] - h)) / (2.0 * h);
            at(start[i]);
            assert!(
                (grad[i] - numeric).abs() < 1e-7 * (1.0 + numeric.abs()),
                "var {which} [{i}]: {} against {numeric}",
                grad[i]
            );
        }
    }
}

fn streams(agents: u64) -> Vec<ChaCha8Rng> {
    (0..agents).map(ChaCha8Rng::seed_from_u64).collect()
}

#[test]
fn mlp() {
    let net = Mlp::new(&[3, 6, 5, 2], &mut streams(2), DType::F64, &Device::Cpu).unwrap();
    let x: Vec<f64> = (0..2 * 4 * 3).map(|i| (i as f64 * 0.7).sin()).collect();
    let x = Tensor::from_vec(x, (2, 4, 3), &Device::Cpu).unwrap();
    let vars: Vec<Var> = net.parameters().into_iter().map(|p| p.var).collect();
    // A square on top makes the incoming gradient differ from element to element.
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
fn td_loss() {
    let actions = Tensor::new(&[[0u32, 2, 1], [1, 1, 0]], &Device::Cpu).unwrap();
    // Differences on both sides of 1 and -1, where Huber's loss changes its form.
    let targets = Tensor::new(&[[0.1, 3.0, -2.5], [0.4, -0.3, 2.0]], &Device::Cpu).unwrap();
    let q: Vec<f64> = (0..18).map(|i| (i as f64 * 1.3).cos()).collect();
    let q = Var::from_vec(q, (2, 3, 3), &Device::Cpu).unwrap();
    let weights = Tensor::new(&[[0.2, 1.0, 0.7], [0.9, 0.01, 0.4]], &Device::Cpu).unwrap();
    for loss in [Loss::Mse, Loss::Huber] {
        for weights in [None, Some(&weights)] {
            let scaled = || {
                let each = agent::td_loss(q.as_tensor(), &actions, &targets, weights, loss);
                (each.unwrap() * Tensor::new(&[1.0, 3.0], &Device::Cpu).unwrap()).unwrap()
            };
            check(std::slice::from_ref(&q), scaled);
        }
    }
}

#[test]
fn td_loss_with_weights_of_1_is_the_one_without() {
    let device = &Device::Cpu;
    let numbers = |n: usize, k: f32| (0..n).map(|i| (i as f32 * k).sin() * 3.0).collect();
    let q = Var::from_vec(numbers(2 * 50 * 3, 1.3), (2, 50, 3), device).unwrap();
    let targets = Tensor::from_vec(numbers(100, 0.7), (2, 50), device).unwrap();
    let actions = Tensor::from_vec((0..100u32).map(|i| i % 3).collect(), (2, 50), device).unwrap();
    let ones = targets.ones_like().unwrap();
    let halves = (&ones * 0.5).unwrap();
    for loss in [Loss::Mse, Loss::Huber] {
        let bits = |weights: Option<&Tensor>| -> Vec<u32> {
            let each = agent::td_loss(q.as_tensor(), &actions, &targets, weights, loss).unwrap();
            let grads = each.backward().unwrap();
            let all = [each, grads.get(&q).unwrap().flatten_all().unwrap()];
            let all = Tensor::cat(&all, 0).unwrap().to_vec1::<f32>().unwrap();
            all.iter().map(|x| x.to_bits()).collect()
        };
        assert_eq!(bits(None), bits(Some(&ones)));
        assert_ne!(bits(None), bits(Some(&halves)));
    }
    let wrong = targets.narrow(1, 0, 49).unwrap();
    let refused = agent::td_loss(q.as_tensor(), &actions, &targets, Some(&wrong), Loss::Mse);
    assert!(refused.unwrap_err().to_string().contains("do not fit"));
}
