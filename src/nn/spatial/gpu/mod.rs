//! The layers' passes on a GPU.
//!
//! A convolution gathers what each output sees into a matrix, `[outputs * batch, places * in]`, and
//! multiplies it with the weights, `[places * in, out]`: one kernel and one product of cuBLAS. The
//! matrix is kept, and the gradient of the weights is one product more. The gradient of the input is
//! one product with the weights as they lie, `[outputs * batch, places * in]`, and one kernel that
//! adds up what was gathered from each position, and the gradient that comes by the shortcut: no
//! weights are turned round, and where the stride is 2 it moves an eighth of what gathering `dy` for
//! each input would (nine places of `2 in` channels for four times the positions, against nine places
//! of `in`). Where a kernel sees one position, as behind ResNet-18's last pooling, nothing is gathered.
//!
//! Batch normalisation takes two launches forward and two back: the moments with the running ones, and
//! all the rest; the sums with the gradient behind relu, and all the rest. Sums are formed slice by slice
//! and merged in one order by whichever block comes last, so that a step gives the same bits each time.
//!
//! One step of ResNet-18 on images of 32x32 is 115 launches of these kernels, 59 products and 4 fills
//! with zeros (the tests count them); the features' mean, the last layer, the loss and the step of the
//! optimiser come to a few dozen more.

#[cfg(feature = "cuda")]
mod cuda;
mod machine;
mod passes;
mod tables;
#[cfg(test)]
mod tests;
mod text;

use candle_core::{Device, Result};

use machine::Machine;
pub(super) use passes::{
    convolve, input_grad, max_pool, max_pool_backward, minibatch, moments, normalise,
    normalise_backward, weight_grad,
};
pub(super) use tables::{Tables, listed};

/// What runs passes on tensors of `device`, if it is none of the processor's.
pub(super) fn machine(device: &Device) -> Result<Option<Box<dyn Machine>>> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => Ok(Some(Box::new(cuda::Gpu::new(device.clone())))),
        #[cfg(test)]
        Device::Cpu => Ok(tests::emulated()),
        _ => Ok(None),
    }
}
