//! What changes with the steps taken.

use super::*;

#[test]
fn a_drift_passes_through_the_environments_it_names() {
    // After half a period the pole has length 1.5 and keeps it for another half.
    let mut drifting = Play::new("cartpole?drift=length:0.5..1.5/period=200,shape=step");
    let mut policy = stream(3);
    for _ in 0..100 {
        drifting.step(policy.random_range(0..2));
    }
    let mut long = Play::new("cartpole?length=1.5");
    for _ in 0..100 {
        // The same state; the clock, the hold, one value and two actions come before it.
        long.env.load(&drifting.env.save().unwrap()[5..]).unwrap();
        let action = policy.random_range(0..2);
        let mut expected = vec![0.0; 4];
        let step = long
            .env
            .step(action, &mut stream(0), &mut expected)
            .unwrap();
        let expected = expected.iter().map(|value| value.to_bits()).collect();
        assert_eq!(drifting.step(action), (step, expected));
    }
    let plain = drifting.env.save().unwrap();
    long.env.load(&plain[5..]).unwrap();
    let mut expected = vec![0.0; 4];
    long.env.step(0, &mut stream(0), &mut expected).unwrap();
    let bits: Vec<u32> = expected.iter().map(|value| value.to_bits()).collect();
    assert_ne!(drifting.step(0).1, bits, "it has jumped back");
}

#[test]
fn permuted_actions_are_the_same_actions_under_other_numbers() {
    let mut play = Play::new("acrobot?drift=actions/period=50");
    let mut seen = std::collections::BTreeSet::new();
    for clock in 0..2_000_u32 {
        let before = play.env.save().unwrap();
        let numbers: Vec<usize> = before[3..6].iter().map(|&x| x as usize).collect();
        if clock <= 50 {
            // The permutation changes at the step at which a period begins.
            assert_eq!(numbers, [0, 1, 2], "{clock}");
        }
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2]);
        if clock % 50 != 0 {
            let mut plain = Play::new("acrobot");
            plain.env.load(&before[6..]).unwrap();
            let mut expected = vec![0.0; 6];
            let action = clock as usize % 3;
            plain
                .env
                .step(numbers[action], &mut stream(0), &mut expected)
                .unwrap();
            let bits: Vec<u32> = expected.iter().map(|value| value.to_bits()).collect();
            assert_eq!(play.step(action).1, bits);
        } else {
            play.step(clock as usize % 3);
        }
        seen.insert(numbers);
    }
    assert_eq!(seen.len(), 6, "every permutation comes up");
}

#[test]
fn a_reward_that_drifts_turns_its_sign() {
    let mut play = Play::new("cartpole?drift=reward:-1..1/period=40,shape=step");
    let rewards: Vec<f32> = (0..80).map(|i| play.step(i % 2).0.reward).collect();
    assert_eq!(
        rewards,
        [[1.0; 20], [-1.0; 20], [1.0; 20], [-1.0; 20]].concat()
    );
    let spec = play.env.spec();
    assert_eq!((spec.rewards, spec.worst_return), ((-1.0, 1.0), -500.0));
    assert_eq!(spec.reward_threshold, None);
}

#[test]
fn the_worst_return_follows_factors_and_limits() {
    for (name, worst) in [
        ("catch?reward=2", -2.0),
        ("catch?max_steps=100", -1.0),
        ("mountain_car?max_steps=1000", -1000.0),
        ("mountain_car?max_steps=50", -50.0),
        ("acrobot?reward=0.5", -250.0),
        ("acrobot?drift=reward:0..3/period=40,shape=step", -1500.0),
        ("cartpole?max_steps=50", 0.0),
        ("cartpole?reward=-1", -500.0),
        ("probe/value?max_steps=5", 0.0),
    ] {
        let play = Play::new(name);
        assert_eq!(play.env.spec().worst_return, worst, "{name}");
    }
}

#[test]
fn an_evaluation_holds_the_world_still() {
    for name in [
        "cartpole?drift=length:0.5..1.5/period=100,shape=walk&drift=actions/period=30",
        "chain?every=60&of=cartpole|cartpole?drift=gravity:5..15/period=40|cartpole?length=2",
    ] {
        let mut training = Play::new(name);
        for clock in 0..500 {
            training.step(clock % 2);
            if clock % 37 > 0 {
                continue;
            }
            let world = training.env.world();
            let mut evaluation = Play::new(name);
            evaluation.env.hold(&world).unwrap();
            evaluation.reset();
            let held = evaluation.env.world();
            for i in 0..200 {
                let taken = evaluation.env.elapsed() + 1;
                let (step, _) = evaluation.step(i % 2);
                assert!(
                    !step.truncated || taken == 500,
                    "{name}: no switch while held"
                );
            }
            assert_eq!(
                evaluation.env.world(),
                held,
                "{name}: nothing moves while held"
            );
        }
    }
    let error = make("cartpole").unwrap().hold(&[1.0]).unwrap_err();
    assert!(matches!(error, Error::State { .. }), "{error}");
}

#[test]
fn a_chain_plays_its_members_in_turn() {
    let every = 130;
    let members = ["acrobot?torque=2", "mountain_car", "acrobot?torque=2"];
    let name = format!("chain?every={every}&of={}", members.join("|"));
    let error = make(&format!("chain?every={every}&of=acrobot|cartpole"));
    assert!(error.err().unwrap().to_string().contains("3 actions"));
    let mut chain = Play::new(&name);
    assert_eq!(chain.seen.len(), 6, "as long as the longest");
    for clock in 0..1_000 {
        let short = clock / every % 3 == 1;
        if short {
            assert_eq!(
                chain.seen[2..],
                [0.0; 4],
                "at {clock}: two numbers and no more"
            );
        } else {
            assert!(
                chain.seen[2..].iter().any(|value| *value != 0.0),
                "at {clock}"
            );
        }
        let (step, _) = chain.step(clock % 3);
        if (clock + 1) % every == 0 {
            assert!(step.truncated && !step.terminated, "at {clock}");
        }
    }
}
