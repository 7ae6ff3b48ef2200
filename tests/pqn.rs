//! PQN's first 200 updates from given weights and rollouts against PyTorch in f64 (tests/fixtures/pqn_updates.py), and
//! what it promises besides.

#[path = "common/larger.rs"]
mod larger;
#[path = "common/last.rs"]
mod last;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use candle_core::{DType, Device, Tensor};
use larger::larger;
use last::Last;
use optim::Parameter;
use optimiser_paradigms::{
    Result,
    algorithm::{
        dqn::{Convs, Hidden},
        pqn::{End, Minibatch, NAME, Pqn, PqnConfig, lambda_returns},
    },
    run::{
        Control, Observer, RlOutcome, Row,
        rl::{ConfigSource, RunTask, train, train_cohort},
    },
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use settings::{Settings, Value};

const ACTIONS: usize = 3;

struct Case {
    name: &'static str,
    optimiser: &'static str,
    config: PqnConfig,
    shape: &'static [usize],
}

fn cases() -> [Case; 3] {
    let plain = PqnConfig {
        hidden: Hidden(vec![16, 12]),
        n_envs: 6,
        n_steps: 4,
        minibatches: 4,
        epochs: 2,
        ..PqnConfig::cartpole()
    };
    [
        Case {
            name: "perceptron",
            optimiser: "radam:lr=1e-2",
            config: plain.clone(),
            shape: &[4],
        },
        Case {
            name: "clipped",
            optimiser: "radam:lr=3e-3",
            config: PqnConfig {
                gamma: 0.9,
                lambda: 0.65,
                max_grad_norm: 0.5,
                ..plain.clone()
            },
            shape: &[4],
        },
        Case {
            name: "images",
            optimiser: "radam:lr=3e-3",
            config: PqnConfig {
                conv: Convs(vec!["3x3".parse().unwrap()]),
                hidden: Hidden(vec![8]),
                lambda: 0.65,
                observation_scale: 1.0 / 255.0,
                ..plain
            },
            shape: &[2, 5, 6],
        },
    ]
}

fn fixtures() -> HashMap<String, Vec<f64>> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pqn_updates.safetensors");
    let all: HashMap<String, Tensor> = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let flat = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1().unwrap();
    all.into_iter().map(|(name, x)| (name, flat(x))).collect()
}

fn set(parameters: &[Parameter], mut values: &[f64]) {
    for p in parameters {
        let (own, rest) = values.split_at(p.var.elem_count());
        let own = Tensor::from_slice(own, p.var.shape(), &Device::Cpu).unwrap();
        p.var.set(&own.to_dtype(p.var.dtype()).unwrap()).unwrap();
        values = rest;
    }
    assert!(values.is_empty());
}

fn numbers(parameters: &[Parameter]) -> Vec<f64> {
    let list = |p: &Parameter| -> Vec<f64> {
        let flat = p.var.flatten_all().unwrap().to_dtype(DType::F64).unwrap();
        flat.to_vec1().unwrap()
    };
    parameters.iter().flat_map(list).collect()
}

fn worst(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let pairs = ours.iter().zip(theirs);
    let off = pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    off.fold(0.0, larger)
}

