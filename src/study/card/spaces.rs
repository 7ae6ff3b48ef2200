//! Which learning rates a card tries.

use optim::Spec;

/// How many learning rates are tried. They span three decades.
pub const LR_STEPS: usize = 7;

/// The middle of the range for optimisers whose published default is far from what agents need. It lies within half a
/// decade of the median of the learning rates that did best on the tuning seeds of an earlier card, which tried five.
/// An optimiser that is not here is tried around its own default, and a variant that is not here around its rule's middle.
const MIDDLES: [(&str, f64); 14] = [
    ("sgd", 3.16e-2),
    ("momentum", 3.16e-3),
    ("nag", 3.16e-3),
    ("rmsprop", 1e-3),
    ("rmsprop:momentum=0.9", 3.16e-4),
    ("adagrad", 1e-2),
    ("adadelta", 1.0),
    ("adamax", 3.16e-3),
    ("nadam", 1e-3),
    ("lion", 3.16e-4),
    // A matrix of n rows and columns moves by lr / sqrt(n) in each weight. This range holds both PyTorch's default and
    // the author's.
    ("muon", 1e-2),
    ("obgd", 1e-1),
    ("prodigy", 1e-1),
    ("schedule-free-sgd", 3.16e-1),
];

/// The learning rates that are tried for an optimiser, half a decade apart around `lr`, or else around its own middle.
pub fn space(spec: &Spec, lr: Option<f64>) -> Vec<f64> {
    let stated = |name: &str| MIDDLES.iter().find(|(known, _)| *known == name);
    let own = stated(&spec.to_string()).or_else(|| stated(spec.entry().name));
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
