//! MinAtar's games against the package minatar 1.0.15, as recorded by `fixtures/minatar_games.py`.

mod recorded;

use std::collections::VecDeque;

use envs::{Draws, EnvEntry, EnvKind, Error, Step, TimeLimit, registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use recorded::Record;

const FRAME_EVERY: usize = 1_000;

/// Recorded decisions with their names; any other request is a mistake.
struct Replay {
    /// What the next step must decide about its action.
    sticky: Option<bool>,
    /// The probability with which that was decided.
    stickiness: f64,
    names: Vec<String>,
    chances: Vec<f64>,
    decisions: VecDeque<u8>,
}

impl Replay {
    fn of(record: &Record) -> Self {
        Self {
            sticky: None,
            stickiness: f64::NAN,
            names: record.lines("decisions"),
            chances: record.f64("chance"),
            decisions: record.u8("decision").into(),
        }
    }

    fn next(&mut self, name: &str) -> (usize, f64) {
        assert_eq!(self.sticky, None, "{name} comes after the sticky action");
        let next = self.decisions.pop_front().expect("a recorded decision");
        let which = usize::from(next >> 4);
        assert_eq!(self.names[which], name);
        (usize::from(next & 15), self.chances[which])
    }
}

impl Draws for Replay {
    fn uniform(&mut self, name: &'static str, _low: f64, _high: f64) -> f64 {
        panic!("{name}: no number between two others was recorded")
    }

    fn index(&mut self, name: &'static str, n: usize) -> usize {
        let (index, _) = self.next(name);
        assert!(index < n, "{name} = {index} of {n}");
        index
    }

    fn chance(&mut self, name: &'static str, p: f64) -> bool {
        if name == "sticky" {
            self.stickiness = p;
            return self.sticky.take().expect("it is drawn once a step");
        }
        let (decided, chance) = self.next(name);
        assert_eq!(p, chance, "{name}");
        decided == 1
    }
}

/// The observation's bits, eight to a byte, the first one lowest.
fn packed(observation: &[f32]) -> Vec<u8> {
    let bit = |(i, &value): (usize, &f32)| {
        assert!(value == 0.0 || value == 1.0, "{value}");
        u8::from(value == 1.0) << i
    };
    let byte = |cells: &[f32]| cells.iter().enumerate().map(bit).sum();
    observation.chunks(8).map(byte).collect()
}

#[derive(Default)]
struct Hash(u64);

impl Hash {
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }

    fn cells(&mut self, packed: &[u8]) {
        for bytes in packed.chunks(8) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.word(u64::from_le_bytes(word));
        }
    }
}

fn games() -> impl Iterator<Item = (&'static EnvEntry, Record)> {
    let games = registry().iter().filter(|e| e.kind == EnvKind::MinAtar);
    games.map(|entry| (entry, Record::of(entry)))
}

/// A readable description of the difference between two frames.
fn difference(ours: &[u8], theirs: &[u8]) -> String {
    let cells = |packed: &[u8], i: usize| packed[i / 8] >> (i % 8) & 1;
    let differing = (0..ours.len() * 8).filter(|&i| cells(ours, i) != cells(theirs, i));
    let each = differing.map(|i| {
        let (channel, row, column) = (i / 100, i / 10 % 10, i % 10);
        format!("channel {channel} row {row} column {column}")
    });
    each.collect::<Vec<_>>().join(", ")
}

/// Puts `env` into the next recorded state.
fn place(env: &mut TimeLimit, starts: &mut impl Iterator<Item = f64>) {
    const UNTOUCHED_AND_RUNNING: [f64; 2] = [0.0, 1.0];
    let length = starts.next().unwrap() as usize;
    let mut state: Vec<f64> = starts.take(length).collect();
    state.extend(UNTOUCHED_AND_RUNNING);
    env.load(&state).unwrap();
    assert_eq!(env.save().unwrap(), state);
}

