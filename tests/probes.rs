//! Agents on the five probes learn the known exact values, in every variant of DQN.

#[path = "common/larger.rs"]
mod larger;
#[path = "common/last.rs"]
mod last;

use std::sync::Arc;

use larger::larger;
use last::Last;
use optimiser_paradigms::{
    algorithm::dqn::{Dqn, DqnConfig, Hidden, greedy},
    run::{
        Control, RlOutcome,
        rl::{ConfigSource, RunTask, train_cohort},
    },
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use settings::{Settings, Value};

const STEPS: u64 = 2500;
/// The largest error is 5e-7.
const TOLERANCE: f64 = 1e-5;

/// Everything is as small as the probes are; the discount is far enough from 1 to matter.
fn plain() -> DqnConfig {
    DqnConfig {
        hidden: Hidden(vec![16]),
        gamma: 0.6,
        buffer_size: 500,
        batch_size: 32,
        learning_starts: 100,
        train_frequency: 1,
        target_network_frequency: 10,
        end_e: 0.5,
        lr_schedule: "linear".parse().unwrap(),
        munchausen_temperature: 1.0,
        ..DqnConfig::cleanrl()
    }
}

fn variants() -> [(&'static str, DqnConfig); 7] {
    let with = |change: fn(&mut DqnConfig)| {
        let mut config = plain();
        change(&mut config);
        config
    };
    [
        ("plain", plain()),
        ("double", with(|config| config.double = true)),
        ("dueling", with(|config| config.dueling = true)),
        ("n_step 3", with(|config| config.n_step = 3)),
        ("prioritized", with(|config| config.prioritized = true)),
        ("munchausen", with(|config| config.munchausen = true)),
        (
            "all but munchausen",
            with(|config| {
                (config.double, config.dueling) = (true, true);
                (config.n_step, config.prioritized) = (3, true);
            }),
        ),
    ]
}

/// Observations, and the values of the actions there.
type Table = Vec<(f32, Vec<f64>)>;

/// The values that `config` leads to, according to the probes' description.
fn exact(probe: &str, config: &DqnConfig) -> Table {
    // The values of two actions that end the episode with these rewards.
    let two = |rewards: [f64; 2]| match config.munchausen {
        true => munchausen(rewards, config).to_vec(),
        false => rewards.to_vec(),
    };
    match probe {
        "probe/value" => vec![(0.0, vec![1.0])],
        "probe/discount" => vec![(0.0, vec![config.gamma]), (1.0, vec![1.0])],
        "probe/input" => vec![(-1.0, vec![-1.0]), (1.0, vec![1.0])],
        "probe/action" => vec![(0.0, two([-1.0, 1.0]))],
        "probe/policy" => vec![(-1.0, two([1.0, -1.0])), (1.0, two([-1.0, 1.0]))],
        other => panic!("{other} is no probe"),
    }
}

/// The fixed point of q(a) = r(a) + alpha max(t log pi(a), clip), pi the softmax of q / t.
fn munchausen(rewards: [f64; 2], config: &DqnConfig) -> [f64; 2] {
    let t = config.munchausen_temperature;
    let mut q = rewards;
    for _ in 0..1000 {
        let soft = t * ((q[0] / t).exp() + (q[1] / t).exp()).ln();
        let own = q.map(|q| config.munchausen_alpha * (q - soft).max(config.munchausen_clip));
        q = [rewards[0] + own[0], rewards[1] + own[1]];
    }
    q
}

/// The outcome of a run, and the agent at its end.
fn trained(probe: &str, agent: &DqnConfig) -> (RlOutcome, Dqn) {
    // A checkpoint is only made by a run that continues.
    let steps = Value::Whole(STEPS as i64 + 1);
    let run = [
        ("env", Value::from(probe)),
        ("steps", steps.clone()),
        ("eval_every", steps),
    ];
    let source = ConfigSource {
        run: run.into_iter().collect(),
        optimiser: Some("adam:lr=1e-2".parse().unwrap()),
        agent: agent.to_table(),
        ..ConfigSource::default()
    };
    let config = source.resolve(None).unwrap();
    let mut last = Last::default();
    let task = RunTask {
        config: &config,
        from: None,
        observer: &mut last,
    };
    let control = Control::new(Some(STEPS), Arc::default());
    let outcome = train_cohort(vec![task], &control).unwrap().remove(0);
    let spec = envs::make(probe).unwrap().spec().clone();
    let init = &mut [ChaCha8Rng::seed_from_u64(0)];
    let dqn = Dqn::new(agent, &[config.optimiser], 1, spec.actions, init, 1).unwrap();
    for parameter in dqn.parameters() {
        let tensor = last.tensor(&format!("agent.online.{}", parameter.name));
        parameter.var.set(&tensor).unwrap();
    }
    (outcome, dqn)
}

fn learns(probe: &str) {
    for (variant, config) in variants() {
        let (outcome, dqn) = trained(probe, &config);
        for (seen, exact) in exact(probe, &config) {
            let learned = dqn.values(&[seen]).unwrap();
            let error = |(q, exact): (&f32, &f64)| (f64::from(*q) - exact).abs();
            let worst = learned.iter().zip(&exact).map(error).fold(0.0, larger);
            let what = format!("{probe}, {variant}: at {seen} {learned:?}, not {exact:?}");
            assert!(worst < TOLERANCE, "{what}");
            assert_eq!(greedy(&learned), greedy(&exact), "{what}");
        }
        if probe != "probe/input" {
            assert_eq!(outcome.final_return, 1.0, "{probe}, {variant}");
        }
    }
}

#[test]
fn the_loss_and_the_optimiser_are_right() {
    learns("probe/value");
}

#[test]
fn the_future_is_discounted_once_a_step() {
    learns("probe/discount");
}

#[test]
fn the_value_looks_at_the_observation() {
    learns("probe/input");
}

#[test]
fn the_value_of_the_action_taken_is_the_one_updated() {
    learns("probe/action");
}

#[test]
fn the_policy_looks_at_the_observation() {
    learns("probe/policy");
}

#[test]
fn munchausens_values_are_not_the_plain_ones() {
    // Otherwise its probes would prove nothing: one action is clipped, the other is not.
    let [worse, better] = munchausen([-1.0, 1.0], &plain());
    assert_eq!(worse, -1.9);
    assert!(better < 0.96 && better > 0.9, "{better}");
}
