//! Environments that change: settings, dials, drifts and chains.

use envs::{Error, Setting, Step, TimeLimit, make, registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// An environment that is reset whenever its episode ends.
struct Play {
    env: TimeLimit,
    draws: ChaCha8Rng,
    seen: Vec<f32>,
}

impl Play {
    fn new(name: &str) -> Self {
        let env = make(name).unwrap_or_else(|error| panic!("{error}"));
        let seen = vec![0.0; env.spec().observation.len()];
        let mut play = Self {
            env,
            draws: stream(1),
            seen,
        };
        play.reset();
        play
    }

    fn reset(&mut self) {
        self.env.reset(&mut self.draws, &mut self.seen);
    }

    /// The result of a step, bit for bit, before the reset that may follow.
    fn step(&mut self, action: usize) -> (Step, Vec<u32>) {
        let step = self.env.step(action, &mut self.draws, &mut self.seen);
        let step = step.unwrap();
        let bits = self.seen.iter().map(|value| value.to_bits()).collect();
        if step.terminated || step.truncated {
            self.reset();
        }
        (step, bits)
    }
}

/// The least and the greatest value of a dial.
fn range(dial: &Setting) -> (f64, f64) {
    let (low, high) = dial.allowed.bounds().expect("a dial is a number");
    assert!(
        low.is_finite() && high.is_finite() && low < high,
        "{}",
        dial.name
    );
    // The ends are part of the range.
    assert!(dial.read(&low.to_string()).is_ok() && dial.read(&high.to_string()).is_ok());
    (low, high)
}

fn assert_same(a: &str, b: &str, steps: usize) {
    let (mut a, mut b, mut policy) = (Play::new(a), Play::new(b), stream(2));
    for taken in 0..steps {
        let action = policy.random_range(0..a.env.spec().actions);
        let names = (&a.env.spec().name.clone(), &b.env.spec().name.clone());
        assert_eq!(a.step(action), b.step(action), "step {taken} of {names:?}");
    }
}

#[test]
fn at_a_rate_of_zero_nothing_is_different() {
    for entry in registry().iter().filter(|entry| entry.native) {
        let mut drifts = vec!["actions/period=10,rate=0".to_owned()];
        let env = make(entry.name).unwrap();
        for dial in env.dials() {
            let (low, high) = range(dial);
            for shape in ["step", "ramp", "sine", "walk"] {
                drifts.push(format!(
                    "{}:{low}..{high}/period=10,shape={shape},rate=0",
                    dial.name
                ));
            }
        }
        if env.spec().max_steps.is_some() {
            drifts.push("reward:-1..1/period=10,shape=step,rate=0".to_owned());
        }
        for drift in drifts {
            assert_same(entry.name, &format!("{}?drift={drift}", entry.name), 400);
            let shuffled = format!("{}?drift={drift},shuffle=episode", entry.name);
            assert_same(entry.name, &shuffled, 400);
        }
    }
}

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
fn every_dial_is_turned() {
    for entry in registry().iter().filter(|entry| entry.native) {
        for dial in make(entry.name).unwrap().dials() {
            let plain = dial.default.as_ref().and_then(|value| value.as_number());
            let (low, high) = range(dial);
            assert!((low..=high).contains(&plain.unwrap()), "{}", dial.name);
            let other = if plain == Some(low) { high } else { low };
            let name = format!("{}?{}={other}", entry.name, dial.name);
            let (mut plain, mut turned, mut policy) =
                (Play::new(entry.name), Play::new(&name), stream(2));
            let actions = plain.env.spec().actions;
            // It only matters to a player that clears a wave of aliens, as the one in minatar.rs
            // does.
            if (entry.name, dial.name) == ("space_invaders", "ramping") {
                continue;
            }
            let differs = (0..20_000).any(|_| {
                let action = policy.random_range(0..actions);
                plain.step(action) != turned.step(action)
            });
            assert!(differs, "{name} is as without it");
        }
    }
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

/// Where tasks are drawn by episode, `world` has the drawn value behind the clock and whether it is held.
const DRAWN: usize = 2;

/// The part of the world called `place` in each of `n` episodes of 20 steps at most, after checking that it does not move
/// within one.
fn drawn(play: &mut Play, place: usize, n: usize) -> Vec<f64> {
    let mut values = Vec::new();
    for _ in 0..n {
        play.reset();
        let value = play.env.world()[place];
        for i in 0..20 {
            let step = play
                .env
                .step(i % 2, &mut play.draws, &mut play.seen)
                .unwrap();
            assert_eq!(play.env.world()[place], value, "within an episode");
            if step.terminated || step.truncated {
                break;
            }
        }
        values.push(value);
    }
    values
}

#[test]
fn a_shuffled_drift_draws_a_task_for_each_episode() {
    let name = "cartpole?drift=length:0.5..1.5/period=500,shape=ramp,shuffle=episode";
    let mut play = Play::new(name);
    let values = drawn(&mut play, DRAWN, 2_000);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // Uniform from 0.5 to 1.5: a standard error of 0.0065.
    assert!((mean - 1.0).abs() < 0.03, "{mean}");
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    assert!((variance - 1.0 / 12.0).abs() < 0.01, "{variance}");
    let products = values.windows(2).map(|w| (w[0] - mean) * (w[1] - mean));
    let correlation = products.sum::<f64>() / n / variance;
    assert!(
        correlation.abs() < 0.09,
        "episodes are independent: {correlation}"
    );
    // Held for an evaluation, it draws all the same.
    let mut evaluation = Play::new(name);
    evaluation.env.hold(&play.env.world()).unwrap();
    let mut values = drawn(&mut evaluation, DRAWN, 20);
    values.dedup();
    assert_eq!(values.len(), 20);
}

#[test]
fn shuffled_actions_have_each_order_equally_often() {
    let mut play = Play::new("acrobot?drift=actions/period=50,shuffle=episode");
    let mut counts = std::collections::BTreeMap::<Vec<u64>, usize>::new();
    for _ in 0..3_000 {
        play.reset();
        let world = play.env.world();
        let actions = world[3..6].iter().map(|x| *x as u64).collect();
        *counts.entry(actions).or_default() += 1;
    }
    // 500 of each, with a standard deviation of 20.
    assert_eq!(counts.len(), 6);
    assert!(
        counts.values().all(|n| (400..600).contains(n)),
        "{counts:?}"
    );
}

#[test]
fn a_shuffled_chain_draws_a_member_for_each_episode() {
    let of = "of=cartpole|cartpole?length=1|cartpole?length=2";
    let mut play = Play::new(&format!("chain?every=60&shuffle=episode&{of}"));
    let members = drawn(&mut play, 1, 3_000);
    let pairs = members.windows(2).filter(|w| w[0] == w[1]).count();
    // A third, with a standard deviation of 26.
    assert!((870..1_130).contains(&pairs), "{pairs}");
    for member in 0..3 {
        let n = members.iter().filter(|m| **m == f64::from(member)).count();
        assert!((870..1_130).contains(&n), "{member}: {n}");
    }
    // Episodes are cut where the sequence would switch.
    let mut play = Play::new(&format!("chain?every=60&shuffle=episode&{of}"));
    for clock in 1..=600 {
        let (step, _) = play.step(clock % 2);
        assert_eq!(step.truncated, clock % 60 == 0, "at {clock}");
    }
}

#[test]
fn names_say_everything_once_and_in_one_order() {
    let same = [
        ("CartPole-v1", "cartpole"),
        ("cartpole?length=0.50", "cartpole"),
        ("cartpole?max_steps=500", "cartpole"),
        (
            "cartpole?length=0.7&gravity=9",
            "cartpole?gravity=9&length=0.7",
        ),
        (
            "cartpole?drift=length:.5..1.50/shape=sine,period=9,rate=1",
            "cartpole?drift=length:0.5..1.5/period=9,shape=sine",
        ),
        (
            "acrobot?drift=actions/shape=step,period=9,rate=0.5&torque=2&max_steps=9",
            "acrobot?max_steps=9&torque=2&drift=actions/period=9,rate=0.5",
        ),
        (
            "cartpole?drift=length:0.5..1.5/shuffle=episode,period=9",
            "cartpole?drift=length:0.5..1.5/period=9,shape=sine,shuffle=episode",
        ),
        (
            "acrobot?drift=actions/period=9,shuffle=never",
            "acrobot?drift=actions/period=9",
        ),
        (
            "chain?shuffle=episode&every=7&of=cartpole|cartpole?length=1",
            "chain?every=7&shuffle=episode&of=cartpole|cartpole?length=1",
        ),
        (
            "chain?every=7&of=CartPole-v1|cartpole?max_steps=500&length=1.0&gravity=8",
            "chain?every=7&of=cartpole|cartpole?gravity=8&length=1",
        ),
    ];
    for (given, canonical) in same {
        assert_eq!(make(given).unwrap().spec().name, canonical);
        assert_eq!(make(canonical).unwrap().spec().name, canonical);
    }
}

#[test]
fn what_cannot_be_is_an_error_that_says_what_can() {
    let wrong = [
        ("cartpole?lenght=1", "did you mean `length`"),
        (
            "cartpole?length=-1",
            "length = -1 is not allowed; allowed: 0.01 <= x <= 10",
        ),
        (
            "cartpole?length=x",
            "length = x is not allowed; allowed: 0.01 <= x",
        ),
        ("cartpole?length=nan", "allowed: 0.01 <= x <= 10"),
        ("cartpole?length=1&length=2", "each key once"),
        (
            "cartpole?max_steps=0",
            "max_steps = 0 is not allowed; allowed: a whole number from 1",
        ),
        (
            "cartpole?reward=1e9",
            "reward = 1e9 is not allowed; allowed: -1000 <= x <= 1000",
        ),
        (
            "cartpole?drift=lenght:1..2/period=5",
            "did you mean `length`",
        ),
        (
            "cartpole?drift=length:1..2/period=5",
            "the start value 0.5 between them",
        ),
        (
            "cartpole?drift=length:0.5..20/period=5",
            "between 0.01 and 10",
        ),
        ("cartpole?drift=length:1.5..0.5/period=5", "LOW below HIGH"),
        ("cartpole?drift=length:0.5/period=5", "LOW..HIGH"),
        ("cartpole?drift=length:0.5..1", "a period in steps"),
        (
            "cartpole?drift=length:0.5..1/period=0",
            "drift length.period = 0 is not allowed; allowed: a whole number from 1",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,shape=zigzag",
            "step, ramp, sine or walk",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,rate=-1",
            "allowed: 0 <= x <= 1e9",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,rate=nan",
            "allowed: 0 <= x <= 1e9",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,speed=2",
            "allowed: period, shape, rate, shuffle",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,period=9",
            "each key once",
        ),
        ("cartpole?drift=", "unknown drift ``; allowed: gravity,"),
        ("cartpole?drift=actions:0..1/period=9", "no range"),
        (
            "cartpole?drift=actions/period=9,shape=sine",
            "allowed: step",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9&drift=length:0.5..1/period=8",
            "each dial once",
        ),
        (
            "cartpole?length=2&drift=length:0.5..1/period=9",
            "the start value 2 between them",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,shuffle=step",
            "allowed: never or episode",
        ),
        (
            "chain?shuffle=all&of=cartpole|cartpole?length=1",
            "allowed: never or episode",
        ),
        ("chain?of=cartpole", "two environments or more"),
        ("chain?of=", "names of environments"),
        ("chain?of=cartpole|cartpol", "did you mean \"cartpole\""),
        ("chain?of=cartpole|acrobot", "2 actions, as cartpole has"),
        ("chain?of=cartpole|chain", "any environment but a chain"),
        (
            "chain?every=0&of=cartpole|cartpole",
            "chain: every = 0 is not allowed",
        ),
        ("carpole?length=1", "did you mean \"cartpole\""),
    ];
    for (name, part) in wrong {
        let message = make(name).err().expect(name).to_string();
        assert!(message.contains(part), "{name}: {message}");
    }
}
