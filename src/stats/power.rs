//! How many seeds would decide a question: the power of a t test, and of two one-sided ones.
//!
//! Given the sample's standard deviation, both are a matter of the normal distribution; what is left is one
//! integral over what that standard deviation may turn out to be. It takes the place of the noncentral t
//! distribution and, for equivalence, of Owen's Q (Phillips 1990).
//!
//! A pilot's effect is itself uncertain, and one that looked worth following up is likely too large: state the
//! smallest effect of interest rather than the one observed (Gelman & Carlin 2014).

use statrs::function::gamma::ln_gamma;

use super::normal;
use crate::{Error, Result};

/// More seeds than this are not looked for.
const MOST: usize = 1_000_000;

/// Steps of the integral, an even number.
const STEPS: usize = 2000;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Two arms with the same seeds; the spread is that of their differences.
    Paired,
    /// Two arms with as many seeds each, drawn apart; the spread is that within an arm.
    Independent,
}

/// How sure an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    design: Design,
    /// How often a test finds what is not there.
    alpha: f64,
}

impl Power {
    /// Of a test at `alpha`, between 0 and 0.5: two-sided for a difference, two one-sided ones for equivalence.
    pub fn new(design: Design, alpha: f64) -> Result<Self> {
        if !(alpha > 0.0 && alpha < 0.5) {
            let why = format!("alpha = {alpha} is not allowed; allowed: between 0 and 0.5");
            return Err(Error::usage(why));
        }
        Ok(Self { design, alpha })
    }

    /// The probability that a two-sided t test of `seeds` pairs, or of as many in each arm, finds the
    /// difference `effect` at the standard deviation `sd` (statsmodels' `TTestPower` and `TTestIndPower`).
    pub fn to_detect(&self, seeds: usize, effect: f64, sd: f64) -> Result<f64> {
        checked(effect, sd)?;
        Ok(self.detects(seeds, effect, sd))
    }

    /// The probability that two one-sided t tests find that the difference, in truth `effect`, is within
    /// `margin` of 0 (Phillips 1990).
    pub fn to_equate(&self, seeds: usize, effect: f64, sd: f64, margin: f64) -> Result<f64> {
        checked(effect, sd)?;
        super::equivalence::checked(margin, self.alpha)?;
        Ok(self.equates(seeds, effect, sd, margin))
    }

    /// The fewest seeds, in each arm, that find the difference `effect` with probability `power`; `None` if
    /// a million do not.
    pub fn seeds_to_detect(&self, power: f64, effect: f64, sd: f64) -> Result<Option<usize>> {
        checked(effect, sd)?;
        fewest(power, |seeds| self.detects(seeds, effect, sd))
    }

    /// The fewest seeds, in each arm, that find with probability `power` that the difference is within
    /// `margin` of 0 if in truth it is `effect`; `None` if a million do not, as none do for an effect beyond it.
    pub fn seeds_to_equate(
        &self,
        power: f64,
        effect: f64,
        sd: f64,
        margin: f64,
    ) -> Result<Option<usize>> {
        checked(effect, sd)?;
        super::equivalence::checked(margin, self.alpha)?;
        fewest(power, |seeds| self.equates(seeds, effect, sd, margin))
    }

    fn detects(&self, seeds: usize, effect: f64, sd: f64) -> f64 {
        let Some((freedom, error)) = self.test(seeds, sd) else {
            return 0.0;
        };
        if error == 0.0 {
            return f64::from(effect != 0.0);
        }
        let (t, apart) = (
            normal::t_quantile(1.0 - self.alpha / 2.0, freedom),
            effect / error,
        );
        // Beyond nine standard errors, nothing is found: with few seeds, far within what the spread may be.
        over_spread(freedom, (apart.abs() + 9.0) / t, |spread| {
            normal::cdf(apart - t * spread) + normal::cdf(-apart - t * spread)
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
        // With a larger spread, no mean is far enough from both margins.
        let widest = margin / error / t;
        over_spread(freedom, widest, |spread| {
            normal::cdf(upper - t * spread) - normal::cdf(lower + t * spread)
        })
    }

    /// The degrees of freedom of the test, and the standard error of the difference; `None` without any.
    fn test(&self, seeds: usize, sd: f64) -> Option<(f64, f64)> {
        if seeds < 2 {
            return None;
        }
        let n = seeds as f64;
        Some(match self.design {
            Design::Paired => (n - 1.0, sd / n.sqrt()),
            Design::Independent => (2.0 * n - 2.0, sd * (2.0 / n).sqrt()),
        })
    }
}

/// The mean of `of` over what a standard deviation with `freedom` degrees is to the true one, up to `widest`:
/// Simpson's rule over the density of `sqrt(chi^2 / freedom)`.
fn over_spread(freedom: f64, widest: f64, of: impl Fn(f64) -> f64) -> f64 {
    // Ten standard deviations, so that what is left out is below rounding.
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

/// The fewest seeds, from 2 to a million, with at least `power`, which rises with them (but for a power of
/// equivalence below alpha, which nobody plans for).
fn fewest(power: f64, of: impl Fn(usize) -> f64) -> Result<Option<usize>> {
    if !(power > 0.0 && power < 1.0) {
        let why = format!("power = {power} is not allowed; allowed: between 0 and 1");
        return Err(Error::usage(why));
    }
    let (mut few, mut many) = (1, 2);
    while of(many) < power {
        if many == MOST {
            return Ok(None);
        }
        (few, many) = (many, (2 * many).min(MOST));
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

fn checked(effect: f64, sd: f64) -> Result<()> {
    if !effect.is_finite() {
        let why = format!("effect = {effect} is not allowed; allowed: a finite number");
        return Err(Error::usage(why));
    }
    if !(sd >= 0.0 && sd.is_finite()) {
        let why = format!("sd = {sd} is not allowed; allowed: a number from 0");
        return Err(Error::usage(why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paired() -> Power {
        Power::new(Design::Paired, 0.05).unwrap()
    }

    #[test]
    fn the_density_is_whole() {
        for freedom in [1.0, 2.0, 3.0, 9.0, 29.0, 999.0, 2e6] {
            let whole = over_spread(freedom, f64::INFINITY, |_| 1.0);
            // ln_gamma of a million is 1e7: rounding alone takes up to 1e-8 of it.
            let allowed = if freedom > 1e5 { 1e-7 } else { 1e-9 };
            assert!((whole - 1.0).abs() < allowed, "{freedom}: {whole}");
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
        for design in [Design::Paired, Design::Independent] {
            let power = Power::new(design, 0.05).unwrap();
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
    fn some_questions_no_number_of_seeds_decides() {
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
        assert!(Power::new(Design::Paired, 0.7).is_err());
        assert!(paired().seeds_to_detect(1.0, 0.5, 1.0).is_err());
        assert!(paired().seeds_to_detect(0.8, f64::NAN, 1.0).is_err());
        assert!(paired().to_detect(9, 1.0, -1.0).is_err());
        assert!(paired().to_equate(9, 0.0, 1.0, 0.0).is_err());
    }
}
