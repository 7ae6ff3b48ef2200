//! Does momentum hurt in reinforcement learning, where samples are not i.i.d.?
//!
//! The tool and the study that settle it: DQN agents on candle, trained with
//! each optimiser on environments whose data shift.
//!
//! # Words
//!
//! - **rule**: an optimiser's recurrence for one weight ([`optim::Rule`]).
//! - **optimiser**: a rule with its hyper-parameters ([`optim::Spec`]).
//! - **run**: one configuration with one seed ([`train::run`], a pure function of [`run::rl::Config`]).
//! - **cohort**: agents trained in lock-step as one batch; every parameter tensor
//!   has a leading axis `[agents, ...]`. One agent is a cohort of one.
//! - **terminated**, **truncated**: an episode that reached an end, and one that was
//!   cut short. Only the first stops the bootstrap.
//!
//! # Where things are
//!
//! [`optim`] has a file for each optimiser and the registry of all; [`nn`] the
//! networks and the fused operations they need; [`agent`] acting, remembering
//! and learning; [`data`] the images of the supervised control; [`landscape`] optimisers on surfaces of two weights;
//! [`train`] one run; [`energy`] what it costs; [`study`] many; [`figures`] and [`cli`] what people
//! see. Two crates beside this one know nothing of agents: `envs` has the environments, and
//! `optimiser-paradigms-stats` (in code: `stats`) the statistics.

pub mod algorithm;
pub mod cli;
mod config;
pub mod data;
pub mod energy;
pub mod error;
pub mod figures;
mod files;
pub mod landscape;
pub mod nn;
mod numbers;
mod parallel;
pub mod run;
mod simd;
pub mod streams;
pub mod study;

pub use error::{Error, Result};
