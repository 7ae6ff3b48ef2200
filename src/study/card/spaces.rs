//! Which learning rates a card tries.

use optim::Spec;

/// How many learning rates are tried.
pub const LR_STEPS: usize = 5;

/// The middle of the range for rules whose published default is far from what agents need. A rule that is not here is
/// tried around its own default.
const MIDDLES: [(&str, f64); 9] = [
    ("sgd", 3.16e-2),
    ("momentum", 3.16e-3),
    ("nag", 3.16e-3),
    ("rmsprop", 1e-3),
    ("adagrad", 1e-2),
    ("adadelta", 1.0),
    ("adamax", 1e-3),
    ("nadam", 1e-3),
    // A matrix of n rows and columns moves by lr / sqrt(n) in each weight. This range holds both PyTorch's default and
    // the author's.
    ("muon", 1e-2),
];

/// Five learning rates half a decade apart, around `lr`, or else around the middle of the rule's range.
pub fn space(spec: &Spec, lr: Option<f64>) -> Vec<f64> {
    let name = spec.entry().name;
    let own = MIDDLES.iter().find(|(known, _)| *known == name);
    let middle = lr.unwrap_or_else(|| own.map_or_else(|| spec.lr(), |(_, middle)| *middle));
    let exponents = (0..LR_STEPS).map(|i| (i as f64 - (LR_STEPS / 2) as f64) / 2.0);
    exponents
        .map(|x| three_digits(middle * 10f64.powf(x)))
        .collect()
}

/// `x` to three significant digits, which are easier to read than more.
fn three_digits(x: f64) -> f64 {
    format!("{x:.2e}").parse().unwrap_or(x)
}
