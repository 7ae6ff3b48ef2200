//! Whether hyper-parameters, each within its own range, can be computed with in f32.

use settings::{Allowed, Value};

use crate::{AnyRule, Clip, Entry, Error, Result, Shape, Spec};

impl Spec {
    /// The rule with these values; an error if they contradict each other, or if f32 cannot compute with them.
    pub fn rule(&self) -> Result<Box<dyn AnyRule>> {
        let rule = self.plain_rule()?;
        check(self, rule.as_ref())?;
        Ok(rule)
    }
}

/// Steps at which a rule is tried: the first ones, when corrections are largest and RAdam changes its formula, and later
/// ones. They are few and early, because the scalars of NAdam's step `t` take `t` multiplications.
fn tried() -> impl Iterator<Item = u64> {
    (1..=30).chain([100, 300])
}

/// Gradients that any setting must be able to step along from a weight of 0: none, a small one, one of ordinary
/// size.
const GRADIENTS: [f32; 3] = [0.0, 1e-3, 1.0];

/// An error for the first number of `spec` that f32 does not have, and for numbers that together make a rule's first
/// step along an ordinary gradient something that is no finite number. It names the range that is allowed.
fn check(spec: &Spec, rule: &dyn AnyRule) -> Result<()> {
    for param in spec.entry().params {
        let is_number = matches!(param.allowed, Allowed::Number(_));
        let value = spec.number(param.name).filter(|_| is_number);
        if let Some(value) = value
            && !fits_f32(value)
        {
            return Err(Error::usage(format!(
                "{}: {} = {} is {} in f32; allowed: 0, or numbers from {:e} to {:e} in size, within its range",
                spec.entry().name,
                param.name,
                Value::Number(value),
                value as f32,
                f32::MIN_POSITIVE,
                f32::MAX,
            )));
        }
    }
    if steps_are_finite(rule, spec.lr()) {
        return Ok(());
    }
    let healing: Vec<String> = spec
        .entry()
        .params
        .iter()
        .filter_map(|param| healed(spec, param.name))
        .collect();
    Err(Error::usage(format!(
        "optimiser `{spec}`: its first step along a gradient of 0, 0.001 or 1 is not a finite number in f32; allowed: {}",
        match healing.is_empty() {
            true => format!("values closer to the defaults of {}", spec.entry().name),
            false => healing.join(", or "),
        }
    )))
}

/// Whether f32 has `value`, at the precision that it has everywhere.
fn fits_f32(value: f64) -> bool {
    let least = f64::from(f32::MIN_POSITIVE);
    value == 0.0 || (least..=f64::from(f32::MAX)).contains(&value.abs())
}

/// Whether all scalars of a step, the states' initial values, and what the first step makes of them are finite.
fn steps_are_finite(rule: &dyn AnyRule, lr: f64) -> bool {
    let initial: Vec<f32> = rule.initial().iter().map(|x| *x as f32).collect();
    let is_finite = |values: &[f32]| values.iter().all(|x| x.is_finite());
    is_finite(&initial)
        && tried().all(|t| {
            let scalars = rule.scalars(t, lr);
            let mut weights = [0.0; GRADIENTS.len()];
            let mut states: Vec<Vec<f32>> =
                initial.iter().map(|x| vec![*x; GRADIENTS.len()]).collect();
            rule.update_f32(
                &scalars,
                Clip::NONE,
                &mut weights,
                &GRADIENTS,
                &mut states,
                0..GRADIENTS.len(),
            );
            scalars.iter().all(|x| (*x as f32).is_finite())
                && is_finite(&weights)
                && states.iter().all(|state| is_finite(state))
                && (rule.elementwise() || matrix_is_finite(rule, &scalars))
        })
}

/// Whether the first step of a matrix, along the same gradients, leaves finite numbers.
fn matrix_is_finite(rule: &dyn AnyRule, scalars: &[f64]) -> bool {
    let shape = Shape::Matrix {
        rows: 2,
        columns: 3,
    };
    let lengths = rule.state_lengths(shape).into_iter();
    let mut states: Vec<Vec<f32>> = lengths
        .zip(rule.initial())
        .map(|(length, x)| vec![x as f32; length])
        .collect();
    let [none, small, ordinary] = GRADIENTS;
    let g = [none, small, ordinary, ordinary, none, small];
    let mut w = [0.0; 6];
    rule.update_tensor_f32(scalars, Clip::NONE, (shape, 0), &mut w, &g, &mut states);
    w.iter()
        .chain(states.iter().flatten())
        .all(|x| x.is_finite())
}

/// The range of `key` in which the rest of `spec` can be computed with, if the default of `key` is in it and its
/// value is not.
fn healed(spec: &Spec, key: &str) -> Option<String> {
    let entry: &'static Entry = spec.entry();
    let (value, default) = (spec.number(key)?, Spec::of(entry).number(key)?);
    let works = |value: f64| {
        let mut changed = spec.clone();
        let rule = changed
            .set(key, value)
            .is_ok()
            .then(|| changed.plain_rule());
        rule.and_then(std::result::Result::ok)
            .is_some_and(|rule| steps_are_finite(rule.as_ref(), changed.lr()))
    };
    // Below 0 a larger number is not a larger size.
    if value == default || default < 0.0 || value < 0.0 || !works(default) {
        return None;
    }
    if default == 0.0 || value == 0.0 {
        return Some(format!("{key} = {}", Value::Number(default)));
    }
    // The bound lies between the two; to the next power of ten is close enough for a person.
    let tens = |x: f64| x.abs().log10();
    let upwards = tens(value) > tens(default);
    let (mut good, mut bad) = match upwards {
        true => (tens(default).ceil(), tens(value).ceil()),
        false => (tens(default).floor(), tens(value).floor()),
    };
    while (bad - good).abs() > 1.0 {
        let middle = ((good + bad) / 2.0).trunc();
        match works(10_f64.powf(middle)) {
            true => good = middle,
            false => bad = middle,
        }
    }
    let bound = Value::Number(format!("1e{good}").parse().ok()?);
    Some(match upwards {
        true => format!("{key} <= {bound}"),
        false => format!("{key} >= {bound}"),
    })
}
