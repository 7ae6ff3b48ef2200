//! Every variant of every optimiser against traces from other libraries (tests/fixtures/optimisers.py).

use std::{collections::BTreeMap, fs, path::PathBuf};

use optim::{Clip, EvaluationWeights, Restart, Spec, registry};

/// The updates of the target network: restarts happen before these steps.
const RESTARTS: [usize; 2] = [20, 45];

struct Trace {
    source: String,
    setting: String,
    rows: Vec<Vec<f64>>,
}

fn read(path: &PathBuf) -> (Vec<String>, Vec<Vec<f64>>) {
    let text = fs::read_to_string(path).unwrap();
    let comments = text.lines().filter_map(|line| line.strip_prefix("# "));
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let rows = rows.deserialize().collect::<Result<_, _>>().unwrap();
    (comments.map(String::from).collect(), rows)
}

/// The weights at the start, the gradients, and the trace of each variant.
fn fixtures() -> (Vec<f64>, Vec<Vec<f64>>, BTreeMap<String, Trace>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/optimisers");
    let (_, mut gradients) = read(&folder.join("gradients.csv"));
    let start = gradients.remove(0);
    let mut traces = BTreeMap::new();
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("gradients.csv") {
            continue;
        }
        let (comments, rows) = read(&path);
        let [variant, setting, source] = &comments[..] else {
            panic!("{path:?} has {} comments", comments.len());
        };
        let variant = variant.strip_prefix("variant ").unwrap().to_string();
        let trace = Trace {
            source: source.clone(),
            setting: setting.strip_prefix("setting ").unwrap().to_string(),
            rows,
        };
        assert!(
            traces.insert(variant, trace).is_none(),
            "{path:?} repeats a variant"
        );
    }
    (start, gradients, traces)
}

/// The largest difference of `weights` from the trace at `step`, relative to `size(weight)`.
fn worst(
    trace: &[Vec<f64>],
    step: usize,
    weights: impl Iterator<Item = f64>,
    size: impl Fn(usize) -> f64,
) -> f64 {
    let difference = |(i, w): (usize, f64)| {
        assert!(w.is_finite(), "weight {i} at step {step} is {w}");
        (w - trace[step][i]).abs() / size(i).max(1e-3)
    };
    weights.enumerate().map(difference).fold(0.0, f64::max)
}

#[test]
fn every_variant_follows_its_reference() {
    let (start, gradients, mut traces) = fixtures();
    assert!(gradients.len() >= 50);
    for variant in registry().into_iter().flat_map(|entry| entry.variants) {
        let trace = traces
            .remove(*variant)
            .unwrap_or_else(|| panic!("{variant} has no golden trace"));
        let spec: Spec = trace.setting.parse().unwrap();
        let (rule, lr) = (spec.rule().unwrap(), spec.lr());
        let n = start.len();
        let mut w = start.clone();
        let mut s: Vec<Vec<f64>> = rule.initial().iter().map(|&x| vec![x; n]).collect();
        let mut w32: Vec<f32> = start.iter().map(|&x| x as f32).collect();
        let mut s32: Vec<Vec<f32>> = rule.initial().iter().map(|&x| vec![x as f32; n]).collect();
        let mut t = 0;
        for (step, g) in gradients.iter().enumerate() {
            if RESTARTS.contains(&step) {
                if spec.restart() != Restart::Nothing {
                    t = 0;
                }
                if spec.restart() == Restart::State {
                    for (k, &x) in rule.initial().iter().enumerate() {
                        s[k].fill(x);
                        s32[k].fill(x as f32);
                    }
                }
            }
            t += 1;
            // What looks at all gradients of a step does so before the rule.
            let size = g.iter().map(|g| g.abs()).sum();
            let bounded = spec.bound().map_or(lr, |bound| bound.lr(lr, size));
            let k = rule.scalars(t, bounded);
            let g32: Vec<f32> = g.iter().map(|&x| x as f32).collect();
            rule.update_f64(&k, Clip::NONE, &mut w, g, &mut s, 0..n);
            rule.update_f32(&k, Clip::NONE, &mut w32, &g32, &mut s32, 0..n);
            let now = |i: usize| trace.rows[step][i].abs();
            let error = worst(&trace.rows, step, w.iter().copied(), now);
            assert!(
                error < 1e-12,
                "{variant} leaves {} by {error:e} at step {step}",
                trace.source
            );
            // The weights to evaluate with follow in the same row.
            if let Some(EvaluationWeights { state, factor }) = spec.evaluation() {
                let k = rule.state_names().iter().position(|name| *name == state);
                let s = &s[k.unwrap()];
                let both = w.iter().zip(s).map(|(w, s)| w + factor * s);
                let theirs: Vec<Vec<f64>> =
                    trace.rows.iter().map(|row| row[n..].to_vec()).collect();
                let size = |i: usize| theirs[step][i].abs();
                let error = worst(&theirs, step, both, size);
                assert!(error < 1e-12, "{variant} evaluates {error:e} off at {step}");
            }
            // A weight that has come to near zero from far away carries the rounding of its way.
            let so_far = |i: usize| {
                trace.rows[..=step]
                    .iter()
                    .map(|r| r[i].abs())
                    .fold(0.0, f64::max)
            };
            let error = worst(&trace.rows, step, w32.iter().map(|&x| x.into()), so_far);
            let close = match *variant {
                // By default its least divisor is another in f32, and these gradients are below it; `tensors.rs` has
                // ordinary ones.
                "adafactor" => f64::INFINITY,
                // The weights that it has been to are in its lr.
                prodigy if prodigy.starts_with("prodigy") => 1e-4,
                _ => 1e-5,
            };
            assert!(
                error < close,
                "{variant} in f32 is off by {error:e} at step {step}"
            );
        }
    }
    let unused: Vec<&String> = traces.keys().collect();
    assert!(unused.is_empty(), "traces of no variant: {unused:?}");
}
