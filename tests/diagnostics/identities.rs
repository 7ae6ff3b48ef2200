//! What must hold between the values of a run.

use super::*;

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
