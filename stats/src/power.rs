//! How many seeds would decide a question: the power of a t test, and of two one-sided t tests.
//!
//! If the standard deviation of the sample were known, the power would follow from the normal distribution. Here that
//! power is integrated over the distribution of the sample's standard deviation, which replaces the noncentral t
//! distribution and, for equivalence, Owen's Q (Phillips 1990).
//!
//! The effect in a pilot study is itself uncertain, and one that looked worth following up is likely to be too large.
//! Use the smallest effect of interest instead of the observed one (Gelman & Carlin 2014).

use statrs::function::gamma::ln_gamma;

use crate::{
    Result,
    error::{allow, between_0_and_1, check_alpha, check_margin},
    normal,
};

/// The search for a number of seeds ends here.
const MOST_SEEDS: usize = 1_000_000;

/// Steps of the integral. Simpson's rule needs an even number.
const STEPS: usize = 2000;

/// How the seeds of two arms are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Two arms have the same seeds. The standard deviation is that of their differences.
    Paired,
    /// Two arms have equally many seeds, which are independent. The standard deviation is that within an arm.
    Independent,
}

/// The power of tests of one pairing at one level.
///
/// ```
/// use stats::{Pairing, Power};
///
/// let power = Power::new(Pairing::Paired, 0.05)?;
/// // Seeds to find a difference of half a standard deviation in four of five studies.
/// assert_eq!(power.seeds_to_detect(0.8, 0.5, 1.0)?, Some(34));
/// # Ok::<(), stats::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    pairing: Pairing,
    /// The accepted probability of finding a difference, or an equivalence, that does not exist.
    alpha: f64,
}

impl Power {
    /// The power of tests at `alpha`: a two-sided test for a difference, two one-sided tests for equivalence.
    ///
    /// # Errors
    /// Unless `alpha` lies between 0 and 0.5.
    pub fn new(pairing: Pairing, alpha: f64) -> Result<Self> {
        check_alpha(alpha)?;
        Ok(Self { pairing, alpha })
    }

    /// The probability that a two-sided t test with `seeds` pairs, or with `seeds` runs in each arm, finds the
    /// difference `effect` at the standard deviation `sd` (statsmodels' `TTestPower` and `TTestIndPower`).
    ///
    /// # Errors
    /// Unless `effect` is finite and `sd` is a number from 0.
    pub fn to_detect(&self, seeds: usize, effect: f64, sd: f64) -> Result<f64> {
        check_effect_and_sd(effect, sd)?;
        Ok(self.detects(seeds, effect, sd))
    }

    /// The probability that two one-sided t tests find that a difference, whose true value is `effect`, is within
    /// `margin` of 0 (Phillips 1990).
    ///
    /// # Errors
    /// Unless `effect` is finite, `sd` is a number from 0 and `margin` is above 0.
    pub fn to_equate(&self, seeds: usize, effect: f64, sd: f64, margin: f64) -> Result<f64> {
        check_effect_and_sd(effect, sd)?;
        check_margin(margin)?;
        Ok(self.equates(seeds, effect, sd, margin))
    }

    /// The fewest seeds, in each arm, that find the difference `effect` with probability `power`, or `None` if a
    /// million are too few.
    ///
    /// # Errors
    /// As in [`Power::to_detect`], and unless `power` lies between 0 and 1.
    pub fn seeds_to_detect(&self, power: f64, effect: f64, sd: f64) -> Result<Option<usize>> {
        check_effect_and_sd(effect, sd)?;
        fewest(power, |seeds| self.detects(seeds, effect, sd))
    }

    /// The fewest seeds, in each arm, that find with probability `power` that a difference, whose true value is
    /// `effect`, is within `margin` of 0. `None` if a million are too few, and for an effect beyond the margin.
    ///
    /// # Errors
    /// As in [`Power::to_equate`], and unless `power` lies between 0 and 1.
    pub fn seeds_to_equate(
        &self,
        power: f64,
        effect: f64,
        sd: f64,
        margin: f64,
    ) -> Result<Option<usize>> {
        check_effect_and_sd(effect, sd)?;
        check_margin(margin)?;
        fewest(power, |seeds| self.equates(seeds, effect, sd, margin))
    }

