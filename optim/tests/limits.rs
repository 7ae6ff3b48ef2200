//! Where one optimiser becomes another, bit for bit, and forms that must be equivalent.

use optim::{AnyRule, Clip, Spec};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEPS: u64 = 200;
/// Two blocks of the driver and a remainder.
const WEIGHTS: usize = 131;

/// A rule at its own learning rate.
struct Built {
    rule: Box<dyn AnyRule>,
    lr: f64,
}

impl Built {
    fn new(spec: &str) -> Self {
        let spec: Spec = spec.parse().unwrap();
        let (rule, lr) = (spec.rule().unwrap(), spec.lr());
        Self { rule, lr }
    }

    fn scalars(&self, t: u64) -> Vec<f64> {
        self.rule.scalars(t, self.lr)
    }

    fn step_f64(&self, t: u64, w: &mut [f64], g: &[f64], s: &mut [Vec<f64>]) {
        let n = w.len();
        self.rule
            .update_f64(&self.scalars(t), Clip::NONE, w, g, s, 0..n);
    }
}

/// The weights after 200 steps on random gradients of very different magnitudes.
fn run_with(built: &Built, scalars: impl Fn(u64) -> Vec<f64>) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut w: Vec<f32> = (0..WEIGHTS).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut s: Vec<Vec<f32>> = built
        .rule
        .initial()
        .iter()
        .map(|&x| vec![x as f32; WEIGHTS])
        .collect();
    for t in 1..=STEPS {
        let g: Vec<f32> = (0..WEIGHTS)
            .map(|i| rng.random_range(-1.0..1.0f32) * 10f32.powi(i as i32 % 7 - 3))
            .collect();
        let k = scalars(t);
        built
            .rule
            .update_f32(&k, Clip::NONE, &mut w, &g, &mut s, 0..WEIGHTS);
    }
    w.iter().map(|x| x.to_bits()).collect()
}

fn run(spec: &str) -> Vec<u32> {
    let built = Built::new(spec);
    run_with(&built, |t| built.scalars(t))
}

#[test]
fn adam_without_beta1_is_rmsprop() {
    assert_eq!(
        run("adam:beta1=0,correct_m=false,correct_v=false,beta2=0.99"),
        run("rmsprop:lr=0.001,decay=0.99")
    );
    assert_eq!(
        run("adam:beta1=0,beta2=0.999"),
        run("rmsprop:lr=0.001,decay=0.999,bias_correction=true")
    );
    assert_eq!(
        run("adam:beta1=0,beta2=0.999,eps_inside=true,eps=0.01"),
        run("rmsprop:lr=0.001,decay=0.999,bias_correction=true,eps_inside=true,eps=0.01")
    );
    assert_ne!(run("adam"), run("adam:beta1=0"));
}

#[test]
fn each_rung_of_the_ladder_is_where_it_says() {
    assert_eq!(run("ladder-2"), run("adam:beta1=0"));
    assert_eq!(run("ladder-4"), run("adam"));
    let rungs = ["ladder-0", "ladder-1", "ladder-2", "ladder-3", "ladder-4"];
    for pair in rungs.windows(2) {
        assert_ne!(run(pair[0]), run(pair[1]), "{pair:?}");
    }
}

#[test]
fn amsgrad_is_adam_while_v_grows() {
    // If the gradient only grows, the largest v is always the current one.
    let trace = |spec: &str| {
        let built = Built::new(spec);
        let (mut w, mut s) = (vec![0.3], vec![vec![0.0]; built.rule.state_names().len()]);
        (1..=STEPS).for_each(|t| built.step_f64(t, &mut w, &[t as f64], &mut s));
        w[0]
    };
    assert_eq!(trace("adam:amsgrad=true"), trace("adam"));
    assert_ne!(run("adam:amsgrad=true"), run("adam"));
}

