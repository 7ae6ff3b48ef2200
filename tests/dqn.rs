//! DQN updates against PyTorch (tests/fixtures/dqn.py), and agents of a cohort against agents alone.

#[path = "common/larger.rs"]
mod larger;

use std::{collections::HashMap, path::PathBuf};

use candle_core::{DType, Device, Tensor, safetensors};
use larger::larger;
use optim::{Parameter, Spec, Value};
use optimiser_paradigms::algorithm::dqn::{Batch, Dqn, DqnConfig, Hidden, Loss};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const UPDATES: usize = 60;
const SYNC: usize = 20;

fn fixtures() -> HashMap<String, Tensor> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dqn.safetensors");
    safetensors::load(path, &Device::Cpu).unwrap()
}

/// The fixtures' batches; with weights and their own discounts if replay is prioritized.
fn batches(fixtures: &HashMap<String, Tensor>, config: &DqnConfig) -> Vec<Batch> {
    let floats = |name: &str, u: usize| -> Vec<f32> {
        fixtures[name]
            .get(u)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap()
    };
    let one = |u| Batch {
        obs: floats("obs", u),
        next_obs: floats("next_obs", u),
        actions: fixtures["actions"].get(u).unwrap().to_vec1().unwrap(),
        rewards: floats("rewards", u),
        discounts: match config.prioritized {
            true => floats("discounts", u),
            false => vec![config.gamma as f32; floats("rewards", u).len()],
        },
        weights: match config.prioritized {
            true => floats("weights", u),
            false => Vec::new(),
        },
        indices: Vec::new(),
        terminated: fixtures["terminated"]
            .get(u)
            .unwrap()
            .to_vec1::<u8>()
            .unwrap()
            .iter()
            .map(|t| *t != 0)
            .collect(),
        packed: None,
    };
    (0..UPDATES).map(one).collect()
}

fn small() -> DqnConfig {
    DqnConfig {
        hidden: Hidden(vec![24, 16]),
        gamma: 0.97,
        ..DqnConfig::cleanrl()
    }
}

/// The largest difference of the trained weights, and of the losses and gradient norms, from PyTorch's.
fn difference(name: &str, config: &DqnConfig, optimiser: &str) -> f64 {
    let fixtures = fixtures();
    let spec: Spec = optimiser.parse().unwrap();
    let mut init = [ChaCha8Rng::seed_from_u64(0)];
    let mut dqn = Dqn::new(config, &[spec], 4, 3, &mut init, 60).unwrap();
    for parameter in dqn.parameters() {
        let start = fixtures[&format!("init.{}", parameter.name)]
            .unsqueeze(0)
            .unwrap();
        parameter.var.set(&start).unwrap();
    }
    dqn.copy_to_target().unwrap();
    let expected =
        |key: &str| -> Vec<f64> { fixtures[&format!("{name}.{key}")].to_vec1().unwrap() };
    let (losses, norms) = (expected("loss"), expected("grad_norm"));
    let mut worst = 0.0f64;
    for (u, batch) in batches(&fixtures, config).iter().enumerate() {
        let learned = dqn.learn(batch, true).unwrap();
        if let (Some(ours), true) = (learned.td_errors, u + 1 == UPDATES) {
            for (ours, theirs) in ours.iter().zip(expected("td_errors")) {
                worst = larger(worst, (f64::from(*ours) - theirs).abs());
            }
        }
        worst = larger(worst, (learned.loss[0] / losses[u] - 1.0).abs());
        let norm = learned.details.unwrap().grad_norm[0];
        worst = larger(worst, (norm / norms[u] - 1.0).abs());
        if (u + 1) % SYNC == 0 || config.tau < 1.0 {
            dqn.update_target().unwrap();
        }
    }
    for parameter in dqn.parameters() {
        let ours = parameter
            .var
            .to_dtype(DType::F64)
            .unwrap()
            .squeeze(0)
            .unwrap();
        let difference = (ours - &fixtures[&format!("{name}.{}", parameter.name)]).unwrap();
        let largest = difference
            .abs()
            .unwrap()
            .flatten_all()
            .unwrap()
            .max(0)
            .unwrap();
        worst = larger(worst, largest.to_scalar().unwrap());
    }
    worst
}

