//! What steps return.

use super::*;

#[test]
fn observations_stay_within_their_space() {
    for (name, native) in &cases() {
        let mut play = Play::of(name, 1);
        for _ in 0..STEPS {
            let step = play.step();
            let (low, high) = play.env.spec().rewards;
            assert!(
                (low..=high).contains(&step.reward),
                "{name}: {}",
                step.reward
            );
            let inside = play.env.spec().observation.contains(&play.observation);
            // gymnasium-rs's space is too narrow for the observation that ends an episode; that is
            // its own fault.
            let excused = !native && step.terminated;
            assert!(inside || excused, "{}: {:?}", name, play.observation);
            assert!(step.reward.is_finite(), "{}", name);
            if step.terminated || step.truncated {
                play.reset();
                let inside = play.env.spec().observation.contains(&play.observation);
                assert!(inside, "{} at reset: {:?}", name, play.observation);
            }
        }
    }
}

#[test]
fn the_same_stream_gives_the_same_bytes() {
    for (name, _) in &cases() {
        let first = Play::of(name, 5).trajectory();
        assert!(first == Play::of(name, 5).trajectory(), "{}", name);
        let fixed = make(name).unwrap().spec().actions == 1;
        assert!(fixed || first != Play::of(name, 6).trajectory(), "{name}");
    }
}

#[test]
fn an_episode_ends_at_its_limit_and_never_before_without_terminating() {
    for (name, _) in &cases() {
        let mut play = Play::of(name, 3);
        let limit = play.env.spec().max_steps;
        for taken in 1..=STEPS {
            let step = play.step();
            let at_limit = limit == Some(play.env.elapsed());
            if name.starts_with("chain?every=70&") {
                // Its members have their own limits, and every switch truncates.
                assert!(step.truncated || taken % 70 > 0, "{name}");
            } else if name != "chain" {
                assert_eq!(step.truncated, at_limit, "{name}");
            }
            if step.terminated || step.truncated {
                play.reset();
                assert_eq!(play.env.elapsed(), 0);
            }
        }
    }
}

#[test]
fn a_step_allocates_nothing() {
    // Foreign environments return their observation in an array that they allocate.
    for (name, _) in cases().iter().filter(|(_, native)| *native) {
        let mut play = Play::of(name, 11);
        let before = ALLOCATIONS.get();
        for _ in 0..STEPS {
            let step = play.step();
            if step.terminated || step.truncated {
                play.reset();
            }
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{}", name);
    }
}

#[test]
fn mistakes_are_errors() {
    for (name, _) in &cases() {
        let mut env = make(name).unwrap();
        let canonical = env.spec().name.clone();
        let name = || canonical.clone();
        let mut observation = vec![0.0; env.spec().observation.len()];
        let mut draws = stream(0);
        let unstarted = env.step(0, &mut draws, &mut observation);
        assert_eq!(unstarted, Err(Error::NotReset { name: name() }));

        env.reset(&mut draws, &mut observation);
        let actions = env.spec().actions;
        for action in [actions, usize::MAX] {
            let refused = env.step(action, &mut draws, &mut observation);
            assert_eq!(
                refused,
                Err(Error::Action {
                    name: name(),
                    action,
                    actions
                })
            );
        }
        assert_eq!(env.elapsed(), 0, "a refused action is not a step");

        let mut step = env.step(0, &mut draws, &mut observation).unwrap();
        while !(step.terminated || step.truncated) {
            step = env.step(0, &mut draws, &mut observation).unwrap();
        }
        let after = env.step(0, &mut draws, &mut observation);
        assert_eq!(after, Err(Error::Ended { name: name() }));
        env.reset(&mut draws, &mut observation);
        env.step(0, &mut draws, &mut observation).unwrap();
    }
}
