//! Layers on batches of images for large networks, on all cores or on a GPU.
//!
//! Images are stored **position by position**, `[height * width, batch, channels]`: the batch at one
//! position is a matrix `[batch, channels]`, and a convolution is a sum of products of such matrices
//! with the weights of one tap of the kernel. On the CPU no columns are gathered first, and taps that
//! fall on padding are skipped: after ResNet-18's last pooling, eight of a 3x3 kernel's nine taps see
//! only padding.
//!
//! On the CPU the results are the same to the bit whatever the number of threads and the vector width,
//! because each output sums its terms in a fixed order. On a GPU the order differs, and activations may
//! be bf16.

mod connections;
mod cpu;
mod geometry;
#[cfg(any(feature = "cuda", test))]
mod gpu;
mod lanes;
mod layers;
mod minibatch;
mod norm;
mod panels;
mod parallel_output;
mod passes;
mod pool;
#[cfg(any(feature = "cuda", test))]
mod tables;
mod tile;

pub(super) use layers::{ConvNorm, ConvNormTape, InputGrad, PoolLayer, WeightGrads};
pub use layers::{Convolution, start_of_running_statistics};
pub use minibatch::minibatch;
