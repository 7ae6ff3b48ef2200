//! Stream Q(lambda) against the algorithm box of its paper, written out in numpy (tests/fixtures/stream_q.py), and
//! what it promises besides.

#[path = "common/larger.rs"]
mod larger;
#[path = "common/last.rs"]
mod last;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use candle_core::{Device, Tensor};
use larger::larger;
use last::Last;
use optim::Spec;
use optimiser_paradigms::{
    Result,
    algorithm::{
        dqn::{Convs, Hidden},
        stream_q::{
            Direction, NAME, Normaliser, RewardScale, Seen, StreamLoss, StreamQ, StreamQConfig,
        },
    },
    run::{
        Control, Observer, RlOutcome, Row,
        rl::{ConfigSource, RunTask, train, train_cohort},
    },
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use settings::{Settings, Value};

const ACTIONS: usize = 3;

struct Case {
    name: &'static str,
    optimiser: &'static str,
    config: StreamQConfig,
    shape: &'static [usize],
}

fn cases() -> Vec<Case> {
    let plain = StreamQConfig {
        hidden: Hidden(vec![9, 20]),
        ..StreamQConfig::classic()
    };
    let case = |name, optimiser, change: fn(&mut StreamQConfig)| {
        let mut config = plain.clone();
        change(&mut config);
        let shape: &[usize] = if config.conv.0.is_empty() {
            &[4]
        } else {
            &[2, 5, 6]
        };
        Case {
            name,
            optimiser,
            config,
            shape,
        }
    };
    vec![
        case("obgd", "obgd", |_| {}),
        case("kappa_3", "obgd:kappa=3", |c| c.lambda = 0.95),
        case("unnormed", "obgd", |c| c.layer_norm = false),
        case("gradient", "obgd", |c| c.direction = Direction::Gradient),
        case("huber_adam", "adam:lr=1e-3", |c| c.loss = StreamLoss::Huber),
        case("rmsprop", "rmsprop:lr=1e-3", |_| {}),
        case("images", "obgd", |c| {
            c.conv = Convs(vec!["3x3".parse().unwrap(), "2x2".parse().unwrap()]);
            c.hidden = Hidden(vec![5]);
        }),
    ]
}

fn fixtures() -> HashMap<String, Vec<f64>> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stream_q.safetensors");
    let all: HashMap<String, Tensor> = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let flat = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1().unwrap();
    all.into_iter().map(|(name, x)| (name, flat(x))).collect()
}

/// The largest difference, as a share of the number where that is above 1.
fn worst(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let pairs = ours.iter().zip(theirs);
    let off = pairs.map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    off.fold(0.0, larger)
}

impl Case {
    /// The TD errors of the fixture's steps, and weights and traces at their end.
    fn run<T: Number>(&self, all: &HashMap<String, Vec<f64>>) -> [Vec<f64>; 3] {
        let of = |key: &str| all[&format!("{}.{key}", self.name)].as_slice();
        let spec: Spec = self.optimiser.parse().unwrap();
        let init = &mut ChaCha8Rng::seed_from_u64(0);
        let mut agent =
            StreamQ::<T>::new(&self.config, &spec, self.shape, ACTIONS, init, 200).unwrap();
        let start: Vec<T> = of("start").iter().map(|x| T::from_f64(*x)).collect();
        agent.set_weights(&start);
        let len = self.shape.iter().product::<usize>();
        let mut normaliser = Normaliser::new(len);
        let mut rewards = RewardScale::default();
        let obs = |key: &str, t: usize| -> Vec<f32> {
            let own = &of(key)[t * len..(t + 1) * len];
            own.iter().map(|x| *x as f32).collect()
        };
        let (mut x, mut begins, mut errors) = (vec![T::from_f64(0.0); len], true, Vec::new());
        for t in 0..of("rewards").len() {
            let is = |key: &str| of(key)[t] != 0.0;
            if begins {
                let first = obs("first", t);
                normaliser.observe(&first);
                normaliser.normalise(&first, &mut x, T::from_f64);
            }
            agent.values(&x);
            let following = obs("next", t);
            let mut next = x.clone();
            normaliser.observe(&following);
            normaliser.normalise(&following, &mut next, T::from_f64);
            begins = is("terminated") || is("truncated");
            let update = agent.look(&Seen {
                action: of("actions")[t] as usize,
                reward: rewards.scale(of("rewards")[t], self.config.gamma, begins),
                next: &next,
                terminated: is("terminated"),
                cut: begins || !is("greedy"),
            });
            agent.learn(&update);
            errors.push(update.td_error);
            x = next;
        }
        let wide = |list: &[T]| list.iter().map(|x| x.to_f64()).collect();
        [errors, wide(agent.weights()), wide(agent.trace())]
    }
}

/// f32 or f64.
trait Number: candle_core::WithDType + optim::Element {}
impl Number for f32 {}
impl Number for f64 {}

