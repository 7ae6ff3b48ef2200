//! The passes on tensors of a GPU: what is launched, over which grid, on which memory.

use candle_core::{DType, Result, Shape, Storage, Tensor, Var, bail};

use super::{
    super::{Geometry, NormGrads, Sizes, pool::MaxPool},
    machine::{
        Address, Arguments, Back, Collect, Gather, Grid, Machine, Matrix, Minibatch, Moments,
        Normalise, Pool, PoolBack, Product, Sums, TICKETS, size,
    },
    text::{COLUMNS, Element, Kernels, LANES},
};
use crate::data::Look;

const THREADS: usize = 256;
/// Blocks that share the rows of a sum: two for each multiprocessor of the largest GPUs. More would make
/// the last one's work long.
const SUMMING: usize = 256;
/// Blocks that share the rows of what is computed number by number; a thread then takes several.
const SPREAD: usize = 1024;
/// CUDA's largest grid along its second axis.
const MOST_POSITIONS: usize = 65_535;

/// Where a contiguous tensor of `len` numbers of type `dtype` begins, as kernels need it.
fn address(tensor: &Tensor, dtype: DType, len: usize) -> Result<Address> {
    if tensor.dtype() != dtype || tensor.elem_count() != len {
        bail!(
            "layers of images on a GPU: {} numbers of type {:?}; allowed here: {len} of {dtype:?}",
            tensor.elem_count(),
            tensor.dtype()
        );
    }
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, _)) = layout.contiguous_offsets() else {
        bail!("layers of images on a GPU need contiguous tensors");
    };
    let begins = match &*storage {
        #[cfg(feature = "cuda")]
        Storage::Cuda(storage) => super::cuda::address(storage)?,
        #[cfg(test)]
        Storage::Cpu(storage) => super::tests::address(storage),
        _ => bail!("layers of images have no implementation for this device"),
    };
    let address = begins + (start * dtype.size_in_bytes()) as u64;
    if !address.is_multiple_of(16) {
        bail!("layers of images on a GPU need tensors that begin at a multiple of 16 bytes");
    }
    Ok(address)
}

/// Where one of a layer's tables begins.
fn table(table: &Tensor) -> Result<Address> {
    address(table, DType::I32, table.elem_count())
}

/// Where a tensor begins whose type and length are known to fit.
fn known(tensor: &Tensor) -> Result<Address> {
    address(tensor, tensor.dtype(), tensor.elem_count())
}

/// Memory that a kernel or a product is about to fill.
fn room(shape: impl Into<Shape>, dtype: DType, like: &Tensor) -> Result<Tensor> {
    // SAFETY: all that is made here is written, in whole, before anything reads it.
    unsafe { Tensor::empty(shape, dtype, like.device()) }
}

fn run<A: Arguments>(
    machine: &dyn Machine,
    kernels: Kernels,
    grid: Grid,
    arguments: &A,
) -> Result<()> {
    // SAFETY: the addresses are of tensors of the sizes that go with them, and memory is given back
    // behind all that was asked of the machine before.
    unsafe { machine.launch(kernels, A::NAME, grid, arguments.start()) }
}

fn multiply(machine: &dyn Machine, product: &Product) -> Result<()> {
    // SAFETY: as for `run`.
    unsafe { machine.product(product) }
}

/// `n` threads for each of `positions`.
fn over_positions(n: usize, positions: usize) -> Result<Grid> {
    size(n)?;
    if positions > MOST_POSITIONS {
        bail!("images on a GPU: {positions} positions; allowed: at most {MOST_POSITIONS}");
    }
    Ok(Grid {
        blocks: [n.div_ceil(THREADS).max(1), positions],
        threads: [THREADS, 1],
    })
}

/// The sizes of a convolution of one batch.
struct Batch<'a> {
    geometry: &'a Geometry,
    tables: &'a super::Tables,
    batch: usize,
    element: Element,
    dtype: DType,
}

