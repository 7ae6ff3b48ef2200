//! Properties that every rule must have.

use candle_core::{Device, Tensor, Var};
use optim::{Clip, Optimiser, Parameter, Spec, registry};

/// Every variant of every optimiser.
fn variants() -> impl Iterator<Item = &'static str> {
    registry()
        .into_iter()
        .flat_map(|entry| entry.variants)
        .copied()
}

fn spec(text: &str) -> Spec {
    text.parse().unwrap()
}

/// The f64 trajectory of `spec` under gradients `g(t, i)`, for 7 weights.
fn trajectory(spec: &Spec, start: &[f64], g: impl Fn(u64, usize) -> f64) -> Vec<f64> {
    let (rule, lr) = (spec.rule().unwrap(), spec.lr());
    let n = start.len();
    let mut w = start.to_vec();
    let mut s: Vec<Vec<f64>> = rule.initial().iter().map(|&x| vec![x; n]).collect();
    for t in 1..=60 {
        let g: Vec<f64> = (0..n).map(|i| g(t, i)).collect();
        rule.update_f64(&rule.scalars(t, lr), Clip::NONE, &mut w, &g, &mut s, 0..n);
    }
    w
}

const START: [f64; 7] = [0.5, -1.0, 0.0, 2.0, -0.25, 1.5, -3.0];

fn wave(t: u64, i: usize) -> f64 {
    ((t * (i as u64 + 2)) as f64 * 0.37).sin() * 10f64.powi(i as i32 - 3)
}

#[test]
fn adaptive_steps_do_not_depend_on_the_gradients_scale() {
    for name in [
        "adam",
        "rmsprop",
        "adagrad",
        "nadam",
        "lion",
        "adamax",
        "radam",
        "adabelief",
        "adan",
        "schedule-free-adamw",
    ] {
        let mut spec = spec(name);
        // Compared with these gradients, the eps is negligible.
        if name != "lion" {
            spec.set("eps", 1e-30).unwrap();
        }
        let at = |scale: f64| trajectory(&spec, &START, |t, i| scale * wave(t, i));
        // RAdam's first steps are those of momentum, so it does depend on the scale. This shows
        // that the test can fail.
        let same = at(1.0)
            .iter()
            .zip(at(1024.0))
            .all(|(a, b)| (a - b).abs() < 1e-12);
        assert_eq!(same, name != "radam", "{name}");
    }
}

#[test]
fn momentum_and_descent_are_linear_in_the_gradient() {
    for name in [
        "sgd:lr=0.1",
        "momentum:lr=0.1,dampening=0.3",
        "nag:lr=0.1",
        "nag:lr=0.1,lookahead=true",
        "momentum:lr=0.1,averaged=true",
    ] {
        let moved = |scale: f64| {
            let end = trajectory(&spec(name), &START, |t, i| scale * wave(t, i));
            end.iter()
                .zip(START)
                .map(|(end, start)| end - start)
                .collect::<Vec<_>>()
        };
        for (once, thrice) in moved(1.0).iter().zip(moved(3.0)) {
            assert!(
                (3.0 * once - thrice).abs() < 1e-9 * (1.0 + thrice.abs()),
                "{name}"
            );
        }
    }
}

#[test]
fn weights_do_not_see_each_other() {
    let turned: Vec<f64> = START.iter().rev().copied().collect();
    for variant in variants().filter(|text| spec(text).rule().unwrap().elementwise()) {
        let forward = trajectory(&spec(variant), &START, wave);
        let mut backward = trajectory(&spec(variant), &turned, |t, i| wave(t, 6 - i));
        backward.reverse();
        assert_eq!(forward, backward, "{variant}");
    }
}

#[test]
fn to_maximise_is_to_minimise_the_negative() {
    for entry in registry() {
        let (up, down) = (
            spec(&format!("{}:maximize=true", entry.name)),
            spec(entry.name),
        );
        let minimised = trajectory(&down, &START, |t, i| -wave(t, i));
        assert_eq!(trajectory(&up, &START, wave), minimised, "{}", entry.name);
    }
}