/// Huber's loss, Double DQN and clipping together, with a step so long that each of them matters.
fn clipped() -> DqnConfig {
    DqnConfig {
        loss: Loss::Huber,
        double: true,
        max_grad_norm: 0.5,
        ..small()
    }
}

fn prioritized() -> DqnConfig {
    DqnConfig {
        loss: Loss::Huber,
        prioritized: true,
        ..small()
    }
}

/// Munchausen DQN with a temperature and clip such that some log-probabilities are clipped and some are
/// not.
fn munchausen() -> DqnConfig {
    DqnConfig {
        loss: Loss::Huber,
        munchausen: true,
        munchausen_temperature: 0.3,
        munchausen_clip: -0.4,
        ..small()
    }
}

#[test]
fn updates_are_pytorchs() {
    let soft = DqnConfig {
        tau: 0.1,
        ..small()
    };
    for (name, config, optimiser) in [
        ("plain", small(), "adam:lr=1e-3"),
        ("huber_double_clipped", clipped(), "rmsprop:lr=1e-2"),
        ("soft", soft, "sgd:lr=1e-2"),
        ("prioritized", prioritized(), "adam:lr=1e-3"),
        ("munchausen", munchausen(), "adam:lr=1e-3"),
    ] {
        let difference = difference(name, &config, optimiser);
        assert!(difference < 1e-4, "{name}: {difference:e}");
    }
}

#[test]
fn the_comparison_sees_each_thing_that_could_be_wrong() {
    let name = "huber_double_clipped";
    for wrong in [
        DqnConfig {
            loss: Loss::Mse,
            ..clipped()
        },
        DqnConfig {
            double: false,
            ..clipped()
        },
        DqnConfig {
            max_grad_norm: 1.0,
            ..clipped()
        },
        DqnConfig {
            gamma: 0.96,
            ..clipped()
        },
        DqnConfig {
            tau: 0.9,
            ..clipped()
        },
    ] {
        let difference = difference(name, &wrong, "rmsprop:lr=1e-2");
        assert!(difference > 1e-3, "{wrong:?}: {difference:e}");
    }
}

#[test]
fn the_comparison_sees_munchausens_parts_and_the_weights() {
    for wrong in [
        DqnConfig {
            munchausen: false,
            ..munchausen()
        },
        DqnConfig {
            munchausen_alpha: 0.8,
            ..munchausen()
        },
        DqnConfig {
            munchausen_temperature: 0.25,
            ..munchausen()
        },
        DqnConfig {
            munchausen_clip: -0.5,
            ..munchausen()
        },
    ] {
        let difference = difference("munchausen", &wrong, "adam:lr=1e-3");
        assert!(difference > 1e-3, "{wrong:?}: {difference:e}");
    }
    let wrong = DqnConfig {
        prioritized: false,
        ..prioritized()
    };
    let difference = difference("prioritized", &wrong, "adam:lr=1e-3");
    assert!(difference > 1e-3, "without weights: {difference:e}");
}

/// A batch for `agents` agents; each agent's part depends only on its number.
fn random_batch(agents: &[u64], update: u64) -> Batch {
    let mut batch = Batch::default();
    for &agent in agents {
        let mut rng = ChaCha8Rng::seed_from_u64(1000 * agent + update);
        for _ in 0..32 {
            batch
                .obs
                .extend((0..4).map(|_| rng.random_range(-1.0..1.0f32)));
            batch
                .next_obs
                .extend((0..4).map(|_| rng.random_range(-1.0..1.0f32)));
            batch.actions.push(rng.random_range(0..2));
            batch.rewards.push(rng.random_range(-1.0..1.0));
            batch.discounts.push(0.99);
            batch.terminated.push(rng.random_bool(0.1));
        }
    }
    batch
}