impl<'a> Batch<'a> {
    /// Of images like `x`, which are the convolution's input (0) or its output (1).
    fn of(geometry: &'a Geometry, x: &Tensor, side: usize) -> Result<Self> {
        let (positions, batch, channels) = x.dims3()?;
        let sizes = geometry.sizes();
        let expected = [
            geometry.positions()[side],
            [sizes.inputs, sizes.outputs][side],
        ];
        if [positions, channels] != expected {
            bail!(
                "convolution: positions and channels are {positions} and {channels}; allowed: {expected:?}"
            );
        }
        Ok(Self {
            geometry,
            tables: geometry.tables(x.device())?,
            batch,
            element: Element::of(x.dtype())?,
            dtype: x.dtype(),
        })
    }

    fn rows(&self) -> usize {
        self.geometry.positions()[1] * self.batch
    }

    /// Where images like its input begin.
    fn input(&self, x: &Tensor) -> Result<Address> {
        let [positions, _] = self.geometry.positions();
        let len = positions * self.batch * self.geometry.sizes().inputs;
        address(x, self.dtype, len)
    }

    /// Where images like its output begin.
    fn output(&self, y: &Tensor) -> Result<Address> {
        let len = self.rows() * self.geometry.sizes().outputs;
        address(y, self.dtype, len)
    }

    /// Where what its outputs see begins.
    fn seen(&self, columns: &Tensor) -> Result<Address> {
        address(columns, self.dtype, self.rows() * self.depth())
    }

    /// Numbers that an output sees, but for padding that all outputs see.
    fn depth(&self) -> usize {
        self.tables.places.len() * self.geometry.sizes().inputs
    }

    /// Where the weights of the places that meet anything begin.
    fn weights(&self, weight: &Tensor, dtype: DType) -> Result<Address> {
        let Sizes {
            outputs, inputs, ..
        } = self.geometry.sizes();
        let before = self.tables.places.start * inputs * outputs;
        let len = self.geometry.sizes().len();
        Ok(address(weight, dtype, len)? + (before * weight.dtype().size_in_bytes()) as u64)
    }

    fn columns(&self, like: &Tensor) -> Result<Tensor> {
        room((self.rows(), self.depth()), like.dtype(), like)
    }
}

fn plain(at: Address) -> Matrix {
    Matrix { at, turned: false }
}

fn turned(at: Address) -> Matrix {
    Matrix { at, turned: true }
}

/// What comes out, and what [`weight_grad`] wants to see.
pub(in crate::nn::spatial) fn convolve(
    machine: &dyn Machine,
    geometry: &Geometry,
    x: &Tensor,
    weight: &Tensor,
) -> Result<[Tensor; 2]> {
    let of = Batch::of(geometry, x, 0)?;
    let Sizes {
        outputs, inputs, ..
    } = geometry.sizes();
    let places = of.tables.places.len();
    let columns = if of.tables.direct {
        x.clone()
    } else {
        let columns = of.columns(x)?;
        let kernels = Kernels::of(of.element, inputs);
        let n = of.batch * places * (inputs / kernels.wide);
        let gather = Gather {
            x: of.input(x)?,
            columns: of.seen(&columns)?,
            inputs: table(&of.tables.inputs)?,
            batch: size(of.batch)?,
            channels: size(inputs)?,
            places: size(places)?,
        };
        run(
            machine,
            kernels,
            over_positions(n, geometry.positions()[1])?,
            &gather,
        )?;
        columns
    };
    let y = room((geometry.positions()[1], of.batch, outputs), x.dtype(), x)?;
    let product = Product {
        a: plain(of.seen(&columns)?),
        b: plain(of.weights(weight, of.dtype)?),
        c: of.output(&y)?,
        sizes: [of.rows(), outputs, of.depth()],
        add: false,
        element: of.element,
        result: y.dtype(),
    };
    multiply(machine, &product)?;
    Ok([y, columns])
}

