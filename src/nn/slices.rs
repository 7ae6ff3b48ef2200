//! The numbers of contiguous tensors on the CPU, for our custom operations.

use candle_core::{CpuStorage, Layout, Result, Storage, WithDType, bail};

/// The numbers that `layout` covers in `storage`; an error if it is not contiguous.
pub(crate) fn contiguous<'a, T: WithDType>(
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<T>()?[start..end]),
        None => bail!("an operation of our own needs contiguous tensors"),
    }
}

/// [`contiguous`] for a storage on any device; an error if it is not on the CPU.
pub(crate) fn on_cpu<'a, T: WithDType>(storage: &'a Storage, layout: &Layout) -> Result<&'a [T]> {
    match storage {
        Storage::Cpu(storage) => contiguous(storage, layout),
        _ => bail!("an operation of our own has no implementation for this device"),
    }
}

/// The `i`-th of `n` equal parts.
#[inline(always)]
pub(crate) fn part<T>(all: &[T], i: usize, n: usize) -> &[T] {
    let each = all.len() / n;
    &all[i * each..(i + 1) * each]
}