#[test]
fn every_step_is_that_of_the_papers_box() {
    let all = fixtures();
    for case in cases() {
        let ours = case.run::<f64>(&all);
        for (ours, key) in ours.iter().zip(["errors", "end", "trace"]) {
            let off = worst(ours, &all[&format!("{}.{key}", case.name)]);
            assert!(off < 1e-9, "{}: {key} is off by {off:e}", case.name);
        }
        let single = case.run::<f32>(&all);
        let off = worst(&single[1], &all[&format!("{}.end", case.name)]);
        assert!(off < 1e-3, "{} in f32: off by {off:e}", case.name);
    }
}

#[test]
fn without_a_trace_it_is_q_learning_at_lambda_0() {
    let all = fixtures();
    let cases = cases();
    let gradient = cases.iter().find(|case| case.name == "gradient").unwrap();
    let mut config = gradient.config.clone();
    (config.direction, config.lambda) = (Direction::Trace, 0.0);
    let plain = Case {
        config,
        ..*gradient
    };
    assert_eq!(plain.run::<f64>(&all), gradient.run::<f64>(&all));
}

/// One step in a network without hidden layers, and the TD error.
fn error(terminated: bool) -> f64 {
    let config = StreamQConfig {
        hidden: Hidden(Vec::new()),
        gamma: 0.5,
        ..StreamQConfig::classic()
    };
    let spec = "sgd".parse().unwrap();
    let init = &mut ChaCha8Rng::seed_from_u64(0);
    let mut agent = StreamQ::<f64>::new(&config, &spec, &[1], 2, init, 1).unwrap();
    // Values x + 1 and 2 x.
    agent.set_weights(&[1.0, 2.0, 1.0, 0.0]);
    assert_eq!(agent.values(&[2.0]), [3.0, 4.0]);
    let seen = Seen {
        action: 0,
        reward: 1.0,
        next: &[3.0],
        terminated,
        cut: true,
    };
    agent.look(&seen).td_error
}

#[test]
fn an_end_is_worth_nothing_and_a_truncated_episode_would_have_gone_on() {
    assert_eq!(error(true), 1.0 - 3.0);
    // A truncated episode is one that has not terminated, whose trace is cut.
    assert_eq!(error(false), 1.0 + 0.5 * 6.0 - 3.0);
}

#[test]
fn the_start_is_sparse() {
    let (spec, config) = ("obgd".parse().unwrap(), StreamQConfig::minatar());
    let init = &mut ChaCha8Rng::seed_from_u64(3);
    let agent = StreamQ::<f64>::new(&config, &spec, &[4, 10, 10], 6, init, 1).unwrap();
    let mut rest = agent.weights();
    for (rows, inputs) in [(16, 36), (128, 1024), (6, 128)] {
        let (own, others) = rest.split_at(rows * (inputs + 1));
        let (weights, biases) = own.split_at(rows * inputs);
        let zeros = (0.9 * inputs as f64).ceil() as usize;
        let bound = 1.0 / (inputs as f64).sqrt();
        for row in weights.chunks_exact(inputs) {
            assert_eq!(row.iter().filter(|w| **w == 0.0).count(), zeros);
            assert!(row.iter().all(|w| w.abs() <= bound));
        }
        let used = |i: &usize| weights.chunks_exact(inputs).any(|row| row[*i] != 0.0);
        assert!(rows < 16 || (0..inputs).filter(used).count() > inputs / 2);
        assert!(biases.iter().all(|b| *b == 0.0));
        rest = others;
    }
    assert!(rest.is_empty());
}

/// Keeps the last weights and rows.
#[derive(Default)]
struct Record(Vec<String>);

impl Observer for Record {
    fn row(&mut self, row: Row) -> Result<()> {
        self.0.push(format!("{row:?}"));
        Ok(())
    }
}