pub(in crate::nn::spatial) fn weight_grad(
    machine: &dyn Machine,
    geometry: &Geometry,
    seen: &Tensor,
    dy: &Tensor,
    like: &Tensor,
) -> Result<Tensor> {
    let of = Batch::of(geometry, dy, 1)?;
    let Sizes {
        outputs, places, ..
    } = geometry.sizes();
    let grad = if of.tables.places.len() == places {
        room(like.shape(), of.element.real(), dy)?
    } else {
        Tensor::zeros(like.shape(), of.element.real(), dy.device())?
    };
    let product = Product {
        a: turned(of.seen(seen)?),
        b: plain(of.output(dy)?),
        c: of.weights(&grad, of.element.real())?,
        sizes: [of.depth(), outputs, of.rows()],
        add: false,
        element: of.element,
        result: grad.dtype(),
    };
    multiply(machine, &product)?;
    Ok(grad)
}

pub(in crate::nn::spatial) fn input_grad(
    machine: &dyn Machine,
    geometry: &Geometry,
    dy: &Tensor,
    weight: &Tensor,
    onto: Option<Tensor>,
) -> Result<Tensor> {
    let of = Batch::of(geometry, dy, 1)?;
    let Sizes {
        outputs, inputs, ..
    } = geometry.sizes();
    let positions = geometry.positions()[0];
    let add = onto.is_some();
    let dx = match onto {
        Some(onto) => onto,
        None => room((positions, of.batch, inputs), dy.dtype(), dy)?,
    };
    let columns = if of.tables.direct {
        dx.clone()
    } else {
        of.columns(dy)?
    };
    let product = Product {
        a: plain(of.output(dy)?),
        b: turned(of.weights(weight, of.dtype)?),
        c: of.seen(&columns)?,
        sizes: [of.rows(), of.depth(), outputs],
        add: add && of.tables.direct,
        element: of.element,
        result: columns.dtype(),
    };
    multiply(machine, &product)?;
    if of.tables.direct {
        return Ok(dx);
    }
    let kernels = Kernels::of(of.element, inputs);
    let collect = Collect {
        columns: of.seen(&columns)?,
        onto: if add { of.input(&dx)? } else { 0 },
        dx: of.input(&dx)?,
        meetings: table(&of.tables.by_input)?,
        batch: size(of.batch)?,
        channels: size(inputs)?,
        places: size(of.tables.places.len())?,
    };
    let n = of.batch * (inputs / kernels.wide);
    run(machine, kernels, over_positions(n, positions)?, &collect)?;
    Ok(dx)
}

/// Images as rows for batch normalisation.
struct Rows {
    rows: usize,
    channels: usize,
    kernels: Kernels,
    dtype: DType,
}

impl Rows {
    fn of(x: &Tensor) -> Result<Self> {
        let (positions, batch, channels) = x.dims3()?;
        Ok(Self {
            rows: positions * batch,
            channels,
            kernels: Kernels::of(Element::of(x.dtype())?, channels),
            dtype: x.dtype(),
        })
    }

    fn groups(&self) -> usize {
        self.channels / self.kernels.wide
    }

    /// Where images of these sizes begin.
    fn images(&self, x: &Tensor) -> Result<Address> {
        address(x, self.dtype, self.rows * self.channels)
    }

    /// Where images of these sizes begin, if there are any.
    fn images_if(&self, x: Option<&Tensor>) -> Result<Address> {
        x.map_or(Ok(0), |x| self.images(x))
    }

    /// Where a number for each channel begins.
    fn each_channel(&self, x: &Tensor) -> Result<Address> {
        address(x, self.real(), self.channels)
    }

    fn real(&self) -> DType {
        self.kernels.element.real()
    }

    /// At most `spread` blocks, each of `[COLUMNS, LANES]` threads.
    fn grid(&self, spread: usize) -> Grid {
        let across = self.groups().div_ceil(COLUMNS);
        let down = self.rows.div_ceil(LANES).min(spread / across);
        Grid {
            blocks: [across, down.max(1)],
            threads: [COLUMNS, LANES],
        }
    }

