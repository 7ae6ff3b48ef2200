//! Layers on batches of images for large networks, on all cores.
//!
//! Images lie **position by position**, `[height * width, batch, channels]`: the batch at one position
//! is a matrix `[batch, channels]`, and a convolution is a sum of products of such matrices with the
//! weights of one place of the kernel. On the processor nothing is gathered into columns first, and where a kernel hangs
//! over the edge there is nothing to multiply: behind ResNet-18's last pooling eight of a 3x3 kernel's
//! nine places meet padding alone.
//!
//! On the processor what is computed is the same to the bit whatever the number of threads and the width of their
//! vectors: each output is the sum of its terms in one order. On a GPU the order is
//! another, and activations may be bf16.

mod conv;
mod cpu;
#[cfg(any(feature = "cuda", test))]
mod gpu;
mod lanes;
mod layers;
mod meeting;
mod norm;
mod out;
mod panels;
mod passes;
mod pool;
mod tile;

use conv::Geometry;
use lanes::Lanes;
pub use layers::Convolution;
pub(super) use layers::{ConvNorm, InputGrad, Kept, Pool, WeightGrads};
use panels::{PANEL, Sizes};
use passes::NormGrads;
pub use passes::minibatch;
