//! What rules know of a tensor: its shape as a matrix or a vector, and its layer.

/// What a rule sees of one agent's tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many numbers without an order that matters.
    Vector(usize),
    /// A matrix of at least two rows and two columns, row by row.
    Matrix {
        /// One for each output of a layer.
        rows: usize,
        /// One for each input of a layer, or for each weight of a convolution's filter.
        columns: usize,
    },
}

impl Shape {
    /// The shape of a tensor of these axes: the first numbers the rows, all others together the columns, as
    /// in PyTorch's layers. With a single row or column it is a vector.
    pub fn of(dims: &[usize]) -> Self {
        let rows = dims.first().copied().unwrap_or(1);
        Self::matrix(rows, dims.iter().skip(1).product())
    }

    /// A matrix, or a vector if there is a single row or column.
    pub fn matrix(rows: usize, columns: usize) -> Self {
        match rows > 1 && columns > 1 {
            true => Self::Matrix { rows, columns },
            false => Self::Vector(rows * columns),
        }
    }

    /// The number of weights.
    pub fn count(self) -> usize {
        match self {
            Self::Vector(count) => count,
            Self::Matrix { rows, columns } => rows * columns,
        }
    }
}

/// Where in a network a layer is. Rules such as Muon are for hidden layers alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layer {
    /// The first, which reads the observations or images; also an embedding.
    Input,
    /// Any other.
    #[default]
    Hidden,
    /// The last, which gives the answers.
    Output,
}

impl Layer {
    /// Layer number `i`, counted from 0, of a network of `depth` layers. A single layer is an output layer.
    pub fn at(i: usize, depth: usize) -> Self {
        match i {
            _ if i + 1 == depth => Self::Output,
            0 => Self::Input,
            _ => Self::Hidden,
        }
    }
}