    /// A grid of blocks that sum up, how many rows each takes, and room for `numbers` from each group.
    fn summing(&self, numbers: usize, like: &Tensor) -> Result<(Grid, usize, Tensor)> {
        let mut grid = self.grid(SUMMING);
        let [across, down] = grid.blocks;
        if across > TICKETS {
            let most = TICKETS * COLUMNS;
            bail!(
                "batch normalisation on a GPU: {} channels; allowed: at most {most}",
                self.channels
            );
        }
        let each = self.rows.div_ceil(down).max(1);
        grid.blocks[1] = self.rows.div_ceil(each).max(1);
        let len = grid.blocks[1] * self.groups() * numbers;
        Ok((grid, each, room(len, self.real(), like)?))
    }
}

/// The moments, which the running ones take in by `share`.
pub(in crate::nn::spatial) fn moments(
    machine: &dyn Machine,
    x: &Tensor,
    running: &[Var; 2],
    share: f64,
) -> Result<[Tensor; 2]> {
    let of = Rows::of(x)?;
    let n = of.rows as f64;
    let (grid, each, parts) = of.summing(1 + 2 * of.kernels.wide, x)?;
    let mean = room(of.channels, of.real(), x)?;
    let variance = room(of.channels, of.real(), x)?;
    let moments = Moments {
        x: of.images(x)?,
        parts: known(&parts)?,
        tickets: machine.tickets()?,
        mean: of.each_channel(&mean)?,
        variance: of.each_channel(&variance)?,
        running_mean: of.each_channel(&running[0])?,
        running_variance: of.each_channel(&running[1])?,
        rows: size(of.rows)?,
        channels: size(of.channels)?,
        each: size(each)?,
        share,
        unbiased: share * n / (n - 1.0),
    };
    run(machine, of.kernels, grid, &moments)?;
    Ok([mean, variance])
}

pub(in crate::nn::spatial) fn normalise(
    machine: &dyn Machine,
    x: &Tensor,
    [mean, variance]: &[Tensor; 2],
    [gamma, beta]: [&Tensor; 2],
    eps: f64,
    shortcut: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    let of = Rows::of(x)?;
    let y = room(x.shape(), x.dtype(), x)?;
    let normalise = Normalise {
        x: of.images(x)?,
        shortcut: of.images_if(shortcut)?,
        y: of.images(&y)?,
        mean: of.each_channel(mean)?,
        variance: of.each_channel(variance)?,
        gamma: of.each_channel(gamma)?,
        beta: of.each_channel(beta)?,
        rows: size(of.rows)?,
        channels: size(of.channels)?,
        relu: relu.into(),
        eps,
    };
    run(machine, of.kernels, of.grid(SPREAD), &normalise)?;
    Ok(y)
}

#[allow(
    clippy::too_many_arguments,
    reason = "the pass of every device, and where it runs"
)]
pub(in crate::nn::spatial) fn normalise_backward(
    machine: &dyn Machine,
    x: &Tensor,
    dy: &Tensor,
    y: Option<&Tensor>,
    [mean, variance]: &[Tensor; 2],
    gamma: &Tensor,
    eps: f64,
    shortcut: bool,
) -> Result<NormGrads> {
    let of = Rows::of(x)?;
    let (grid, each, parts) = of.summing(2 * of.kernels.wide, x)?;
    let d_gamma = room(of.channels, of.real(), x)?;
    let d_beta = room(of.channels, of.real(), x)?;
    let line = room((3, of.channels), of.real(), x)?;
    let dz = shortcut
        .then(|| room(x.shape(), x.dtype(), x))
        .transpose()?;
    let dx = room(x.shape(), x.dtype(), x)?;
    let (rows, channels) = (size(of.rows)?, size(of.channels)?);
    let sums = Sums {
        x: of.images(x)?,
        dy: of.images(dy)?,
        y: of.images_if(y)?,
        dz: of.images_if(dz.as_ref())?,
        mean: of.each_channel(mean)?,
        variance: of.each_channel(variance)?,
        gamma: of.each_channel(gamma)?,
        parts: known(&parts)?,
        tickets: machine.tickets()?,
        dgamma: of.each_channel(&d_gamma)?,
        dbeta: of.each_channel(&d_beta)?,
        line: known(&line)?,
        rows,
        channels,
        each: size(each)?,
        eps,
    };
    run(machine, of.kernels, grid, &sums)?;
    let back = Back {
        x: sums.x,
        dy: if shortcut { sums.dz } else { sums.dy },
        y: if shortcut { 0 } else { sums.y },
        dx: of.images(&dx)?,
        mean: sums.mean,
        line: sums.line,
        rows,
        channels,
    };
    run(machine, of.kernels, of.grid(SPREAD), &back)?;
    Ok((dx, d_gamma, d_beta, dz))
}

