//! The composed operations that run on a GPU against the fused operations, in f64: on the CPU, and on a GPU if there
//! is one.

use candle_core::{DType, Device};
use optim::Spec;
use optimiser_paradigms::algorithm::dqn::{Batch, Dqn, DqnConfig, Hidden, Packed};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const AGENTS: usize = 2;
const ACTIONS: usize = 3;

fn batch(rng: &mut ChaCha8Rng, obs_len: usize, config: &DqnConfig) -> Batch {
    let n = AGENTS * config.batch_size;
    let mut bits = |n: usize| (0..n).map(|_| f32::from(rng.random::<bool>())).collect();
    let (obs, next_obs) = (bits(n * obs_len), bits(n * obs_len));
    let weights = match config.prioritized {
        true => (0..n).map(|_| rng.random_range(0.1..1.0)).collect(),
        false => Vec::new(),
    };
    Batch {
        obs,
        next_obs,
        actions: (0..n)
            .map(|_| rng.random_range(0..ACTIONS as u32))
            .collect(),
        rewards: (0..n).map(|_| rng.random_range(-2.0..2.0)).collect(),
        discounts: vec![0.99; n],
        terminated: (0..n).map(|_| rng.random_bool(0.1)).collect(),
        weights,
        indices: vec![0; n],
        packed: None,
    }
}

/// The same batch with observations of `obs_len` numbers packed, as a GPU gets them.
fn packed(batch: &Batch, obs_len: usize) -> Batch {
    let bit = |(i, x): (usize, &f32)| u8::from(*x == 1.0) << i;
    let byte = |eight: &[f32]| eight.iter().enumerate().map(bit).sum();
    let pack = |all: &[f32]| -> Vec<u8> {
        let rows = all.chunks(obs_len);
        rows.flat_map(|row| row.chunks(8).map(byte)).collect()
    };
    Batch {
        packed: Some(Packed {
            obs: pack(&batch.obs),
            next_obs: pack(&batch.next_obs),
        }),
        obs: Vec::new(),
        next_obs: Vec::new(),
        ..batch.clone()
    }
}

fn weights(dqn: &Dqn) -> Vec<f64> {
    let flat =
        |p: &optim::Parameter| -> Vec<f64> { p.var.flatten_all().unwrap().to_vec1().unwrap() };
    dqn.parameters().iter().flat_map(flat).collect()
}

#[test]
fn composed_agents_learn_as_the_fused_ones() {
    composed_agree(&Device::Cpu);
}

#[test]
fn agents_on_a_gpu_learn_as_those_on_the_cpu() {
    match Device::new_cuda(0) {
        Ok(gpu) => composed_agree(&gpu),
        Err(_) => eprintln!("skipped: no GPU"),
    }
}

/// Agents composed of operations on `device` against those on the CPU that fuse them.
fn composed_agree(device: &Device) {
    let small = |config: DqnConfig| DqnConfig {
        batch_size: 6,
        hidden: Hidden(vec![7]),
        ..config
    };
    let (mlp, cnn) = (small(DqnConfig::cleanrl()), small(DqnConfig::minatar()));
    let cases = [
        (mlp.clone(), vec![5], "sgd:lr=0.1"),
        (
            DqnConfig {
                dueling: true,
                double: true,
                tau: 0.3,
                ..mlp
            },
            vec![5],
            "adam:lr=1e-2",
        ),
        (cnn.clone(), vec![2, 6, 5], "adam:lr=1e-2"),
        (
            DqnConfig {
                prioritized: true,
                munchausen: true,
                max_grad_norm: 0.5,
                ..cnn
            },
            vec![2, 6, 5],
            "rmsprop:lr=1e-2",
        ),
    ];
    for (config, shape, optimiser) in cases {
        let specs: Vec<Spec> = vec![optimiser.parse().unwrap(); AGENTS];
        let new = |device: &Device| {
            let mut init = [1, 2].map(ChaCha8Rng::seed_from_u64);
            let shape = shape.as_slice();
            let on = (DType::F64, device);
            Dqn::on(&config, &specs, shape, ACTIONS, &mut init, 50, on).unwrap()
        };
        let (mut fused, mut composed) = (new(&Device::Cpu), new(device).composed());
        let (start, mut rng) = (weights(&fused), ChaCha8Rng::seed_from_u64(3));
        for update in 0..50 {
            let obs_len = shape.iter().product();
            let batch = batch(&mut rng, obs_len, &config);
            let a = fused.learn(&batch, true);
            let b = match update % 2 {
                0 => composed.learn(&packed(&batch, obs_len), true),
                _ => composed.learn(&batch, true),
            };
            let (a, b) = (a.unwrap(), b.unwrap());
            for (a, b) in a.loss.iter().zip(&b.loss) {
                assert!(
                    (a - b).abs() < 1e-9 * a.abs().max(1.0),
                    "update {update}: {a}, {b}"
                );
            }
            let (a_more, b_more) = (a.details.unwrap(), b.details.unwrap());
            let pairs = [
                (a_more.mean_q, b_more.mean_q),
                (a_more.grad_norm, b_more.grad_norm),
            ];
            let errors = |errors: Option<Vec<f32>>| -> Vec<f64> {
                errors.into_iter().flatten().map(f64::from).collect()
            };
            let (a, b) = (errors(a.td_errors), errors(b.td_errors));
            assert_eq!(a.is_empty(), !config.prioritized);
            for (a, b) in pairs.into_iter().chain([(a, b)]) {
                assert_eq!(a.len(), b.len());
                for (a, b) in a.iter().zip(&b) {
                    assert!(
                        (a - b).abs() < 1e-6 * a.abs().max(1.0),
                        "update {update}: {a}, {b}"
                    );
                }
            }
            if update % 20 == 19 {
                fused.update_target().unwrap();
                composed.update_target().unwrap();
            }
        }
        let (a, b) = (weights(&fused), weights(&composed));
        let moved = a.iter().zip(&start).any(|(a, b)| (a - b).abs() > 1e-2);
        assert!(moved, "{optimiser}: nothing was learned");
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-8, "{optimiser}: {a} and {b}");
        }
    }
}
