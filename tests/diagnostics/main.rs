//! `diagnostics.csv` against a second computation of all its values, in f64 from their definitions.

mod lived;
mod plain;

use lived::{Update, live};
use optimiser_paradigms::{
    Result,
    algorithm::dqn::{DqnConfig, Hidden, Loss},
    run::{
        DiagnosticsRow, Observer, Row, UpdateRow,
        rl::{self, Config, ConfigSource, RunConfig},
    },
};
use plain::Plain;
use settings::Settings;

#[derive(Default)]
struct Rows {
    diagnostics: Vec<DiagnosticsRow>,
    updates: Vec<UpdateRow>,
}

impl Observer for Rows {
    fn row(&mut self, row: Row) -> Result<()> {
        match row {
            Row::Update(row) => self.updates.push(row.clone()),
            Row::Diagnostics(row) => self.diagnostics.push(*row),
            _ => {}
        }
        Ok(())
    }
}

/// A run of DQN.
struct Case {
    run: RunConfig,
    optimiser: optim::Spec,
    agent: DqnConfig,
}

impl Case {
    fn config(&self) -> Config {
        let source = ConfigSource {
            run: self.run.to_table(),
            optimiser: Some(self.optimiser.clone()),
            agent: self.agent.to_table(),
            ..ConfigSource::default()
        };
        source.resolve(None).unwrap()
    }
}

/// A run of a few hundred small updates; in one of every `every`, `lags` past minibatches are examined.
fn small(optimiser: &str, hidden: &[usize], every: u64, lags: u32) -> Case {
    let source = ConfigSource {
        optimiser: Some(optimiser.parse().unwrap()),
        ..ConfigSource::default()
    };
    let optimiser = source.resolve(None).unwrap().optimiser;
    let run = RunConfig {
        steps: 1_000,
        eval_every: 10_000,
        eval_episodes: 1,
        log_every: 1,
        diagnostics: every,
        diagnostics_lags: lags,
        ..RunConfig::default()
    };
    let agent = DqnConfig {
        hidden: Hidden(hidden.to_vec()),
        gamma: 0.9,
        buffer_size: 200,
        batch_size: 16,
        learning_starts: 150,
        train_frequency: 2,
        target_network_frequency: 50,
        ..DqnConfig::cleanrl()
    };
    Case {
        run,
        optimiser,
        agent,
    }
}

