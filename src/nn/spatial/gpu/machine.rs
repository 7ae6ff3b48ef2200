//! What a GPU is to the passes: kernels that it launches and matrices that it multiplies. Addresses are
//! numbers here, so that the same passes can be run by the processor, kernels and all.

use candle_core::{DType, Result};

use super::text::{Element, Kernels};

/// Where something lies in the machine's memory; 0 is nowhere.
pub(in crate::nn::spatial) type Address = u64;

/// What runs the passes, one thing after the other.
pub(in crate::nn::spatial) trait Machine {
    /// Runs a kernel, called `name`, over `grid`.
    ///
    /// # Safety
    ///
    /// `arguments` is the start of the kernel's own structure; its addresses lead to memory as long as
    /// its sizes say, which outlives what has been asked of the machine so far.
    unsafe fn launch(
        &self,
        kernels: Kernels,
        name: &'static str,
        grid: Grid,
        arguments: &u8,
    ) -> Result<()>;

    /// Multiplies matrices.
    ///
    /// # Safety
    ///
    /// The addresses lead to memory as long as the sizes say, which outlives what has been asked of the
    /// machine so far.
    unsafe fn product(&self, product: &Product) -> Result<()>;

    /// [`TICKETS`] counters that are 0 before and after each launch.
    fn tickets(&self) -> Result<Address>;
}

/// Blocks in a row that may count who comes last.
pub(in crate::nn::spatial) const TICKETS: usize = 1024;

/// Blocks and the threads of each.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::spatial) struct Grid {
    pub blocks: [usize; 2],
    pub threads: [usize; 2],
}

/// The structures that kernels take.
///
/// # Safety
///
/// It is laid out as the C structure that kernel [`NAME`](Self::NAME) takes.
pub(in crate::nn::spatial) unsafe trait Arguments {
    /// The kernel's name.
    const NAME: &'static str;

    /// Its first byte.
    fn start(&self) -> &u8
    where
        Self: Sized,
    {
        // SAFETY: a structure with addresses and sizes has one, and it is initialised.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }
}

/// Structures of the kernels' text, name by name.
macro_rules! arguments {
    ($($structure:ident for $name:literal { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            #[repr(C)]
            pub(in crate::nn::spatial) struct $structure {
                $(pub $field: $type,)*
            }

            // SAFETY: the fields are those of the kernel's structure, one by one.
            unsafe impl Arguments for $structure {
                const NAME: &'static str = $name;
            }
        )*
    };
}

arguments! {
    Gather for "gather" {
        x: Address, columns: Address, inputs: Address,
        batch: i32, channels: i32, places: i32,
    }
    Collect for "collect" {
        columns: Address, onto: Address, dx: Address, meetings: Address,
        batch: i32, channels: i32, places: i32,
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
        x: Address, largest: Address, found: Address, meetings: Address, part: i32,
    }
    PoolBack for "max_pool_back" {
        dy: Address, found: Address, dx: Address, meetings: Address, part: i32,
    }
    Minibatch for "minibatch" {
        images: Address, looks: Address, out: Address,
        batch: i32, channels: i32, height: i32, width: i32,
    }
}

/// A matrix, row by row; `turned` if what lies there is its transpose.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::spatial) struct Matrix {
    pub at: Address,
    pub turned: bool,
}

/// `c = a b`, or `c += a b` with `add`, for matrices `[m, k]` and `[k, n]`.
#[derive(Clone, Copy, Debug)]
pub(in crate::nn::spatial) struct Product {
    pub a: Matrix,
    pub b: Matrix,
    pub c: Address,
    pub sizes: [usize; 3],
    pub add: bool,
    /// Of `a` and `b`.
    pub element: Element,
    /// Of `c`.
    pub result: DType,
}

/// A product as BLAS has it, whose matrices lie column by column: there, `c` is its own transpose, `b^T a^T`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::nn::spatial) struct ColumnMajor {
    /// First factor, second factor, result.
    pub at: [Address; 3],
    /// Which of the factors BLAS is to transpose.
    pub turned: [bool; 2],
    /// Rows and columns of the result, and the depth.
    pub m: i32,
    pub n: i32,
    pub k: i32,
    /// From column to column of the factors and of the result.
    pub leading: [i32; 3],
}

impl Product {
    /// As BLAS has it.
    pub fn column_major(&self) -> Result<ColumnMajor> {
        let [m, n, k] = self.sizes;
        let [m, n, k] = [size(m)?, size(n)?, size(k)?];
        Ok(ColumnMajor {
            at: [self.b.at, self.a.at, self.c],
            turned: [self.b.turned, self.a.turned],
            m: n,
            n: m,
            k,
            leading: [
                if self.b.turned { k } else { n },
                if self.a.turned { m } else { k },
                n,
            ],
        })
    }
}

/// A size as kernels and BLAS take it.
pub(in crate::nn::spatial) fn size(n: usize) -> Result<i32> {
    i32::try_from(n).map_err(|_| {
        candle_core::Error::msg(format!(
            "layers of images on a GPU: {n} at once; allowed: at most 2,147,483,647"
        ))
    })
}
