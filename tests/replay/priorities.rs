//! Draws by priority.

use super::*;

/// `n` transitions with the TD errors `error(i)`, all known.
fn with_errors(n: usize, alpha: f64, eps: f64, error: impl Fn(usize) -> f32) -> Replay {
    let plain = Replay::new(n, 2, Encoding::Floats, GAMMA);
    let mut replay = filled(
        plain.prioritized(alpha, eps),
        &steps(n + n / 2, 2, Encoding::Floats, 1),
    );
    let indices: Vec<u32> = (0..n as u32).collect();
    let errors: Vec<f32> = (0..n).map(error).collect();
    replay.update_priorities(&indices, &errors);
    replay
}

#[test]
fn transitions_are_drawn_as_often_as_their_priorities_say() {
    let (n, alpha, eps, draws) = (20, 0.6, 0.01, 200_000);
    let error = |i: usize| (i as f32 - 7.0) * 0.3;
    let replay = with_errors(n, alpha, eps, error);
    let priority = |i: usize| (f64::from(error(i).abs()) + eps).powf(alpha);
    let total: f64 = (0..n).map(priority).sum();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut batch = Batch::default();
    for _ in 0..draws / 50 {
        replay.sample(&mut rng, 50, 0.4, &mut batch);
    }
    let mut seen = vec![0.0; n];
    batch.indices.iter().for_each(|i| seen[*i as usize] += 1.0);
    let chi_square = |probability: &dyn Fn(usize) -> f64| -> f64 {
        let term = |i: usize| {
            let expected = draws as f64 * probability(i);
            (seen[i] - expected).powi(2) / expected
        };
        (0..n).map(term).sum()
    };
    // The 99.9 % point for 19 degrees of freedom; stratified draws vary less than free ones.
    let most = 43.82;
    assert!(chi_square(&|i| priority(i) / total) < most);
    assert!(chi_square(&|_| 1.0 / n as f64) > 100.0 * most, "uniform");
    let other = |i: usize| (f64::from(error(i).abs()) + eps).powf(0.5);
    let other_total: f64 = (0..n).map(other).sum();
    assert!(
        chi_square(&|i| other(i) / other_total) > 10.0 * most,
        "another alpha"
    );
}

#[test]
fn each_of_n_equal_parts_of_the_sum_is_drawn_from_once() {
    // With equal priorities, a batch as large as the buffer has every transition exactly once.
    let replay = with_errors(64, 0.6, 1e-6, |_| 0.5);
    let mut batch = Batch::default();
    replay.sample(&mut ChaCha8Rng::seed_from_u64(2), 64, 0.4, &mut batch);
    assert_eq!(batch.indices, (0..64).collect::<Vec<u32>>());
    assert_eq!(batch.weights, [1.0; 64]);
}

#[test]
fn weights_are_the_formulas() {
    let (n, alpha, eps) = (30, 0.7, 1e-3);
    let error = |i: usize| (i as f32 * 0.9).sin() * 5.0;
    let replay = with_errors(n, alpha, eps, error);
    let priority = |i: u32| (f64::from(error(i as usize).abs()) + eps).powf(alpha);
    let total: f64 = (0..n as u32).map(priority).sum();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for beta in [0.0, 0.4, 1.0] {
        let mut batch = Batch::default();
        replay.sample(&mut rng, 16, beta, &mut batch);
        let weight = |i: &u32| (n as f64 * priority(*i) / total).powf(-beta);
        let weights: Vec<f64> = batch.indices.iter().map(weight).collect();
        let largest = weights.iter().copied().fold(0.0, f64::max);
        assert_eq!(batch.weights.len(), 16);
        for (ours, weight) in batch.weights.iter().zip(weights) {
            assert!((f64::from(*ours) - weight / largest).abs() < 1e-6);
        }
    }
}

#[test]
fn a_new_transition_has_the_largest_priority_so_far() {
    let mut replay = with_errors(8, 1.0, 0.5, |i| i as f32);
    // The transition with the largest priority is forgotten, but the largest priority so far is kept:
    // 7.5.
    replay.update_priorities(&[7], &[0.5]);
    let more = steps(8 + 4 + 1, 2, Encoding::Floats, 1);
    replay.push(more[12].transition()).unwrap();
    let mut batch = Batch::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    while !batch.indices.contains(&4) || !batch.indices.contains(&0) {
        batch.clear();
        replay.sample(&mut rng, 16, 1.0, &mut batch);
    }
    let weight = |index: u32| {
        let at = batch.indices.iter().position(|i| *i == index).unwrap();
        f64::from(batch.weights[at])
    };
    // Index 0 has a priority of 0.5.
    assert!((weight(4) / weight(0) - 0.5 / 7.5).abs() < 1e-6);
}