impl Case {
    /// Targets, losses and the weights at the end.
    fn run(&self, all: &HashMap<String, Vec<f64>>, dtype: DType) -> [Vec<f64>; 3] {
        let of = |key: &str| all[&format!("{}.{key}", self.name)].as_slice();
        let config = &self.config;
        let (n, size) = (config.n_envs, config.rollout());
        let len = self.shape.iter().product::<usize>();
        let mut agent = Pqn::new(
            config,
            &[self.optimiser.parse().unwrap()],
            self.shape,
            ACTIONS,
            &mut [ChaCha8Rng::seed_from_u64(0)],
            200,
            (dtype, &Device::Cpu),
        )
        .unwrap();
        set(&agent.parameters(), of("start"));
        let (mut targets, mut losses) = (Vec::new(), Vec::new());
        for rollout in 0..25 {
            let part = |key: &str, each: usize| &of(key)[rollout * each..(rollout + 1) * each];
            let best = |key: &str| -> Vec<f64> {
                let obs: Vec<f32> = part(key, size * len).iter().map(|x| *x as f32).collect();
                let values = agent.values(&obs).unwrap();
                let rows = values.chunks_exact(ACTIONS);
                rows.map(|row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max))
                    .collect()
            };
            let (values, after) = (best("obs"), best("next"));
            let end = |x: &f64| match *x as u8 {
                0 => End::Open,
                1 => End::Terminated,
                _ => End::Truncated,
            };
            let ends: Vec<End> = part("ends", size).iter().map(end).collect();
            let mut own = vec![0.0; size];
            for environment in 0..n {
                let pick = |all: &[f64]| -> Vec<f64> {
                    all[environment..].iter().step_by(n).copied().collect()
                };
                let ends: Vec<End> = ends[environment..].iter().step_by(n).copied().collect();
                let returns = lambda_returns(
                    &pick(part("rewards", size)),
                    &pick(&values),
                    &pick(&after),
                    &ends,
                    (config.gamma, config.lambda),
                );
                for (t, target) in returns.into_iter().enumerate() {
                    own[t * n + environment] = target;
                }
            }
            for indices in part("orders", 2 * size).chunks_exact(config.minibatch()) {
                let mut minibatch = Minibatch::default();
                for index in indices.iter().map(|x| *x as usize) {
                    let obs = &part("obs", size * len)[index * len..(index + 1) * len];
                    minibatch.obs.extend(obs.iter().map(|x| *x as f32));
                    minibatch.actions.push(part("actions", size)[index] as u32);
                    minibatch.targets.push(own[index]);
                }
                losses.extend(agent.learn(&minibatch).unwrap());
            }
            targets.extend(own);
        }
        [targets, losses, numbers(&agent.parameters())]
    }
}

#[test]
fn the_first_200_updates_are_pytorchs() {
    let all = fixtures();
    for case in cases() {
        for (dtype, close) in [(DType::F64, 1e-9), (DType::F32, 1e-3)] {
            let ours = case.run(&all, dtype);
            for (ours, key) in ours.iter().zip(["targets", "losses", "end"]) {
                let off = worst(ours, &all[&format!("{}.{key}", case.name)]);
                assert!(off < close, "{} {dtype:?}: {key} off by {off:e}", case.name);
            }
        }
    }
}

/// Keeps all rows.
#[derive(Default)]
struct Record(Vec<String>);

impl Observer for Record {
    fn row(&mut self, row: Row) -> Result<()> {
        self.0.push(format!("{row:?}"));
        Ok(())
    }
}