#[test]
fn every_optimiser_descends() {
    // f(w) = |w|^2 / 2, each from its own lr or one that suits the distance.
    for entry in registry() {
        let mut spec = spec(entry.name);
        if !["sgd", "momentum", "nag", "adadelta"].contains(&entry.name) {
            spec.set("lr", 0.02).unwrap();
        } else if entry.name != "adadelta" {
            spec.set("lr", 0.05).unwrap();
        }
        let (rule, lr) = (spec.rule().unwrap(), spec.lr());
        let mut w = vec![1.0, -0.5];
        let mut s: Vec<Vec<f64>> = rule.initial().iter().map(|&x| vec![x; 2]).collect();
        for t in 1..=3000 {
            let g = w.clone();
            rule.update_f64(&rule.scalars(t, lr), Clip::NONE, &mut w, &g, &mut s, 0..2);
        }
        assert!(
            w.iter().all(|w: &f64| w.abs() < 0.1),
            "{}: {w:?}",
            entry.name
        );
    }
}

#[test]
fn the_momentum_of_a_rule_decays_by_its_beta_and_no_other_state_knows_a_sign() {
    // The states after each of four gradients of one weight.
    let states = |spec: &Spec, gradients: [f64; 4]| -> Vec<Vec<f32>> {
        let var = Var::from_tensor(&Tensor::new(&[0.0], &Device::Cpu).unwrap()).unwrap();
        let parameter = Parameter::new("w", var.clone());
        let mut optimiser = Optimiser::new(std::slice::from_ref(spec), vec![parameter]).unwrap();
        let after = |g: f64| {
            // Not multiplied by a number: candle would leave out a gradient of 0.
            let g = Tensor::new(&[g], &Device::Cpu).unwrap();
            let loss = (var.as_tensor() * g).unwrap();
            optimiser.step(&loss.backward().unwrap()).unwrap();
            let names = optimiser.state_names().iter();
            let one = |name: &&str| optimiser.flat_state(name, 0).unwrap()[0];
            names.map(one).collect()
        };
        gradients.into_iter().map(after).collect()
    };
    let mut with = 0;
    for variant in variants() {
        let mut spec = spec(variant);
        if spec.get("weight_decay").is_some() {
            spec.set("weight_decay", 0.0).unwrap();
        }
        let rule = spec.rule().unwrap();
        if !rule.elementwise() {
            // Its states may be of many kinds, and it may step matrices by one decay and vectors by another.
            continue;
        }
        let names = rule.state_names();
        let momentum = spec.momentum();
        with += u32::from(momentum.is_some());
        let decaying = states(&spec, [1.0, 1.0, 0.0, 0.0]);
        let (up, down) = (
            states(&spec, [1.0, 0.5, 2.0, 1.5]),
            states(&spec, [-1.0, -0.5, -2.0, -1.5]),
        );
        for (k, name) in names.iter().enumerate() {
            match momentum {
                Some(m) if m.state == *name => {
                    let decay = f64::from(decaying[3][k] / decaying[2][k]);
                    assert!((decay - m.beta).abs() < 1e-6, "{variant}: {decay}");
                }
                // Centred RMSprop averages gradients but does not step along the average. At beta1
                // = 0 Adam's m is the last gradient.
                // So are Adan's change of the gradient and its last gradient. Schedule-free rules keep a
                // distance of weights.
                _ if ["a", "d", "last", "u"].contains(name)
                    || (*name == "m" && spec.number("beta1") == Some(0.0)) => {}
                _ => assert_eq!(up[3][k], down[3][k], "{variant}: {name}"),
            }
        }
    }
    assert!(with > 20, "{with}");
    let momentum = |text: &str| spec(text).momentum().map(|m| (m.state, m.beta));
    assert_eq!(momentum("adam:beta1=0"), None);
    assert_eq!(momentum("rmsprop:centered=true"), None);
    assert_eq!(momentum("rmsprop:momentum=0.5"), Some(("b", 0.5)));
    assert_eq!(momentum("sgd:momentum=0.9"), Some(("b", 0.9)));
    assert_eq!(momentum("lion"), Some(("m", 0.99)));
}
