//! How much an optimiser's score depends on its learning rate.

use rand::Rng;

use super::{Aggregate, Bootstrap, Estimate, Scores, selection::choose};
use crate::{Error, Result};

/// The score at each learning rate of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    points: Vec<Point>,
    best: usize,
    sign: f64,
}

/// One learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The learning rate.
    pub lr: f64,
    /// The score of its tuning runs.
    pub score: Estimate,
}

/// The learning rates around the best that do nearly as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// The smallest of them.
    pub lowest: f64,
    /// The largest of them.
    pub highest: f64,
    /// Whether the grid ends before they do: the plateau is then at least as wide.
    pub open: bool,
}

impl Plateau {
    /// Powers of ten from the smallest to the largest; it is not known more finely than the grid is.
    pub fn decades(&self) -> f64 {
        (self.highest / self.lowest).log10()
    }
}

impl Sensitivity {
    /// From the tuning runs of each learning rate, in any order; `rule` says which is the best, and of equal
    /// ones it is the smallest.
    ///
    /// An error if there are none, if a learning rate is not above 0 or is there twice, or if tasks or seeds
    /// differ.
    pub fn new(
        grid: &[(f64, &Scores)],
        rule: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        let mut grid = grid.to_vec();
        grid.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((lr, _)) = grid.iter().find(|(lr, _)| !(*lr > 0.0 && lr.is_finite())) {
            let why = format!("lr = {lr} is not allowed in a grid; allowed: a number above 0");
            return Err(Error::usage(why));
        }
        if let Some(twice) = grid.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let why = format!("lr = {} is in the grid twice; once is allowed", twice[0].0);
            return Err(Error::usage(why));
        }
        let scores: Vec<&Scores> = grid.iter().map(|(_, scores)| *scores).collect();
        let best = choose(&scores, rule)?.place();
        let points = grid.iter().map(|(lr, scores)| Point {
            lr: *lr,
            score: scores.estimate(rule, bootstrap, rng),
        });
        Ok(Self {
            points: points.collect(),
            best,
            sign: rule.sign(),
        })
    }

    /// The curve, by increasing learning rate.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The best learning rate.
    pub fn best(&self) -> &Point {
        &self.points[self.best]
    }

    /// Whether the best learning rate is an end of the grid, so that a better one may lie beyond.
    pub fn best_at_edge(&self) -> bool {
        self.best == 0 || self.best + 1 == self.points.len()
    }

    /// What to tell the reader if the best learning rate is an end of the grid.
    pub fn warning(&self) -> Option<String> {
        let (lr, last) = (self.best().lr, self.points.len() - 1);
        let beyond = match self.best {
            _ if last == 0 => return Some(format!("lr {lr} is the only one tried")),
            0 => "smallest of its grid; try smaller ones",
            best if best == last => "largest of its grid; try larger ones",
            _ => return None,
        };
        Some(format!("the best lr, {lr}, is the {beyond}"))
    }

    /// The unbroken range of learning rates around the best whose scores fall short of its by at most the share
    /// `within` of its size.
    pub fn plateau(&self, within: f64) -> Plateau {
        let goodness = |point: &Point| self.sign * point.score.point;
        let best = goodness(self.best());
        let enough = |point: &&Point| goodness(point) >= best - within * best.abs();
        let (below, above) = self.points.split_at(self.best);
        let lower = below.iter().rev().take_while(enough).count();
        let higher = above[1..].iter().take_while(enough).count();
        let (lowest, highest) = (self.best - lower, self.best + higher);
        Plateau {
            lowest: self.points[lowest].lr,
            highest: self.points[highest].lr,
            open: lowest == 0 || highest + 1 == self.points.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn curve(points: &[(f64, f64)], rule: Aggregate) -> Result<Sensitivity> {
        let scores: Vec<Scores> = points
            .iter()
            .map(|(_, score)| Scores::new((0..3).map(|seed| ("a", seed, *score))).unwrap())
            .collect();
        let grid: Vec<(f64, &Scores)> = points.iter().map(|(lr, _)| *lr).zip(&scores).collect();
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        Sensitivity::new(&grid, rule, &Bootstrap::default(), rng)
    }

    const CURVE: [(f64, f64); 7] = [
        (1e-1, 0.1),
        (1e-6, 0.98),
        (1e-5, 0.2),
        (1e-4, 0.95),
        (1e-3, 1.0),
        (1e-2, 0.91),
        (1.0, 0.99),
    ];

    #[test]
    fn the_plateau_is_what_does_nearly_as_well_without_a_break() {
        let curve = curve(&CURVE, Aggregate::Iqm).unwrap();
        assert_eq!(curve.best().lr, 1e-3);
        assert!(!curve.best_at_edge() && curve.warning().is_none());
        let plateau = curve.plateau(0.1);
        assert_eq!((plateau.lowest, plateau.highest), (1e-4, 1e-2));
        assert!((plateau.decades() - 2.0).abs() < 1e-12 && !plateau.open);
        assert_eq!(curve.plateau(0.01).decades(), 0.0);
        assert!(curve.plateau(0.9).open);
    }

    #[test]
    fn lower_is_better_for_a_gap_and_for_costs() {
        // A gap of 0 is the best; scores below 0 have a plateau too.
        let gap = Aggregate::OptimalityGap { gamma: 1.0 };
        assert_eq!(curve(&CURVE, gap).unwrap().best().lr, 1e-3);
        let costs = [(0.1, -200.0), (0.2, -100.0), (0.4, -105.0), (0.8, -400.0)];
        let costs = curve(&costs, Aggregate::Mean).unwrap();
        assert_eq!((costs.best().lr, costs.plateau(0.1).highest), (0.2, 0.4));
    }

    #[test]
    fn the_edge_of_the_grid_is_told() {
        let at = |points: &[(f64, f64)]| curve(points, Aggregate::Mean).unwrap();
        let high = at(&[(0.1, 1.0), (0.2, 2.0)]);
        assert!(high.best_at_edge() && high.warning().unwrap().contains("try larger"));
        // Of equal ones, the smallest.
        let low = at(&[(0.2, 1.0), (0.1, 1.0)]);
        assert_eq!(low.best().lr, 0.1);
        assert!(low.warning().unwrap().contains("try smaller"));
        assert!(at(&[(0.2, 1.0)]).warning().unwrap().contains("only one"));
    }

    #[test]
    fn grids_that_are_none_are_refused() {
        for grid in [
            &[][..],
            &[(0.0, 1.0)],
            &[(f64::NAN, 1.0)],
            &[(0.1, 1.0), (0.1, 2.0)],
        ] {
            assert!(curve(grid, Aggregate::Mean).is_err(), "{grid:?}");
        }
    }
}
