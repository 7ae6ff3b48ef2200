//! Where optimisers elsewhere went wrong unseen: late steps, whose count an f32 cannot hold, and gradients of zero.

use optim::{AnyRule, Clip, Schedule, Spec, registry};

const WEIGHTS: usize = 37;
/// The first whole number after which f32 has gaps.
const GAP: u64 = 1 << 24;

/// Every variant of every registered rule.
fn variants() -> Vec<&'static str> {
    let all = registry().into_iter().flat_map(|entry| entry.variants);
    all.copied().collect()
}

fn spec(text: &str) -> Spec {
    text.parse().unwrap()
}

fn initial(rule: &dyn AnyRule) -> Vec<Vec<f32>> {
    let states = rule.initial();
    states.iter().map(|x| vec![*x as f32; WEIGHTS]).collect()
}

/// The step of a rule at `t` on a gradient of ones, from states that are their own averages: where they have settled.
fn late_steps<const N: usize>(rule: &dyn AnyRule, lr: f64, late: [u64; N]) -> [f32; N] {
    let (mut w, mut states) = (vec![0.0; WEIGHTS], initial(rule));
    let ones = vec![1.0; WEIGHTS];
    for earlier in 1..=2000 {
        let k = rule.scalars(earlier, lr);
        rule.update_f32(&k, Clip::NONE, &mut w, &ones, &mut states, 0..WEIGHTS);
    }
    late.map(|t| {
        w.fill(0.0);
        let k = rule.scalars(t, lr);
        rule.update_f32(&k, Clip::NONE, &mut w, &ones, &mut states, 0..WEIGHTS);
        assert!(w.iter().all(|x| x.to_bits() == w[0].to_bits()));
        w[0]
    })
}

#[test]
fn steps_beyond_2_to_the_24_are_those_of_a_long_run() {
    for text in variants() {
        let spec = spec(text);
        let (rule, lr) = (spec.rule().unwrap(), spec.lr());
        let late = [GAP - 1, GAP, GAP + 1, GAP + 101];
        // On a slope without an end Prodigy estimates an infinite distance.
        if text.starts_with("prodigy") {
            continue;
        }
        let steps = late_steps(rule.as_ref(), lr, late);
        let all = late.map(|t| rule.scalars(t, lr));
        for ((t, step), scalars) in late.into_iter().zip(steps).zip(&all) {
            assert!(
                scalars.iter().all(|x| x.is_finite()),
                "{text} at {t}: {scalars:?}"
            );
            assert!(step.is_finite(), "{text} at {t}: {step}");
        }
        // Nothing jumps where f32 would begin to skip steps.
        let [_, before, after, _] = &all;
        for (a, b) in before.iter().zip(after) {
            assert!((a - b).abs() <= 1e-6 * a.abs(), "{text}: {a} and {b}");
        }
    }
}

#[test]
fn corrections_have_ended_and_decays_go_on() {
    // A gradient that stays 1 moves a weight by lr once all is settled, at step 2^24 + 1 as at 10,000.
    for text in ["adam", "adamax", "radam", "adam:amsgrad=true"] {
        let spec = spec(text);
        let (rule, lr) = (spec.rule().unwrap(), spec.lr());
        let [early, late] = late_steps(rule.as_ref(), lr, [10_000, GAP + 1]);
        assert!((f64::from(late) / lr + 1.0).abs() < 0.1, "{text}: {late}");
        assert!((early / late - 1.0).abs() < 0.1, "{text}: {early}, {late}");
    }
    // lr / (1 + (t - 1) lr_decay) still falls from one step to the next.
    let adagrad = spec("adagrad:lr_decay=0.001");
    let (rule, lr) = (adagrad.rule().unwrap(), adagrad.lr());
    assert_ne!(rule.scalars(GAP, lr), rule.scalars(GAP + 1, lr));
    let linear: Schedule = "linear".parse().unwrap();
    let steps = 4 * GAP;
    for t in [GAP, 2 * GAP + 2, 3 * GAP] {
        assert!(linear.factor(t, steps) > linear.factor(t + 1, steps), "{t}");
    }
}

#[test]
fn weight_decay_alone_shrinks_weights_and_nothing_else_moves_them() {
    let zeros = vec![0.0; WEIGHTS];
    let start: Vec<f32> = (0..WEIGHTS).map(|i| i as f32 / 7.0 - 2.0).collect();
    let after = |spec: &Spec, steps: u64| {
        let rule = spec.rule().unwrap();
        let (mut w, mut states) = (start.clone(), initial(rule.as_ref()));
        for t in 1..=steps {
            let k = rule.scalars(t, spec.lr());
            rule.update_f32(&k, Clip::NONE, &mut w, &zeros, &mut states, 0..WEIGHTS);
        }
        w
    };
    for text in variants() {
        let mut spec = spec(text);
        // Muon has a second one, of what is no matrix.
        let mut set = |decay: f64| {
            for key in ["weight_decay", "adamw_weight_decay"] {
                if spec.get(key).is_some() {
                    spec.set(key, decay).unwrap();
                }
            }
            spec.clone()
        };
        // Prodigy's lr is a millionth until there are gradients to estimate it from.
        if set(0.0).get("weight_decay").is_none() || text.starts_with("prodigy") {
            continue;
        }
        let ascends = text.contains("maximize=true");
        for (a, b) in start.iter().zip(after(&set(0.0), 20)) {
            assert_eq!(*a, b, "{text} without decay moves a weight");
        }
        for (a, b) in start.iter().zip(after(&set(0.01), 20)) {
            assert!(b.is_finite(), "{text}: {a} becomes {b}");
            // Adaptive rules move a small weight past 0 and back.
            if a.abs() > 1.0 && !ascends {
                assert!(b.abs() < a.abs(), "{text}: {a} becomes {b}");
            }
        }
    }
    // One step by the formula: decoupled, and as a gradient.
    for (text, factor) in [
        ("adamw:lr=0.1,weight_decay=0.5", 1.0 - 0.1 * 0.5),
        ("lion:lr=0.1,weight_decay=0.5", 1.0 - 0.1 * 0.5),
        ("sgd:lr=0.1,weight_decay=0.5", 1.0 - 0.1 * 0.5),
        ("momentum:lr=0.1,weight_decay=0.5", 1.0 - 0.1 * 0.5),
    ] {
        for (a, b) in start.iter().zip(after(&spec(text), 1)) {
            assert!((b - a * factor).abs() <= 1e-6, "{text}: {a} becomes {b}");
        }
    }
}
