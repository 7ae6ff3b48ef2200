//! Where a test runs passes.

use std::rc::Rc;

use candle_core::{DType, Device, Tensor};

use super::emulated::{Emulated, as_on_a_gpu};

/// A machine that runs passes.
pub(super) enum TestMachine {
    /// The CPU as a GPU.
    Emulated(Rc<Emulated>),
    /// A GPU.
    #[cfg(feature = "cuda")]
    Gpu(Device),
}

impl TestMachine {
    /// A new [`Emulated`].
    pub fn emulated() -> Self {
        Self::Emulated(Rc::default())
    }

    fn emulated_machine(&self) -> Option<&Emulated> {
        match self {
            Self::Emulated(machine) => Some(machine),
            #[cfg(feature = "cuda")]
            Self::Gpu(_) => None,
        }
    }

    /// `x` where this machine reads it.
    pub fn put(&self, x: &Tensor) -> Tensor {
        let device = match self {
            Self::Emulated(_) => &Device::Cpu,
            #[cfg(feature = "cuda")]
            Self::Gpu(gpu) => gpu,
        };
        x.to_device(device).unwrap()
    }

    /// Runs `passes` here.
    pub fn run<T>(&self, passes: impl FnOnce() -> T) -> T {
        match self {
            Self::Emulated(machine) => as_on_a_gpu(machine, passes),
            #[cfg(feature = "cuda")]
            Self::Gpu(_) => passes(),
        }
    }

    /// Runs `passes` twice, the second time with blocks and threads in reverse if their order can be chosen. Asserts
    /// that the bits are the same, and returns the results on the CPU.
    pub fn twice(&self, passes: impl Fn() -> Vec<Tensor>) -> Vec<Tensor> {
        let [first, second] = [false, true].map(|second| {
            if let Some(machine) = self.emulated_machine() {
                machine.reverse.set(second);
            }
            let results = self.run(&passes).into_iter();
            let on_cpu = results.map(|x| x.to_device(&Device::Cpu).unwrap());
            on_cpu.collect::<Vec<_>>()
        });
        for (i, (first, second)) in first.iter().zip(&second).enumerate() {
            assert!(
                bits(first) == bits(second),
                "result {i} depends on the order"
            );
        }
        if let Some(machine) = self.emulated_machine() {
            assert!(machine.tickets.borrow().iter().all(|&four| four == 0));
        }
        first
    }
}

fn bits(x: &Tensor) -> Vec<u64> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    let numbers: Vec<f64> = x.to_vec1().unwrap();
    numbers.into_iter().map(f64::to_bits).collect()
}
