//! What a buffer holds, and how it is drawn from.

use super::*;

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