/// The weights of each agent, bit by bit, after 50 updates of a cohort in which each agent has its own
/// lr.
fn trained(agents: &[u64], optimiser: &str) -> Vec<Vec<u32>> {
    let config = DqnConfig {
        max_grad_norm: 0.2,
        lr_schedule: "cosine:warmup=5".parse().unwrap(),
        ..DqnConfig::cleanrl()
    };
    let spec = |agent: &u64| {
        let mut spec: Spec = optimiser.parse().unwrap();
        spec.set("lr", Value::Number(1e-3 * *agent as f64)).unwrap();
        spec
    };
    let specs: Vec<Spec> = agents.iter().map(spec).collect();
    let mut init: Vec<_> = agents
        .iter()
        .map(|a| ChaCha8Rng::seed_from_u64(*a))
        .collect();
    let mut dqn = Dqn::new(&config, &specs, 4, 2, &mut init, 50).unwrap();
    for update in 0..50 {
        dqn.learn(&random_batch(agents, update), false).unwrap();
        if update % 10 == 0 {
            dqn.update_target().unwrap();
        }
    }
    let weights = |agent: usize| {
        let one = |p: &Parameter| -> Vec<f32> {
            p.var
                .get(agent)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap()
        };
        let all = dqn.parameters().iter().flat_map(one).collect::<Vec<_>>();
        all.iter().map(|x| x.to_bits()).collect()
    };
    (0..agents.len()).map(weights).collect()
}

#[test]
fn an_agent_of_a_cohort_is_the_agent_alone() {
    for optimiser in [
        "adam",
        "rmsprop:centered=true,momentum=0.9",
        "sgd",
        "adam:reset_moments=true",
    ] {
        let cohort = trained(&[1, 2, 3], optimiser);
        for (agent, weights) in [1, 2, 3].into_iter().zip(&cohort) {
            assert_eq!(
                &trained(&[agent], optimiser)[0],
                weights,
                "{optimiser} {agent}"
            );
        }
        assert_ne!(cohort[0], cohort[1]);
    }
}

#[test]
fn what_restarts_at_target_updates_does_so_hard_or_soft() {
    for tau in [1.0, 0.5] {
        let weights = |optimiser: &str| {
            let config = DqnConfig {
                tau,
                ..DqnConfig::cleanrl()
            };
            let specs = [optimiser.parse().unwrap()];
            let mut init = [ChaCha8Rng::seed_from_u64(1)];
            let mut dqn = Dqn::new(&config, &specs, 4, 2, &mut init, 30).unwrap();
            for update in 0..30 {
                dqn.learn(&random_batch(&[1], update), false).unwrap();
                if update == 15 {
                    dqn.update_target().unwrap();
                }
            }
            dqn.values(&[0.1, 0.2, 0.3, 0.4]).unwrap()
        };
        let [adam, rel, reset] = ["adam", "adam-rel", "adam:reset_moments=true"].map(weights);
        assert!(adam != rel && rel != reset && adam != reset, "tau {tau}");
    }
}

#[test]
fn a_truncated_episode_keeps_its_bootstrap() {
    // One transition, followed by a value that is certainly not 0, so that only `terminated` can drop
    // it.
    let loss = |terminated: bool| {
        let config = DqnConfig::cleanrl();
        let spec = "sgd".parse().unwrap();
        let mut init = [ChaCha8Rng::seed_from_u64(5)];
        let mut dqn = Dqn::new(&config, &[spec], 4, 2, &mut init, 1).unwrap();
        let (obs, next_obs) = (vec![0.5f32; 4], vec![-3.0f32; 4]);
        let q = f64::from(dqn.values(&obs).unwrap()[1]);
        let next = dqn.values(&next_obs).unwrap();
        let best = f64::from(next[0].max(next[1]));
        let batch = Batch {
            obs,
            next_obs,
            actions: vec![1],
            rewards: vec![2.0],
            discounts: vec![0.99],
            terminated: vec![terminated],
            ..Batch::default()
        };
        let loss = dqn.learn(&batch, false).unwrap().loss[0];
        (loss, (2.0 - q).powi(2), (2.0 + 0.99 * best - q).powi(2))
    };
    let (loss_end, end, _) = loss(true);
    let (loss_on, _, on) = loss(false);
    assert!((end - on).abs() > 1e-2, "the two must differ: {end} {on}");
    assert!((loss_end - end).abs() < 1e-5 * end);
    assert!((loss_on - on).abs() < 1e-5 * on);
}

