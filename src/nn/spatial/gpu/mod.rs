//! The layers' passes on a GPU.
//!
//! A convolution gathers what each output sees into a matrix `[outputs * batch, taps * in]` and
//! multiplies it by the weights `[taps * in, out]`: one kernel and one cuBLAS product. The matrix is
//! kept, so the gradient of the weights is one more product. The gradient of the input is one product
//! with the stored weights, which gives `[outputs * batch, taps * in]`, and one kernel that sums up
//! what was gathered from each position and adds the gradient that comes through the shortcut. No
//! weights are transposed. With a stride of 2 this moves an eighth of what gathering `dy` for each
//! input would (nine taps of `in` channels, against nine taps of `2 in` channels for four times the
//! positions). Where a kernel sees a single position, as after ResNet-18's last pooling, nothing is
//! gathered.
//!
//! Batch normalisation takes two launches forward and two back. Forward, the first computes the moments
//! and the running statistics, the second everything else. Backward, the first computes the sums and
//! the gradient before relu, the second everything else. Sums are formed slice by slice. The block that
//! finishes last merges them in a fixed order, so that a step always gives the same bits.
//!
//! One step of ResNet-18 on images of 32x32 takes 115 launches of these kernels, 59 products and 4
//! fills with zeros, as counted by the tests. The mean of the features, the last layer, the loss and
//! the optimiser's step add a few dozen launches.

mod convolution;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(test)]
mod emulated;
mod launch;
mod machine;
mod minibatch;
mod normalisation;
mod pooling;
#[cfg(test)]
mod test_machine;
#[cfg(test)]
mod tests;
mod text;

use candle_core::{Device, Result};

pub(super) use convolution::{convolve, input_grad, weight_grad};
pub(super) use minibatch::minibatch;
pub(super) use normalisation::{moments, normalise, normalise_backward};
pub(super) use pooling::{max_pool, max_pool_backward};

/// The machine that runs passes on tensors of `device`, or `None` if the CPU's own passes do.
pub(super) fn machine(device: &Device) -> Result<Option<Box<dyn machine::PassMachine>>> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => Ok(Some(Box::new(cuda::Gpu::new(device.clone())))),
        #[cfg(test)]
        Device::Cpu => Ok(emulated::machine()),
        _ => Ok(None),
    }
}
