/// A box: the least and the greatest value of each element of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The array's shape; values are in row-major order.
    pub shape: Vec<usize>,
    /// The least value of each element; may be minus infinity.
    pub low: Vec<f32>,
    /// The greatest value of each element; may be infinity.
    pub high: Vec<f32>,
    /// Whether every value is 0 or 1, so that a bit can hold it.
    pub binary: bool,
}

impl Space {
    /// A vector whose elements reach from `-bounds[i]` to `bounds[i]`.
    pub fn symmetric(bounds: &[f32]) -> Self {
        Self::vector(bounds.iter().map(|&bound| (-bound, bound)))
    }

    /// A vector from the range of each of its elements.
    pub fn vector(ranges: impl IntoIterator<Item = (f32, f32)>) -> Self {
        let (low, high): (Vec<_>, Vec<_>) = ranges.into_iter().unzip();
        Self {
            shape: vec![low.len()],
            low,
            high,
            binary: false,
        }
    }

    /// An array whose values are 0 or 1.
    pub fn binary(shape: &[usize]) -> Self {
        let len = shape.iter().product();
        Self {
            shape: shape.to_vec(),
            low: vec![0.0; len],
            high: vec![1.0; len],
            binary: true,
        }
    }

    /// The number of values in an observation.
    pub fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether an observation has no values at all.
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// Whether `values` has the right length and every value is in its range (so none is NaN) or, if
    /// binary, is 0 or 1.
    pub fn contains(&self, values: &[f32]) -> bool {
        values.len() == self.len()
            && values
                .iter()
                .zip(self.low.iter().zip(&self.high))
                .all(|(value, (low, high))| low <= value && value <= high)
            && (!self.binary || values.iter().all(|&value| value == 0.0 || value == 1.0))
    }
}
