//! Promises about matrices, for rules that look at a whole tensor.

use super::{CLOSE, STEPS, broken, gradient, start};
use crate::{AnyRule, Clip, Element, Result, Shape};

const SHAPE: Shape = Shape::Matrix {
    rows: 7,
    columns: 4,
};

/// The weights of a matrix after each step, from [`start`] along `g`.
fn path<R: Element>(
    rule: &dyn AnyRule,
    lr: f64,
    shape: Shape,
    g: impl Fn(u64, usize) -> f64,
) -> Vec<Vec<R>> {
    let list = |of: &dyn Fn(usize) -> f64| -> Vec<R> {
        (0..shape.count()).map(|i| R::constant(of(i))).collect()
    };
    let mut w = list(&start);
    let lengths = rule.state_lengths(shape).into_iter();
    let mut states: Vec<Vec<R>> = lengths
        .zip(rule.initial())
        .map(|(length, x)| vec![R::constant(x); length])
        .collect();
    let step = |t| {
        let g = list(&|i| g(t, i));
        let k = rule.scalars(t, lr);
        R::update_tensor(rule, &k, Clip::NONE, (shape, 0), &mut w, &g, &mut states);
        w.clone()
    };
    (1..=STEPS).map(step).collect()
}

pub(super) fn check(variant: &str, rule: &dyn AnyRule, lr: f64) -> Result<()> {
    let exact: Vec<Vec<f64>> = path(rule, lr, SHAPE, gradient);
    if exact != path::<f64>(rule, lr, SHAPE, gradient) {
        return Err(broken(variant, "is not deterministic on matrices"));
    }
    let single: Vec<Vec<f32>> = path(rule, lr, SHAPE, gradient);
    let mut largest = 1e-3f64;
    for (step, (exact, single)) in exact.iter().zip(single).enumerate() {
        largest = exact.iter().fold(largest, |most, w| most.max(w.abs()));
        for (exact, single) in exact.iter().zip(single) {
            let off = (exact - f64::from(single)).abs() / largest;
            // A NaN is not close either.
            if off.is_nan() || off > CLOSE {
                let step = step + 1;
                let why = format!("is off by {off:.1e} in f32 at step {step} of a matrix");
                return Err(broken(variant, &why));
            }
        }
    }
    let zeros: Vec<Vec<f32>> = path(rule, lr, SHAPE, |_, _| 0.0);
    match zeros.iter().flatten().all(|w| w.is_finite()) {
        true => Ok(()),
        false => Err(broken(
            variant,
            "makes a matrix's weight infinite or NaN where all gradients are 0",
        )),
    }
}
