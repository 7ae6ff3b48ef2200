//! What every optimiser promises, as checks for the registered ones and for a rule of your own.
//!
//! ```
//! // In a test of your crate, with your own settings in place of `Adam`:
//! optim::contract::check::<optim::Adam>()?;
//! # Ok::<(), optim::Error>(())
//! ```

mod saved;
mod tensors;

use candle_core::{DType, Device, Tensor, Var};

use crate::{
    AnyRule, Clip, Entry, Error, Optimiser, OptimiserSettings, Parameter, Result, Spec, kernel,
};

const STEPS: u64 = 60;
/// Two blocks of the CPU driver and a remainder.
const WEIGHTS: usize = 131;
/// How far f32 may be from f64, relative to the largest weight so far.
const CLOSE: f64 = 1e-4;

/// Checks the optimiser with the settings `T`, which need not be registered. It must keep these
/// promises:
///
/// - it can be requested by name and has an lr, its defaults and each of its variants make a rule, and
///   an unknown key is refused;
/// - the text of a variant reads back as the same variant;
/// - steps are deterministic and finite, f32 is close to f64, a gradient that is 0 from the start never
///   makes a NaN, and no weight affects another unless the rule looks at whole tensors;
/// - the kernel, which only such a rule may lack, names its scalars and states, and the memory counted is
///   that of the states;
/// - the momentum that it declares is a state and decays as declared, and the weights to evaluate with that it
///   declares can be computed and begin as the weights themselves;
/// - a saved state continues to the bit, both for an agent that trains alone and for one of a cohort,
///   and both train alike.
///
/// # Errors
/// If a promise is broken. The error names the variant and the promise.
pub fn check<T: OptimiserSettings>() -> Result<()> {
    check_entry(Entry::of::<T>())
}

/// [`check`] of an entry, such as one of [`registry`](crate::registry).
///
/// # Errors
/// As [`check`].
pub fn check_entry(entry: &'static Entry) -> Result<()> {
    crate::registry::check(entry)?;
    if entry.variants.is_empty() {
        return Err(broken(entry.name, "has no variants"));
    }
    Spec::of(entry).plain_rule()?;
    for variant in entry.variants {
        let spec = variant_of(entry, variant)?;
        let rule = spec.plain_rule()?;
        check_text(entry, variant, &spec)?;
        check_zero_gradients(variant, &*rule, spec.lr())?;
        check_steps(variant, &*rule, spec.lr())?;
        if !rule.elementwise() {
            tensors::check(variant, &*rule, spec.lr())?;
        }
        check_kernel(variant, &*rule)?;
        check_momentum(variant, &spec)?;
        check_evaluation(variant, &spec)?;
        saved::check(variant, &spec)?;
    }
    Ok(())
}

fn broken(variant: &str, how: &str) -> Error {
    Error::usage(format!("optimiser `{variant}` {how}"))
}

/// Reads a variant of an entry that need not be registered.
fn variant_of(entry: &'static Entry, text: &str) -> Result<Spec> {
    let (name, settings) = text.split_once(':').unwrap_or((text, ""));
    if name != entry.name {
        let why = format!("is listed as a variant of `{}`", entry.name);
        return Err(broken(text, &why));
    }
    let mut spec = Spec::of(entry);
    spec.set_all(settings)?;
    Ok(spec)
}

fn check_text(entry: &'static Entry, variant: &str, spec: &Spec) -> Result<()> {
    let text = spec.to_string();
    if variant_of(entry, &text)? != *spec {
        let why = format!("is written as `{text}`, which reads back as another optimiser");
        return Err(broken(variant, &why));
    }
    let unknown = entry
        .params
        .iter()
        .map(|param| param.name)
        .collect::<String>()
        + "_";
    match spec.clone().set_text(&unknown, "1") {
        Ok(()) => Err(broken(
            variant,
            "takes a value for a key that it does not have",
        )),
        Err(_) => Ok(()),
    }
}

/// Gradients of very different magnitudes, some of them exactly 0.
fn gradient(t: u64, i: usize) -> f64 {
    match i % 11 {
        10 => 0.0,
        _ => ((t * (i as u64 + 2)) as f64 * 0.37).sin() * 10f64.powi(i as i32 % 7 - 3),
    }
}

fn start(i: usize) -> f64 {
    (i as f64 * 0.71).cos()
}

/// The weights numbered `which` after each step, from [`start`] along [`gradient`].
fn path_f64(rule: &dyn AnyRule, lr: f64, which: &[usize]) -> Vec<Vec<f64>> {
    let n = which.len();
    let mut w: Vec<f64> = which.iter().map(|&i| start(i)).collect();
    let mut s: Vec<Vec<f64>> = rule.initial().iter().map(|&x| vec![x; n]).collect();
    let step = |t| {
        let g: Vec<f64> = which.iter().map(|&i| gradient(t, i)).collect();
        rule.update_f64(&rule.scalars(t, lr), Clip::NONE, &mut w, &g, &mut s, 0..n);
        w.clone()
    };
    (1..=STEPS).map(step).collect()
}

/// [`path_f64`] of all weights in f32.
fn path_f32(rule: &dyn AnyRule, lr: f64) -> Vec<Vec<f32>> {
    let mut w: Vec<f32> = (0..WEIGHTS).map(|i| start(i) as f32).collect();
    let initial = rule.initial();
    let mut s: Vec<Vec<f32>> = initial.iter().map(|&x| vec![x as f32; WEIGHTS]).collect();
    let step = |t| {
        let g: Vec<f32> = (0..WEIGHTS).map(|i| gradient(t, i) as f32).collect();
        let k = rule.scalars(t, lr);
        rule.update_f32(&k, Clip::NONE, &mut w, &g, &mut s, 0..WEIGHTS);
        w.clone()
    };
    (1..=STEPS).map(step).collect()
}

