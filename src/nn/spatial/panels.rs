//! The layout of weights, `[out / panel, taps, in, panel]`, in which a product finds its strip of each
//! row contiguous. On a GPU there is one panel. Most optimisers work number by number, so the layout does
//! not matter to them; the others are told which axes are a matrix's rows.

/// Output channels side by side on the CPU. It does not depend on the vector width, so that neither
/// files nor results depend on the machine.
pub(super) const PANEL: usize = 32;

/// The sizes of a convolution's weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightSizes {
    /// Channels of the output, a multiple of the panel.
    pub outputs: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Taps of the kernel.
    pub taps: usize,
}

impl WeightSizes {
    /// The number of weights.
    pub fn len(self) -> usize {
        self.outputs * self.inputs * self.taps
    }
}