fn rows(config: &Case) -> Rows {
    let mut rows = Rows::default();
    rl::train(&config.config(), &mut rows).unwrap();
    assert_eq!(
        rows.updates.len() as u64,
        config.agent.updates(config.run.steps)
    );
    rows
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `sum_i weight_i vector_i`.
fn sum(terms: &[(f64, &[f64])]) -> Vec<f64> {
    let at = |k: usize| terms.iter().map(|(weight, v)| weight * v[k]).sum();
    (0..terms[0].1.len()).map(at).collect()
}

/// Momentum computed from all gradients since its start.
type Own = fn(&[Vec<f64>]) -> Vec<f64>;

/// How a test measures momentum: its decay, whether target updates reset it, and, if it is not the
/// average, the rule's own momentum before the update of this index, computed from all gradients before
/// it.
struct Momentum {
    beta: f64,
    resets: bool,
    hypothetical: bool,
    own: Option<Own>,
}

/// The row of the update at index `u`, recomputed; `all` are its gradients.
fn expected(
    net: &Plain,
    past: &[Update],
    all: &[Vec<f64>],
    u: usize,
    m: &Momentum,
) -> DiagnosticsRow {
    let now = &past[u];
    let at = |j: usize, online: &[f64], target: &[f64]| {
        let batch = &past[j].batch;
        net.gradient(batch, online, &net.targets(batch, online, target))
    };
    let g = &all[u];
    let cosine = |a: &[f64], b: &[f64]| {
        let cosine = dot(a, b) / norm(a) / norm(b);
        cosine.is_finite().then_some(cosine)
    };
    let lagged = |lag: usize, reach: f64| {
        let within = lag <= u && lag as f64 <= reach;
        within.then(|| cosine(g, &all[u - lag])).flatten()
    };
    let reach = 2.0 / (1.0 - m.beta) + 1e-9;
    let (lags, drawn) = now.look.as_ref().unwrap();
    let mut fresh: Vec<Vec<f64>> = vec![g.clone()];
    for batch in drawn {
        let targets = net.targets(batch, &now.online, &now.target);
        fresh.push(net.gradient(batch, &now.online, &targets));
    }
    let quarter: Vec<(f64, &[f64])> = fresh.iter().map(|f| (0.25, &f[..])).collect();
    let f = sum(&quarter);
    let off = fresh
        .iter()
        .map(|one| norm(&sum(&[(1.0, one), (-1.0, &f)])).powi(2));
    let noise = off.sum::<f64>() / 3.0;
    let mut row = DiagnosticsRow {
        step: now.step,
        update: u as u64 + 1,
        since_target: now.since,
        momentum_beta: m.beta,
        momentum_is_hypothetical: m.hypothetical,
        grad_norm: norm(g),
        autocorrelation_1: lagged(1, f64::INFINITY),
        autocorrelation_2: lagged(2, f64::INFINITY),
        autocorrelation_4: lagged(4, f64::INFINITY),
        autocorrelation_8: lagged(8, f64::INFINITY),
        autocorrelation_16: lagged(16, f64::INFINITY),
        autocorrelation_32: lagged(32, reach),
        autocorrelation_64: lagged(64, reach),
        autocorrelation_128: lagged(128, reach),
        autocorrelation_256: lagged(256, reach),
        fresh_norm: norm(&f),
        signal: dot(&f, &f) - noise / 4.0,
        noise,
        age_mean: now.ages.iter().sum::<u64>() as f64 / now.ages.len() as f64,
        age_max: *now.ages.iter().max().unwrap(),
        ..DiagnosticsRow::default()
    };
    let gradients = if m.resets { now.since as usize } else { u };
    if gradients == 0 {
        return row;
    }
    let weights: Vec<f64> = (0..gradients).map(|j| m.beta.powi(j as i32)).collect();
    let whole: f64 = weights.iter().sum();
    let terms = weights.iter().enumerate();
    let terms: Vec<(f64, &[f64])> = terms
        .map(|(j, w)| (w / whole, &all[u - 1 - j][..]))
        .collect();
    let average = sum(&terms);
    let squares: f64 = terms.iter().map(|(w, _)| w * w).sum();
    let (mut parameter, mut target) = (vec![0.0; g.len()], vec![0.0; g.len()]);
    let mut drift = 0.0;
    for &(lag, w) in lags {
        let j = u - lag;
        let old = at(j, &now.online, &past[j].target);
        let new = at(j, &now.online, &now.target);
        parameter = sum(&[(1.0, &parameter), (w, &all[j]), (-w, &old)]);
        target = sum(&[(1.0, &target), (w, &old), (-w, &new)]);
        let batch = &past[j].batch;
        let then = net.targets(batch, &now.online, &past[j].target);
        let targets = net.targets(batch, &now.online, &now.target);
        let moved = then.iter().zip(&targets).map(|(a, b)| (a - b).abs());
        drift += w * moved.sum::<f64>() / then.len() as f64;
    }
    let oracle = sum(&[(1.0, &average), (-1.0, &parameter), (-1.0, &target)]);
    let data = sum(&[(1.0, &oracle), (-1.0, &f)]);
    let own = m.own.map(|own| own(&all[..u]));
    row.cos_momentum_gradient = cosine(own.as_ref().unwrap_or(&average), g);
    row.average_norm = Some(norm(&average));
    row.oracle_norm = Some(norm(&oracle));
    row.cos_average_oracle = cosine(&average, &oracle);
    row.cos_average_fresh = cosine(&average, &f);
    row.parameter_norm = Some(norm(&parameter));
    row.target_norm = Some(norm(&target));
    row.data_norm = Some(norm(&data));
    row.data_norm_by_chance = Some((noise * (squares + 0.25)).sqrt());
    row.cos_parameter_fresh = cosine(&parameter, &f);
    row.cos_target_fresh = cosine(&target, &f);
    row.cos_data_fresh = cosine(&data, &f);
    row.target_drift = Some(drift);
    row
}

/// The numbers of a row, each with its name and the magnitude of its terms, to which an error is
/// relative.
fn numbers(row: &DiagnosticsRow) -> Vec<(&'static str, Option<f64>, f64)> {
    let size = row.grad_norm + row.fresh_norm + row.average_norm.unwrap_or(0.0);
    // A cosine with a small difference of two gradients is uncertain in proportion to how small the
    // difference is.
    let part = |norm: Option<f64>| norm.map_or(1.0, |norm| 1.0f64.max(size / norm));
    vec![
        ("grad_norm", Some(row.grad_norm), size),
        ("cos_momentum_gradient", row.cos_momentum_gradient, 1.0),
        ("autocorrelation_1", row.autocorrelation_1, 1.0),
        ("autocorrelation_2", row.autocorrelation_2, 1.0),
        ("autocorrelation_4", row.autocorrelation_4, 1.0),
        ("autocorrelation_8", row.autocorrelation_8, 1.0),
        ("autocorrelation_16", row.autocorrelation_16, 1.0),
        ("autocorrelation_32", row.autocorrelation_32, 1.0),
        ("autocorrelation_64", row.autocorrelation_64, 1.0),
        ("autocorrelation_128", row.autocorrelation_128, 1.0),
        ("autocorrelation_256", row.autocorrelation_256, 1.0),
        ("average_norm", row.average_norm, size),
        ("oracle_norm", row.oracle_norm, size),
        ("fresh_norm", Some(row.fresh_norm), size),
        (
            "cos_average_oracle",
            row.cos_average_oracle,
            part(row.oracle_norm),
        ),
        ("cos_average_fresh", row.cos_average_fresh, 1.0),
        ("parameter_norm", row.parameter_norm, size),
        ("target_norm", row.target_norm, size),
        ("data_norm", row.data_norm, size),
        ("data_norm_by_chance", row.data_norm_by_chance, size),
        (
            "cos_parameter_fresh",
            row.cos_parameter_fresh,
            part(row.parameter_norm),
        ),
        (
            "cos_target_fresh",
            row.cos_target_fresh,
            part(row.target_norm),
        ),
        ("cos_data_fresh", row.cos_data_fresh, part(row.data_norm)),
        ("signal", Some(row.signal), size * size),
        ("noise", Some(row.noise), size * size),
        ("target_drift", row.target_drift, 1.0),
        ("age_mean", Some(row.age_mean), 1.0),
        ("age_max", Some(row.age_max as f64), 1.0),
    ]
}

/// Compares every row of the run with its own computation; returns the rows.
fn compare(config: &Case, sizes: &[usize], momentum: Momentum) -> Vec<DiagnosticsRow> {
    let rows = rows(config);
    let looked_at: Vec<u64> = rows.diagnostics.iter().map(|row| row.update).collect();
    let past = live(config, &looked_at, momentum.beta, momentum.resets);
    let agent = &config.agent;
    let net = Plain {
        sizes,
        config: agent,
    };
    let own = |u: &Update| {
        let targets = net.targets(&u.batch, &u.online, &u.target);
        net.gradient(&u.batch, &u.online, &targets)
    };
    let all: Vec<Vec<f64>> = past.iter().map(own).collect();
    // The repeated run must equal the recorded one.
    for (row, gradient) in rows.updates.iter().zip(&all) {
        assert!((row.measured[2] - norm(gradient)).abs() < 1e-4 * (1e-2 + row.measured[2]));
    }
    let whole = all.len() / config.run.diagnostics as usize;
    assert!((whole..=whole + 1).contains(&rows.diagnostics.len()));
    for row in &rows.diagnostics {
        let expected = expected(&net, &past, &all, row.update as usize - 1, &momentum);
        let exact = |row: &DiagnosticsRow| {
            (
                row.step,
                row.update,
                row.since_target,
                row.momentum_is_hypothetical,
            )
        };
        assert_eq!(exact(row), exact(&expected));
        assert!((row.momentum_beta - expected.momentum_beta).abs() < 1e-15);
        for ((name, ours, _), (_, theirs, scale)) in
            numbers(row).into_iter().zip(numbers(&expected))
        {
            let (ours, theirs) = match (ours, theirs) {
                (Some(ours), Some(theirs)) => (ours, theirs),
                // Targets that have not moved: the difference is 0, or almost 0.
                _ if name == "cos_target_fresh" && expected.target_norm < Some(1e-6) => continue,
                other => {
                    assert_eq!(other.0, other.1, "{name} of update {}", row.update);
                    continue;
                }
            };
            let error = (ours - theirs).abs() / scale;
            assert!(
                error < 2e-4,
                "{name} of update {}: {ours}, expected {theirs}",
                row.update
            );
        }
    }
    rows.diagnostics
}

fn plain_average(beta: f64) -> Momentum {
    Momentum {
        beta,
        resets: false,
        hypothetical: false,
        own: None,
    }
}

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

#[test]
fn the_parts_are_the_whole() {
    let rows = rows(&small("adam:lr=3e-3", &[8], 2, 4)).diagnostics;
    let mut moved = 0;
    for row in rows.iter().filter(|row| row.average_norm.is_some()) {
        let along = |norm: Option<f64>, cosine: Option<f64>| norm.unwrap() * cosine.unwrap_or(0.0);
        let parts = along(row.parameter_norm, row.cos_parameter_fresh)
            + along(row.target_norm, row.cos_target_fresh)
            + along(row.data_norm, row.cos_data_fresh);
        let whole = along(row.average_norm, row.cos_average_fresh) - row.fresh_norm;
        assert!(
            (parts - whole).abs() < 1e-5 * (1.0 + row.fresh_norm),
            "{row:?}"
        );
        moved += u32::from(row.target_norm > Some(0.0));
    }
    assert!(moved > 50, "{moved}");
}

/// The rows of a run whose weights do not change.
fn still(batch_size: usize) -> Vec<DiagnosticsRow> {
    let mut config = small("momentum:lr=0", &[], 2, 4);
    config.run.steps = 6_000;
    config.agent.buffer_size = 4_000;
    config.agent.learning_starts = 2_000;
    config.agent.batch_size = batch_size;
    rows(&config).diagnostics.split_off(20)
}

#[test]
fn what_does_not_move_is_not_stale_and_noise_is_of_the_draw() {
    let mean = |rows: &[DiagnosticsRow], of: fn(&DiagnosticsRow) -> f64| {
        rows.iter().map(of).sum::<f64>() / rows.len() as f64
    };
    let rows = still(16);
    assert!(rows.len() > 900);
    for row in &rows {
        assert_eq!(
            (row.parameter_norm, row.target_norm),
            (Some(0.0), Some(0.0))
        );
        assert_eq!(row.target_drift, Some(0.0));
        assert_eq!(row.average_norm, row.oracle_norm);
    }
    let data = mean(&rows, |row| row.data_norm.unwrap().powi(2));
    let chance = mean(&rows, |row| row.data_norm_by_chance.unwrap().powi(2));
    assert!((data / chance - 1.0).abs() < 0.1, "{data} {chance}");
    // A mean over twice as many transitions has half the variance and the same expectation.
    let larger = still(32);
    let noise = mean(&rows, |row| row.noise) / mean(&larger, |row| row.noise);
    let signal = mean(&rows, |row| row.signal) / mean(&larger, |row| row.signal);
    assert!((noise - 2.0).abs() < 0.2, "{noise}");
    assert!((signal - 1.0).abs() < 0.1, "{signal}");
}
