//! Does momentum hurt in reinforcement learning, where samples are not i.i.d.?
//!
//! The tool and the study that are to settle it: agents on candle, trained with each optimiser on
//! environments whose data shift.
//!
//! # Words
//!
//! - **rule**: an optimiser's recurrence for one weight ([`optim::Rule`]).
//! - **optimiser**: a rule with its hyper-parameters ([`optim::Spec`]).
//! - **setting**: a name with a type, a default, a range and help ([`settings::Setting`]); flags, TOML files,
//!   lists and errors follow from its declaration.
//! - **preset**: a published group of settings to start from ([`algorithm::Preset`]).
//! - **experiment**: one TOML file. **trial**: one setting of its grid. **run**: one trial with one seed.
//! - **family**: a sort of run with a configuration of its own: agents ([`run::rl`]) or the supervised
//!   control ([`run::supervised`]).
//! - **cohort**: agents trained in lock-step as one batch; every parameter tensor has a leading axis
//!   `[agents, ...]`. One agent is a cohort of one.
//! - **algorithm**: how an agent acts and learns ([`algorithm::Algorithm`]). **regime**: an algorithm with its
//!   settings, as a place on the way from i.i.d. to not.
//! - **update**: one step of the optimiser.
//! - **cell**: an environment or data set with a regime. **arm**: an optimiser in a study. **rung**, **dose**: a
//!   cell's place on a ladder, on a dial.
//! - **terminated**, **truncated**: an episode that reached an end, and one that was cut short. Only the first
//!   stops the bootstrap.
//! - **observer**: somebody who is told how a run goes ([`run::Observer`]). **snapshot**: all that a run is at one
//!   moment. **checkpoint**: a snapshot in a file, from which the run goes on exactly.
//!
//! # Where things are
//!
//! Imports point in one direction: the binaries use [`cli`], which uses [`study`], which uses [`figures`] and
//! [`run`], which uses [`algorithm`], which uses [`nn`], which uses the crate [`optim`].
//!
//! [`algorithm`] is the seam between algorithms and runs, with a folder for each algorithm; [`run`] is one run,
//! [`study`] many; [`figures`] draws plain series; [`data`] has the images of the supervised control,
//! [`landscape`] optimisers on surfaces of two weights, [`energy`] what a run costs. Four crates beside this one
//! can be used alone: `envs` has the environments, [`optim`] the optimisers, `stats` the statistics,
//! [`settings`] the declaration of settings.

pub mod algorithm;
mod checksums;
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
