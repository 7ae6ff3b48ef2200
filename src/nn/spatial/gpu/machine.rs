//! A GPU as the passes see it: it launches kernels and multiplies matrices. Addresses are plain numbers
//! here, so that in tests the CPU can run the same passes and kernels.

use candle_core::{DType, Result};

use super::text::{Kernels, NumberType};

/// An address in the machine's memory; 0 is none.
pub(in crate::nn::spatial) type Address = u64;

/// Runs the passes, one operation after another.
pub(in crate::nn::spatial) trait PassMachine {
    /// Runs the kernel `name` over `grid`.
    ///
    /// # Safety
    ///
    /// `arguments` is the first byte of the structure that the kernel takes. Its addresses point to
    /// memory of the length that its sizes imply, which is not freed before the kernel has run.
    unsafe fn launch(
        &self,
        kernels: Kernels,
        name: &'static str,
        grid: LaunchGrid,
        arguments: &u8,
    ) -> Result<()>;

    /// Multiplies matrices.
    ///
    /// # Safety
    ///
    /// The addresses point to memory of the length that the sizes imply, which is not freed before the
    /// product is computed.
    unsafe fn product(&self, product: &MatrixProduct) -> Result<()>;

    /// [`TICKETS`] counters that are 0 before and after each launch.
    fn tickets(&self) -> Result<Address>;
}

/// The most blocks along a grid's first axis for which the last to finish can be determined.
pub(in crate::nn::spatial) const TICKETS: usize = 1024;

/// The number of blocks, and of threads in each.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::spatial) struct LaunchGrid {
    pub blocks: [usize; 2],
    pub threads: [usize; 2],
}

/// A structure that a kernel takes.
///
/// # Safety
///
/// It has the layout of the C structure that the kernel [`NAME`](Self::NAME) takes.
pub(in crate::nn::spatial) unsafe trait Arguments {
    /// The kernel's name.
    const NAME: &'static str;

    /// Its first byte.
    fn start(&self) -> &u8
    where
        Self: Sized,
    {
        // SAFETY: the structure has addresses and sizes, so it has a first byte, and that is initialised.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }
}

/// Declares the structures of the kernels' text under the same names.
macro_rules! arguments {
    ($($structure:ident for $name:literal { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            #[repr(C)]
            pub(in crate::nn::spatial) struct $structure {
                $(pub $field: $type,)*
            }

            // SAFETY: the fields are those of the kernel's structure, in its order.
            unsafe impl Arguments for $structure {
                const NAME: &'static str = $name;
            }
        )*
    };
}

arguments! {
    Gather for "gather" {
        x: Address, columns: Address, inputs: Address,
        batch: i32, channels: i32, taps: i32,
    }
    Collect for "collect" {
        columns: Address, onto: Address, dx: Address, connections: Address,
        batch: i32, channels: i32, taps: i32,
    }
    Moments for "moments" {
        x: Address, parts: Address, tickets: Address,
        mean: Address, variance: Address, running_mean: Address, running_variance: Address,
        rows: i32, channels: i32, each: i32, share: f64, unbiased: f64,
    }
    Normalise for "normalise" {
        x: Address, shortcut: Address, y: Address,
        mean: Address, variance: Address, gamma: Address, beta: Address,
        rows: i32, channels: i32, relu: i32, eps: f64,
    }
    Sums for "normalise_sums" {
        x: Address, dy: Address, y: Address, dz: Address,
        mean: Address, variance: Address, gamma: Address,
        parts: Address, tickets: Address, dgamma: Address, dbeta: Address, line: Address,
        rows: i32, channels: i32, each: i32, eps: f64,
    }
    Back for "normalise_back" {
        x: Address, dy: Address, y: Address, dx: Address, mean: Address, line: Address,
        rows: i32, channels: i32,
    }
    Pool for "max_pool" {
        x: Address, largest: Address, found: Address, connections: Address, part: i32,
    }
    PoolBack for "max_pool_back" {
        dy: Address, found: Address, dx: Address, connections: Address, part: i32,
    }
    Minibatch for "minibatch" {
        images: Address, augmentations: Address, out: Address,
        batch: i32, channels: i32, height: i32, width: i32,
    }
}

/// A matrix stored row by row; if `transposed`, what is stored is its transpose.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::spatial) struct StoredMatrix {
    pub at: Address,
    pub transposed: bool,
}

/// `c = a b`, or `c += a b` with `add`, for matrices `[m, k]` and `[k, n]`.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::spatial) struct MatrixProduct {
    pub a: StoredMatrix,
    pub b: StoredMatrix,
    pub c: Address,
    pub sizes: [usize; 3],
    pub add: bool,
    /// The type of the numbers of `a` and `b`.
    pub element: NumberType,
    /// The type of the numbers of `c`.
    pub result: DType,
}

/// A product as BLAS takes it. BLAS stores matrices column by column, so what it computes is the
/// transpose of `c`, `b^T a^T`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::nn::spatial) struct ColumnMajor {
    /// First factor, second factor, result.
    pub at: [Address; 3],
    /// Which of the factors BLAS is to transpose.
    pub transposed: [bool; 2],
    /// Rows of the result.
    pub m: i32,
    /// Columns of the result.
    pub n: i32,
    /// The number of products summed in each entry of the result.
    pub k: i32,
    /// The distances from column to column of the factors and of the result.
    pub leading: [i32; 3],
}

impl MatrixProduct {
    /// The product in BLAS's convention.
    pub fn column_major(&self) -> Result<ColumnMajor> {
        let [m, n, k] = self.sizes;
        let [m, n, k] = [size(m)?, size(n)?, size(k)?];
        Ok(ColumnMajor {
            at: [self.b.at, self.a.at, self.c],
            transposed: [self.b.transposed, self.a.transposed],
            m: n,
            n: m,
            k,
            leading: [
                if self.b.transposed { k } else { n },
                if self.a.transposed { m } else { k },
                n,
            ],
        })
    }
}

/// A size as kernels and BLAS take it; an error if it is too large.
pub(in crate::nn::spatial) fn size(n: usize) -> Result<i32> {
    i32::try_from(n).map_err(|_| {
        candle_core::Error::msg(format!(
            "layers of images on a GPU: {n} at once; allowed: at most 2,147,483,647"
        ))
    })
}
