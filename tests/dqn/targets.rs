//! What updates learn towards, and updates of the target network.

use super::*;

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