#[test]
fn no_momentum_is_gradient_descent() {
    let sgd = run("sgd:lr=0.1");
    for spec in [
        "momentum:lr=0.1,momentum=0",
        "momentum:lr=0.1,momentum=0,averaged=true",
        "nag:lr=0.1,momentum=0",
        "nag:lr=0.1,momentum=0,lookahead=true",
        "sgd:lr=0.1,momentum=0",
    ] {
        assert_eq!(run(spec), sgd, "{spec}");
    }
    assert_ne!(run("momentum:lr=0.1"), sgd);
}

#[test]
fn sgd_takes_pytorchs_arguments() {
    assert_eq!(
        run("sgd:momentum=0.9,dampening=0.2"),
        run("momentum:dampening=0.2")
    );
    assert_eq!(run("sgd:momentum=0.9,nesterov=true"), run("nag"));
}

#[test]
fn adamw_without_decay_is_adam() {
    assert_eq!(run("adamw:weight_decay=0"), run("adam"));
}

#[test]
fn adagrad_is_rmsprop_with_weights_one_and_one() {
    let rmsprop = Built::new("rmsprop:lr=0.01,eps=1e-10");
    let names = rmsprop.rule.scalar_names();
    let both_one = |t| {
        let mut k = rmsprop.scalars(t);
        for name in ["decay", "one_minus_decay"] {
            k[names.iter().position(|n| *n == name).unwrap()] = 1.0;
        }
        k
    };
    let adagrad = run("adagrad:lr=0.01,eps=1e-10");
    assert_eq!(run_with(&rmsprop, both_one), adagrad);
}

#[test]
fn averaged_momentum_is_momentum_with_a_smaller_lr() {
    // V = (1 - momentum) b from the same start, in f64 so that rounding does not blur it.
    let trace = |spec: &str| {
        let built = Built::new(spec);
        let (mut w, mut s) = (vec![0.3], vec![vec![0.0]]);
        (1..=STEPS).for_each(|t| {
            let g = [(t as f64).sin()];
            built.step_f64(t, &mut w, &g, &mut s);
        });
        w[0]
    };
    let averaged = trace("momentum:lr=0.01,averaged=true");
    assert!((averaged - trace("momentum:lr=0.001")).abs() < 1e-14);
}

/// A ravine with a bend, and its gradient.
fn gradient([x, y]: [f64; 2]) -> [f64; 2] {
    let bend = y - x * x;
    [2.0 * (x - 1.0) - 40.0 * x * bend, 20.0 * bend]
}

#[test]
fn lookahead_nag_is_the_look_ahead_gradient() {
    let (lr, momentum) = (0.002, 0.9);
    let (mut position, mut velocity) = ([-1.0, 1.5], [0.0; 2]);
    let lookahead = Built::new("nag:lr=0.002,momentum=0.9,lookahead=true");
    let pytorch = Built::new("nag:lr=0.002,momentum=0.9");
    let mut held = [position.to_vec(), position.to_vec()];
    let mut states = [vec![vec![0.0; 2]], vec![vec![0.0; 2]]];
    for t in 1..=STEPS {
        // The definition, with the gradient taken ahead of the weights.
        let ahead = [0, 1].map(|i| position[i] - momentum * velocity[i]);
        let g = gradient(ahead);
        for i in [0, 1] {
            velocity[i] = momentum * velocity[i] + lr * g[i];
            position[i] -= velocity[i];
        }
        for (i, built) in [&lookahead, &pytorch].into_iter().enumerate() {
            let g = gradient([held[i][0], held[i][1]]);
            built.step_f64(t, &mut held[i], &g, &mut states[i]);
        }
        for i in [0, 1] {
            let recovered = held[0][i] + momentum * states[0][0][i];
            assert!((recovered - position[i]).abs() < 1e-11, "step {t}");
            assert!(
                (held[0][i] - held[1][i]).abs() < 1e-11,
                "step {t}: constant lr"
            );
        }
    }
    assert!(
        gradient(position).iter().all(|g| g.abs() < 1.0),
        "it descends"
    );
}
