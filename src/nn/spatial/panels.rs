//! How weights lie: `[out / panel, places, in, panel]`, so that a product finds a strip of each row in
//! one piece. On a GPU there is one panel. Optimisers work number by number and do not care.

/// Channels side by side on the CPU, whatever the width of its vectors: so that what is saved and what
/// is computed does not depend on the machine.
pub(super) const PANEL: usize = 32;

/// The sizes of a convolution's weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Channels of the output, a multiple of the panel.
    pub outputs: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Places of the kernel, row by row.
    pub places: usize,
}

impl Sizes {
    /// How many weights there are.
    pub fn len(self) -> usize {
        self.outputs * self.inputs * self.places
    }
}