pub(in crate::nn::spatial) fn max_pool(
    machine: &dyn Machine,
    pool: &MaxPool,
    x: &Tensor,
) -> Result<[Tensor; 2]> {
    let (_, batch, channels) = x.dims3()?;
    let positions = pool.positions()[1];
    let part = batch * channels;
    let kernels = Kernels::of(Element::of(x.dtype())?, part);
    let largest = room((positions, batch, channels), x.dtype(), x)?;
    let found = room((positions, batch, channels), DType::U8, x)?;
    let arguments = Pool {
        x: address(x, x.dtype(), pool.positions()[0] * part)?,
        largest: known(&largest)?,
        found: known(&found)?,
        meetings: table(&pool.tables(x.device())?[1])?,
        part: size(part)?,
    };
    let grid = over_positions(part / kernels.wide, positions)?;
    run(machine, kernels, grid, &arguments)?;
    Ok([largest, found])
}

pub(in crate::nn::spatial) fn max_pool_backward(
    machine: &dyn Machine,
    pool: &MaxPool,
    dy: &Tensor,
    found: &Tensor,
) -> Result<Tensor> {
    let (_, batch, channels) = dy.dims3()?;
    let positions = pool.positions()[0];
    let part = batch * channels;
    let kernels = Kernels::of(Element::of(dy.dtype())?, part);
    let dx = room((positions, batch, channels), dy.dtype(), dy)?;
    let arguments = PoolBack {
        dy: address(dy, dy.dtype(), pool.positions()[1] * part)?,
        found: address(found, DType::U8, dy.elem_count())?,
        dx: known(&dx)?,
        meetings: table(&pool.tables(dy.device())?[0])?,
        part: size(part)?,
    };
    let grid = over_positions(part / kernels.wide, positions)?;
    run(machine, kernels, grid, &arguments)?;
    Ok(dx)
}

/// Images `rows` of `images`, `[n, channels, height, width]` of u8, as [`Split::fill`] writes them:
/// `[height * width, batch, channels]` of `dtype`.
///
/// [`Split::fill`]: crate::data::Split::fill
pub(in crate::nn::spatial) fn minibatch(
    machine: &dyn Machine,
    images: &Tensor,
    rows: &[u32],
    looks: Option<&[Look]>,
    dtype: DType,
) -> Result<Tensor> {
    let (_, channels, height, width) = images.dims4()?;
    let batch = rows.len();
    let of = |i: usize| looks.map_or(Look::PLAIN, |looks| looks[i]);
    let numbers = rows.iter().enumerate().flat_map(|(i, &row)| {
        let look = of(i);
        let from = |begins: u8, plain: u8| i32::from(begins) - i32::from(plain);
        [
            row as i32,
            from(look.down, Look::PLAIN.down),
            from(look.right, Look::PLAIN.right),
            look.flip.into(),
        ]
    });
    let looks = Tensor::from_iter(numbers, images.device())?;
    let out = room((height * width, batch, channels), dtype, images)?;
    let kernels = Kernels {
        element: Element::of(dtype)?,
        wide: 1,
    };
    let arguments = Minibatch {
        images: known(images)?,
        looks: table(&looks)?,
        out: known(&out)?,
        batch: size(batch)?,
        channels: size(channels)?,
        height: size(height)?,
        width: size(width)?,
    };
    let grid = over_positions(batch * channels, height * width)?;
    run(machine, kernels, grid, &arguments)?;
    Ok(out)
}
