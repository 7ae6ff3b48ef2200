//! bsuite's environments against bsuite 0.3.6, as recorded by `fixtures/bsuite_tasks.py`.

use std::collections::{HashMap, VecDeque};

use envs::{Draws, Step, TimeLimit, make};
use safetensors::SafeTensors;

/// The largest allowed error of a state after one step, relative to a value's size or to 1 if that is
/// less. Measured: 0. The rest is tolerance for machines whose libm rounds sin and cos differently.
const ONE_STEP: f64 = 1e-12;

/// The same in whole episodes from the same draws. Measured: 0.
const EPISODE: f64 = 1e-6;

const CASES: [&str; 8] = [
    "deep_sea",
    "deep_sea?size=16&mapping_seed=7",
    "deep_sea?randomize_actions=false",
    "deep_sea?stochastic",
    "deep_sea?size=5&stochastic&mapping_seed=4294967295",
    "catch",
    "cartpole_swingup",
    "cartpole_swingup?height_threshold=0.9&x_reward_threshold=0.1",
];

/// The recording of one environment.
struct Record {
    bytes: Vec<u8>,
    case: &'static str,
}

impl Record {
    fn of(case: &'static str) -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/bsuite.safetensors"
        );
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { bytes, case }
    }

    fn data<const B: usize>(&self, name: &str) -> Vec<[u8; B]> {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let name = format!("{}:{name}", self.case);
        let tensor = tensors.tensor(&name).unwrap();
        assert_eq!(tensor.dtype().bitsize(), 8 * B, "{name}");
        tensor.data().as_chunks::<B>().0.to_vec()
    }

    fn u8(&self, name: &str) -> Vec<u8> {
        self.data::<1>(name).into_iter().flatten().collect()
    }

    fn u32(&self, name: &str) -> Vec<u32> {
        let data = self.data(name).into_iter();
        data.map(u32::from_le_bytes).collect()
    }

    fn f64(&self, name: &str) -> Vec<f64> {
        let data = self.data(name).into_iter();
        data.map(f64::from_le_bytes).collect()
    }

    /// Observations of `len` numbers, one after another.
    fn observations(&self, name: &str, len: usize) -> Vec<Vec<f32>> {
        if self.case.starts_with("cartpole") {
            let data = self.data(name).into_iter();
            let numbers: Vec<f32> = data.map(f32::from_le_bytes).collect();
            return numbers.chunks_exact(len).map(<[f32]>::to_vec).collect();
        }
        let bytes = self.u8(name);
        let bit = |bytes: &[u8], i: usize| f32::from(bytes[i / 8] >> (7 - i % 8) & 1);
        let each = bytes.chunks_exact(len.div_ceil(8));
        each.map(|bytes| (0..len).map(|i| bit(bytes, i)).collect())
            .collect()
    }

    /// The draws recorded under these names.
    fn draws(&self, names: &[&'static str]) -> Replay {
        let each = names.iter().map(|&name| {
            let drawn = self.f64(&format!("draws.{name}"));
            (name, VecDeque::from(drawn))
        });
        Replay(each.collect())
    }

    fn all_draws(&self) -> Replay {
        match self.case {
            "catch" => self.draws(&["ball"]),
            case if case.contains("stochastic") => self.draws(&["noise", "right"]),
            case if case.starts_with("cartpole") => self.draws(&["start"]),
            _ => self.draws(&[]),
        }
    }
}

