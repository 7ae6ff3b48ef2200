//! Grids: the values that are tried for each hyper-parameter.

use std::collections::BTreeMap;

use optim::Value;
use serde::{Deserialize, Serialize};

use crate::keys::{holds, keys};

/// A hyper-parameter's values, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ListOrRange")]
pub struct GridValues(pub Vec<f64>);

/// GridValues for each hyper-parameter; every combination is a trial.
pub type Grid = BTreeMap<String, GridValues>;

holds! {
    Grid: "a table: for each hyper-parameter a list, or { from = 1e-4, to = 1e-2, points = 5 } for a logarithmic range",
}

keys! {
    /// A logarithmic range.
    LogRange {
        /// The first value, above 0
        from: f64,
        /// The last value
        to: f64,
        /// How many values there are, both ends included
        points: u32,
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a list of numbers, or { from = ..., to = ..., points = ... }"
)]
enum ListOrRange {
    List(Vec<f64>),
    Range(LogRange),
}

impl TryFrom<ListOrRange> for GridValues {
    type Error = String;

    fn try_from(written: ListOrRange) -> Result<Self, String> {
        let values = match written {
            ListOrRange::List(values) => values,
            ListOrRange::Range(range) => range.values()?,
        };
        if values.is_empty() {
            return Err("a grid has at least one value".into());
        }
        Ok(Self(values))
    }
}

impl LogRange {
    fn values(&self) -> Result<Vec<f64>, String> {
        let Self { from, to, points } = *self;
        if !(from > 0.0 && to > from && to.is_finite() && (2..=1000).contains(&points)) {
            return Err(format!(
                "from = {from}, to = {to}, points = {points} is not a range; allowed: 0 < from < to, 2 to 1000 points"
            ));
        }
        let step = (to / from).ln() / f64::from(points - 1);
        let value = |i: u32| match i {
            0 => from,
            i if i == points - 1 => to,
            // Three digits are enough, and easier to read than more.
            i => rounded(from * (step * f64::from(i)).exp()),
        };
        Ok((0..points).map(value).collect())
    }
}

fn rounded(x: f64) -> f64 {
    format!("{x:.2e}").parse().unwrap_or(x)
}

/// Every combination of a grid's values; the last hyper-parameter varies fastest.
pub fn combinations(grid: &Grid) -> Vec<Vec<(&str, Value)>> {
    let mut all = vec![Vec::new()];
    for (key, values) in grid {
        let longer = |one: &Vec<(_, _)>| {
            let with = |x: &f64| [&one[..], &[(key.as_str(), Value::Number(*x))]].concat();
            values.0.iter().map(with).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_logarithmic_and_keep_their_ends() {
        let values = |text: &str| toml::from_str::<Grid>(text).map(|grid| grid["lr"].0.clone());
        assert_eq!(
            values("lr = { from = 1e-4, to = 1e-2, points = 5 }").unwrap(),
            [1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2]
        );
        assert_eq!(values("lr = [1, 0.5]").unwrap(), [1.0, 0.5]);
        for wrong in [
            "lr = []",
            "lr = 3",
            "lr = { from = 0.0, to = 1.0, points = 3 }",
            "lr = { from = 2.0, to = 1.0, points = 3 }",
            "lr = { from = 1.0, to = 2.0, points = 1 }",
            "lr = { from = 1.0, to = 2.0 }",
        ] {
            assert!(values(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_combination_comes_once() {
        let grid: Grid = toml::from_str("lr = [1, 2]\neps = [3, 4, 5]").unwrap();
        let all = combinations(&grid);
        assert_eq!(all.len(), 6);
        assert_eq!(
            all[1],
            [("eps", Value::Number(3.0)), ("lr", Value::Number(2.0))]
        );
        assert_eq!(combinations(&Grid::new()), [Vec::new()]);
    }
}
