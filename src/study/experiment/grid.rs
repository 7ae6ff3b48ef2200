//! Grids: the values that are tried for each hyper-parameter.

use std::collections::BTreeMap;

use settings::{Allowed, Error, Field, Interval, Settings, Value, settings};

/// A hyper-parameter's values, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq)]
pub struct GridValues(pub Vec<f64>);

/// The values of each hyper-parameter; every combination is a trial.
pub type Grid = BTreeMap<String, GridValues>;

settings! {
    /// A logarithmic range.
    pub table LogRange {
        /// The first value, above 0
        from: f64, in Interval::above(0.0);
        /// The last value
        to: f64, in Interval::above(0.0);
        /// How many values there are, both ends included
        points: u32, in 2..=1_000;
    }
}

impl Field for GridValues {
    fn allowed() -> Allowed {
        "a list of numbers, or { from = 1e-4, to = 1e-2, points = 5 } for a logarithmic range"
            .into()
    }

    fn from_value(value: &Value) -> Result<Self, Error> {
        let values = match value {
            Value::List(_) => Vec::from_value(value)?,
            Value::Table(range) => LogRange::from_table(range)?.values()?,
            other => return Err(Error::not_allowed("", other, Self::allowed())),
        };
        match values.is_empty() {
            true => Err(Error::not_allowed("", value, "at least one number")),
            false => Ok(Self(values)),
        }
    }

    fn to_value(&self) -> Option<Value> {
        self.0.to_value()
    }
}

impl LogRange {
    fn values(&self) -> Result<Vec<f64>, Error> {
        let Self { from, to, points } = *self;
        if to <= from {
            let allowed = format!("a number above from = {from}");
            return Err(Error::not_allowed("to", to, allowed));
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
    use crate::config::TomlDocument;

    fn grid(text: &str) -> Result<Grid, Error> {
        Grid::from_value(&Value::Table(TomlDocument::parse(text).unwrap().table))
    }

    #[test]
    fn ranges_are_logarithmic_and_keep_their_ends() {
        let values = |text: &str| grid(text).map(|grid| grid["lr"].0.clone());
        assert_eq!(
            values("lr = { from = 1e-4, to = 1e-2, points = 5 }").unwrap(),
            [1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2]
        );
        assert_eq!(values("lr = [1, 0.5]").unwrap(), [1.0, 0.5]);
        for (wrong, why) in [
            ("lr = []", "lr = [] is not allowed; allowed: at least one"),
            ("lr = 3", "lr = 3 is not allowed; allowed: a list"),
            ("lr = [1, \"a\"]", "lr.2 = \"a\" is not allowed"),
            ("lr = { from = 0.0, to = 1.0, points = 3 }", "lr.from = 0"),
            ("lr = { from = 2.0, to = 1.0, points = 3 }", "lr.to = 1"),
            ("lr = { from = 1.0, to = inf, points = 3 }", "lr.to = inf"),
            ("lr = { from = 1.0, to = 2.0, points = 1 }", "lr.points = 1"),
            ("lr = { from = 1.0, to = 2.0 }", "`lr.points` is missing"),
        ] {
            let error = values(wrong).unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }

    #[test]
    fn every_combination_comes_once() {
        let grid = grid("lr = [1, 2]\neps = [3, 4, 5]").unwrap();
        let all = combinations(&grid);
        assert_eq!(all.len(), 6);
        assert_eq!(
            all[1],
            [("eps", Value::Number(3.0)), ("lr", Value::Number(2.0))]
        );
        assert_eq!(combinations(&Grid::new()), [Vec::new()]);
    }
}
