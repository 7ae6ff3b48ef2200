//! Matrix products by the crate that candle and our layers use, with matrices in the layout that suits
//! it best.

use candle_core::Result;

use super::effort::{Effort, spread};

/// Products of an `m` x `k` with a `k` x `n` matrix.
#[derive(Clone, Copy)]
pub struct Product {
    m: usize,
    k: usize,
    n: usize,
    /// The number of these products in an update.
    pub times: usize,
}

impl Product {
    /// A layer's products in an update: forward for the online and the target network, backward for its
    /// weight, and for its input if `input_grad`.
    pub fn layer(batch: usize, inputs: usize, outputs: usize, input_grad: bool) -> Vec<Self> {
        let product = |m, k, n, times| Self { m, k, n, times };
        vec![
            product(batch, inputs, outputs, 2),
            product(outputs, batch, inputs, 1),
            product(batch, outputs, inputs, usize::from(input_grad)),
        ]
    }

    /// Microseconds for all of them; either factor may be on the left, whichever is faster.
    pub fn measure(self, effort: Effort) -> Result<Vec<f64>> {
        let other = Self {
            m: self.n,
            n: self.m,
            ..self
        };
        let (us, other) = (self.one(effort)?, other.one(effort)?);
        let faster = if spread(&us)[0] < spread(&other)[0] {
            us
        } else {
            other
        };
        Ok(faster.iter().map(|us| us * self.times as f64).collect())
    }

    fn one(self, effort: Effort) -> Result<Vec<f64>> {
        let Self { m, k, n, .. } = self;
        let (a, b, mut c) = (
            vec![0.5f32; m * k],
            vec![0.25f32; k * n],
            vec![0.0f32; m * n],
        );
        effort.microseconds(|_| {
            // SAFETY: three matrices, each row after row, of the sizes given.
            unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    c.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    a.as_ptr(),
                    1,
                    k as isize,
                    b.as_ptr(),
                    1,
                    n as isize,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::None,
                );
            }
            std::hint::black_box(&mut c);
            Ok(())
        })
    }
}
