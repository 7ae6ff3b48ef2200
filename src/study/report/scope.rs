//! Where an effect is measured: in a group of cells, in one group less another, or along a dial.

use crate::study::experiment::Cell;

/// The cells that an effect is measured in, and how their groups are put together.
#[derive(Clone, Debug)]
pub enum Scope {
    /// The effect in these cells.
    In(Vec<usize>),
    /// How much larger the effect is in the first cells than in the second.
    Less([Vec<usize>; 2]),
    /// How much the effect grows from the first level of a dial to the last.
    Along(Dial),
}

/// A factor along which an effect may grow. The growth is the slope of the least-squares line through the effects at all
/// levels, times the way from the first level to the last.
#[derive(Clone, Debug)]
pub struct Dial {
    /// The weight of the effect at each level.
    weights: Vec<f64>,
    /// The cells of each place at each level, `[places][levels]`. A place is an environment with one level of each other
    /// factor. All have the same levels, so that growth cannot come from other places at other levels.
    places: Vec<Vec<usize>>,
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
    pub fn groups(&self) -> Vec<(f64, Vec<usize>)> {
        match self {
            Self::In(cells) => vec![(1.0, cells.clone())],
            Self::Less([cells, subtracted]) => {
                vec![(1.0, cells.clone()), (-1.0, subtracted.clone())]
            }
            Self::Along(dial) => {
                let levels = dial.weights.iter().enumerate();
                let group = |(level, &weight): (usize, &f64)| {
                    let at = dial.places.iter().map(|cells| cells[level]);
                    (weight, at.collect())
                };
                levels.map(group).collect()
            }
        }
    }

    /// The cells that the effect is in, without those that are subtracted.
    pub fn cells(&self) -> Vec<usize> {
        match self {
            Self::In(cells) | Self::Less([cells, _]) => cells.clone(),
            Self::Along(dial) => dial.places.concat(),
        }
    }

    /// What is left with only those cells that `keep`; `None` if that is nothing to measure an effect in. A dial loses a
    /// place as a whole.
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
            Self::Along(dial) => {
                let whole = |cells: &&Vec<usize>| cells.iter().all(|&cell| keep(cell));
                let places: Vec<Vec<usize>> = dial.places.iter().filter(whole).cloned().collect();
                (!places.is_empty()).then(|| {
                    Self::Along(Dial {
                        places,
                        ..dial.clone()
                    })
                })
            }
        }
    }
}

impl Dial {
    /// The dial of the factor `key` in `cells`. Its levels are those of the first cell's environment; places that lack one
    /// of them are left out. `None` with fewer than two levels.
    pub fn of(all: &[Cell], key: &str, cells: &[usize]) -> Option<Self> {
        let level = |cell: usize| {
            let its = all[cell].levels.iter().find(|(known, _)| known == key);
            its.map(|(_, level)| level.as_str())
        };
        // A place, and the cells at its levels.
        let mut found: Vec<(Place, Vec<(&str, usize)>)> = Vec::new();
        for &cell in cells {
            let Some(level) = level(cell) else { continue };
            let others = all[cell].levels.iter().filter(|(known, _)| known != key);
            let place = (all[cell].environment.as_str(), others.collect());
            match found.iter_mut().find(|(known, _)| *known == place) {
                Some((_, at)) => at.push((level, cell)),
                None => found.push((place, vec![(level, cell)])),
            }
        }
        let (_, first) = found.first()?;
        let levels: Vec<&str> = first.iter().map(|(level, _)| *level).collect();
        let at_all = |(_, at): &(Place, Vec<(&str, usize)>)| {
            let cell = |level| Some(at.iter().find(|(known, _)| known == level)?.1);
            levels.iter().map(cell).collect::<Option<Vec<usize>>>()
        };
        (levels.len() > 1).then(|| Self {
            weights: slope_weights(&positions(&levels)),
            places: found.iter().filter_map(at_all).collect(),
        })
    }
}

/// An environment and the levels of its other factors.
type Place<'a> = (&'a str, Vec<&'a (String, String)>);

/// The positions of the levels, from 0 for the first to 1 for the last: by their logarithms if they are numbers above 0
/// in increasing or decreasing order, otherwise evenly spaced.
fn positions(levels: &[&str]) -> Vec<f64> {
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
        let thirds = positions(&["1", "10", "1000"]);
        assert!(
            (thirds[1] - 1.0 / 3.0).abs() < 1e-12 && thirds[2] == 1.0,
            "{thirds:?}"
        );
        assert_eq!(positions(&["100", "1"]), [0.0, 1.0]);
        assert_eq!(positions(&["walk", "sine", "jump"]), [0.0, 0.5, 1.0]);
        assert_eq!(positions(&["1", "4", "2"]), [0.0, 0.5, 1.0]);
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
        let dial = Scope::Along(Dial {
            weights: vec![-1.0, 1.0],
            places: vec![vec![0, 1], vec![2, 3]],
        });
        let left = dial.keep(|cell| cell != 1).unwrap();
        assert_eq!(left.groups(), [(-1.0, vec![2]), (1.0, vec![3])]);
        assert!(left.keep(|cell| cell != 2).is_none());
    }
}
