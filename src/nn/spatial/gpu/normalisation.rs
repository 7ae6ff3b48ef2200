//! Batch normalisation's passes.

use candle_core::{DType, Result, Tensor, Var, bail};

use super::{
    super::norm::NormGradients,
    launch::{address, known_address, launch, unwritten},
    machine::{Address, Back, LaunchGrid, Moments, Normalise, PassMachine, Sums, TICKETS, size},
    text::{COLUMNS, Kernels, LANES, NumberType},
};

/// Blocks that share the rows of a sum: two for each multiprocessor of the largest GPUs. With more, the
/// last block's merge would take too long.
const SUM_BLOCKS: usize = 256;
/// Blocks that share the rows of an elementwise result; each thread then computes several numbers.
const ELEMENTWISE_BLOCKS: usize = 1024;

/// Images as rows of channels, for batch normalisation.
struct NormRows {
    rows: usize,
    channels: usize,
    kernels: Kernels,
    dtype: DType,
}

impl NormRows {
    fn of(x: &Tensor) -> Result<Self> {
        let (positions, batch, channels) = x.dims3()?;
        Ok(Self {
            rows: positions * batch,
            channels,
            kernels: Kernels::of(NumberType::of(x.dtype())?, channels),
            dtype: x.dtype(),
        })
    }

    /// Groups of channels that a thread processes.
    fn groups(&self) -> usize {
        self.channels / self.kernels.channels_each
    }

    /// The address of images of these sizes.
    fn images(&self, x: &Tensor) -> Result<Address> {
        address(x, self.dtype, self.rows * self.channels)
    }

    /// The address of images of these sizes, or none.
    fn images_if(&self, x: Option<&Tensor>) -> Result<Address> {
        x.map_or(Ok(0), |x| self.images(x))
    }

    /// The address of one number for each channel.
    fn each_channel(&self, x: &Tensor) -> Result<Address> {
        address(x, self.real(), self.channels)
    }

    /// The type of weights, moments and sums.
    fn real(&self) -> DType {
        self.kernels.element.real()
    }

    /// A grid of at most `blocks` blocks of `[COLUMNS, LANES]` threads.
    fn grid(&self, blocks: usize) -> LaunchGrid {
        let across = self.groups().div_ceil(COLUMNS);
        let down = self.rows.div_ceil(LANES).min(blocks / across);
        LaunchGrid {
            blocks: [across, down.max(1)],
            threads: [COLUMNS, LANES],
        }
    }

    /// For a sum: the grid, the rows that each block takes, and memory for `numbers` from each group of each
    /// block.
    fn summing(&self, numbers: usize, like: &Tensor) -> Result<(LaunchGrid, usize, Tensor)> {
        let mut grid = self.grid(SUM_BLOCKS);
        let [across, down] = grid.blocks;
        if across > TICKETS {
            let limit = TICKETS * COLUMNS;
            bail!(
                "batch normalisation on a GPU: {} channels; allowed: at most {limit}",
                self.channels
            );
        }
        let each = self.rows.div_ceil(down).max(1);
        grid.blocks[1] = self.rows.div_ceil(each).max(1);
        let len = grid.blocks[1] * self.groups() * numbers;
        Ok((grid, each, unwritten(len, self.real(), like)?))
    }
}

/// The moments. The running statistics are updated with them by `share`.
pub(in crate::nn::spatial) fn moments(
    machine: &dyn PassMachine,
    x: &Tensor,
    running: &[Var; 2],
    share: f64,
) -> Result<[Tensor; 2]> {
    let norm = NormRows::of(x)?;
    let n = norm.rows as f64;
    let (grid, each, parts) = norm.summing(1 + 2 * norm.kernels.channels_each, x)?;
    let mean = unwritten(norm.channels, norm.real(), x)?;
    let variance = unwritten(norm.channels, norm.real(), x)?;
    let moments = Moments {
        x: norm.images(x)?,
        parts: known_address(&parts)?,
        tickets: machine.tickets()?,
        mean: norm.each_channel(&mean)?,
        variance: norm.each_channel(&variance)?,
        running_mean: norm.each_channel(&running[0])?,
        running_variance: norm.each_channel(&running[1])?,
        rows: size(norm.rows)?,
        channels: size(norm.channels)?,
        each: size(each)?,
        share,
        unbiased: share * n / (n - 1.0),
    };
    launch(machine, norm.kernels, grid, &moments)?;
    Ok([mean, variance])
}