/// An agent of linear networks; its online network has learned, its target network has not.
fn apart(config: &DqnConfig) -> Dqn {
    let spec = "sgd:lr=0.3".parse().unwrap();
    let mut init = [ChaCha8Rng::seed_from_u64(9)];
    let mut dqn = Dqn::new(config, &[spec], 4, 2, &mut init, 1).unwrap();
    for update in 0..40 {
        dqn.learn(&random_batch(&[1], update), false).unwrap();
    }
    dqn
}

fn linear() -> DqnConfig {
    DqnConfig {
        hidden: Hidden(Vec::new()),
        ..DqnConfig::cleanrl()
    }
}

/// The squared error of one transition with reward 0 from `obs` to `next_obs`, and its value.
fn loss_and_value(dqn: &mut Dqn, obs: &[f32], next_obs: &[f32]) -> (f64, f64) {
    let value = f64::from(dqn.values(obs).unwrap()[0]);
    let batch = Batch {
        obs: obs.to_vec(),
        next_obs: next_obs.to_vec(),
        actions: vec![0],
        rewards: vec![0.0],
        discounts: vec![1.0],
        terminated: vec![false],
        ..Batch::default()
    };
    (dqn.learn(&batch, false).unwrap().loss[0], value)
}

#[test]
fn double_dqn_takes_the_online_networks_action_at_the_target_networks_value() {
    let double = DqnConfig {
        double: true,
        ..linear()
    };
    let target = Dqn::new(
        &linear(),
        &["sgd".parse().unwrap()],
        4,
        2,
        &mut [ChaCha8Rng::seed_from_u64(9)],
        1,
    )
    .unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut disagreed = 0;
    for _ in 0..50 {
        let next: Vec<f32> = (0..4).map(|_| rng.random_range(-2.0..2.0)).collect();
        let obs: Vec<f32> = (0..4).map(|_| rng.random_range(-2.0..2.0)).collect();
        let theirs = target.values(&next).unwrap();
        let best = |values: &[f32]| usize::from(values[1] > values[0]);
        for config in [linear(), double.clone()] {
            let mut dqn = apart(&config);
            let ours = best(&dqn.values(&next).unwrap());
            disagreed += u32::from(ours != best(&theirs));
            let chosen = if config.double { ours } else { best(&theirs) };
            let (loss, value) = loss_and_value(&mut dqn, &obs, &next);
            let expected = (f64::from(theirs[chosen]) - value).powi(2);
            assert!((loss - expected).abs() < 1e-5 * (1.0 + expected));
        }
    }
    assert!(disagreed > 20, "nothing was tested: {disagreed}");
}

#[test]
fn a_soft_update_moves_the_target_network_by_tau() {
    // A linear network's values are linear in its weights, so the target network's values move as the
    // weights do.
    for tau in [1.0, 0.25, 1e-3] {
        let config = DqnConfig { tau, ..linear() };
        let init = &mut [ChaCha8Rng::seed_from_u64(9)];
        let start = Dqn::new(&config, &["sgd".parse().unwrap()], 4, 2, init, 1).unwrap();
        let next = [0.7, -1.1, 0.4, 1.9];
        let mut dqn = apart(&config);
        let online = dqn.values(&next).unwrap();
        let mut target: Vec<f64> = start
            .values(&next)
            .unwrap()
            .iter()
            .map(|q| f64::from(*q))
            .collect();
        for _ in 0..3 {
            dqn.update_target().unwrap();
            for (target, online) in target.iter_mut().zip(&online) {
                *target += tau * (f64::from(*online) - *target);
            }
        }
        let (loss, value) = loss_and_value(&mut dqn, &[0.0; 4], &next);
        let expected = (target[0].max(target[1]) - value).powi(2);
        assert!(
            (loss - expected).abs() < 1e-5 * (1.0 + expected),
            "tau {tau}"
        );
    }
}
