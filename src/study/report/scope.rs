//! Where an effect is measured: in a group of cells, in one group less another, or along a dial.

use super::load::Results;

/// A level of a factor, with its cells.
pub type Level = (String, Vec<usize>);

/// The cells that an effect is measured in, and how their groups are put together.
#[derive(Clone, Debug)]
pub enum Scope {
    /// The effect in these cells.
    In(Vec<usize>),
    /// How much larger the effect is in the first cells than in the second.
    Less([Vec<usize>; 2]),
    /// How much the effect grows from the first level of a dial to the last: the slope of the least-squares line through
    /// the effects at all levels.
    Along(Vec<Level>),
}

impl Scope {
    /// The effect in `cells`, less the effect in `subtracted` if there are any.
    pub fn less(cells: Vec<usize>, subtracted: Vec<usize>) -> Self {
        match subtracted.is_empty() {
            true => Self::In(cells),
            false => Self::Less([cells, subtracted]),
        }
    }

    /// The groups of cells, each with the weight of its effect in the sum.
    pub fn groups(&self) -> Vec<(f64, &[usize])> {
        match self {
            Self::In(cells) => vec![(1.0, cells)],
            Self::Less([cells, subtracted]) => vec![(1.0, cells), (-1.0, subtracted)],
            Self::Along(levels) => {
                let names: Vec<&str> = levels.iter().map(|(level, _)| level.as_str()).collect();
                let weights = slope_weights(&places(&names)).into_iter();
                weights
                    .zip(levels.iter().map(|(_, cells)| cells.as_slice()))
                    .collect()
            }
        }
    }

    /// The cells that the effect is in, without those that are subtracted.
    pub fn cells(&self) -> Vec<usize> {
        match self {
            Self::In(cells) | Self::Less([cells, _]) => cells.clone(),
            Self::Along(levels) => levels
                .iter()
                .flat_map(|(_, cells)| cells)
                .copied()
                .collect(),
        }
    }

    /// What is left with only those cells that `keep`; `None` if that is nothing to measure an effect in.
    pub fn keep(&self, keep: impl Fn(usize) -> bool) -> Option<Self> {
        let kept = |cells: &[usize]| -> Vec<usize> {
            cells.iter().copied().filter(|&cell| keep(cell)).collect()
        };
        match self {
            Self::In(cells) => Some(kept(cells))
                .filter(|cells| !cells.is_empty())
                .map(Self::In),
            Self::Less(sides) => Some(sides.each_ref().map(|side| kept(side)))
                .filter(|sides| sides.iter().all(|side| !side.is_empty()))
                .map(Self::Less),
            Self::Along(levels) => {
                let left = levels
                    .iter()
                    .map(|(level, cells)| (level.clone(), kept(cells)));
                let left: Vec<_> = left.filter(|(_, cells)| !cells.is_empty()).collect();
                (left.len() > 1).then_some(Self::Along(left))
            }
        }
    }
}

/// The levels of the factor `key` in `cells`, in the order of the cells. Cells without the factor are left out, and cells
/// with the same runs count once at each level.
pub fn levels(results: &Results, key: &str, cells: &[usize]) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    for &c in cells {
        let its = &results.experiment.cells[c].levels;
        let Some((_, level)) = its.iter().find(|(known, _)| known == key) else {
            continue;
        };
        match levels.iter_mut().find(|(known, _)| known == level) {
            Some((_, cells)) => cells.push(c),
            None => levels.push((level.clone(), vec![c])),
        }
    }
    for (_, cells) in &mut levels {
        *cells = results.distinct(cells);
    }
    levels
}

/// The positions of the levels, from 0 for the first to 1 for the last: by their logarithms if they are numbers above 0
/// in increasing or decreasing order, otherwise evenly spaced.
fn places(levels: &[&str]) -> Vec<f64> {
    let last = levels.len().saturating_sub(1).max(1) as f64;
    let evenly = || (0..levels.len()).map(|at| at as f64 / last).collect();
    let logs = levels.iter().map(|level| {
        let number = level.parse::<f64>().ok();
        number.filter(|x| *x > 0.0 && x.is_finite()).map(f64::ln)
    });
    let Some(logs) = logs.collect::<Option<Vec<f64>>>() else {
        return evenly();
    };
    let (Some(first), Some(last)) = (logs.first(), logs.last()) else {
        return evenly();
    };
    let span = last - first;
    let ordered = logs.windows(2).all(|pair| (pair[1] - pair[0]) * span > 0.0);
    match ordered && logs.len() > 1 {
        true => logs.iter().map(|x| (x - first) / span).collect(),
        false => evenly(),
    }
}

/// The weights of the effects at these positions in the slope of the least-squares line through them.
fn slope_weights(x: &[f64]) -> Vec<f64> {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let squares: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    x.iter().map(|x| (x - mean) / squares).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_placed_by_their_logarithms_if_they_have_any() {
        let thirds = places(&["1", "10", "1000"]);
        assert!(
            (thirds[1] - 1.0 / 3.0).abs() < 1e-12 && thirds[2] == 1.0,
            "{thirds:?}"
        );
        assert_eq!(places(&["100", "1"]), [0.0, 1.0]);
        assert_eq!(places(&["walk", "sine", "jump"]), [0.0, 0.5, 1.0]);
        assert_eq!(places(&["1", "4", "2"]), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn weights_are_those_of_least_squares() {
        let (x, line) = ([0.0, 0.25, 1.0], |x: f64| 3.0 - 2.0 * x);
        let slope: f64 = slope_weights(&x)
            .iter()
            .zip(x)
            .map(|(w, x)| w * line(x))
            .sum();
        assert!((slope + 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_kept_can_still_be_measured() {
        let both = Scope::less(vec![0, 1], vec![2]);
        assert_eq!(both.keep(|cell| cell != 0).unwrap().cells(), [1]);
        assert!(both.keep(|cell| cell != 2).is_none());
        assert!(Scope::less(vec![0], vec![]).keep(|_| false).is_none());
        let level = |name: &str, cells: &[usize]| (name.to_owned(), cells.to_vec());
        let dial = Scope::Along(vec![
            level("1", &[0, 3]),
            level("10", &[1]),
            level("100", &[2]),
        ]);
        let left = dial.keep(|cell| cell != 1).unwrap();
        assert_eq!(left.groups(), [(-1.0, &[0, 3][..]), (1.0, &[2][..])]);
        assert!(left.keep(|cell| cell != 2).is_none());
    }
}
