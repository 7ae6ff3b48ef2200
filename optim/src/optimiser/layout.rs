//! Which of a tensor's axes are a matrix's rows.

use crate::{Element, Error, Result, Shape};

/// How rules that step whole tensors see a parameter; rules that step each weight by itself do not look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// The first axis (after the agents') numbers the rows, all others together the columns: `[out, in]` and
    /// `[out, in, height, width]`, as in PyTorch.
    #[default]
    FirstAxis,
    /// These axes together number the rows, all others the columns. The agents' axis does not count.
    Rows(Vec<usize>),
    /// No matrix, whatever its axes: an embedding, or a layer that is to be stepped as biases are.
    Vector,
}

impl Layout {
    /// What a rule sees of a tensor of the axes `dims`, and, if its numbers are not in the matrix's order, the
    /// place of each of the matrix's numbers among them.
    pub(super) fn of(&self, dims: &[usize]) -> Result<(Shape, Option<Vec<usize>>)> {
        let axes = match self {
            Self::FirstAxis => return Ok((Shape::of(dims), None)),
            Self::Vector => return Ok((Shape::Vector(dims.iter().product()), None)),
            Self::Rows(axes) => axes,
        };
        let distinct = (1..axes.len()).all(|i| !axes[..i].contains(&axes[i]));
        if !distinct || axes.iter().any(|axis| *axis >= dims.len()) {
            return Err(Error::usage(format!(
                "the axes {axes:?} cannot be a matrix's rows; allowed: different ones of 0 to {}",
                dims.len().saturating_sub(1)
            )));
        }
        let columns = (0..dims.len()).filter(|axis| !axes.contains(axis));
        let moved: Vec<usize> = axes.iter().copied().chain(columns).collect();
        let rows = axes.iter().map(|axis| dims[*axis]).product();
        let shape = Shape::matrix(rows, dims.iter().product::<usize>() / rows.max(1));
        let places = places(dims, &moved);
        Ok((shape, (!places.is_sorted()).then_some(places)))
    }
}

/// The place, in a tensor of the axes `dims`, of each number of the same tensor with its axes in the order `moved`.
fn places(dims: &[usize], moved: &[usize]) -> Vec<usize> {
    let stride = |axis: usize| dims[axis + 1..].iter().product::<usize>();
    let mut places = vec![0];
    for &axis in moved {
        let along = |place: usize| (0..dims[axis]).map(move |i| place + i * stride(axis));
        places = places.into_iter().flat_map(along).collect();
    }
    places
}

/// The numbers of `from` in the order `places`.
pub(super) fn gathered<R: Element>(from: &[R], places: &[usize]) -> Vec<R> {
    places.iter().map(|place| from[*place]).collect()
}

/// Puts numbers that [`gathered`] moved back.
pub(super) fn put_back<R: Element>(moved: &[R], places: &[usize], to: &mut [R]) {
    for (place, x) in places.iter().zip(moved) {
        to[*place] = *x;
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, gathered, put_back};
    use crate::Shape;

    #[test]
    fn rows_are_the_axes_that_are_named() {
        // [out / panel, taps, in, panel] as [out, in taps].
        let (dims, rows) = ([2, 3, 2, 4], Layout::Rows(vec![0, 3]));
        let (shape, places) = rows.of(&dims).unwrap();
        let (rows, columns) = (8, 6);
        assert_eq!(shape, Shape::Matrix { rows, columns });
        let places = places.unwrap();
        let numbers: Vec<f64> = (0..48).map(f64::from).collect();
        let matrix = gathered(&numbers, &places);
        // Panel 1, tap 2, input 0, place 3.
        let (row, column) = (4 + 3, 2 * 2);
        let at = ((3 + 2) * 2) * 4 + 3;
        assert_eq!(matrix[row * 6 + column], f64::from(at));
        let mut back = vec![0.0; 48];
        put_back(&matrix, &places, &mut back);
        assert_eq!(back, numbers);
    }

    #[test]
    fn what_is_in_order_is_not_moved() {
        let first = Layout::FirstAxis.of(&[4, 3, 2]).unwrap();
        assert_eq!(first, Layout::Rows(vec![0]).of(&[4, 3, 2]).unwrap());
        assert_eq!(first.1, None);
        for dims in [&[5][..], &[1, 5], &[5, 1], &[]] {
            let (shape, _) = Layout::FirstAxis.of(dims).unwrap();
            assert_eq!(shape, Shape::Vector(dims.iter().product()));
        }
        assert!(Layout::Rows(vec![1, 1]).of(&[2, 2]).is_err());
        assert!(Layout::Rows(vec![2]).of(&[2, 2]).is_err());
    }
}
