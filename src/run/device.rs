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
            Compute::Cuda => Device::new_cuda(0).map_err(|error| {
                Error::usage(format!(
                    "device = cuda: there is no usable GPU ({error}); allowed: cpu"
                ))
            }),
        }
    }
}
