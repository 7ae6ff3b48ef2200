//! Gradients against finite differences in f64.

use candle_core::{Device, Tensor, Var, backprop::GradStore};

/// Checks the gradient of `loss` (summed) for every number in `vars`.
pub fn check(vars: &[Var], loss: impl Fn() -> Tensor) {
    check_grads(vars, &loss().backward().unwrap(), loss);
}

/// [`check`] of gradients that are given.
pub fn check_grads(vars: &[Var], grads: &GradStore, loss: impl Fn() -> Tensor) {
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