    fn detects(&self, seeds: usize, effect: f64, sd: f64) -> f64 {
        let Some((freedom, error)) = self.test(seeds, sd) else {
            return 0.0;
        };
        if error == 0.0 {
            return f64::from(effect != 0.0);
        }
        let t = normal::t_quantile(1.0 - self.alpha / 2.0, freedom);
        let errors_from_0 = effect / error;
        // Where the sample's spread exceeds this, the mean would have to be nine standard errors off for the test to
        // find anything. With few seeds, such spreads are well within reach of the integral.
        over_spread(freedom, (errors_from_0.abs() + 9.0) / t, |spread| {
            normal::cdf(errors_from_0 - t * spread) + normal::cdf(-errors_from_0 - t * spread)
        })
    }

    fn equates(&self, seeds: usize, effect: f64, sd: f64, margin: f64) -> f64 {
        let Some((freedom, error)) = self.test(seeds, sd) else {
            return 0.0;
        };
        if error == 0.0 {
            return f64::from(effect.abs() < margin);
        }
        let t = normal::t_quantile(1.0 - self.alpha, freedom);
        let (lower, upper) = ((-margin - effect) / error, (margin - effect) / error);
        // With a larger spread, no mean is far enough inside both margins.
        let widest = margin / error / t;
        over_spread(freedom, widest, |spread| {
            normal::cdf(upper - t * spread) - normal::cdf(lower + t * spread)
        })
    }

    /// The degrees of freedom of the test and the standard error of the difference, or `None` for fewer than two seeds.
    fn test(&self, seeds: usize, sd: f64) -> Option<(f64, f64)> {
        if seeds < 2 {
            return None;
        }
        let n = seeds as f64;
        Some(match self.pairing {
            Pairing::Paired => (n - 1.0, sd / n.sqrt()),
            Pairing::Independent => (2.0 * n - 2.0, sd * (2.0 / n).sqrt()),
        })
    }
}

