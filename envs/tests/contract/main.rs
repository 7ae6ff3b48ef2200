//! The promises of every registered environment, and what `TimeLimit` adds.

mod draws;
mod registry;
mod state;
mod steps;
mod time_limit;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use envs::{Draws, EnvSpec, Environment, Error, Space, Step, TimeLimit, make, registry};
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
