//! The promises of every registered environment, and what `TimeLimit` adds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use envs::{Draws, Environment, Error, Space, Spec, Step, TimeLimit, make, registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STEPS: usize = 3_000;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts the allocations of each thread, because tests run in parallel.
struct Counting;

// SAFETY: every call goes on to the system's allocator unchanged; the counter is a thread-local without
// a destructor, so accessing it allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// An environment with everything needed to drive it at random.
struct Play {
    env: TimeLimit,
    observation: Vec<f32>,
    draws: ChaCha8Rng,
    actions: ChaCha8Rng,
}

impl Play {
    fn new(env: TimeLimit, seed: u64) -> Self {
        let observation = vec![f32::NAN; env.spec().observation.len()];
        Self {
            env,
            observation,
            draws: stream(seed),
            actions: stream(seed + 1),
        }
    }

    fn of(name: &str, seed: u64) -> Self {
        let mut play = Self::new(make(name).unwrap(), seed);
        play.reset();
        play
    }

    fn reset(&mut self) {
        self.env.reset(&mut self.draws, &mut self.observation);
    }

    fn step(&mut self) -> Step {
        let action = self.actions.random_range(0..self.env.spec().actions);
        let step = self
            .env
            .step(action, &mut self.draws, &mut self.observation);
        step.unwrap()
    }

    /// Everything that a learner could see of `STEPS` steps, bit for bit.
    fn trajectory(&mut self) -> Vec<(Vec<u32>, u32, bool, bool)> {
        let mut seen = Vec::new();
        for _ in 0..STEPS {
            let step = self.step();
            if step.terminated || step.truncated {
                self.reset();
            }
            let bits = self.observation.iter().map(|value| value.to_bits());
            seen.push((
                bits.collect(),
                step.reward.to_bits(),
                step.terminated,
                step.truncated,
            ));
        }
        seen
    }
}

/// Every registered environment, and each kind of change that can be made to one.
fn cases() -> Vec<(String, bool)> {
    let plain = registry()
        .iter()
        .map(|entry| (entry.name.to_owned(), entry.native));
    let changed = [
        "cartpole?length=0.7",
        "cartpole?drift=length:0.5..1.5/period=200,shape=sine",
        "acrobot?drift=gravity:5..15/period=300,shape=walk&drift=actions/period=70",
        "mountain_car?max_steps=50&drift=reward:-1..1/period=90,shape=step",
        "deep_sea?size=4&stochastic",
        "catch?drift=offset:0..4/period=100,shape=walk",
        "key_door?size=2&drift=slip:0..1/period=100,shape=ramp&drift=exit:0..1/period=50",
        "seaquest?actions=minimal&ramping=0&drift=sticky:0..1/period=100,shape=step",
        "chain?every=70&of=mountain_car|mountain_car?drift=force:0.001..0.01/period=30,shape=ramp",
        "cartpole?drift=length:0.5..1.5/period=200,shape=sine,shuffle=episode",
        "acrobot?drift=gravity:5..15/period=300,shape=walk&drift=actions/period=70,shuffle=episode",
        "catch?drift=reward:-1..1/period=90,shape=step,shuffle=episode",
        "chain?every=70&shuffle=episode&of=mountain_car|mountain_car?force=0.002",
    ];
    plain
        .chain(changed.map(|name| (name.to_owned(), true)))
        .collect()
}

#[test]
fn the_registry_says_what_the_specs_say() {
    for entry in registry() {
        let spec = make(entry.name).unwrap().spec().clone();
        assert_eq!(
            (spec.name.as_str(), spec.id.as_str()),
            (entry.name, entry.id)
        );
        assert!(!entry.summary.is_empty(), "{}", entry.name);
        assert!(spec.actions > 0, "{}", entry.name);
        let space = &spec.observation;
        assert_eq!(
            space.shape.iter().product::<usize>(),
            space.len(),
            "{}",
            entry.name
        );
        assert_eq!(space.low.len(), space.high.len(), "{}", entry.name);
        let namesakes = |name| {
            registry()
                .iter()
                .filter(move |e| e.name == name || e.id == name)
        };
        assert_eq!(namesakes(entry.name).count(), 1, "{}", entry.name);
        assert_eq!(namesakes(entry.id).count(), 1, "{}", entry.id);
    }
}

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
fn a_loaded_state_goes_on_as_the_saved_one_did() {
    for (name, native) in &cases() {
        let mut play = Play::of(name, 7);
        if !native {
            let hidden = |verb| Error::Hidden {
                name: name.clone(),
                verb,
            };
            assert_eq!(play.env.save(), Err(hidden("saved")));
            assert_eq!(play.env.load(&[0.0, 0.0]), Err(hidden("loaded")));
            continue;
        }
        for _ in 0..5 {
            let step = play.step();
            if step.terminated || step.truncated {
                play.reset();
            }
        }
        let saved = play.env.save().unwrap();
        let mut other = Play::of(name, 99);
        other.env.load(&saved).unwrap();
        (other.draws, other.actions) = (play.draws.clone(), play.actions.clone());
        assert_eq!(other.env.elapsed(), play.env.elapsed());
        assert!(play.trajectory() == other.trajectory(), "{}", name);
    }
}

