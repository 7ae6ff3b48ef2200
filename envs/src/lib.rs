//! Reinforcement-learning environments: exact and fast, with no hidden state and no hidden randomness.
//!
//! [`make`] returns any registered environment by name, with its time limit:
//!
//! ```
//! use rand::SeedableRng;
//!
//! let mut draws = rand_chacha::ChaCha8Rng::seed_from_u64(1);
//! let mut env = envs::make("cartpole?drift=length:0.5..1.5/period=20000,shape=sine")?;
//! let mut observation = vec![0.0; env.spec().observation.len()];
//! env.reset(&mut draws, &mut observation);
//! loop {
//!     let step = env.step(1, &mut draws, &mut observation)?;
//!     if step.terminated || step.truncated {
//!         break;
//!     }
//! }
//! # Ok::<(), envs::Error>(())
//! ```
//!
//! [`registry`] lists the environments. [`EnvEntry::settings`] and [`TimeLimit::dials`] list what can be
//! set for each. An environment of your own is a struct that implements [`Environment`];
//! [`TimeLimit::new`] makes it usable like ours.
//!
//! In this crate an environment is one file, with all of its rules in the comment above the struct, and
//! one line in the registry, where the tests find it.

pub mod acrobot;
mod canvas;
pub mod cartpole;
pub mod cartpole_swingup;
pub mod catch;
pub mod chain;
pub mod deep_sea;
mod dials;
mod draws;
mod drift;
mod entry;
mod environment;
mod error;
#[cfg(feature = "gymnasium-rs")]
pub mod gymnasium;
pub mod key_door;
mod make;
pub mod minatar;
pub mod mountain_car;
mod pole_on_cart;
pub mod probe;
mod registry;
mod space;
mod state;
mod time_limit;

pub use canvas::Canvas;
pub use draws::Draws;
pub use entry::{EnvEntry, EnvKind};
pub use environment::{EnvSpec, Environment, Step};
pub use error::Error;
pub use make::{common_settings, make};
pub use registry::registry;
pub use settings::Setting;
pub use space::Space;
pub use time_limit::TimeLimit;
