//! A convolution's passes: one kernel and one product each.

use candle_core::{DType, Result, Tensor, bail};

use super::{
    super::{geometry::Geometry, panels::WeightSizes, tables::Tables},
    launch::{address, launch, multiply, over_positions, table_address, unwritten},
    machine::{Address, Collect, Gather, MatrixProduct, PassMachine, StoredMatrix, size},
    text::{Kernels, NumberType},
};

/// A convolution of one batch.
struct ConvBatch<'a> {
    geometry: &'a Geometry,
    tables: &'a Tables,
    batch: usize,
    element: NumberType,
    dtype: DType,
}

impl<'a> ConvBatch<'a> {
    /// The convolution of a batch shaped like `x`, which is its input (side 0) or its output (side 1).
    fn of(geometry: &'a Geometry, x: &Tensor, side: usize) -> Result<Self> {
        let (positions, batch, channels) = x.dims3()?;
        let sizes = geometry.sizes();
        let expected = [
            geometry.positions()[side],
            [sizes.inputs, sizes.outputs][side],
        ];
        if [positions, channels] != expected {
            bail!(
                "convolution: {positions} positions and {channels} channels; needed: {expected:?}"
            );
        }
        Ok(Self {
            geometry,
            tables: geometry.tables(x.device())?,
            batch,
            element: NumberType::of(x.dtype())?,
            dtype: x.dtype(),
        })
    }

    /// Rows of the output as a matrix.
    fn rows(&self) -> usize {
        self.geometry.positions()[1] * self.batch
    }

    /// The address of images like the input.
    fn input_address(&self, x: &Tensor) -> Result<Address> {
        let [positions, _] = self.geometry.positions();
        let len = positions * self.batch * self.geometry.sizes().inputs;
        address(x, self.dtype, len)
    }

    /// The address of images like the output.
    fn output_address(&self, y: &Tensor) -> Result<Address> {
        let len = self.rows() * self.geometry.sizes().outputs;
        address(y, self.dtype, len)
    }

    /// The address of the gathered columns.
    fn columns_address(&self, columns: &Tensor) -> Result<Address> {
        address(columns, self.dtype, self.rows() * self.depth())
    }

    /// The number of inputs that an output sees, not counting padding that all outputs see.
    fn depth(&self) -> usize {
        self.tables.taps.len() * self.geometry.sizes().inputs
    }

    /// The address of the weights of the taps that have connections.
    fn weights_address(&self, weight: &Tensor, dtype: DType) -> Result<Address> {
        let WeightSizes {
            outputs, inputs, ..
        } = self.geometry.sizes();
        let before = self.tables.taps.start * inputs * outputs;
        let len = self.geometry.sizes().len();
        Ok(address(weight, dtype, len)? + (before * weight.dtype().size_in_bytes()) as u64)
    }

    /// Memory for the gathered columns.
    fn columns(&self, like: &Tensor) -> Result<Tensor> {
        unwritten((self.rows(), self.depth()), like.dtype(), like)
    }
}

/// The matrix stored at `at`.
fn as_is(at: Address) -> StoredMatrix {
    StoredMatrix {
        at,
        transposed: false,
    }
}

/// The transpose of the matrix stored at `at`.
fn transposed(at: Address) -> StoredMatrix {
    StoredMatrix {
        at,
        transposed: true,
    }
}