fn source(env: &str, steps: u64, changes: &[(&'static str, Value)]) -> ConfigSource {
    let run = [
        ("env", Value::from(env)),
        ("steps", Value::Whole(steps as i64)),
        ("eval_every", Value::Whole(steps as i64)),
    ];
    ConfigSource {
        algo: Some(NAME.into()),
        run: run.into_iter().collect(),
        agent: changes.iter().cloned().collect(),
        ..ConfigSource::default()
    }
}

fn trained(source: ConfigSource) -> RlOutcome {
    train(&source.resolve(None).unwrap(), &mut Record::default()).unwrap()
}

/// The outcome of a run on a probe without normalisation, and the learner at its end.
fn solved(probe: &str, lambda: f64) -> (RlOutcome, StreamQ<f32>) {
    let steps = 20_000;
    let changes = [
        ("normalize_observations", Value::Flag(false)),
        ("scale_rewards", Value::Flag(false)),
        // Far enough from 1 to matter.
        ("gamma", Value::Number(0.6)),
        ("lambda", Value::Number(lambda)),
        ("end_e", Value::Number(0.5)),
    ];
    // A checkpoint is only made by a run that continues.
    let config = source(probe, steps + 1, &changes).resolve(None).unwrap();
    let mut last = Last::default();
    let task = RunTask {
        config: &config,
        from: None,
        observer: &mut last,
    };
    let control = Control::new(Some(steps), Arc::default());
    let outcome = train_cohort(vec![task], &control).unwrap().remove(0);
    let agent = StreamQConfig::from_table(&config.agent).unwrap();
    let actions = envs::make(probe).unwrap().spec().actions;
    let init = &mut ChaCha8Rng::seed_from_u64(0);
    let mut learner =
        StreamQ::<f32>::new(&agent, &config.optimiser, &[1], actions, init, 1).unwrap();
    let weights = last.tensor("agent.weights").to_vec1::<f32>().unwrap();
    learner.set_weights(&weights);
    (outcome, learner)
}

#[test]
fn the_probes_values_are_learned() {
    for (probe, values) in [
        ("probe/value", &[(0.0, &[1.0][..])][..]),
        ("probe/discount", &[(0.0, &[0.6]), (1.0, &[1.0])]),
        ("probe/input", &[(-1.0, &[-1.0]), (1.0, &[1.0])]),
        ("probe/action", &[(0.0, &[-1.0, 1.0])]),
        ("probe/policy", &[(-1.0, &[1.0, -1.0]), (1.0, &[-1.0, 1.0])]),
    ] {
        for lambda in [0.0, 0.8] {
            let (outcome, mut learner) = solved(probe, lambda);
            for (seen, exact) in values {
                let learned = learner.values(&[*seen]).to_vec();
                let what =
                    format!("{probe}, lambda {lambda}: at {seen} {learned:?}, not {exact:?}");
                assert_eq!(learned.len(), exact.len(), "{what}");
                let error = |(q, exact): (&f32, &f64)| (f64::from(*q) - exact).abs();
                let errors = learned.iter().zip(*exact).map(error);
                assert!(errors.fold(0.0, larger) < 0.01, "{what}");
            }
            if probe != "probe/input" {
                assert_eq!(outcome.final_return, 1.0, "{probe}, lambda {lambda}");
            }
        }
    }
}

#[test]
fn normalised_it_solves_the_probes() {
    for probe in ["probe/action", "probe/policy"] {
        let outcome = trained(source(probe, 3_000, &[]));
        assert_eq!(outcome.final_return, 1.0, "{probe}");
    }
}

#[test]
fn it_works_with_every_optimiser_and_both_directions() {
    for entry in optim::registry() {
        for direction in ["trace", "gradient"] {
            for loss in ["mse", "huber"] {
                let changes = [
                    ("direction", Value::from(direction)),
                    ("loss", Value::from(loss)),
                ];
                let mut source = source("catch", 400, &changes);
                source.optimiser = Some(entry.name.parse().unwrap());
                let outcome = train(&source.resolve(Some(1e-3)).unwrap(), &mut Record::default());
                let outcome = outcome.unwrap();
                assert_eq!(outcome.updates, 400, "{} {direction} {loss}", entry.name);
            }
        }
    }
}

#[test]
fn diagnostics_look_at_its_updates() {
    let mut source = source("catch", 600, &[]);
    source.optimiser = Some("adam:lr=1e-4".parse().unwrap());
    source.run.insert("diagnostics", Value::Whole(20));
    let config = source.resolve(None).unwrap();
    let mut record = Record::default();
    let task = RunTask {
        config: &config,
        from: None,
        observer: &mut record,
    };
    train_cohort(vec![task], &Control::new(None, Arc::default())).unwrap();
    let lines = record.0.iter().filter(|row| row.starts_with("Diagnostics"));
    assert!(lines.count() > 10);
}

#[test]
fn bad_settings_are_errors_that_name_them() {
    for (key, value, words) in [
        (
            "lambda",
            Value::Number(1.5),
            "lambda = 1.5 is not allowed; allowed: 0 <= x <= 1",
        ),
        (
            "sparsity",
            Value::Number(1.0),
            "sparsity = 1 is not allowed",
        ),
        ("gamma", Value::Number(-0.1), "gamma = -0.1 is not allowed"),
        (
            "direction",
            Value::from("sideways"),
            "direction = \"sideways\" is not allowed",
        ),
        (
            "conv",
            Value::from("16x3"),
            "conv needs an observation of [channels, height, width]",
        ),
        ("lamda", Value::Number(0.5), "did you mean `lambda`?"),
    ] {
        let error = source("cartpole", 1000, &[(key, value)]).resolve(None);
        let error = error.err().unwrap().to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
    let defaults = StreamQConfig::classic().to_table();
    assert_eq!(
        StreamQConfig::from_table(&defaults).unwrap().to_table(),
        defaults
    );
}
