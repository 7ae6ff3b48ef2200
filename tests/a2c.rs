//! A2C against what can be written down: probes, values of what followed, bad settings.

#[path = "common/last.rs"]
mod last;

use std::sync::Arc;

use candle_core::{DType, Device};
use last::Last;
use optimiser_paradigms::{
    algorithm::{
        Experience, Hidden,
        a2c::{A2cConfig, ActorCritic, Rollout},
    },
    run::{
        Control, RlOutcome,
        rl::{Config, ConfigSource, RunTask, train_cohort},
    },
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use settings::{Settings, Table, Value};

const STEPS: u64 = 24_000;

/// Everything as small as the probes are; the discount far enough from 1 to be seen.
fn small() -> A2cConfig {
    A2cConfig {
        n_envs: 4,
        hidden: Hidden(vec![16]),
        gamma: 0.6,
        lr_schedule: "linear".parse().unwrap(),
        ..A2cConfig::sb3()
    }
}

/// Plain A2C, and each of its parts otherwise.
fn variants() -> [(&'static str, A2cConfig); 5] {
    let with = |change: fn(&mut A2cConfig)| {
        let mut config = small();
        change(&mut config);
        config
    };
    [
        ("plain", small()),
        ("lambda 0.5", with(|config| config.gae_lambda = 0.5)),
        ("lambda 0", with(|config| config.gae_lambda = 0.0)),
        ("shared", with(|config| config.shared = true)),
        (
            "normal, long",
            with(|config| {
                config.normalize_advantage = true;
                (config.n_envs, config.n_steps) = (1, 16);
            }),
        ),
    ]
}

fn source(env: &str, steps: u64, agent: Table) -> ConfigSource {
    let steps = Value::Whole(steps as i64);
    let run = [
        ("env", Value::from(env)),
        ("steps", steps.clone()),
        ("eval_every", steps),
    ];
    ConfigSource {
        algo: Some("a2c".into()),
        run: run.into_iter().collect(),
        optimiser: Some("adam:lr=1e-2".parse().unwrap()),
        agent,
        ..ConfigSource::default()
    }
}

/// What a run comes to, and the networks as they are at its end.
fn trained(probe: &str, agent: &A2cConfig) -> (RlOutcome, ActorCritic) {
    // A checkpoint is of a run that goes on.
    let steps = STEPS + agent.n_envs as u64;
    let config: Config = source(probe, steps, agent.to_table())
        .resolve(None)
        .unwrap();
    let mut last = Last::default();
    let task = RunTask {
        config: &config,
        from: None,
        observer: &mut last,
    };
    let control = Control::new(Some(STEPS), Arc::default());
    let outcome = train_cohort(vec![task], &control).unwrap().remove(0);
    let actions = envs::make(probe).unwrap().spec().actions;
    let init = &mut [ChaCha8Rng::seed_from_u64(0)];
    let networks = ActorCritic::new(agent, &[1], actions, init, (DType::F32, &Device::Cpu));
    let networks = networks.unwrap();
    for parameter in networks.parameters() {
        let tensor = last.tensor(&format!("agent.{}", parameter.name));
        parameter.var.set(&tensor).unwrap();
    }
    (outcome, networks)
}

/// The values that the probes' description has; the policy's where there are actions to choose from.
fn learns(probe: &str, values: fn(&A2cConfig) -> Vec<(f32, f64)>) {
    for (variant, config) in variants() {
        let (outcome, networks) = trained(probe, &config);
        for (seen, exact) in values(&config) {
            let learned = networks.values(&[seen]).unwrap()[0];
            let what = format!("{probe}, {variant}: at {seen} {learned}, not {exact}");
            assert!((learned - exact).abs() < 0.02, "{what}");
        }
        if probe != "probe/input" {
            assert_eq!(outcome.final_return, 1.0, "{probe}, {variant}");
        }
    }
}

#[test]
fn the_loss_and_the_optimiser_are_right() {
    learns("probe/value", |_| vec![(0.0, 1.0)]);
}

#[test]
fn the_future_is_discounted_once_a_step() {
    learns("probe/discount", |config| {
        vec![(0.0, config.gamma), (1.0, 1.0)]
    });
}

#[test]
fn the_value_looks_at_the_observation() {
    learns("probe/input", |_| vec![(-1.0, -1.0), (1.0, 1.0)]);
}

#[test]
fn the_better_action_becomes_the_more_probable() {
    learns("probe/action", |_| vec![(0.0, 1.0)]);
}

#[test]
fn the_policy_looks_at_the_observation() {
    learns("probe/policy", |_| vec![(-1.0, 1.0), (1.0, 1.0)]);
}

/// A rollout of one step in each of two environments and of another, with these ends of the first steps.
fn rollout(terminated: bool, truncated: bool) -> Rollout {
    let mut rollout = Rollout::new(1, 2, 2, 1);
    for step in 0..2 {
        for environment in 0..2 {
            let first = step == 0 && environment == 0;
            let experience = Experience {
                obs: &[0.1 * (1 + step) as f32],
                action: 0,
                reward: 1.0,
                next_obs: &[if first { 0.9 } else { 0.2 }],
                terminated: first && terminated,
                truncated: first && truncated,
            };
            rollout.record(0, step, environment, &experience);
        }
    }
    rollout
}

#[test]
fn truncation_bootstraps_and_termination_does_not() {
    let config = A2cConfig {
        gae_lambda: 0.0,
        gamma: 0.5,
        ..A2cConfig::sb3()
    };
    let init = &mut [ChaCha8Rng::seed_from_u64(1)];
    let on = (DType::F64, &Device::Cpu);
    let networks = ActorCritic::new(&config, &[1], 2, init, on).unwrap();
    let value = |seen: f32| networks.values(&[seen]).unwrap()[0];
    // With lambda 0 a return is the reward and the discounted value of what followed.
    let followed = |rollout: &Rollout| {
        let choices = networks.choices_of(rollout).unwrap();
        let errors = choices.returns.iter().map(|r| (r - 1.0) / 0.5);
        errors.collect::<Vec<f64>>()
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
    near(followed(&rollout(false, false))[0], value(0.2));
    near(followed(&rollout(true, false))[0], 0.0);
    // What was seen before the reset, 0.9, not after it, 0.2.
    near(followed(&rollout(false, true))[0], value(0.9));
    // The last step of a task can be the last that is allowed.
    near(followed(&rollout(true, true))[0], 0.0);
    for kind in [(false, false), (true, false), (false, true)] {
        near(followed(&rollout(kind.0, kind.1))[3], value(0.2));
    }
}

#[test]
fn bad_settings_say_what_is_allowed() {
    let error = |steps: u64, settings: &[(&'static str, Value)]| {
        let agent = settings.iter().cloned().collect();
        let resolved = source("cartpole", steps, agent).resolve(None);
        resolved.map(drop).unwrap_err().to_string()
    };
    let whole = |x| Value::Whole(x);
    assert_eq!(
        error(800, &[("n_steps", whole(101))]),
        "n_steps = 101 is not allowed; allowed: at most 100, so that a rollout of 8 environments fits into 800 steps"
    );
    assert_eq!(
        error(1000, &[("n_envs", whole(3))]),
        "steps = 1000 is not allowed; allowed: a multiple of the 3 environments that the agent acts in, such as 999 or 1002"
    );
    for (key, value) in [
        ("gae_lambda", Value::Number(1.5)),
        ("gae_lambda", Value::Number(-0.1)),
        ("gamma", Value::Number(1.01)),
        ("n_envs", whole(0)),
        ("n_steps", whole(0)),
        ("ent_coef", Value::Number(-0.1)),
        ("activation", Value::from("sigmoid")),
        ("init", Value::from("zeros")),
    ] {
        let error = error(800, &[(key, value.clone())]);
        assert!(error.contains(key) && error.contains("allowed"), "{error}");
    }
    let warming = A2cConfig {
        lr_schedule: "linear:warmup=20".parse().unwrap(),
        ..A2cConfig::sb3()
    };
    assert_eq!(warming.warnings(840), [""; 0]);
    assert_eq!(
        warming.warnings(800),
        [
            "lr_schedule = linear:end=0,warmup=20 is still warming up when the run ends: it makes 20 updates"
        ]
    );
    let restarting = ConfigSource {
        optimiser: Some("adam:reset_moments=true".parse().unwrap()),
        ..source("cartpole", 800, Table::new())
    };
    let refused = restarting.resolve(None).map(drop).unwrap_err().to_string();
    assert!(refused.contains("a2c has none"), "{refused}");
    let large = [("n_envs", whole(4096)), ("n_steps", whole(1 << 20))];
    assert!(error(800, &large).contains("n_steps"));
    let wide = [("hidden", Value::from("20000,20000"))];
    assert!(error(800, &wide).contains("100 million weights"));
}
