//! The replay buffer against plain computations over everything that was ever pushed to it.

use optimiser_paradigms::algorithm::dqn::{Batch, Encoding, Replay, Transition};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const GAMMA: f64 = 0.9;

/// A step with both of its observations.
#[derive(Clone, Debug)]
struct Whole {
    obs: Vec<f32>,
    action: u8,
    reward: f32,
    next_obs: Vec<f32>,
    terminated: bool,
    truncated: bool,
}

impl Whole {
    fn transition(&self) -> Transition<'_> {
        Transition {
            obs: &self.obs,
            action: self.action,
            reward: self.reward,
            next_obs: &self.next_obs,
            terminated: self.terminated,
            truncated: self.truncated,
        }
    }
}

/// Steps of random episodes; about a fifth of the steps are terminated and a fifth truncated.
fn steps(n: usize, obs_len: usize, encoding: Encoding, seed: u64) -> Vec<Whole> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let observe = |rng: &mut ChaCha8Rng| -> Vec<f32> {
        let value = |_| match encoding {
            Encoding::Floats => rng.random_range(-1.0..1.0),
            Encoding::Bits => f32::from(rng.random_bool(0.3)),
        };
        (0..obs_len).map(value).collect()
    };
    let mut obs = observe(&mut rng);
    let mut all = Vec::new();
    for _ in 0..n {
        let next_obs = observe(&mut rng);
        let kind = rng.random_range(0..20);
        let step = Whole {
            obs,
            action: rng.random_range(0..6),
            reward: rng.random_range(-1.0..1.0),
            next_obs: next_obs.clone(),
            terminated: kind < 4,
            truncated: (3..7).contains(&kind),
        };
        let ended = step.terminated || step.truncated;
        obs = if ended { observe(&mut rng) } else { next_obs };
        all.push(step);
    }
    all
}

fn filled(mut replay: Replay, steps: &[Whole]) -> Replay {
    for step in steps {
        replay.push(step.transition()).unwrap();
    }
    replay
}

/// The transition over `n` steps from step `k` on, once it is complete.
fn over_n_steps(all: &[Whole], k: usize, n: usize) -> Option<Batch> {
    let ended = |step: &Whole| step.terminated || step.truncated;
    let last = (k..k + n).find(|j| *j + 1 == k + n || all.get(*j).is_some_and(ended))?;
    let last_step = all.get(last)?;
    let reward = |j: usize| GAMMA.powi((j - k) as i32) * f64::from(all[j].reward);
    Some(Batch {
        obs: all[k].obs.clone(),
        next_obs: last_step.next_obs.clone(),
        actions: vec![all[k].action.into()],
        rewards: vec![(k..=last).map(reward).sum::<f64>() as f32],
        discounts: vec![GAMMA.powi((last - k + 1) as i32) as f32],
        terminated: vec![last_step.terminated],
        ..Batch::default()
    })
}

#[test]
fn holds_the_newest_transitions_over_n_steps() {
    for encoding in [Encoding::Floats, Encoding::Bits] {
        for (capacity, n) in [
            (1, 1),
            (1, 3),
            (2, 2),
            (7, 1),
            (7, 3),
            (20, 10),
            (64, 5),
            (500, 3),
        ] {
            let all = steps(200, 11, encoding, capacity as u64 + 100 * n as u64);
            let plain = Replay::new(capacity, 11, encoding, GAMMA);
            let mut replay = plain.n_step(n as u32);
            assert!(replay.is_empty());
            for pushed in 1..=all.len() {
                replay.push(all[pushed - 1].transition()).unwrap();
                let known = &all[..pushed];
                let complete: Vec<Batch> = (0..pushed)
                    .map_while(|k| over_n_steps(known, k, n))
                    .collect();
                assert_eq!(replay.len(), complete.len().min(capacity));
                for (k, expected) in complete.iter().enumerate().rev().take(capacity) {
                    let mut found = Batch::default();
                    replay.append(&[(k % capacity) as u32], &mut found);
                    found.indices.clear();
                    let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
                    assert!(near(found.rewards[0], expected.rewards[0]));
                    assert!(near(found.discounts[0], expected.discounts[0]));
                    if n == 1 {
                        assert_eq!(found.rewards[0].to_bits(), all[k].reward.to_bits());
                        assert_eq!(found.discounts[0].to_bits(), (GAMMA as f32).to_bits());
                    }
                    found.rewards.clone_from(&expected.rewards);
                    found.discounts.clone_from(&expected.discounts);
                    assert_eq!(&found, expected, "capacity {capacity}, n {n}, step {k}");
                }
            }
        }
    }
}

