//! Whether one thing goes with another from place to place: a line through places' means.

use rand::Rng;

use super::{Bootstrap, Estimate, aggregate::mean};
use crate::{Error, Result};

/// A least-squares line through the means of groups, and how well their orders agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// How much the second number grows with the first.
    pub slope: Estimate,
    /// Spearman's rank correlation of the groups' means, equal ones sharing their rank; `None` if the second
    /// number is the same everywhere.
    pub spearman: Option<f64>,
}

impl Slope {
    /// Of groups of pairs. The interval is from drawing the pairs of each group anew: it says how sure the
    /// slope is in these groups, not in others. A group's mean is known with an error, which draws the slope
    /// towards 0 (regression dilution: Spearman 1904). An error if there are fewer than three groups, if one is
    /// empty or not finite, or if the first number is the same in all of them.
    pub fn new(
        groups: &[Vec<(f64, f64)>],
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Option<Self>> {
        if groups.len() < 3 || groups.iter().any(Vec::is_empty) {
            return Err(Error::usage(
                "a line needs three groups, and each of them a pair of numbers",
            ));
        }
        if groups
            .iter()
            .flatten()
            .any(|(x, y)| !(x.is_finite() && y.is_finite()))
        {
            return Err(Error::usage("a pair of numbers is not finite"));
        }
        let point = |group: &Vec<(f64, f64)>, places: &[usize]| {
            let of = |value: fn(&(f64, f64)) -> f64| mean(places.iter().map(|&i| value(&group[i])));
            (of(|pair| pair.0), of(|pair| pair.1))
        };
        let points = |drawn: &[Vec<usize>]| -> Vec<(f64, f64)> {
            let each = groups.iter().zip(drawn);
            each.map(|(group, places)| point(group, places)).collect()
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
        // What rounding makes of equal means is no spread.
        let least = 1e-9 * largest;
        if sums(&points_of_all).0.sqrt() <= least {
            return Ok(None);
        }
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        let slope = bootstrap.estimate(&sizes, |drawn| least_squares(&points(drawn), least), rng);
        let (x, y): (Vec<f64>, Vec<f64>) = points_of_all.into_iter().unzip();
        let ranks: Vec<(f64, f64)> = ranks(&x).into_iter().zip(ranks(&y)).collect();
        Ok(Some(Self {
            slope,
            spearman: correlation(&ranks),
        }))
    }
}

/// Sums of squares and of products about the means: of the first number, the second, and both.
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

/// The slope of the line, level if the first numbers are spread no more than `least`.
fn least_squares(points: &[(f64, f64)], least: f64) -> f64 {
    let (xx, _, xy) = sums(points);
    if xx.sqrt() > least { xy / xx } else { 0.0 }
}

fn correlation(points: &[(f64, f64)]) -> Option<f64> {
    let (xx, yy, xy) = sums(points);
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Each value's rank, from 1; equal values have the mean of theirs.
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
        // With a pair in each, there is nothing to draw.
        assert_eq!(
            (found.slope.lo, found.slope.hi),
            (found.slope.point, found.slope.point)
        );
    }

    #[test]
    fn a_resample_without_spread_is_level() {
        // One pair of thirty differs: a third of the resamples lack it.
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
        let bootstrap = Bootstrap::new(200, 0.9, crate::stats::Method::Percentile).unwrap();
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
        // 270 are expected; four standard errors are 21, and twenty pairs make intervals a little short.
        assert!((240..=291).contains(&held), "{held}");
    }

    #[test]
    fn what_has_no_line_is_refused() {
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
