//! Hyper-parameters that are accepted can be computed with in f32, however extreme they are.

use optim::{Clip, Spec, Value, registry};
use settings::Allowed;

/// Numbers at the ends of what f64, f32 and the bounds of settings have.
const EXTREMES: [f64; 11] = [
    0.0, 1e-46, 1e-38, 1e-37, 1e-20, 0.5, 0.999_999, 40.0, 1e19, 1e38, 1e39,
];

/// What a rule makes of a weight of 0 and a fresh state in a step of number `t`, along each of these gradients.
fn first_steps(spec: &Spec, t: u64) -> (Vec<f32>, Vec<f32>) {
    let rule = spec.rule().unwrap();
    let g = [0.0, 1e-3, -1.0];
    let mut w = [0.0; 3];
    let initial = rule.initial();
    let mut states: Vec<Vec<f32>> = initial.iter().map(|x| vec![*x as f32; 3]).collect();
    let k = rule.scalars(t, spec.lr());
    rule.update_f32(&k, Clip::NONE, &mut w, &g, &mut states, 0..3);
    (w.to_vec(), states.concat())
}

#[test]
fn what_is_accepted_steps_to_finite_weights() {
    let (mut accepted, mut refused) = (0, 0);
    for entry in registry() {
        let numbers = entry.params.iter();
        let numbers = numbers.filter(|param| matches!(param.allowed, Allowed::Number(_)));
        let keys: Vec<&str> = numbers.map(|param| param.name).collect();
        for (number, text) in entry.variants.iter().enumerate() {
            for (i, first) in keys.iter().enumerate() {
                for second in &keys[i..] {
                    // Every pair of keys in an optimiser's plain form, every key with lr in the others.
                    if number > 0 && *first != "lr" {
                        continue;
                    }
                    for a in EXTREMES {
                        for b in EXTREMES {
                            let mut spec: Spec = text.parse().unwrap();
                            let set = spec.set(first, a).and_then(|()| spec.set(second, b));
                            if set.is_err() {
                                continue;
                            }
                            match spec.rule() {
                                Err(error) => {
                                    refused += 1;
                                    let why = error.to_string();
                                    let words = ["allowed", "choose", "leave", "momentum > 0"];
                                    let helps = words.iter().any(|word| why.contains(word));
                                    assert!(helps, "{why}");
                                }
                                Ok(_) => {
                                    accepted += 1;
                                    for t in [1, 2, 7, 20, 300] {
                                        let (w, states) = first_steps(&spec, t);
                                        let all = w.iter().chain(&states);
                                        assert!(
                                            all.clone().all(|x| x.is_finite()),
                                            "{spec} at {t}: {w:?} {states:?}"
                                        );
                                    }
                                    // Nothing is no number later either, where there is nothing to step along.
                                    let (w, states) = first_steps(&spec, 5_000);
                                    let still = states.iter().step_by(3).all(|x| x.is_finite());
                                    assert!(w[0].is_finite() && still, "{spec}: {w:?}");
                                    for param in entry.params {
                                        let value = spec.number(param.name);
                                        let lost =
                                            value.is_some_and(|x| x != 0.0 && x as f32 == 0.0);
                                        assert!(!lost, "{spec}: {} is 0 in f32", param.name);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(
        accepted > 10_000 && refused > 10_000,
        "{accepted} {refused}"
    );
}

#[test]
fn the_allowed_range_is_named_and_works() {
    let refused = |text: &str| {
        let spec: Spec = text.parse().unwrap();
        spec.rule().err().map(|error| error.to_string())
    };
    for (text, words) in [
        ("radam:eps=1e-37,lr=40", "allowed: lr / eps <= 3.4028235e38"),
        (
            "sgd:lr=1e39",
            "sgd: lr = 1e39 is inf in f32; allowed: 0, or numbers from",
        ),
        ("adam:lr=1e-46", "adam: lr = 1e-46 is 0 in f32"),
        ("rmsprop:v0=1e300", "v0 = 1e300 is inf in f32"),
        (
            "adamw:lr=1e20,weight_decay=1e20",
            "allowed: lr <= 1e18, or weight_decay <= 1e18",
        ),
        ("rmsprop:lr=1e38", "allowed: lr <= 1e37"),
    ] {
        let error = refused(text).unwrap_or_default();
        assert!(error.contains(words), "{text}: {error}");
    }
    for text in [
        "radam:eps=1e-37",
        "radam:eps=1e-37,lr=1",
        "radam:eps=1e-36,lr=40",
        "rmsprop:lr=1e37",
        "sgd:lr=0",
        "adam:lr=1e10",
        "rmsprop:momentum=0.999999,v0=1e30",
        "obgd:kappa=0",
    ] {
        assert_eq!(refused(text), None, "{text}");
    }
    let typed: Spec = optim::Adam {
        lr: 1e39,
        ..optim::Adam::default()
    }
    .into();
    assert!(typed.rule().is_err());
    assert_eq!(typed.get("lr"), Some(Value::Number(1e39)));
}