/// The output, then the columns that [`weight_grad`] needs.
pub(in crate::nn::spatial) fn convolve(
    machine: &dyn PassMachine,
    geometry: &Geometry,
    x: &Tensor,
    weight: &Tensor,
) -> Result<[Tensor; 2]> {
    let conv = ConvBatch::of(geometry, x, 0)?;
    let WeightSizes {
        outputs, inputs, ..
    } = geometry.sizes();
    let taps = conv.tables.taps.len();
    let columns = if conv.tables.direct {
        x.clone()
    } else {
        let columns = conv.columns(x)?;
        let kernels = Kernels::of(conv.element, inputs);
        let n = conv.batch * taps * (inputs / kernels.channels_each);
        let gather = Gather {
            x: conv.input_address(x)?,
            columns: conv.columns_address(&columns)?,
            inputs: table_address(&conv.tables.inputs)?,
            batch: size(conv.batch)?,
            channels: size(inputs)?,
            taps: size(taps)?,
        };
        launch(
            machine,
            kernels,
            over_positions(n, geometry.positions()[1])?,
            &gather,
        )?;
        columns
    };
    let y = unwritten((geometry.positions()[1], conv.batch, outputs), x.dtype(), x)?;
    let product = MatrixProduct {
        a: as_is(conv.columns_address(&columns)?),
        b: as_is(conv.weights_address(weight, conv.dtype)?),
        c: conv.output_address(&y)?,
        sizes: [conv.rows(), outputs, conv.depth()],
        add: false,
        element: conv.element,
        result: y.dtype(),
    };
    multiply(machine, &product)?;
    Ok([y, columns])
}

/// The gradient of the weight.
pub(in crate::nn::spatial) fn weight_grad(
    machine: &dyn PassMachine,
    geometry: &Geometry,
    columns: &Tensor,
    dy: &Tensor,
    like: &Tensor,
) -> Result<Tensor> {
    let conv = ConvBatch::of(geometry, dy, 1)?;
    let WeightSizes { outputs, taps, .. } = geometry.sizes();
    let grad = if conv.tables.taps.len() == taps {
        unwritten(like.shape(), conv.element.real(), dy)?
    } else {
        Tensor::zeros(like.shape(), conv.element.real(), dy.device())?
    };
    let product = MatrixProduct {
        a: transposed(conv.columns_address(columns)?),
        b: as_is(conv.output_address(dy)?),
        c: conv.weights_address(&grad, conv.element.real())?,
        sizes: [conv.depth(), outputs, conv.rows()],
        add: false,
        element: conv.element,
        result: grad.dtype(),
    };
    multiply(machine, &product)?;
    Ok(grad)
}

/// The gradient of the input; added to `onto` if there is one.
pub(in crate::nn::spatial) fn input_grad(
    machine: &dyn PassMachine,
    geometry: &Geometry,
    dy: &Tensor,
    weight: &Tensor,
    onto: Option<Tensor>,
) -> Result<Tensor> {
    let conv = ConvBatch::of(geometry, dy, 1)?;
    let WeightSizes {
        outputs, inputs, ..
    } = geometry.sizes();
    let positions = geometry.positions()[0];
    let add = onto.is_some();
    let dx = match onto {
        Some(onto) => onto,
        None => unwritten((positions, conv.batch, inputs), dy.dtype(), dy)?,
    };
    let columns = if conv.tables.direct {
        dx.clone()
    } else {
        conv.columns(dy)?
    };
    let product = MatrixProduct {
        a: as_is(conv.output_address(dy)?),
        b: transposed(conv.weights_address(weight, conv.dtype)?),
        c: conv.columns_address(&columns)?,
        sizes: [conv.rows(), conv.depth(), outputs],
        add: add && conv.tables.direct,
        element: conv.element,
        result: columns.dtype(),
    };
    multiply(machine, &product)?;
    if conv.tables.direct {
        return Ok(dx);
    }
    let kernels = Kernels::of(conv.element, inputs);
    let collect = Collect {
        columns: conv.columns_address(&columns)?,
        onto: if add { conv.input_address(&dx)? } else { 0 },
        dx: conv.input_address(&dx)?,
        connections: table_address(&conv.tables.by_input)?,
        batch: size(conv.batch)?,
        channels: size(inputs)?,
        taps: size(conv.tables.taps.len())?,
    };
    let n = conv.batch * (inputs / kernels.channels_each);
    launch(machine, kernels, over_positions(n, positions)?, &collect)?;
    Ok(dx)
}
