//! Every value is what its definition says, whatever the optimiser and the target.

use super::{
    recomputed::{Momentum, compare, plain_average},
    *,
};

#[test]
fn everything_is_what_its_definition_says() {
    let all = |optimiser: &str| small(optimiser, &[8], 7, 0);
    let sizes = &[4, 8, 2];
    compare(&all("adam:lr=3e-3"), sizes, plain_average(0.9));
    compare(&all("adam:lr=3e-3,beta1=0.5"), sizes, plain_average(0.5));
    compare(
        &all("nag:lr=3e-3,lookahead=true"),
        sizes,
        plain_average(0.9),
    );
    compare(&all("lion:lr=1e-3"), sizes, plain_average(0.99));

    // Every step is examined; a linear network, only some of the past, a slowly moving target.
    let mut every = small("sgd:lr=1e-2,momentum=0.8", &[], 1, 3);
    every.agent.tau = 0.3;
    every.agent.gradient_steps = 2;
    compare(&every, &[4, 2], plain_average(0.8));
}

#[test]
fn whatever_the_target() {
    let mut config = small("momentum:lr=1e-2,averaged=true", &[8, 6], 5, 4);
    config.agent = DqnConfig {
        double: true,
        loss: Loss::Huber,
        prioritized: true,
        n_step: 3,
        ..config.agent
    };
    compare(&config, &[4, 8, 6, 2], plain_average(0.9));
    let mut config = small("adam:lr=3e-3", &[8], 5, 4);
    config.agent.munchausen = true;
    config.agent.munchausen_temperature = 0.3;
    compare(&config, &[4, 8, 2], plain_average(0.9));
}

#[test]
fn without_momentum_it_is_that_of_an_average_nobody_uses() {
    let hypothetical = || Momentum {
        hypothetical: true,
        ..plain_average(0.9)
    };
    for optimiser in [
        "rmsprop:lr=1e-3,centered=true",
        "adam:lr=3e-3,beta1=0",
        "sgd:lr=1e-2",
    ] {
        compare(&small(optimiser, &[8], 10, 4), &[4, 8, 2], hypothetical());
    }
}

#[test]
fn a_momentum_that_holds_more_than_gradients_is_taken_as_it_is() {
    // RMSprop divides by its root before it averages.
    fn divided(gradients: &[Vec<f64>]) -> Vec<f64> {
        let n = gradients[0].len();
        let (mut v, mut b) = (vec![0.0; n], vec![0.0; n]);
        for g in gradients {
            for i in 0..n {
                v[i] = 0.99 * v[i] + 0.01 * g[i] * g[i];
                b[i] = 0.9 * b[i] + g[i] / (v[i].sqrt() + 1e-4);
            }
        }
        b
    }
    let own = Momentum {
        own: Some(divided),
        ..plain_average(0.9)
    };
    let config = small("rmsprop:lr=1e-4,momentum=0.9,eps=1e-4", &[8], 9, 0);
    compare(&config, &[4, 8, 2], own);
}

#[test]
fn a_momentum_that_starts_afresh_forgets() {
    let resets = Momentum {
        resets: true,
        ..plain_average(0.9)
    };
    let config = small("adam:lr=3e-3,reset_moments=true", &[8], 3, 0);
    let rows = compare(&config, &[4, 8, 2], resets);
    let empty = rows.iter().filter(|row| row.average_norm.is_none());
    assert!(empty.clone().count() > 2 && empty.clone().all(|row| row.since_target == 0));
    assert!(
        rows.iter()
            .all(|row| row.target_norm.is_none_or(|norm| norm == 0.0))
    );
}
