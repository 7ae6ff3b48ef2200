//! Does momentum hurt in reinforcement learning, where samples are not i.i.d.?
//!
//! This library is the tool and the study that answer the question: agents written with candle train with each
//! optimiser on environments whose data shift.
//!
//! # Words
//!
//! - **rule**: an optimiser's recurrence for one weight ([`optim::Rule`]).
//! - **optimiser**: a rule with its hyper-parameters ([`optim::Spec`]).
//! - **setting**: a name with a type, a default, a range and help ([`settings::Setting`]); flags, TOML files,
//!   lists and errors follow from its declaration.
//! - **preset**: a published group of settings to start from ([`algorithm::Preset`]).
//! - **experiment**: one TOML file. **trial**: one setting of its grid. **run**: one trial with one seed.
//! - **study**: an experiment with its runs and results. **stage**: its tuning runs, which choose a setting for each
//!   optimiser, or its report runs, which judge the chosen ones. **overview**: findings of several studies side by side.
//!   **card**: one optimiser on a fixed suite of regimes.
//! - **family**: a kind of run with its own configuration: agents ([`run::rl`]), the supervised
//!   control ([`run::supervised`]), or a recorded stream in one order or another ([`run::order`]).
//! - **cohort**: agents trained in lock-step as one batch; every parameter tensor has a leading axis
//!   `[agents, ...]`. One agent is a cohort of one.
//! - **algorithm**: how an agent acts and learns ([`algorithm::Algorithm`]). **regime**: an algorithm with its
//!   settings, as a place on the scale from i.i.d. to not i.i.d.
//! - **update**: one step of the optimiser.
//! - **cell**: an environment or data set with a regime. **arm**: an optimiser in a study. **rung**: a cell's place
//!   on a ladder. **dose**: its place on a dial.
//! - **outcome**: what came of a run ([`run::Configuration::Outcome`]); in a study, the score that judges it: the area
//!   under its curve or its last evaluation. **contrast**: two arms compared. **margin**: the smallest difference that
//!   matters. **assay**: whether a difference could have shown in a cell ([`study::Assay`]).
//! - **terminated**: the episode reached an end of the task. **truncated**: the episode was cut short. Only
//!   termination stops the bootstrap.
//! - **observer**: receives reports on the progress of a run ([`run::Observer`]). **snapshot**: the whole state of a
//!   run at one moment. **checkpoint**: a snapshot in a file, from which the run continues exactly.
//!
//! # Where things are
//!
//! Imports point in one direction: the binaries use [`cli`], which uses [`study`], which uses [`figures`] and
//! [`run`], which uses [`algorithm`], which uses [`nn`], which uses the crate [`optim`].
//!
//! [`algorithm`] is the seam between algorithms and runs, with a folder for each algorithm. [`run`] does one run,
//! [`study`] many. [`figures`] draws plain series. [`data`] reads the images of the supervised control.
//! [`landscape`] runs optimisers on surfaces of two weights. [`energy`] measures what a run costs. Four crates next
//! to this one can be used alone: `envs` has the environments, [`optim`] the optimisers, `stats` the statistics and
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
pub mod streams;
pub mod study;

pub use error::{Error, Result};
