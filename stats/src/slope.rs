//! Whether one quantity grows with another from group to group: a line through the means of groups.

use rand::Rng;

use crate::{Bootstrap, Error, Estimate, Result, moments::mean};

/// A least-squares line through the means of groups of pairs, and the rank correlation of the means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The growth of the second number when the first grows by 1.
    pub slope: Estimate,
    /// Spearman's rank correlation of the means of the groups, where equal means share their rank. `None` if the
    /// second number has the same mean in all groups.
    pub spearman: Option<f64>,
}

impl Slope {
    /// The line through the means of `groups`, or `None` if the first number has the same mean in all of them.
    ///
    /// The interval comes from resampling the pairs within each group. It says how certain the slope is in these
    /// groups, not in others. The means of groups are known with an error, which biases the slope towards 0
    /// (regression dilution: Spearman 1904).
    ///
    /// # Errors
    /// If there are fewer than three groups, or if a group is empty or has a number that is not finite.
    pub fn new(
        groups: &[Vec<(f64, f64)>],
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Option<Self>> {
        if groups.len() < 3 || groups.iter().any(Vec::is_empty) {
            return Err(Error::data(
                "a line needs at least three groups, each with at least one pair of numbers",
            ));
        }
        if groups
            .iter()
            .flatten()
            .any(|(x, y)| !(x.is_finite() && y.is_finite()))
        {
            return Err(Error::data("a number of a pair is not finite"));
        }
        let mean_pair = |group: &Vec<(f64, f64)>, drawn: &[usize]| {
            let mean_of =
                |value: fn(&(f64, f64)) -> f64| mean(drawn.iter().map(|&i| value(&group[i])));
            (mean_of(|pair| pair.0), mean_of(|pair| pair.1))
        };
        let points = |drawn: &[Vec<usize>]| -> Vec<(f64, f64)> {
            let each = groups.iter().zip(drawn);
            each.map(|(group, drawn)| mean_pair(group, drawn)).collect()
        };
        let all: Vec<Vec<usize>> = groups
            .iter()
            .map(|group| (0..group.len()).collect())
            .collect();
        let points_of_all = points(&all);
        let largest = points_of_all
            .iter()
            .map(|point| point.0.abs())
            .fold(0.0, f64::max);
        // Anything less is rounding between equal means, not spread.
        let least_spread = 1e-9 * largest;
        if sums(&points_of_all).0.sqrt() <= least_spread {
            return Ok(None);
        }
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        let statistic = |drawn: &[Vec<usize>]| least_squares(&points(drawn), least_spread);
        let slope = bootstrap.estimate(&sizes, statistic, rng);
        let (x, y): (Vec<f64>, Vec<f64>) = points_of_all.into_iter().unzip();
        let ranks: Vec<(f64, f64)> = ranks(&x).into_iter().zip(ranks(&y)).collect();
        Ok(Some(Self {
            slope,
            spearman: correlation(&ranks),
        }))
    }
}

/// The sums of squares about the mean of the first and of the second number, and the sum of their products.
fn sums(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let (mx, my) = (
        mean(points.iter().map(|point| point.0)),
        mean(points.iter().map(|point| point.1)),
    );
    let add = |(xx, yy, xy): (f64, f64, f64), &(x, y): &(f64, f64)| {
        let (x, y) = (x - mx, y - my);
        (xx + x * x, yy + y * y, xy + x * y)
    };
    points.iter().fold((0.0, 0.0, 0.0), add)
}

/// The slope of the line, or 0 unless the first numbers have more than `least_spread`.
fn least_squares(points: &[(f64, f64)], least_spread: f64) -> f64 {
    let (xx, _, xy) = sums(points);
    if xx.sqrt() > least_spread {
        xy / xx
    } else {
        0.0
    }
}

fn correlation(points: &[(f64, f64)]) -> Option<f64> {
    let (xx, yy, xy) = sums(points);
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// The rank of each value, from 1. Equal values have the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn slope(groups: &[Vec<(f64, f64)>]) -> Result<Option<Slope>> {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        Slope::new(groups, &Bootstrap::default(), rng)
    }

    #[test]
    fn line_and_ranks_are_scipys() {
        // scipy.stats.linregress(x, y).slope and scipy.stats.spearmanr(x, y).statistic, scipy 1.17.1
        let x = [0.1, 0.4, 0.4, 0.9, 1.3, 0.7];
        let y = [2.0, 1.5, 1.7, 1.5, -0.2, 1.6];
        let groups: Vec<Vec<(f64, f64)>> = x.iter().zip(y).map(|(&x, y)| vec![(x, y)]).collect();
        let found = slope(&groups).unwrap().unwrap();
        assert!(
            (found.slope.point - -1.5766423357664234).abs() < 1e-12,
            "{found:?}"
        );
        assert!(
            (found.spearman.unwrap() - -0.8382352941176471).abs() < 1e-12,
            "{found:?}"
        );
        // With one pair in each group, all resamples are equal.
        assert_eq!(
            (found.slope.lo, found.slope.hi),
            (found.slope.point, found.slope.point)
        );
    }

    #[test]
    fn the_slope_of_a_resample_without_spread_is_0() {
        // One pair of thirty differs, and a third of the resamples lack it.
        let group = |odd: f64| -> Vec<(f64, f64)> {
            let pair = |i: i32| (if i == 0 { odd } else { 0.0 }, f64::from(i));
            (0..30).map(pair).collect()
        };
        let found = slope(&[group(0.0), group(0.0), group(1.0)])
            .unwrap()
            .unwrap()
            .slope;
        assert!(found.lo.is_finite() && found.hi.is_finite(), "{found:?}");
    }

    #[test]
    fn an_interval_holds_the_slope_as_often_as_it_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let bootstrap = Bootstrap::new(200, 0.9, crate::Method::Percentile).unwrap();
        let mut held = 0;
        for _ in 0..300 {
            let group = |place: i32| -> Vec<(f64, f64)> {
                let x = f64::from(place);
                let noise = |rng: &mut ChaCha8Rng| rng.random_range(-1.0..1.0);
                (0..20).map(|_| (x, 0.5 * x + noise(&mut rng))).collect()
            };
            let groups: Vec<_> = (0..5).map(group).collect();
            let Estimate { lo, hi, .. } = Slope::new(&groups, &bootstrap, &mut rng)
                .unwrap()
                .unwrap()
                .slope;
            held += i32::from(lo < 0.5 && 0.5 < hi);
        }
        // 270 are expected, and four standard errors are 21. With twenty pairs, intervals are slightly too short.
        assert!((240..=291).contains(&held), "{held}");
    }

    #[test]
    fn groups_without_a_line_are_refused() {
        let same = [vec![(1.0, 2.0)], vec![(1.0, 3.0)], vec![(1.0, 4.0)]];
        assert_eq!(slope(&same).unwrap(), None);
        for groups in [&same[..2], &[vec![], vec![(1.0, 1.0)], vec![(2.0, 1.0)]]] {
            assert!(slope(groups).is_err());
        }
        assert!(slope(&[vec![(f64::NAN, 1.0)], vec![(1.0, 1.0)], vec![(2.0, 1.0)]]).is_err());
        let level = [vec![(0.0, 1.0)], vec![(1.0, 1.0)], vec![(2.0, 1.0)]];
        assert_eq!(slope(&level).unwrap().unwrap().spearman, None);
    }
}
