//! The seam to gymnasium-rs: our environments through its trait, and its own through ours.
#![cfg(feature = "gymnasium-rs")]

use std::collections::HashMap;

use envs::gymnasium::{FromGymnasium, ToGymnasium};
use envs::{Environment, Error, Step, TimeLimit, make, registry};
use gymnasium_rs::core::{Env, Info, Options, Space};
use gymnasium_rs::envs::cartpole::CartPole;
use ndarray::{Array1, Array3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn to_gymnasium(name: &str) -> ToGymnasium {
    ToGymnasium::new(make(name).unwrap())
}

/// One episode of anything that implements gymnasium-rs's trait, using only that trait.
fn episode<Obs, Act: TryFrom<usize>>(
    env: &mut impl Env<Obs, Act>,
    seed: Option<i32>,
) -> Vec<(Obs, f32, bool, bool, Info)> {
    let Space::Discrete(actions) = env.action_space() else {
        panic!("discrete actions")
    };
    let mut policy = stream(17);
    let (first, info) = env.reset(seed, HashMap::new());
    let mut seen = vec![(first, 0.0, false, false, info)];
    loop {
        let action = policy.random_range(0..actions as usize);
        let Ok(action) = Act::try_from(action) else {
            panic!("an action")
        };
        seen.push(env.step(action));
        let (_, _, terminated, truncated, _) = seen.last().unwrap();
        if *terminated || *truncated {
            return seen;
        }
    }
}

/// The same through our own interface.
fn our_episode(env: &mut TimeLimit, seed: u64) -> Vec<(Vec<f32>, Step)> {
    let (mut draws, mut policy) = (stream(seed), stream(17));
    let mut observation = vec![0.0; env.spec().observation.len()];
    env.reset(&mut draws, &mut observation);
    let mut seen = Vec::new();
    loop {
        let action = policy.random_range(0..env.spec().actions);
        let step = env.step(action, &mut draws, &mut observation).unwrap();
        seen.push((observation.clone(), step));
        if step.terminated || step.truncated {
            return seen;
        }
    }
}

#[test]
fn every_environment_has_gymnasium_rss_trait() {
    for entry in registry() {
        let mut env = to_gymnasium(entry.name);
        let spec = make(entry.name).unwrap().spec().clone();
        let space = spec.observation;
        let (low, high) = (Array1::from(space.low), Array1::from(space.high));
        assert_eq!(env.observation_space(), Space::Box { low, high });
        assert_eq!(env.action_space(), Space::Discrete(spec.actions as i32));

        let seen = episode(&mut env, Some(4));
        let ours = our_episode(&mut make(entry.name).unwrap(), 4);
        assert_eq!(seen.len(), ours.len() + 1, "{}", entry.name);
        for ((observation, reward, terminated, truncated, _), (expected, step)) in
            seen[1..].iter().zip(&ours)
        {
            assert_eq!(observation, expected);
            assert_eq!(
                (*reward, *terminated, *truncated),
                (step.reward, step.terminated, step.truncated)
            );
        }

        let again = episode(&mut env, Some(4));
        assert_eq!(seen, again, "{}: a seed determines the episode", entry.name);
        // Some have few different starts, some only one, so whole sequences of starts are compared.
        let mut starts = |seed| -> Vec<Vec<f32>> {
            let first = env.reset(seed, HashMap::new()).0;
            let more = (0..20).map(|_| env.reset(None, HashMap::new()).0);
            std::iter::once(first).chain(more).collect()
        };
        let (from_4, going_on) = (starts(Some(4)), starts(None));
        let random = from_4.iter().any(|start| start != &from_4[0]);
        assert_eq!(from_4, starts(Some(4)), "{}", entry.name);
        assert_eq!(random, from_4 != going_on, "{}: none goes on", entry.name);
        assert_eq!(random, from_4 != starts(Some(-4)), "{}", entry.name);
        let pixels = env.render().map(|pixels| pixels.dim().2);
        assert_eq!(pixels, entry.native.then_some(3), "{}", entry.name);
        env.close();
    }
}

#[test]
fn an_unseeded_environment_starts_from_seed_0() {
    let (unseeded, _) = to_gymnasium("acrobot").reset_default();
    let (seeded, _) = to_gymnasium("acrobot").reset_seed(0);
    assert_eq!(unseeded, seeded);
}

#[test]
fn info_tells_steps_truncation_and_ignored_options() {
    let seen = episode(&mut to_gymnasium("mountain_car"), Some(0));
    assert_eq!(
        seen[0].4,
        HashMap::from([("elapsed_steps".to_owned(), Value::from(0))])
    );
    assert_eq!(seen[1].4["elapsed_steps"], 1);
    assert_eq!(seen[1].4["TimeLimit.truncated"], false);
    assert_eq!(seen[200].4["elapsed_steps"], 200);
    assert_eq!(seen[200].4["TimeLimit.truncated"], true);

    let options = HashMap::from([("low".to_owned(), Value::from(-0.1))]);
    let (_, info) = to_gymnasium("cartpole").reset(Some(0), options);
    assert_eq!(info["ignored_options"], Value::from(vec!["low"]));
}

#[test]
#[should_panic(expected = "cartpole: action 2 is not one of 0 to 1")]
fn a_bad_action_panics_as_gymnasiums_assertion_does() {
    let mut env = to_gymnasium("cartpole");
    env.reset_seed(0);
    env.step(2);
}

#[test]
fn gymnasium_rss_cartpole_is_itself_in_here() {
    let mut ours = make("gymnasium-rs/CartPole").unwrap();
    assert_eq!((ours.spec().actions, ours.spec().max_steps), (2, Some(500)));
    assert_eq!(ours.spec().observation.len(), 4);
    let seen = our_episode(&mut ours, 8);

    // Its reset is seeded by the first draw of our stream.
    let seed = stream(8).random_range(0..=i32::MAX as usize) as i32;
    let alone = episode::<Array1<f32>, i32>(&mut CartPole::new(), Some(seed));
    assert_eq!(seen.len() + 1, alone.len());
    for ((observation, step), (expected, reward, terminated, ..)) in seen.iter().zip(&alone[1..]) {
        assert_eq!(observation, &expected.to_vec());
        assert_eq!((step.reward, step.terminated), (*reward, *terminated));
    }
    let last = seen.last().unwrap().1;
    assert!(
        last.terminated && last.reward == 0.0,
        "the fault that is documented"
    );
}

#[test]
fn out_and_back_in_changes_nothing() {
    for name in ["cartpole", "acrobot", "mountain_car"] {
        let direct = make(name).unwrap();
        let spec = direct.spec().clone();
        let there = ToGymnasium::new(direct);
        let back = FromGymnasium::new(there, name, spec.max_steps, spec.worst_return).unwrap();
        assert_eq!(back.spec().observation, spec.observation);
        let mut back = TimeLimit::new(Box::new(back));

        let seed = stream(3).random_range(0..=i32::MAX as usize) as u64;
        let round = our_episode(&mut back, 3);
        assert_eq!(round, our_episode(&mut make(name).unwrap(), seed), "{name}");
        assert!(back.save().is_err());
    }
}

/// An environment with given spaces that does nothing.
struct Odd(Space, Space);

impl Env<Vec<f32>, u8> for Odd {
    fn observation_space(&self) -> Space {
        self.0.clone()
    }

    fn action_space(&self) -> Space {
        self.1.clone()
    }

    fn reset(&mut self, _seed: Option<i32>, _options: Options) -> (Vec<f32>, Info) {
        (vec![], HashMap::new())
    }

    fn step(&mut self, _action: u8) -> (Vec<f32>, f32, bool, bool, Info) {
        (vec![], 0.0, false, false, HashMap::new())
    }

    fn render(&self) -> Option<Array3<u8>> {
        None
    }

    fn close(&mut self) {}
}

#[test]
fn spaces_without_a_counterpart_are_refused() {
    let line = |n| Space::Box {
        low: Array1::zeros(n),
        high: Array1::zeros(2),
    };
    let check =
        |observation, action| FromGymnasium::new(Odd(observation, action), "odd", None, 0.0).err();
    assert_eq!(check(line(2), Space::Discrete(256)), None);
    let refused = [
        (Space::Discrete(2), Space::Discrete(2), "observation"),
        (line(3), Space::Discrete(2), "observation"),
        (line(2), line(2), "action"),
        (line(2), Space::Discrete(0), "action"),
        (line(2), Space::Discrete(257), "action"),
    ];
    for (observation, action, space) in refused {
        let error = check(observation, action).unwrap();
        assert!(
            matches!(&error, Error::Space { which, .. } if *which == space),
            "{error}"
        );
    }
}
