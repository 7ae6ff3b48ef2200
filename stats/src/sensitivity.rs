//! How much the score of an optimiser depends on its learning rate.

use rand::Rng;

use crate::{Aggregate, Bootstrap, Error, Estimate, Result, Scores, choose, error::allow};

/// The score at each learning rate of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    points: Vec<Point>,
    best: usize,
    sign: f64,
}

/// A learning rate and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The learning rate.
    pub lr: f64,
    /// The score of the tuning runs with it.
    pub score: Estimate,
}

/// The learning rates around the best one that do nearly as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// The smallest of them.
    pub lowest: f64,
    /// The largest of them.
    pub highest: f64,
    /// Whether the plateau reaches an end of the grid, so that it may be wider than the grid shows.
    pub open: bool,
}

impl Plateau {
    /// The powers of ten from the smallest to the largest. The width is only known to the resolution of the grid.
    pub fn decades(&self) -> f64 {
        (self.highest / self.lowest).log10()
    }
}

impl Sensitivity {
    /// The sensitivity in a grid of learning rates, in any order, with the tuning runs of each. `rule` decides which
    /// rate is the best, the smallest of equals.
    ///
    /// # Errors
    /// If the grid is empty, if a learning rate is not above 0 or occurs twice, or if the runs differ in tasks or
    /// seeds.
    pub fn new(
        grid: &[(f64, &Scores)],
        rule: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Self> {
        let mut grid = grid.to_vec();
        grid.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (lr, _) in &grid {
            allow(*lr > 0.0 && lr.is_finite(), "lr", *lr, "a number above 0")?;
        }
        if let Some(twice) = grid.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let why = format!("lr = {} is in the grid twice; once is allowed", twice[0].0);
            return Err(Error::data(why));
        }
        let scores: Vec<&Scores> = grid.iter().map(|(_, scores)| *scores).collect();
        let best = choose(&scores, rule)?.index();
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

    /// The learning rates in increasing order, with their scores.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The best learning rate, with its score.
    pub fn best(&self) -> &Point {
        &self.points[self.best]
    }

    /// The unbroken range of learning rates around the best one whose scores fall short of the best score by at most
    /// `within` times its size.
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
    fn the_plateau_ends_where_the_score_falls() {
        let curve = curve(&CURVE, Aggregate::Iqm).unwrap();
        assert_eq!(curve.best().lr, 1e-3);
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
    fn the_smallest_of_equal_rates_is_the_best() {
        let equal = curve(&[(0.2, 1.0), (0.1, 1.0)], Aggregate::Mean).unwrap();
        assert_eq!(equal.best().lr, 0.1);
    }

    #[test]
    fn empty_and_invalid_grids_are_refused() {
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
