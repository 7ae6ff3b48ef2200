//! Networks for a cohort of agents, whose parameters and activations have a leading axis `[agents, ...]`,
//! and a ResNet-18 for images.
//!
//! [`Network`] is what an agent learns with, [`NormedNetwork`] one with a normalisation behind each layer; their
//! layers are operations of our own on the CPU ([`Conv`], [`Mlp`], [`LayerNorm`]). [`ResNet`] computes on all cores or on a GPU. [`minibatch`] makes its input of images on a GPU.

mod bypass;
mod columns;
mod conv;
mod conv_composed;
mod conv_kernel;
mod filters;
mod fused;
mod init;
pub(crate) mod layer_norm;
mod linear;
mod matmul;
mod mlp;
mod network;
mod normed;
pub(crate) mod pixels;
mod relu;
mod resnet;
pub(crate) mod slices;
mod spatial;
mod window;

pub use conv::Conv;
pub use filters::Filters;
pub use layer_norm::{Activation, LayerNorm};
pub use mlp::Mlp;
pub use network::{Architecture, Network};
pub use normed::{InitialWeights, NormedArchitecture, NormedNetwork};
pub use pixels::Augmentation;
pub use resnet::{ResNet, Stem};
pub use spatial::{Convolution, minibatch};
