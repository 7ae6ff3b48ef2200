//! The rows of a run, computed a second time.

use super::*;

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
pub type Own = fn(&[Vec<f64>]) -> Vec<f64>;

/// How a test measures momentum: its decay, whether target updates reset it, and, if it is not the
/// average, the rule's own momentum before the update of this index, computed from all gradients before
/// it.
pub struct Momentum {
    pub beta: f64,
    pub resets: bool,
    pub hypothetical: bool,
    pub own: Option<Own>,
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
pub fn compare(config: &Case, sizes: &[usize], momentum: Momentum) -> Vec<DiagnosticsRow> {
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

pub fn plain_average(beta: f64) -> Momentum {
    Momentum {
        beta,
        resets: false,
        hypothetical: false,
        own: None,
    }
}
