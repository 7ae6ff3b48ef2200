//! Networks for a cohort of agents: every parameter and every activation has a leading axis `[agents, ...]`.

mod aside;
mod columns;
mod composed;
mod conv;
mod convolve;
mod filters;
pub mod init;
mod linear;
mod matmul;
mod mlp;
mod network;
mod relu;
mod resnet;
pub(crate) mod slices;
mod spatial;

pub use conv::Conv;
pub use filters::Filters;
pub use linear::Linear;
pub use mlp::Mlp;
pub use network::{Architecture, Network};
pub use resnet::{ResNet, Stem};
pub use spatial::{Convolution, minibatch};