#[test]
fn draws_uniformly_by_index_as_results_so_far_were_drawn() {
    for capacity in [1, 5, 40] {
        for pushed in [1, 4, 5, 13, 100] {
            let all = steps(pushed, 3, Encoding::Floats, 8);
            let plain = Replay::new(capacity, 3, Encoding::Floats, GAMMA);
            let replay = filled(plain, &all);
            let (mut ours, mut theirs) = [1, 1].map(ChaCha8Rng::seed_from_u64).into();
            let mut batch = Batch::default();
            replay.sample(&mut ours, 300, 0.4, &mut batch);
            assert!(batch.weights.is_empty());
            let mut seen = vec![0; replay.len()];
            for i in 0..300 {
                let index = theirs.random_range(0..pushed.min(capacity) as u32);
                assert_eq!(batch.indices[i], index);
                // The newest of the steps at this index.
                let k = (0..pushed).rev().find(|k| k % capacity == index as usize);
                let step = &all[k.unwrap()];
                assert_eq!(batch.obs[3 * i..][..3], step.obs);
                assert_eq!(batch.next_obs[3 * i..][..3], step.next_obs);
                assert_eq!(batch.actions[i], u32::from(step.action));
                assert_eq!(batch.rewards[i], step.reward);
                assert_eq!(batch.terminated[i], step.terminated);
                seen[index as usize] += 1;
            }
            assert!(seen.len() > 5 || seen.iter().all(|n| *n > 30), "{seen:?}");
            assert_eq!(
                ours.random::<u64>(),
                theirs.random::<u64>(),
                "as many draws"
            );
        }
    }
}

#[test]
fn what_it_cannot_hold_is_refused_and_changes_nothing() {
    let all = steps(30, 4, Encoding::Bits, 5);
    let mut replay = filled(Replay::new(9, 4, Encoding::Bits, GAMMA), &all);
    let before = replay.to_safetensors().unwrap();
    for other in [0.5, -0.0, 2.0, f32::NAN] {
        for broken in [0, 1] {
            let mut observations = [[0.0, 1.0, 0.0, 0.0]; 2];
            observations[broken][2] = other;
            let step = Transition {
                obs: &observations[0],
                next_obs: &observations[1],
                ..all[0].transition()
            };
            let error = replay.push(step).unwrap_err().to_string();
            assert!(
                error.contains("only 0 and 1") && error.contains("at 2"),
                "{error}"
            );
        }
    }
    for encoding in [Encoding::Bits, Encoding::Floats] {
        let all = steps(30, 4, encoding, 6);
        let open = (0..30)
            .find(|k| !(all[*k].terminated || all[*k].truncated))
            .unwrap();
        let mut replay = filled(Replay::new(9, 4, encoding, GAMMA), &all[..=open]);
        let before = replay.to_safetensors().unwrap();
        let mut elsewhere = all[open].next_obs.clone();
        elsewhere[3] = 1.0 - elsewhere[3];
        let step = Transition {
            obs: &elsewhere,
            ..all[0].transition()
        };
        let error = replay.push(step).unwrap_err().to_string();
        assert!(
            error.contains("continues with an observation other than"),
            "{error}"
        );
        assert_eq!(replay.to_safetensors().unwrap(), before);
    }
    assert_eq!(replay.to_safetensors().unwrap(), before);
}

#[test]
fn memory_does_not_grow_once_it_is_full() {
    for encoding in [Encoding::Floats, Encoding::Bits] {
        let plain = Replay::new(100, 8, encoding, GAMMA);
        let replay = filled(plain, &steps(20_000, 8, encoding, 1));
        let row = match encoding {
            Encoding::Floats => 4 * 8,
            Encoding::Bits => 1,
        };
        // As if every step were an episode's last: two observations, the rest of the step, and the
        // number of an unused row; plus the newest observation.
        let most = 100 * (2 * row + 12 + 4) + 4 * 8;
        assert!(replay.bytes() <= most, "{encoding:?}: {}", replay.bytes());
    }
}