/// `x` normalised, scaled and shifted, plus the shortcut, clipped at 0 if `relu`.
pub(in crate::nn::spatial) fn normalise(
    machine: &dyn PassMachine,
    x: &Tensor,
    [mean, variance]: &[Tensor; 2],
    [gamma, beta]: [&Tensor; 2],
    eps: f64,
    shortcut: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    let norm = NormRows::of(x)?;
    let y = unwritten(x.shape(), x.dtype(), x)?;
    let normalise = Normalise {
        x: norm.images(x)?,
        shortcut: norm.images_if(shortcut)?,
        y: norm.images(&y)?,
        mean: norm.each_channel(mean)?,
        variance: norm.each_channel(variance)?,
        gamma: norm.each_channel(gamma)?,
        beta: norm.each_channel(beta)?,
        rows: size(norm.rows)?,
        channels: size(norm.channels)?,
        relu: relu.into(),
        eps,
    };
    launch(
        machine,
        norm.kernels,
        norm.grid(ELEMENTWISE_BLOCKS),
        &normalise,
    )?;
    Ok(y)
}

/// The gradients of the inputs of [`normalise`].
#[allow(
    clippy::too_many_arguments,
    reason = "what the pass takes on every device, and the machine"
)]
pub(in crate::nn::spatial) fn normalise_backward(
    machine: &dyn PassMachine,
    x: &Tensor,
    dy: &Tensor,
    y: Option<&Tensor>,
    [mean, variance]: &[Tensor; 2],
    gamma: &Tensor,
    eps: f64,
    shortcut: bool,
) -> Result<NormGradients<Tensor>> {
    let norm = NormRows::of(x)?;
    let (grid, each, parts) = norm.summing(2 * norm.kernels.channels_each, x)?;
    let d_gamma = unwritten(norm.channels, norm.real(), x)?;
    let d_beta = unwritten(norm.channels, norm.real(), x)?;
    let line = unwritten((3, norm.channels), norm.real(), x)?;
    let dz = shortcut
        .then(|| unwritten(x.shape(), x.dtype(), x))
        .transpose()?;
    let dx = unwritten(x.shape(), x.dtype(), x)?;
    let (rows, channels) = (size(norm.rows)?, size(norm.channels)?);
    let sums = Sums {
        x: norm.images(x)?,
        dy: norm.images(dy)?,
        y: norm.images_if(y)?,
        dz: norm.images_if(dz.as_ref())?,
        mean: norm.each_channel(mean)?,
        variance: norm.each_channel(variance)?,
        gamma: norm.each_channel(gamma)?,
        parts: known_address(&parts)?,
        tickets: machine.tickets()?,
        dgamma: norm.each_channel(&d_gamma)?,
        dbeta: norm.each_channel(&d_beta)?,
        line: known_address(&line)?,
        rows,
        channels,
        each: size(each)?,
        eps,
    };
    launch(machine, norm.kernels, grid, &sums)?;
    let back = Back {
        x: sums.x,
        dy: if shortcut { sums.dz } else { sums.dy },
        y: if shortcut { 0 } else { sums.y },
        dx: norm.images(&dx)?,
        mean: sums.mean,
        line: sums.line,
        rows,
        channels,
    };
    launch(machine, norm.kernels, norm.grid(ELEMENTWISE_BLOCKS), &back)?;
    Ok(NormGradients {
        x: dx,
        gamma: d_gamma,
        beta: d_beta,
        shortcut: dz,
    })
}
