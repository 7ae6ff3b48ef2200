//! Updates on recorded transitions against PyTorch in f64 (tests/fixtures/order_updates.py), in f64 and in f32; and
//! bootstrapped learning on a chain whose values are known.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, safetensors};
use optimiser_paradigms::{
    algorithm::dqn::Loss,
    nn::{Activation, Architecture, single::Number},
    run::order::{Rules, Transitions, ValueLearner},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

struct Case {
    name: &'static str,
    batch: usize,
    loss: Loss,
    target_every: Option<u64>,
    optimiser: &'static str,
}

const ADAM: &str = "adam:lr=3e-3";
const MOMENTUM: &str = "sgd:lr=1e-2,momentum=0.9";

const CASES: [Case; 5] = [
    case("fixed", 1, Loss::Mse, None, ADAM),
    case("fixed_batch", 7, Loss::Huber, None, MOMENTUM),
    case("bootstrapped", 1, Loss::Mse, Some(1), MOMENTUM),
    case("target", 1, Loss::Huber, Some(5), ADAM),
    case("target_batch", 7, Loss::Mse, Some(3), ADAM),
];

const fn case(
    name: &'static str,
    batch: usize,
    loss: Loss,
    target_every: Option<u64>,
    optimiser: &'static str,
) -> Case {
    Case {
        name,
        batch,
        loss,
        target_every,
        optimiser,
    }
}

type Fixture = HashMap<String, Tensor>;

fn fixture() -> Fixture {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/order_updates.safetensors"
    );
    safetensors::load(path, &Device::Cpu).unwrap()
}

fn floats(fixture: &Fixture, name: &str) -> Vec<f64> {
    let tensor = fixture[name].to_dtype(DType::F64).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn transitions(fixture: &Fixture) -> Transitions {
    let whole = |name: &str| floats(fixture, name).into_iter().map(|x| x as u32);
    let single = |name: &str| {
        floats(fixture, name)
            .into_iter()
            .map(|x| x as f32)
            .collect()
    };
    Transitions {
        obs_len: 5,
        obs: single("obs"),
        next_obs: single("next_obs"),
        actions: whole("actions").collect(),
        rewards: single("rewards"),
        terminated: whole("terminated").map(|x| x == 1).collect(),
        next_actions: whole("next_actions").collect(),
        values: floats(fixture, "values"),
    }
}

fn architecture(inputs: usize, hidden: &[usize], outputs: usize) -> Architecture {
    Architecture {
        observation: vec![inputs],
        conv: Vec::new(),
        hidden: hidden.to_vec(),
        activation: Activation::Relu,
        outputs,
        dueling: false,
    }
}

/// The largest relative distance from the fixture's losses and weights.
fn distance<T: Number>(case: &Case) -> f64 {
    let fixture = fixture();
    let all = transitions(&fixture);
    let rules = Rules {
        gamma: 0.9,
        loss: case.loss,
        target_every: case.target_every,
    };
    let init = &mut ChaCha8Rng::seed_from_u64(0);
    let optimiser = case.optimiser.parse().unwrap();
    let net = architecture(5, &[12, 7], 3);
    let mut learner = ValueLearner::<T>::new(rules, &net, &optimiser, init).unwrap();
    let weights = floats(&fixture, "weights").into_iter().map(T::from_f64);
    learner.set_weights(&weights.collect::<Vec<T>>());
    let rows: Vec<u32> = (0..all.len() as u32).collect();
    let mut found = Vec::new();
    for rows in rows.chunks(case.batch) {
        let taught = learner.look(&all, rows, None);
        found.push(taught.loss);
        learner.learn(&taught);
    }
    let mut expected = floats(&fixture, &format!("{}.losses", case.name));
    assert_eq!(found.len(), expected.len());
    found.extend(learner.weights().iter().map(|w| w.to_f64()));
    expected.extend(floats(&fixture, &format!("{}.weights", case.name)));
    assert_eq!(found.len(), expected.len());
    let apart = found
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    apart.fold(0.0, f64::max)
}

#[test]
fn updates_are_pytorchs() {
    for case in &CASES {
        let (double, single) = (distance::<f64>(case), distance::<f32>(case));
        // Measured: at most 3e-15 and 4e-6.
        assert!(double < 1e-12, "{}: {double:e} in f64", case.name);
        assert!(single < 1e-4, "{}: {single:e} in f32", case.name);
    }
}

/// Three states in a row, seen as one-hot vectors. Action 0 stays and costs 1, action 1 goes on and gives 1; the third
/// state ends with action 1. One time that the first state was left, the episode was truncated, which is no end.
fn chain(gamma: f64) -> (Transitions, Vec<f64>) {
    let mut all = Transitions {
        obs_len: 3,
        ..Transitions::default()
    };
    let one_hot = |state: usize| (0..3).map(move |i| f32::from(u8::from(i == state)));
    for state in 0..3 {
        for action in 0..2 {
            all.obs.extend(one_hot(state));
            all.next_obs.extend(one_hot(2.min(state + action)));
            all.actions.push(action as u32);
            all.rewards.push(if action == 1 { 1.0 } else { -1.0 });
            all.terminated.push(state == 2 && action == 1);
            // The policy always goes on.
            all.next_actions.push(1);
        }
    }
    // Of going on from the last state, from the one before it and from the first.
    let on = [1.0 + gamma + gamma * gamma, 1.0 + gamma, 1.0];
    let exact = on
        .into_iter()
        .flat_map(|value| [gamma * value - 1.0, value]);
    (all, exact.collect())
}

#[test]
fn bootstrapped_learning_finds_the_values_of_a_chain() {
    for target_every in [1, 20] {
        let gamma = 0.9;
        let (all, exact) = chain(gamma);
        let rules = Rules {
            gamma,
            loss: Loss::Mse,
            target_every: Some(target_every),
        };
        let init = &mut ChaCha8Rng::seed_from_u64(5);
        let optimiser = "sgd:lr=0.05".parse().unwrap();
        let net = architecture(3, &[], 2);
        let mut learner = ValueLearner::<f64>::new(rules, &net, &optimiser, init).unwrap();
        for update in 0..40_000 {
            let taught = learner.look(&all, &[update % 6], None);
            learner.learn(&taught);
        }
        for (row, exact) in exact.iter().enumerate() {
            let found = learner.value(&all, row);
            assert!(
                (found - exact).abs() < 1e-6,
                "{target_every}, {row}: {found}, {exact}"
            );
        }
    }
}
