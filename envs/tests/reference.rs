//! Every environment of classic control against Gymnasium 1.4.0, as recorded by
//! `fixtures/gymnasium_classic.py`.

mod recorded;

use std::collections::VecDeque;

use envs::{Draws, EnvEntry, EnvKind, Step, TimeLimit, registry};
use recorded::Record;

/// The largest allowed error after one step, relative to a value's size or to 1 if that is less.
/// Measured: 0 for cartpole and mountain_car, 6.7e-16 for acrobot, where Gymnasium squares with `** 2`,
/// which calls pow and rounds differently from a product about once in a thousand. The rest is
/// tolerance for machines whose libm rounds sin and cos differently.
const ONE_STEP: f64 = 1e-13;

/// The same over a whole episode. Measured: 0, and 1.6e-14 for acrobot. Acrobot is chaotic, but 500
/// steps from rest do not amplify rounding enough to require shorter stretches.
const EPISODE: f64 = 1e-6;

/// Steps as Gymnasium took them, one after another.
struct Steps {
    width: usize,
    seen: usize,
    state: Vec<f64>,
    action: Vec<u8>,
    observation: Vec<f32>,
    reward: Vec<f32>,
    terminated: Vec<u8>,
    truncated: Vec<u8>,
    /// The state after each step.
    after: Vec<f64>,
    /// The number of steps before it in its episode.
    elapsed: Vec<u32>,
}

impl Steps {
    /// The steps of whole episodes.
    fn episodes(record: &Record) -> Self {
        let mut steps = Self::read(record, "");
        steps.truncated = record.u8("truncated");
        let ends = record.f64("end");
        let mut ends = ends.chunks_exact(steps.width);
        for length in record.u32("length") {
            let first = steps.elapsed.len();
            steps.elapsed.extend(0..length);
            let inside = (first + 1) * steps.width..(first + length as usize) * steps.width;
            steps.after.extend_from_slice(&steps.state[inside]);
            steps.after.extend_from_slice(ends.next().unwrap());
        }
        assert_eq!(steps.after.len(), steps.state.len());
        steps
    }

    /// Single steps from all over the state space.
    fn corners(record: &Record) -> Self {
        let mut steps = Self::read(record, "corner.");
        steps.after = record.f64("corner.end");
        steps.elapsed = vec![0; steps.action.len()];
        steps.truncated = vec![0; steps.action.len()];
        steps
    }

    fn read(record: &Record, prefix: &str) -> Self {
        let name = |name: &str| format!("{prefix}{name}");
        let (state, action) = (record.f64(&name("state")), record.u8(&name("action")));
        let observation = record.f32(&name("observation"));
        Self {
            width: state.len() / action.len(),
            seen: observation.len() / action.len(),
            state,
            action,
            observation,
            reward: record.f32(&name("reward")),
            terminated: record.u8(&name("terminated")),
            truncated: Vec::new(),
            after: Vec::new(),
            elapsed: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.action.len()
    }

    fn before(&self, step: usize) -> &[f64] {
        &self.state[step * self.width..][..self.width]
    }

    fn after(&self, step: usize) -> &[f64] {
        &self.after[step * self.width..][..self.width]
    }

    fn observed(&self, step: usize) -> &[f32] {
        &self.observation[step * self.seen..][..self.seen]
    }

    fn outcome(&self, step: usize) -> Step {
        Step {
            reward: self.reward[step],
            terminated: self.terminated[step] == 1,
            truncated: self.truncated[step] == 1,
        }
    }

    /// Puts `env` into Gymnasium's state before this step.
    fn place(&self, env: &mut TimeLimit, step: usize) {
        const RUNNING: f64 = 1.0;
        let place = [f64::from(self.elapsed[step]), RUNNING];
        env.load(&[self.before(step), &place].concat()).unwrap();
    }
}

/// Recorded draws; any other request is a mistake.
struct Replay(VecDeque<f64>);

impl Draws for Replay {
    fn uniform(&mut self, name: &'static str, low: f64, high: f64) -> f64 {
        let value = self.0.pop_front().expect("a recorded number");
        assert!(
            low <= value && value <= high,
            "{name} = {value} is not from [{low}, {high})"
        );
        value
    }

    fn index(&mut self, name: &'static str, _n: usize) -> usize {
        panic!("{name}: no whole number was recorded")
    }

