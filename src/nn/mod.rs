//! Networks for a cohort of agents: every parameter and every activation has a leading axis `[agents, ...]`.

pub mod init;
mod linear;
mod matmul;
mod mlp;
pub(crate) mod slices;

pub use linear::Linear;
pub use mlp::Mlp;
