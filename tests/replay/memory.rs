//! How much memory a buffer takes.

use super::*;

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
