/// A box: for each element of an array, the least and the greatest value.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// The array's shape; the values are laid out row by row.
    pub shape: Vec<usize>,
    /// The least value of each element; may be minus infinity.
    pub low: Vec<f32>,
    /// The greatest value of each element; may be infinity.
    pub high: Vec<f32>,
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
        }
    }

    /// How many numbers an observation has.
    pub fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether an observation has no numbers at all.
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// Whether `values` has the right length and every value is in its range
    /// (so none is NaN).
    pub fn contains(&self, values: &[f32]) -> bool {
        values.len() == self.len()
            && values
                .iter()
                .zip(self.low.iter().zip(&self.high))
                .all(|(value, (low, high))| low <= value && value <= high)
    }
}
