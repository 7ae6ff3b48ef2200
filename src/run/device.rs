//! Where networks compute.

use candle_core::Device;
use settings::words;

use crate::{Error, Result};

words! {
    /// Where networks compute.
    pub enum Compute {
        /// The processor: one thread per run, all cores for a ResNet
        Cpu = "cpu",
        /// The first NVIDIA GPU
        Cuda = "cuda",
    }
}

impl Compute {
    /// The device; an error if there is none.
    pub fn device(self) -> Result<Device> {
        match self {
            Compute::Cpu => Ok(Device::Cpu),
            Compute::Cuda if cfg!(not(feature = "cuda")) => Err(Error::usage(
                "device = cuda needs a program built with it: cargo build --release --features \
                 cuda, where NVIDIA's CUDA toolkit is installed; allowed here: cpu",
            )),
            Compute::Cuda => {
                let device = Device::new_cuda(0).map_err(|error| {
                    Error::usage(format!(
                        "device = cuda: there is no usable GPU ({error}); allowed: cpu"
                    ))
                })?;
                keep_memory(&device);
                Ok(device)
            }
        }
    }
}

/// Keeps memory that tensors free on a GPU in the process. By default the driver returns it to the system whenever
/// the CPU waits for the GPU, which happens several times a step.
#[cfg(feature = "cuda")]
fn keep_memory(device: &Device) {
    use candle_core::cuda_backend::cudarc::driver::{
        result::{device::get_default_mem_pool, mem_pool},
        sys::CUmemPool_attribute,
    };

    let Device::Cuda(gpu) = device else { return };
    let mut unlimited = u64::MAX;
    // SAFETY: the driver gave the device, and the attribute is a number of 64 bits.
    unsafe {
        // A GPU without memory pools frees memory piece by piece, and there is nothing to set.
        if let Ok(pool) = get_default_mem_pool(gpu.cuda_stream().context().cu_device()) {
            let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            let _ = mem_pool::set_attribute(pool, threshold, (&raw mut unlimited).cast());
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn keep_memory(_: &Device) {}