/// Recorded decisions by name; any other request is a mistake.
struct Replay(HashMap<&'static str, VecDeque<f64>>);

impl Replay {
    fn next(&mut self, name: &str) -> f64 {
        let queue = self.0.get_mut(name);
        let value = queue.and_then(VecDeque::pop_front);
        value.unwrap_or_else(|| panic!("{name} was not drawn so often"))
    }

    fn is_used_up(&self) -> bool {
        self.0.values().all(VecDeque::is_empty)
    }
}

impl Draws for Replay {
    fn uniform(&mut self, name: &'static str, low: f64, high: f64) -> f64 {
        let value = self.next("start");
        assert!(low <= value && value <= high, "{name} = {value}");
        value
    }

    fn index(&mut self, name: &'static str, n: usize) -> usize {
        let value = self.next(name);
        assert!(value < n as f64 && value.fract() == 0.0, "{name} = {value}");
        value as usize
    }

    fn chance(&mut self, name: &'static str, _p: f64) -> bool {
        self.next(name) == 1.0
    }

    fn normal(&mut self, name: &'static str) -> f64 {
        self.next(name)
    }
}

fn new(case: &str) -> (TimeLimit, Vec<f32>) {
    let env = make(case).unwrap();
    let observation = vec![f32::NAN; env.spec().observation.len()];
    (env, observation)
}

fn error(ours: &[f64], theirs: &[f64]) -> f64 {
    let each = ours.iter().zip(theirs);
    each.map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
        .fold(0.0, f64::max)
}

/// Whether two observations agree: exactly if they are bits, otherwise to the error of an f32.
fn alike(ours: &[f32], theirs: &[f32], tolerance: f32) -> bool {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance * b.abs().max(1.0);
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(near)
}

#[test]
fn whole_episodes_are_the_same() {
    for case in CASES {
        let record = Record::of(case);
        let (mut env, mut observation) = new(case);
        let limit = env.spec().max_steps.unwrap();
        let observations = record.observations("observation", observation.len());
        let mut observations = observations.iter();
        let (actions, rewards) = (record.u8("action"), record.f64("reward"));
        let mut steps = actions.iter().zip(&rewards).enumerate();
        let mut states = match case.starts_with("cartpole") {
            true => record.f64("state"),
            false => vec![],
        }
        .into_iter();
        let (mut draws, mut worst) = (record.all_draws(), 0.0_f64);
        let exact = if states.len() == 0 {
            0.0
        } else {
            EPISODE as f32
        };

        for length in record.u32("length") {
            env.reset(&mut draws, &mut observation);
            let expected = observations.next().unwrap();
            assert!(alike(&observation, expected, exact), "{case}: a start");
            for taken in 1..=length {
                let before: Vec<f64> = states.by_ref().take(5).collect();
                worst = worst.max(error(&env.save().unwrap(), &before));
                let (i, (&action, &reward)) = steps.next().unwrap();
                let step = env.step(action.into(), &mut draws, &mut observation);
                let expected = Step {
                    reward: reward as f32,
                    terminated: taken == length,
                    truncated: taken == limit,
                };
                assert_eq!(step, Ok(expected), "{case} step {i}");
                let expected = observations.next().unwrap();
                let same = alike(&observation, expected, exact);
                assert!(same, "{case} step {i}: {observation:?}, {expected:?}");
            }
        }
        assert!(steps.next().is_none() && observations.next().is_none());
        assert!(draws.is_used_up(), "{case}: fewer draws than bsuite's");
        println!("{case}: {} steps, worst error {worst:e}", actions.len());
        assert!(worst <= EPISODE, "{case}: {worst:e}");
    }
}

#[test]
fn every_step_of_the_swing_up_is_the_same() {
    for case in CASES.into_iter().filter(|case| case.starts_with("cart")) {
        let record = Record::of(case);
        let (mut env, mut observation) = new(case);
        let (states, ends) = (record.f64("corner.state"), record.f64("corner.end"));
        let (actions, rewards) = (record.u8("corner.action"), record.f64("corner.reward"));
        let terminated = record.u8("corner.terminated");
        let observations = record.observations("corner.observation", observation.len());
        let mut worst = 0.0_f64;
        for i in 0..actions.len() {
            let (state, end) = (&states[5 * i..][..5], &ends[5 * i..][..5]);
            const RUNNING: [f64; 2] = [0.0, 1.0];
            env.load(&[state, &RUNNING].concat()).unwrap();
            let mut nothing = Replay(HashMap::new());
            let step = env.step(actions[i].into(), &mut nothing, &mut observation);
            let expected = Step {
                reward: rewards[i] as f32,
                terminated: terminated[i] == 1,
                truncated: false,
            };
            assert_eq!(step, Ok(expected), "{case} corner {i}");
            let same = alike(&observation, &observations[i], f32::EPSILON);
            assert!(same, "{case} corner {i}: {observation:?}");
            worst = worst.max(error(&env.save().unwrap(), end));
        }
        println!("{case}: {} corners, worst error {worst:e}", actions.len());
        assert!(worst <= ONE_STEP, "{case}: {worst:e}");
        assert!(terminated.contains(&1) && terminated.contains(&0));
        assert!(rewards.iter().any(|&reward| reward > 0.5));
    }
}

#[test]
fn the_same_action_goes_right_in_each_cell() {
    for case in CASES.into_iter().filter(|case| case.starts_with("deep")) {
        let record = Record::of(case);
        let (mut env, mut observation) = new(case);
        let size = env.spec().observation.shape[0];
        let table = record.u8("right");
        assert_eq!(table.len(), size * size);
        for row in 0..size {
            for column in 0..=row {
                let state = [row, column, 0, 1].map(|n| n as f64);
                env.load(&state).unwrap();
                // A move to the right costs, whether or not it succeeds.
                let mut calm = Replay(HashMap::from([
                    ("noise", VecDeque::from([0.0])),
                    ("right", VecDeque::from([1.0])),
                ]));
                let step = env.step(1, &mut calm, &mut observation).unwrap();
                let right = step.reward != 0.0;
                let expected = table[row * size + column] == 1;
                assert_eq!(right, expected, "{case}: row {row}, column {column}");
            }
        }
    }
}

#[test]
fn the_goal_of_catch_moves_by_its_offset() {
    for offset in 0..5 {
        let (mut env, mut observation) = new(&format!("catch?offset={offset}"));
        for ball in 0..5 {
            for paddle in 0..5 {
                let state = [8, ball, paddle, 8, 1].map(f64::from);
                env.load(&state).unwrap();
                let mut nothing = Replay(HashMap::new());
                let step = env.step(1, &mut nothing, &mut observation).unwrap();
                let caught = paddle == (ball + offset) % 5;
                assert_eq!(step.reward, if caught { 1.0 } else { -1.0 });
                assert!(step.terminated);
            }
        }
    }
}