#[test]
fn every_step_is_the_same() {
    for (entry, record) in games() {
        let mut replay = Replay::of(&record);
        let mut variants: Vec<TimeLimit> = (record.lines("variants").iter())
            .map(|name| envs::make(name).unwrap())
            .collect();
        let mut observation = vec![f32::NAN; variants[0].spec().observation.len()];
        let (steps, checks) = (record.u8("step"), record.u8("check"));
        let frames = record.u8("frame");
        let mut frames = frames.chunks_exact(observation.len().div_ceil(8));
        let placed = record.u8("placed");
        let starts = record.i16("start");
        let mut starts = starts.into_iter().map(f64::from);
        let mut hash = Hash::default();
        let mut taken = 0;

        let lengths = record.u32("length");
        let hashes = record.u64("hash");
        let terminated = record.u8("terminated");
        for (episode, &variant) in record.u8("variant").iter().enumerate() {
            let env = &mut variants[usize::from(variant)];
            let name = env.spec().name.clone();
            env.reset(&mut replay, &mut observation);
            hash.cells(&packed(&observation));
            if placed[episode] == 1 {
                place(env, &mut starts);
            }
            for elapsed in 1..=lengths[episode] {
                let at = format!("{name}, episode {episode}, step {elapsed}");
                let recorded = steps[taken];
                replay.sticky = Some(recorded & 8 != 0);
                let action = usize::from(recorded & 7);
                let step = env.step(action, &mut replay, &mut observation).unwrap();
                let last = elapsed == lengths[episode];
                let expected = Step {
                    reward: f32::from(recorded >> 4),
                    terminated: last && terminated[episode] == 1,
                    truncated: false,
                };
                assert_eq!(step, expected, "{at}");

                let cells = packed(&observation);
                hash.word(replay.stickiness.to_bits());
                hash.cells(&cells);
                taken += 1;
                if taken.is_multiple_of(FRAME_EVERY) {
                    let frame = frames.next().unwrap();
                    assert_eq!(difference(&cells, frame), "", "{at}");
                }
                assert_eq!((hash.0 >> 56) as u8, checks[taken - 1], "{at}");
            }
            assert_eq!(hash.0, hashes[episode], "{name}, episode {episode}");
        }
        assert!(replay.decisions.is_empty(), "{}", entry.name);
        assert!(starts.next().is_none() && frames.next().is_none());
        assert_eq!(taken, steps.len());
        assert!(taken >= 100_000, "{}: {taken}", entry.name);
        println!("{}: {taken} steps", entry.name);
    }
}

#[test]
fn specs_are_the_references() {
    for (entry, record) in games() {
        let (full, about) = (envs::make(entry.id).unwrap(), record.about());
        let minimal = envs::make(&format!("{}?actions=minimal", entry.name)).unwrap();
        assert!(about.contains("\"minatar\": \"1.0.15\""), "{about}");
        let channels = about.split(['[', ']']).nth(1).unwrap().split(',').count();
        assert_eq!(full.spec().observation.shape, [channels, 10, 10]);
        let ids = [
            full.spec().id.strip_suffix("-v0"),
            minimal.spec().id.strip_suffix("-v1"),
        ];
        assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
        assert_eq!(full.spec().actions, 6);
        let counts = [
            ("asterix", 5),
            ("breakout", 3),
            ("freeway", 3),
            ("seaquest", 6),
            ("space_invaders", 4),
        ];
        assert!(counts.contains(&(entry.name, minimal.spec().actions)));
    }
}

/// The dynamics rely on the checks of a load, so they must cope with whatever it accepts.
#[test]
fn whatever_can_be_loaded_can_be_played() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (entry, _) in games() {
        let mut env = envs::make(entry.name).unwrap();
        let mut observation = vec![0.0; env.spec().observation.len()];
        let (mut loaded, mut refused) = (0, 0);
        for round in 0..4_000 {
            env.reset(&mut rng, &mut observation);
            for _ in 0..round % 200 {
                let action = rng.random_range(0..6);
                let step = env.step(action, &mut rng, &mut observation).unwrap();
                if step.terminated {
                    break;
                }
            }
            let saved = env.save().unwrap();
            let mut state = saved.clone();
            let own = saved.len() - 2;
            state[own + 1] = 1.0;
            for _ in 0..rng.random_range(1..6) {
                let value = match rng.random_range(0..8) {
                    0 => f64::from(rng.random_range(-3_000..3_000)),
                    1 => [0.5, f64::NAN, 1e300][rng.random_range(0..3)],
                    2 | 3 => f64::from(rng.random_range(-1..12)),
                    _ => f64::from(rng.random_range(0..2)),
                };
                state[rng.random_range(0..own)] = value;
            }
            if let Err(error) = env.load(&state) {
                assert!(matches!(error, Error::State { .. }), "{error}");
                let now = env.save().unwrap();
                assert_eq!(now, saved, "{error}");
                refused += 1;
                continue;
            }
            loaded += 1;
            assert!(env.render().is_some());
            for _ in 0..300 {
                let action = rng.random_range(0..6);
                let step = env.step(action, &mut rng, &mut observation).unwrap();
                assert!(env.spec().observation.contains(&observation));
                let state = env.save().unwrap();
                env.load(&state).unwrap();
                if step.terminated || step.truncated {
                    break;
                }
            }
        }
        println!("{}: {loaded} loaded, {refused} refused", entry.name);
        assert!(loaded > 100 && refused > 100, "{loaded}, {refused}");
    }
}