    fn chance(&mut self, name: &'static str, _p: f64) -> bool {
        panic!("{name}: no chance was recorded")
    }
}

fn nothing() -> Replay {
    Replay(VecDeque::new())
}

fn classics() -> impl Iterator<Item = (&'static EnvEntry, Record)> {
    let natives = registry()
        .iter()
        .filter(|entry| entry.kind == EnvKind::Classic);
    natives.map(|entry| (entry, Record::of(entry)))
}

fn make(entry: &EnvEntry) -> (TimeLimit, Vec<f32>) {
    let env = envs::make(entry.name).unwrap();
    let observation = vec![0.0; env.spec().observation.len()];
    (env, observation)
}

fn error(ours: &[f64], theirs: &[f64]) -> f64 {
    let each = ours.iter().zip(theirs);
    each.map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
        .fold(0.0, f64::max)
}

/// Whether two observations agree to one rounding: to the last digit of an f32 or, where a value nears
/// 0 by cancellation, to an error far below that of any f32 near 1.
fn alike(ours: &[f32], theirs: &[f32]) -> bool {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= f32::EPSILON * b.abs() + 1e-12;
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(near)
}

#[test]
fn specs_are_gymnasiums() {
    for (entry, record) in classics() {
        let (env, about) = (envs::make(entry.id).unwrap(), record.about());
        let spec = env.spec();
        let claims = [
            format!("\"id\": \"{}\"", spec.id),
            format!("\"max_steps\": {}", spec.max_steps.unwrap()),
            format!("\"reward_threshold\": {:?}", spec.reward_threshold.unwrap()),
            "\"gymnasium\": \"1.4.0\"".to_owned(),
        ];
        for claim in claims {
            assert!(
                about.contains(&claim),
                "{}: {claim} is not in {about}",
                entry.name
            );
        }
        let steps = Steps::episodes(&record);
        assert!(steps.len() >= 10_000, "{}", entry.name);
        assert!(
            steps.terminated.contains(&1) && steps.truncated.contains(&1),
            "{}",
            entry.name
        );
    }
}

#[test]
fn resets_turn_the_same_draws_into_the_same_start() {
    for (entry, record) in classics() {
        let (mut env, mut observation) = make(entry);
        let (draws, starts) = (record.f64("draws"), record.f32("start"));
        let steps = Steps::episodes(&record);
        let firsts = (0..steps.len()).filter(|&step| steps.elapsed[step] == 0);
        let count = record.u32("length").len();
        let each = draws.chunks_exact(draws.len() / count);
        for ((draws, start), first) in each
            .zip(starts.chunks_exact(starts.len() / count))
            .zip(firsts)
        {
            let mut replay = Replay(draws.iter().copied().collect());
            env.reset(&mut replay, &mut observation);
            assert!(replay.0.is_empty(), "{}: a draw was not used", entry.name);
            let state = env.save().unwrap();
            assert_eq!(&state[..steps.width], steps.before(first), "{}", entry.name);
            // Gymnasium computes Acrobot's first cosines in f32; we use f64.
            assert!(
                alike(&observation, start),
                "{}: {observation:?}, {start:?}",
                entry.name
            );
        }
    }
}

#[test]
fn each_step_is_the_same() {
    for (entry, record) in classics() {
        let (mut env, mut observation) = make(entry);
        for (kind, steps) in [
            ("play", Steps::episodes(&record)),
            ("corners", Steps::corners(&record)),
        ] {
            let mut worst = 0.0_f64;
            for i in 0..steps.len() {
                steps.place(&mut env, i);
                let action = usize::from(steps.action[i]);
                let step = env.step(action, &mut nothing(), &mut observation).unwrap();
                assert_eq!(step, steps.outcome(i), "{} {kind} step {i}", entry.name);
                assert!(
                    alike(&observation, steps.observed(i)),
                    "{} {kind} step {i}: {observation:?}, {:?}",
                    entry.name,
                    steps.observed(i)
                );
                worst = worst.max(error(&env.save().unwrap()[..steps.width], steps.after(i)));
            }
            println!(
                "{} {kind}: {} steps, worst error {worst:e}",
                entry.name,
                steps.len()
            );
            assert!(worst <= ONE_STEP, "{} {kind}: {worst:e}", entry.name);
        }
    }
}

#[test]
fn whole_episodes_are_the_same() {
    for (entry, record) in classics() {
        let (mut env, mut observation) = make(entry);
        let steps = Steps::episodes(&record);
        let mut worst = 0.0_f64;
        for i in 0..steps.len() {
            if steps.elapsed[i] == 0 {
                steps.place(&mut env, i);
            }
            let action = usize::from(steps.action[i]);
            let step = env.step(action, &mut nothing(), &mut observation).unwrap();
            assert_eq!(step, steps.outcome(i), "{} step {i}", entry.name);
            worst = worst.max(error(&env.save().unwrap()[..steps.width], steps.after(i)));
        }
        println!("{} episodes: worst error {worst:e}", entry.name);
        assert!(worst <= EPISODE, "{}: {worst:e}", entry.name);
    }
}
