//! Two hundred A2C updates from given weights on given rollouts against PyTorch in f64
//! (tests/fixtures/a2c_updates.py), computed in f64 and in f32.

#[path = "common/larger.rs"]
mod larger;
#[path = "common/numbers.rs"]
mod numbers;

use std::{collections::HashMap, path::PathBuf};

use candle_core::{DType, Device, Tensor, safetensors};
use larger::larger;
use numbers::{Numbers, initialise};
use optim::Parameter;
use optimiser_paradigms::{
    algorithm::{
        Convs, Experience, Hidden,
        a2c::{A2c, A2cConfig, Rollout},
    },
    nn::Activation,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 2;
const UPDATES: usize = 200;
/// Updates from loss to loss of the fixture.
const EVERY: usize = 10;
const STEPS: usize = 5;
const ENVS: usize = 4;
const ACTIONS: u32 = 3;

/// What is learned, and by what optimiser.
#[derive(Clone)]
struct Case {
    name: &'static str,
    optimiser: &'static str,
    config: A2cConfig,
    observation: &'static [usize],
}

const RMSPROP: &str = "rmsprop:lr=7e-4,eps=1e-5";

fn sb3() -> Case {
    Case {
        name: "sb3",
        optimiser: RMSPROP,
        config: A2cConfig {
            n_envs: ENVS,
            n_steps: STEPS,
            hidden: Hidden(vec![24, 16]),
            ..A2cConfig::sb3()
        },
        observation: &[4],
    }
}

fn cases() -> Vec<Case> {
    let config = sb3().config;
    vec![
        sb3(),
        Case {
            name: "gae",
            optimiser: "adam:lr=1e-3",
            config: A2cConfig {
                gae_lambda: 0.8,
                gamma: 0.9,
                ent_coef: 0.01,
                normalize_advantage: true,
                lr_schedule: "linear".parse().unwrap(),
                ..config.clone()
            },
            ..sb3()
        },
        Case {
            name: "shared",
            config: A2cConfig {
                shared: true,
                ent_coef: 0.02,
                max_grad_norm: 0.0,
                ..config.clone()
            },
            ..sb3()
        },
        Case {
            name: "minatar",
            config: A2cConfig {
                shared: true,
                conv: Convs(vec!["4x3".parse().unwrap()]),
                hidden: Hidden(vec![16]),
                activation: Activation::Relu,
                ent_coef: 0.01,
                vf_coef: 0.25,
                ..config
            },
            observation: &[4, 10, 10],
            ..sb3()
        },
    ]
}

impl Case {
    fn rollout(&self, numbers: &mut Numbers) -> Rollout {
        let obs_len = self.observation.iter().product();
        let mut rollout = Rollout::new(1, ENVS, STEPS, obs_len);
        let observe = |numbers: &mut Numbers| -> Vec<f32> {
            let observed = |_| match self.config.conv.0.is_empty() {
                true => numbers.uniform() as f32,
                false => f32::from(u8::from(numbers.draw().is_multiple_of(8))),
            };
            (0..obs_len).map(observed).collect()
        };
        for place in 0..STEPS * ENVS {
            let (step, environment) = (place / ENVS, place % ENVS);
            let obs = observe(numbers);
            let action = (numbers.draw() % ACTIONS) as usize;
            let reward = 2.0 * numbers.uniform() as f32;
            let kind = numbers.draw() % 8;
            let (terminated, truncated) = (kind == 1, kind == 2);
            let next_obs = match truncated || step + 1 == STEPS {
                true => observe(numbers),
                false => vec![f32::NAN; obs_len],
            };
            let experience = Experience {
                obs: &obs,
                action,
                reward,
                next_obs: &next_obs,
                terminated,
                truncated,
            };
            rollout.record(0, step, environment, &experience);
        }
        rollout
    }

    /// The largest difference from PyTorch of a loss, relative, or of a weight at the end.
    fn difference(&self, dtype: DType, composed: bool) -> f64 {
        let fixtures = fixtures();
        let expected = |key: &str| &fixtures[&format!("{}.{key}", self.name)];
        let mut a2c = A2c::new(
            &self.config,
            &[self.optimiser.parse().unwrap()],
            self.observation,
            ACTIONS as usize,
            &mut [ChaCha8Rng::seed_from_u64(0)],
            UPDATES as u64,
            (dtype, &Device::Cpu),
        )
        .unwrap();
        if composed {
            a2c = a2c.composed();
        }
        let mut numbers = Numbers(SEED);
        initialise(&a2c.parameters(), &mut numbers);
        let losses: Vec<f64> = expected("loss").to_vec1().unwrap();
        assert_eq!(losses.len(), UPDATES / EVERY);
        let mut worst = 0f64;
        for u in 0..UPDATES {
            let learned = a2c.learn(&self.rollout(&mut numbers), false).unwrap();
            if (u + 1) % EVERY == 0 {
                let off = learned.loss[0] - losses[u / EVERY];
                worst = larger(worst, (off / losses[u / EVERY].abs().max(1.0)).abs());
            }
        }
        for Parameter { name, var, .. } in a2c.parameters() {
            let flat = |tensor: &Tensor| -> Vec<f64> {
                let tensor = tensor.to_dtype(DType::F64).unwrap();
                tensor.flatten_all().unwrap().to_vec1().unwrap()
            };
            let (ours, theirs) = (flat(&var), flat(expected(&name)));
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(theirs) {
                worst = larger(worst, (ours - theirs).abs());
            }
        }
        worst
    }
}

fn fixtures() -> HashMap<String, Tensor> {
    let path = "tests/fixtures/a2c_updates.safetensors";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    safetensors::load(path, &Device::Cpu).unwrap()
}

fn largest(dtype: DType, composed: bool) -> f64 {
    let each = cases().into_iter().map(|case| {
        let difference = case.difference(dtype, composed);
        println!("{}: {difference:e}", case.name);
        difference
    });
    each.fold(0.0, larger)
}

#[test]
fn in_f64_they_are_pytorchs() {
    let largest = largest(DType::F64, false);
    assert!(largest < 1e-9, "{largest:e}");
}

#[test]
fn in_f32_they_stay_close() {
    let largest = largest(DType::F32, false);
    assert!(largest < 1e-3, "{largest:e}");
}

#[test]
fn by_candles_operations_they_are_the_same() {
    let largest = largest(DType::F64, true);
    assert!(largest < 1e-9, "{largest:e}");
}

#[test]
fn the_comparison_sees_a_millionth() {
    let wrong = |change: fn(&mut A2cConfig)| {
        let mut case = cases().swap_remove(1);
        change(&mut case.config);
        case.difference(DType::F64, false)
    };
    assert!(wrong(|_| {}) < 1e-9);
    for difference in [
        wrong(|config| config.gamma *= 1.0 - 1e-6),
        wrong(|config| config.gae_lambda *= 1.0 - 1e-6),
        wrong(|config| config.ent_coef *= 1.0 - 1e-4),
        wrong(|config| config.vf_coef *= 1.0 - 1e-6),
        wrong(|config| config.normalize_advantage = false),
    ] {
        assert!(difference > 1e-8, "{difference:e}");
    }
}
