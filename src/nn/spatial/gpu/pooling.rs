//! Max pooling's passes.

use candle_core::{DType, Result, Tensor};

use super::{
    super::pool::MaxPool,
    launch::{address, known_address, launch, over_positions, table_address, unwritten},
    machine::{PassMachine, Pool, PoolBack, size},
    text::{Kernels, NumberType},
};

/// The largest numbers, and the taps at which they were found.
pub(in crate::nn::spatial) fn max_pool(
    machine: &dyn PassMachine,
    pool: &MaxPool,
    x: &Tensor,
) -> Result<[Tensor; 2]> {
    let (_, batch, channels) = x.dims3()?;
    let positions = pool.positions()[1];
    let part = batch * channels;
    let kernels = Kernels::of(NumberType::of(x.dtype())?, part);
    let largest = unwritten((positions, batch, channels), x.dtype(), x)?;
    let found = unwritten((positions, batch, channels), DType::U8, x)?;
    let arguments = Pool {
        x: address(x, x.dtype(), pool.positions()[0] * part)?,
        largest: known_address(&largest)?,
        found: known_address(&found)?,
        connections: table_address(&pool.tables(x.device())?[1])?,
        part: size(part)?,
    };
    let grid = over_positions(part / kernels.channels_each, positions)?;
    launch(machine, kernels, grid, &arguments)?;
    Ok([largest, found])
}

/// The gradient of the input.
pub(in crate::nn::spatial) fn max_pool_backward(
    machine: &dyn PassMachine,
    pool: &MaxPool,
    dy: &Tensor,
    found: &Tensor,
) -> Result<Tensor> {
    let (_, batch, channels) = dy.dims3()?;
    let positions = pool.positions()[0];
    let part = batch * channels;
    let kernels = Kernels::of(NumberType::of(dy.dtype())?, part);
    let dx = unwritten((positions, batch, channels), dy.dtype(), dy)?;
    let arguments = PoolBack {
        dy: address(dy, dy.dtype(), pool.positions()[1] * part)?,
        found: address(found, DType::U8, dy.elem_count())?,
        dx: known_address(&dx)?,
        connections: table_address(&pool.tables(dy.device())?[0])?,
        part: size(part)?,
    };
    let grid = over_positions(part / kernels.channels_each, positions)?;
    launch(machine, kernels, grid, &arguments)?;
    Ok(dx)
}