#[test]
fn what_a_buffer_will_take_is_known_before_it_is_filled() {
    for (longest, steps, prioritized) in [
        (1, 5_000, false),
        (3, 5_000, false),
        (3, 700, false),
        (3, 5_000, true),
        (100, 5_000, false),
    ] {
        let plain = Replay::new(1_000, 8, Encoding::Floats, GAMMA);
        let mut replay = match prioritized {
            true => plain.prioritized(0.6, 1e-6),
            false => plain,
        };
        let told = replay.bytes_of(steps, Some(longest));
        for k in 0..steps as u32 {
            let truncated = (k + 1) % longest == 0;
            let transition = Transition {
                obs: &[0.0; 8],
                action: 0,
                reward: 0.0,
                next_obs: &[0.0; 8],
                terminated: false,
                truncated,
            };
            replay.push(transition).unwrap();
        }
        let (held, taken) = (steps.min(1_000), replay.bytes() as u64);
        // Twelve bytes of a step besides its observation, and a row for the last observation of each episode.
        let rows = held / u64::from(longest);
        let priorities = if prioritized { 8 * held } else { 0 };
        assert_eq!(told, held * (32 + 12) + rows * 32 + priorities);
        // Lists may have room for twice what they hold, and the sum tree for more.
        assert!(told <= taken, "{longest}: {told} of {taken}");
        let room = match steps < 1_000 || prioritized {
            true => 2 * told,
            false => told + 2 * (rows + 1) * 40 + 64,
        };
        assert!(taken <= room, "{longest}: {told} of {taken}");
    }
}

/// This buffer of `capacity`, filled and then overwritten once by a random policy on CartPole.
fn cartpole(mut replay: Replay, capacity: usize) -> Replay {
    let mut env = envs::make("cartpole").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut obs, mut next_obs) = (vec![0.0; 4], vec![0.0; 4]);
    env.reset(&mut rng, &mut obs);
    for _ in 0..capacity + capacity / 10 {
        let action = rng.random_range(0..2u8);
        let step = env.step(action.into(), &mut rng, &mut next_obs).unwrap();
        let transition = Transition {
            obs: &obs,
            action,
            reward: step.reward,
            next_obs: &next_obs,
            terminated: step.terminated,
            truncated: step.truncated,
        };
        replay.push(transition).unwrap();
        std::mem::swap(&mut obs, &mut next_obs);
        if step.terminated || step.truncated {
            env.reset(&mut rng, &mut obs);
        }
    }
    replay
}

#[test]
fn a_million_cartpole_transitions_take_no_more_than_40_mb() {
    let plain = || Replay::new(1_000_000, 4, Encoding::Floats, GAMMA);
    // An observation, a reward and an action are the minimum for each; a priority adds 8.
    for (replay, least) in [
        (plain(), 21_000_000),
        (plain().n_step(5).prioritized(0.6, 1e-6), 29_000_000),
    ] {
        let bytes = cartpole(replay, 1_000_000).bytes();
        assert!((least..=40_000_000).contains(&bytes), "{bytes}");
    }
}

#[test]
fn a_hundred_thousand_minatar_transitions_take_no_more_than_60_mb() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    // Episodes of one step need two observations per transition.
    for length in [1, 100] {
        let mut replay = Replay::new(100_000, 1000, Encoding::Bits, GAMMA);
        let (mut obs, mut next_obs) = (vec![0.0; 1000], vec![0.0; 1000]);
        for k in 0..110_000 {
            next_obs[rng.random_range(0..1000u32) as usize] = 1.0;
            next_obs[rng.random_range(0..1000u32) as usize] = 0.0;
            let terminated = k % length == 0;
            let transition = Transition {
                obs: &obs,
                action: 0,
                reward: 0.0,
                next_obs: &next_obs,
                terminated,
                truncated: false,
            };
            replay.push(transition).unwrap();
            obs.copy_from_slice(&next_obs);
        }
        let bytes = replay.bytes();
        assert!(
            (13_000_000..=60_000_000).contains(&bytes),
            "{length}: {bytes}"
        );
    }
}

/// Buffers of every kind, by name.
fn kinds() -> Vec<(Encoding, Replay)> {
    let mut all = Vec::new();
    for encoding in [Encoding::Floats, Encoding::Bits] {
        let plain = || Replay::new(10, 13, encoding, GAMMA);
        all.push((encoding, plain()));
        all.push((encoding, plain().n_step(4)));
        all.push((encoding, plain().prioritized(0.6, 1e-6)));
        all.push((encoding, plain().n_step(3).prioritized(0.5, 1e-3)));
    }
    all
}