#[test]
fn what_is_not_a_state_is_refused_and_changes_nothing() {
    for (name, _) in cases().iter().filter(|(_, native)| *native) {
        let mut play = Play::of(name, 7);
        play.step();
        let saved = play.env.save().unwrap();
        let last = saved.len() - 1;
        let with = |place: usize, value: f64| {
            let mut state = saved.clone();
            state[place] = value;
            state
        };
        let bad = [
            vec![],
            vec![1.0],
            saved[1..].to_vec(),
            [&saved[..], &[0.0]].concat(),
            with(0, f64::NAN),
            with(0, f64::INFINITY),
            with(last, 3.0),
            with(last, f64::NAN),
            with(last - 1, 0.5),
            with(last - 1, -1.0),
            with(last - 1, 5e9),
        ];
        for state in bad {
            let error = play.env.load(&state).unwrap_err();
            // A wrapper's error may be that of the inner environment.
            assert!(matches!(error, Error::State { .. }), "{state:?}: {error}");
            assert_eq!(play.env.save().unwrap(), saved, "{error}");
        }
    }
    let mut car = make("mountain_car").unwrap();
    assert_eq!(
        car.load(&[7.0, 0.0, 0.0, 1.0]).unwrap_err().to_string(),
        "mountain_car: a saved state is 2 finite numbers, position (from -1.2 to 0.6), \
         velocity (from -0.07 to 0.07); found position = 7"
    );
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

#[test]
fn an_unknown_name_is_answered_with_the_nearest_and_the_list() {
    let message = |name| make(name).err().expect("no such name").to_string();
    let nearest = [
        ("cartpol", "cartpole"),
        ("acrobat", "acrobot"),
        ("MountainCar", "mountain_car"),
        ("CartPole-v0", "CartPole-v1"),
    ];
    for (wrong, right) in nearest {
        let message = message(wrong);
        assert!(
            message.contains(&format!("did you mean \"{right}\"?")),
            "{message}"
        );
        for entry in registry() {
            assert!(
                message.contains(entry.name) && message.contains(entry.id),
                "{message}"
            );
        }
    }
    assert!(!message("").contains("did you mean"));
    assert!(!message("zzz").contains("did you mean"));
}

#[test]
fn a_space_contains_what_is_between_its_bounds() {
    let space = Space::symmetric(&[1.0, f32::INFINITY]);
    assert_eq!((space.len(), space.is_empty()), (2, false));
    assert!(space.contains(&[-1.0, f32::INFINITY]));
    for outside in [&[1.5, 0.0][..], &[f32::NAN, 0.0], &[0.0], &[0.0, 0.0, 0.0]] {
        assert!(!space.contains(outside), "{outside:?}");
    }
}

#[test]
fn any_generator_draws_within_bounds_and_evenly() {
    let mut rng = stream(2);
    let draws: &mut dyn Draws = &mut rng;
    let (mut hits, mut counts) = (0, [0; 3]);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..3_000 {
        let normal = draws.normal("n");
        assert!(normal.abs() < 8.58);
        (sum, squares) = (sum + normal, squares + normal * normal);
        assert!((-2.0..5.0).contains(&draws.uniform("u", -2.0, 5.0)));
        counts[draws.index("i", 3)] += 1;
        hits += u32::from(draws.chance("c", 0.25));
        assert!(draws.chance("always", 1.0) && !draws.chance("never", 0.0));
    }
    assert!(
        counts.iter().all(|count| (900..1_100).contains(count)),
        "{counts:?}"
    );
    assert!((650..850).contains(&hits), "{hits}");
    // Five standard deviations: sqrt(3000) and sqrt(6000).
    assert!(sum.abs() < 275.0, "{sum}");
    assert!((squares - 3_000.0).abs() < 390.0, "{squares}");
}

/// Ends after two steps, or never, and counts.
struct Counter {
    spec: Spec,
    ends: bool,
    count: f32,
}

impl Counter {
    fn limited(max_steps: Option<u32>, ends: bool) -> Play {
        let spec = Spec {
            name: "counter".to_owned(),
            id: "counter".to_owned(),
            observation: Space::symmetric(&[f32::INFINITY]),
            actions: 1,
            max_steps,
            reward_threshold: None,
            rewards: (0.0, 0.0),
            worst_return: 0.0,
        };
        let mut play = Play::new(
            TimeLimit::new(Box::new(Self {
                spec,
                ends,
                count: 0.0,
            })),
            0,
        );
        play.reset();
        play
    }
}

impl Environment for Counter {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, _draws: &mut dyn Draws, observation: &mut [f32]) {
        self.count = 0.0;
        observation.fill(self.count);
    }

    fn step(&mut self, _action: usize, _draws: &mut dyn Draws, observation: &mut [f32]) -> Step {
        self.count += 1.0;
        observation.fill(self.count);
        Step {
            reward: 0.0,
            terminated: self.ends && self.count == 2.0,
            truncated: false,
        }
    }

    fn save(&self) -> Result<Vec<f64>, Error> {
        Ok(vec![f64::from(self.count)])
    }

    fn load(&mut self, state: &[f64]) -> Result<(), Error> {
        self.count = state[0] as f32;
        Ok(())
    }
}

#[test]
fn a_time_limit_truncates_as_gymnasiums_does() {
    let ends = |max_steps, ends| {
        let mut play = Counter::limited(max_steps, ends);
        let first = play.step();
        assert!(!first.terminated && !first.truncated);
        let second = play.step();
        (second.terminated, second.truncated)
    };
    assert_eq!(ends(Some(2), true), (true, true), "both, on the same step");
    assert_eq!(ends(Some(2), false), (false, true));
    assert_eq!(ends(Some(3), true), (true, false));
    assert_eq!(ends(None, true), (true, false));
    assert_eq!(ends(None, false), (false, false));
}
