//! Addresses of tensors, memory for results, and the launch of kernels and products.

use candle_core::{DType, Result, Shape, Storage, Tensor, bail};

use super::{
    machine::{Address, Arguments, LaunchGrid, MatrixProduct, PassMachine, size},
    text::Kernels,
};

/// Threads of a block.
const THREADS: usize = 256;
/// CUDA's limit on the second axis of a grid.
const MAX_POSITIONS: usize = 65_535;

/// The address of a contiguous tensor of `len` numbers of type `dtype`, as kernels need it.
pub(super) fn address(tensor: &Tensor, dtype: DType, len: usize) -> Result<Address> {
    if tensor.dtype() != dtype || tensor.elem_count() != len {
        bail!(
            "layers of images on a GPU: {} numbers of type {:?}; needed: {len} of {dtype:?}",
            tensor.elem_count(),
            tensor.dtype()
        );
    }
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, _)) = layout.contiguous_offsets() else {
        bail!("layers of images on a GPU need contiguous tensors");
    };
    let base = match &*storage {
        #[cfg(feature = "cuda")]
        Storage::Cuda(storage) => super::cuda::address(storage)?,
        #[cfg(test)]
        Storage::Cpu(storage) => super::emulated::address(storage),
        _ => bail!("layers of images have no implementation for this device"),
    };
    let address = base + (start * dtype.size_in_bytes()) as u64;
    if !address.is_multiple_of(16) {
        bail!("layers of images on a GPU need tensors that begin at a multiple of 16 bytes");
    }
    Ok(address)
}

/// The address of one of a layer's tables.
pub(super) fn table_address(table: &Tensor) -> Result<Address> {
    address(table, DType::I32, table.elem_count())
}

/// The address of a tensor whose type and length are known to match.
pub(super) fn known_address(tensor: &Tensor) -> Result<Address> {
    address(tensor, tensor.dtype(), tensor.elem_count())
}

/// Memory that a kernel or a product is about to fill.
pub(super) fn unwritten(shape: impl Into<Shape>, dtype: DType, like: &Tensor) -> Result<Tensor> {
    // SAFETY: every tensor made here is written in whole before anything reads it.
    unsafe { Tensor::empty(shape, dtype, like.device()) }
}

/// Runs the kernel that takes `arguments`.
pub(super) fn launch<A: Arguments>(
    machine: &dyn PassMachine,
    kernels: Kernels,
    grid: LaunchGrid,
    arguments: &A,
) -> Result<()> {
    // SAFETY: the addresses are of tensors of the sizes that go with them, and their memory is freed only
    // after all the work that the machine was given before.
    unsafe { machine.launch(kernels, A::NAME, grid, arguments.start()) }
}

/// Multiplies matrices.
pub(super) fn multiply(machine: &dyn PassMachine, product: &MatrixProduct) -> Result<()> {
    // SAFETY: as for `launch`.
    unsafe { machine.product(product) }
}

/// A grid of `n` threads for each of `positions`.
pub(super) fn over_positions(n: usize, positions: usize) -> Result<LaunchGrid> {
    size(n)?;
    if positions > MAX_POSITIONS {
        bail!("images on a GPU: {positions} positions; allowed: at most {MAX_POSITIONS}");
    }
    Ok(LaunchGrid {
        blocks: [n.div_ceil(THREADS).max(1), positions],
        threads: [THREADS, 1],
    })
}