/// Pushes, draws and updates priorities; returns what was drawn.
fn go_on(replay: &mut Replay, steps: &[Whole], seed: u64) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Batch::default();
    for step in steps {
        replay.push(step.transition()).unwrap();
        if !replay.is_empty() {
            let from = all.indices.len();
            replay.sample(&mut rng, 6, 0.7, &mut all);
            let errors: Vec<f32> = (0..6).map(|_| rng.random_range(-3.0..3.0)).collect();
            replay.update_priorities(&all.indices[from..], &errors);
        }
    }
    all
}

#[test]
fn goes_on_after_a_restore_as_if_nothing_had_happened() {
    for pushed in [0, 1, 2, 9, 10, 11, 37] {
        for ((encoding, mut replay), (_, mut other)) in kinds().into_iter().zip(kinds()) {
            let all = steps(80, 13, encoding, 3);
            go_on(&mut replay, &all[..pushed], 1);
            let saved = replay.to_safetensors().unwrap();
            // Its earlier content is forgotten.
            go_on(&mut other, &steps(15, 13, encoding, 4), 2);
            other.restore(&saved).unwrap();
            assert_eq!(other.to_safetensors().unwrap(), saved);
            let went_on = go_on(&mut replay, &all[pushed..], 5);
            assert_eq!(went_on, go_on(&mut other, &all[pushed..], 5));
            assert_eq!(
                replay.to_safetensors().unwrap(),
                other.to_safetensors().unwrap()
            );
        }
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let state = |make: &dyn Fn() -> Replay, encoding| {
        let all = steps(30, 13, encoding, 3);
        filled(make(), &all).to_safetensors().unwrap()
    };
    let floats = Encoding::Floats;
    let ours = || Replay::new(10, 13, floats, GAMMA).prioritized(0.6, 1e-6);
    let good = state(&ours, floats);
    let mut replay = filled(ours(), &steps(17, 13, floats, 9));
    let before = replay.to_safetensors().unwrap();
    let mut refuse = |data: &[u8], words: &[&str]| {
        let error = replay.restore(data).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "no `{word}` in: {error}");
        }
        assert_eq!(replay.to_safetensors().unwrap(), before);
    };
    for length in [0, 7, 8, 100, good.len() / 2, good.len() - 1] {
        refuse(&good[..length], &["no replay buffer state"]);
    }
    refuse(b"not a state at all", &["no replay buffer state"]);
    let spec = "adam".parse().unwrap();
    let optimiser = optim::Optimiser::new(&[spec], Vec::new()).unwrap();
    refuse(
        &optimiser.to_safetensors().unwrap(),
        &["no replay buffer", "capacity=10"],
    );
    let others: [(&str, &dyn Fn() -> Replay, Encoding); 4] = [
        (
            "capacity=11",
            &|| Replay::new(11, 13, floats, GAMMA).prioritized(0.6, 1e-6),
            floats,
        ),
        (
            "13 bits",
            &|| Replay::new(10, 13, Encoding::Bits, GAMMA),
            Encoding::Bits,
        ),
        (
            "n_step=2",
            &|| Replay::new(10, 13, floats, GAMMA).n_step(2),
            floats,
        ),
        ("uniform", &|| Replay::new(10, 13, floats, GAMMA), floats),
    ];
    for (what, make, encoding) in others {
        refuse(
            &state(make, encoding),
            &[what, "needed", "priority_alpha=0.6"],
        );
    }
    // The same file with one array damaged.
    let tensors = safetensors::SafeTensors::deserialize(&good).unwrap();
    let damaged = |name: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        let (_, header) = safetensors::SafeTensors::read_metadata(&good).unwrap();
        let all = tensors.tensors().into_iter().map(|(found, view)| {
            let mut bytes = view.data().to_vec();
            if found == name {
                damage(&mut bytes);
            }
            (found, view.dtype(), view.shape().to_vec(), bytes)
        });
        let all: Vec<_> = all.collect();
        let views = all.iter().map(|(name, dtype, shape, bytes)| {
            let view = safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes);
            (name, view.unwrap())
        });
        safetensors::serialize(views, header.metadata().clone()).unwrap()
    };
    let written = &["its numbers are not those that were written"];
    refuse(&damaged("ends", &|bytes| bytes[3] = 3), written);
    refuse(
        &damaged("priorities", &|bytes| bytes[8..16].fill(0)),
        written,
    );
    refuse(&damaged("pushed", &|bytes| bytes[0] ^= 1), written);
    replay.restore(&good).unwrap();
}

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