/// The mean of `of` over the ratio of a sample's standard deviation, with `freedom` degrees of freedom, to the true
/// one. Ratios above `widest` contribute nothing. By Simpson's rule over the density of `sqrt(chi^2 / freedom)`.
fn over_spread(freedom: f64, widest: f64, of: impl Fn(f64) -> f64) -> f64 {
    // The density beyond ten standard deviations is below rounding.
    let reach = 10.0 / (2.0 * freedom).sqrt();
    let (from, to) = ((1.0 - reach).max(0.0), (1.0 + reach).min(widest));
    if from >= to {
        return 0.0;
    }
    let half = freedom / 2.0;
    let log_scale = std::f64::consts::LN_2 + half * half.ln() - ln_gamma(half);
    let density = |x: f64| {
        let log = log_scale + (freedom - 1.0) * x.max(f64::MIN_POSITIVE).ln() - half * x * x;
        log.exp()
    };
    let step = (to - from) / STEPS as f64;
    let sum: f64 = (0..=STEPS)
        .map(|i| {
            let x = from + i as f64 * step;
            let weight = match i {
                0 | STEPS => 1.0,
                i if i % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(x) * of(x)
        })
        .sum();
    (sum * step / 3.0).clamp(0.0, 1.0)
}

/// The fewest seeds, from 2 to a million, with at least `power`. The search relies on power growing with the seeds; it
/// does, except where the power of equivalence is below alpha, for which nobody plans.
fn fewest(power: f64, of: impl Fn(usize) -> f64) -> Result<Option<usize>> {
    between_0_and_1("power", power)?;
    let (mut few, mut many) = (1, 2);
    while of(many) < power {
        if many == MOST_SEEDS {
            return Ok(None);
        }
        (few, many) = (many, (2 * many).min(MOST_SEEDS));
    }
    while few + 1 < many {
        let middle = (few + many) / 2;
        match of(middle) < power {
            true => few = middle,
            false => many = middle,
        }
    }
    Ok(Some(many))
}

fn check_effect_and_sd(effect: f64, sd: f64) -> Result<()> {
    allow(effect.is_finite(), "effect", effect, "a finite number")?;
    let is_spread = sd >= 0.0 && sd.is_finite();
    allow(is_spread, "sd", sd, "a number from 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paired() -> Power {
        Power::new(Pairing::Paired, 0.05).unwrap()
    }

    #[test]
    fn the_density_integrates_to_one() {
        for freedom in [1.0, 2.0, 3.0, 9.0, 29.0, 999.0, 2e6] {
            let total = over_spread(freedom, f64::INFINITY, |_| 1.0);
            // ln_gamma of a million is about 1e7, so rounding alone costs up to 1e-8.
            let allowed = if freedom > 1e5 { 1e-7 } else { 1e-9 };
            assert!((total - 1.0).abs() < allowed, "{freedom}: {total}");
            let square = over_spread(freedom, f64::INFINITY, |spread| spread * spread / 100.0);
            assert!(
                (square * 100.0 - 1.0).abs() < 1e2 * allowed,
                "{freedom}: {square}"
            );
        }
    }

    #[test]
    fn no_effect_is_found_as_often_as_alpha_says() {
        for seeds in [2, 3, 10, 1000] {
            let power = paired().to_detect(seeds, 0.0, 1.0).unwrap();
            assert!((power - 0.05).abs() < 1e-8, "{seeds}: {power}");
        }
    }

    #[test]
    fn the_fewest_seeds_are_just_enough() {
        for pairing in [Pairing::Paired, Pairing::Independent] {
            let power = Power::new(pairing, 0.05).unwrap();
            for effect in [0.1, 0.5, 3.0] {
                let seeds = power.seeds_to_detect(0.8, effect, 1.0).unwrap().unwrap();
                assert!(power.to_detect(seeds, effect, 1.0).unwrap() >= 0.8);
                assert!(power.to_detect(seeds - 1, effect, 1.0).unwrap() < 0.8);
                let seeds = power.seeds_to_equate(0.8, effect / 4.0, 1.0, effect);
                let seeds = seeds.unwrap().unwrap();
                let at = |seeds| power.to_equate(seeds, effect / 4.0, 1.0, effect).unwrap();
                assert!(at(seeds) >= 0.8 && at(seeds - 1) < 0.8);
            }
        }
    }

    #[test]
    fn no_number_of_seeds_decides_some_questions() {
        assert_eq!(paired().seeds_to_detect(0.8, 0.0, 1.0).unwrap(), None);
        assert_eq!(paired().seeds_to_equate(0.8, 0.2, 1.0, 0.2).unwrap(), None);
        assert_eq!(paired().seeds_to_detect(0.8, 1.0, 0.0).unwrap(), Some(2));
        assert_eq!(paired().seeds_to_detect(0.8, 0.0, 0.0).unwrap(), None);
        assert_eq!(
            paired().seeds_to_equate(0.8, 0.1, 0.0, 0.2).unwrap(),
            Some(2)
        );
        assert_eq!(paired().to_detect(1, 1.0, 1.0).unwrap(), 0.0);
    }

    #[test]
    fn settings_that_make_no_test_are_refused() {
        assert!(Power::new(Pairing::Paired, 0.7).is_err());
        assert!(paired().seeds_to_detect(1.0, 0.5, 1.0).is_err());
        assert!(paired().seeds_to_detect(0.8, f64::NAN, 1.0).is_err());
        assert!(paired().to_detect(9, 1.0, -1.0).is_err());
        assert!(paired().to_equate(9, 0.0, 1.0, 0.0).is_err());
    }
}