fn check_steps(variant: &str, rule: &dyn AnyRule, lr: f64) -> Result<()> {
    let all: Vec<usize> = (0..WEIGHTS).collect();
    let path = path_f64(rule, lr, &all);
    if path != path_f64(rule, lr, &all) {
        return Err(broken(variant, "is not deterministic"));
    }
    if path.iter().flatten().any(|w| !w.is_finite()) {
        return Err(broken(
            variant,
            "makes a weight infinite or NaN; some of the gradients are 0",
        ));
    }
    let separate = [0, 10, WEIGHTS - 1].into_iter();
    for i in separate.filter(|_| rule.elementwise()) {
        let alone = path_f64(rule, lr, &[i]);
        if path.iter().zip(&alone).any(|(all, one)| all[i] != one[0]) {
            return Err(broken(variant, "steps a weight differently beside others"));
        }
    }
    let mut largest = vec![1e-3; WEIGHTS];
    for (step, (exact, single)) in path.iter().zip(path_f32(rule, lr)).enumerate() {
        for (i, (exact, single)) in exact.iter().zip(single).enumerate() {
            largest[i] = exact.abs().max(largest[i]);
            let off = (exact - f64::from(single)).abs() / largest[i];
            // A NaN is not close either.
            if off.is_nan() || off > CLOSE {
                let why = format!("is off by {off:.1e} in f32 at step {}", step + 1);
                return Err(broken(variant, &why));
            }
        }
    }
    Ok(())
}

/// Weights whose gradient is 0 from the start, one of them 0 itself, in f32.
fn check_zero_gradients(variant: &str, rule: &dyn AnyRule, lr: f64) -> Result<()> {
    let mut w = [0.0f32, 1.0, -1.0];
    let n = w.len();
    let mut s: Vec<Vec<f32>> = rule.initial().iter().map(|&x| vec![x as f32; n]).collect();
    for t in 1..=STEPS {
        let k = rule.scalars(t, lr);
        rule.update_f32(&k, Clip::NONE, &mut w, &[0.0; 3], &mut s, 0..n);
        if let Some(w) = w.iter().find(|w| !w.is_finite()) {
            let why = format!("makes a weight {w} at step {t} of gradients that are all 0");
            return Err(broken(variant, &why));
        }
    }
    Ok(())
}

fn check_kernel(variant: &str, rule: &dyn AnyRule) -> Result<()> {
    let Some(text) = rule.kernel() else {
        return match rule.elementwise() {
            true => Err(broken(
                variant,
                "steps each weight by itself and has no kernel",
            )),
            false => Ok(()),
        };
    };
    let has = |array: &str, names: &[&'static str]| {
        let mut names = names.iter().enumerate();
        names.all(|(i, name)| text.contains(&format!("{array}[{i}] {name}")))
    };
    let complete = has("k", &rule.scalar_names()) && has("s", rule.state_names());
    match complete && text.contains(kernel::NAME) {
        true => Ok(()),
        false => Err(broken(
            variant,
            "has a kernel that does not name all its scalars and states",
        )),
    }
}

/// An optimiser of one weight, and the weight.
fn of_one_weight(spec: &Spec) -> Result<(Optimiser, Var)> {
    let var = Var::zeros(1, DType::F64, &Device::Cpu)?;
    let parameter = Parameter::new("weight", var.clone());
    Ok((
        Optimiser::new(std::slice::from_ref(spec), vec![parameter])?,
        var,
    ))
}

fn check_evaluation(variant: &str, spec: &Spec) -> Result<()> {
    let (optimiser, var) = of_one_weight(spec)?;
    let weights = optimiser.evaluation_weights();
    let weights =
        weights.map_err(|error| broken(variant, &format!("fails to evaluate: {error}")))?;
    for weights in weights.iter().flatten() {
        if weights.to_vec1::<f64>()? != var.to_vec1::<f64>()? {
            let why = "has other weights to evaluate with before its first step";
            return Err(broken(variant, why));
        }
    }
    Ok(())
}

fn check_momentum(variant: &str, spec: &Spec) -> Result<()> {
    let Some(momentum) = spec.momentum() else {
        return Ok(());
    };
    // A weight with two non-zero gradients and no penalty; ADOPT does not step along the first.
    let mut spec = spec.clone();
    if spec.get("weight_decay").is_some() {
        spec.set("weight_decay", 0.0)?;
    }
    let (mut optimiser, var) = of_one_weight(&spec)?;
    let mut states = Vec::new();
    for g in [1.0, 1.0, 0.0, 0.0] {
        // Not multiplied by a number: candle would leave out a gradient of 0.
        let loss = (var.as_tensor() * Tensor::new(&[g], &Device::Cpu)?)?;
        optimiser.step(&loss.backward()?)?;
        states.push(f64::from(optimiser.flat_state(momentum.state, 0)?[0]));
    }
    let decay = states[3] / states[2];
    match (decay - momentum.beta).abs() < 1e-5 {
        true => Ok(()),
        false => {
            let why = format!(
                "declares that momentum `{}` decays by {}, and it decays by {decay}",
                momentum.state, momentum.beta
            );
            Err(broken(variant, &why))
        }
    }
}
