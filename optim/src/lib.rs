#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! - A **rule** is a recurrence for one weight ([`Rule`]). An **optimiser** is a rule with its
//!   hyper-parameters: a struct such as [`Adam`], or the text `adam:lr=3e-4`, which is read into the
//!   same [`Spec`]. [`registry`] lists everything that can be requested by name, [`published`] the
//!   settings of papers.
//! - [`Optimiser`] steps the variables of a model, or those of a cohort of agents that train in
//!   lock-step as one batch. It supports [`Schedule`]s, [`Clipping`] and [`Group`]s of parameters, and
//!   implements [`candle_nn::Optimizer`].
//! - [`SliceOptimiser`] steps weights that lie in one slice, without tensors.
//! - A rule of your own is a struct of settings with [`OptimiserSettings`] and a [`Rule`]. [`register`]
//!   gives it a name, and [`contract::check`] tests whether it keeps what an optimiser promises.
//! - A rule that looks at a whole tensor, as Muon does at a matrix, is a [`TensorRule`] in place of a [`Rule`].
//! - A rule's arithmetic is written once, over [`Real`]. It runs in f32, in f64 and, with the feature
//!   `cuda`, on NVIDIA GPUs ([`kernel`]), with the same operations in the same order.

mod any_rule;
mod clip;
mod computable;
pub mod contract;
mod cpu;
mod element;
mod entry;
mod erased;
mod error;
mod files;
pub mod kernel;
mod matmul;
mod optimiser;
pub mod parts;
mod presets;
mod real;
mod record;
mod registry;
mod rule;
mod rules;
mod scalars;
mod schedule;
mod shape;
mod simd;
mod slice;
mod spec;
pub mod state_file;
mod tensor_rule;

pub use any_rule::AnyRule;
pub use clip::{Clip, Clipping};
pub use element::Element;
pub use entry::{Entry, EvaluationWeights, MomentumState, OptimiserSettings, Restart, StepBound};
pub use erased::erase;
pub use error::{Error, Result};
pub use matmul::{Matrix, multiply_add};
#[cfg(feature = "cuda")]
pub use optimiser::gpu::compile as compile_kernel;
pub use optimiser::{Group, Layout, Optimiser, Parameter, flat_gradient};
pub use presets::{Published, published};
pub use real::Real;
pub use registry::{register, registry};
pub use rule::Rule;
pub use rules::*;
pub use scalars::Scalars;
pub use schedule::Schedule;
pub use settings;
pub use settings::Value;
pub use shape::{Layer, Shape};
pub use simd::vectorised;
pub use slice::SliceOptimiser;
pub use spec::Spec;
pub use tensor_rule::{TensorRule, erase_tensor_rule};