fn source(env: &str, steps: u64, changes: &[(&'static str, Value)]) -> ConfigSource {
    let run = [
        ("env", Value::from(env)),
        ("steps", Value::Whole(steps as i64)),
        ("eval_every", Value::Whole(steps as i64)),
        ("log_every", Value::Whole(1)),
    ];
    let small = [
        ("hidden", Value::from("16")),
        ("n_envs", Value::Whole(4)),
        ("n_steps", Value::Whole(8)),
        ("minibatches", Value::Whole(2)),
        ("epochs", Value::Whole(2)),
    ];
    ConfigSource {
        algo: Some(NAME.into()),
        run: run.into_iter().collect(),
        optimiser: Some("radam:lr=3e-3".parse().unwrap()),
        agent: small.into_iter().chain(changes.iter().cloned()).collect(),
        ..ConfigSource::default()
    }
}

fn trained(source: ConfigSource) -> RlOutcome {
    train(&source.resolve(None).unwrap(), &mut Record::default()).unwrap()
}

/// The outcome of a run on a probe, and the network at its end.
fn solved(probe: &str, lambda: f64) -> (RlOutcome, Pqn) {
    let steps = 32_000;
    let changes = [
        ("reward_scale", Value::Number(1.0)),
        // Far enough from 1 to matter.
        ("gamma", Value::Number(0.6)),
        ("lambda", Value::Number(lambda)),
        ("end_e", Value::Number(0.5)),
    ];
    // A checkpoint is only made by a run that continues.
    let mut source = source(probe, steps + 32, &changes);
    source.optimiser = Some("radam:lr=1e-2".parse().unwrap());
    let config = source.resolve(None).unwrap();
    let mut last = Last::default();
    let task = RunTask {
        config: &config,
        from: None,
        observer: &mut last,
    };
    let control = Control::new(Some(steps), Arc::default());
    let outcome = train_cohort(vec![task], &control).unwrap().remove(0);
    let agent = PqnConfig::from_table(&config.agent).unwrap();
    let actions = envs::make(probe).unwrap().spec().actions;
    let init = &mut [ChaCha8Rng::seed_from_u64(0)];
    let kind = (DType::F32, &Device::Cpu);
    let pqn = Pqn::new(&agent, &[config.optimiser], &[1], actions, init, 1, kind).unwrap();
    for parameter in pqn.parameters() {
        let tensor = last.tensor(&format!("agent.{}", parameter.name));
        parameter.var.set(&tensor).unwrap();
    }
    (outcome, pqn)
}

#[test]
fn the_probes_values_are_learned() {
    for (probe, values) in [
        ("probe/value", &[(0.0, &[1.0][..])][..]),
        ("probe/discount", &[(0.0, &[0.6]), (1.0, &[1.0])]),
        ("probe/input", &[(-1.0, &[-1.0]), (1.0, &[1.0])]),
        ("probe/action", &[(0.0, &[-1.0, 1.0])]),
        ("probe/policy", &[(-1.0, &[1.0, -1.0]), (1.0, &[-1.0, 1.0])]),
    ] {
        for lambda in [0.0, 0.95] {
            let (outcome, pqn) = solved(probe, lambda);
            for (seen, exact) in values {
                let learned = pqn.values(&[*seen]).unwrap();
                let what =
                    format!("{probe}, lambda {lambda}: at {seen} {learned:?}, not {exact:?}");
                assert_eq!(learned.len(), exact.len(), "{what}");
                let errors = learned
                    .iter()
                    .zip(*exact)
                    .map(|(q, exact)| (q - exact).abs());
                assert!(errors.fold(0.0, larger) < 0.01, "{what}");
            }
            if probe != "probe/input" {
                assert_eq!(outcome.final_return, 1.0, "{probe}, lambda {lambda}");
            }
        }
    }
}

#[test]
fn diagnostics_look_at_its_updates() {
    for env in ["catch", "cartpole"] {
        let mut source = source(env, 3_200, &[]);
        source.run.insert("diagnostics", Value::Whole(20));
        let config = source.resolve(None).unwrap();
        let mut record = Record::default();
        let task = RunTask {
            config: &config,
            from: None,
            observer: &mut record,
        };
        train_cohort(vec![task], &Control::new(None, Arc::default())).unwrap();
        let lines = record.0.iter().filter(|row| row.starts_with("Diagnostics"));
        assert!(lines.count() > 5, "{env}");
    }
}

#[test]
fn a_diverging_agent_ends_its_run() {
    let mut source = source("cartpole", 3_200, &[("max_grad_norm", Value::Number(0.0))]);
    source.optimiser = Some("sgd:lr=1e9".parse().unwrap());
    let outcome = trained(source);
    assert!(outcome.steps < 3_200, "{outcome:?}");
}

#[test]
fn bad_settings_are_errors_that_name_them() {
    for (key, value, words) in [
        (
            "minibatches",
            Value::Whole(3),
            "minibatches = 3 is not allowed; allowed: a divisor of the 32 transitions",
        ),
        ("n_steps", Value::Whole(65), "n_steps = 65 is not allowed"),
        (
            "lambda",
            Value::Number(1.01),
            "lambda = 1.01 is not allowed; allowed: 0 <= x <= 1",
        ),
        (
            "conv",
            Value::from("16x3"),
            "conv needs an observation of [channels, height, width]",
        ),
        ("n_envs", Value::Whole(0), "n_envs = 0 is not allowed"),
    ] {
        let error = source("cartpole", 256, &[(key, value)]).resolve(None);
        let error = error.err().unwrap().to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}
