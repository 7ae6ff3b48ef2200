//! Networks for a cohort of agents, whose parameters and activations have a leading axis `[agents, ...]`,
//! and a ResNet-18 for images.
//!
//! Agents learn with a [`Network`]; on the CPU its layers are custom operations ([`Conv`], [`Mlp`]).
//! [`ResNet`] computes on all cores or on a GPU. On a GPU, [`minibatch`] turns images into its input.

mod activation;
mod bypass;
mod columns;
mod conv;
mod conv_composed;
mod conv_kernel;
mod filters;
mod fused;
mod init;
mod linear;
mod matmul;
mod mlp;
mod network;
mod orthogonal;
pub(crate) mod pixels;
mod resnet;
pub(crate) mod slices;
mod spatial;
mod window;

pub use activation::Activation;
pub use conv::Conv;
pub use filters::Filters;
pub use mlp::Mlp;
pub use network::{Architecture, Network};
pub use orthogonal::orthogonal;
pub use pixels::Augmentation;
pub use resnet::{ResNet, Stem};
pub use spatial::{Convolution, minibatch, start_of_running_statistics};
