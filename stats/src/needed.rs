//! How many seeds would decide a contrast, from the spread of the statistic that is tested.
//!
//! The standard error of the statistic comes from its resamples, whatever the statistic is: an interquartile mean varies
//! more than a mean, and the choice of a setting adds its own noise. It falls with the square root of the number of
//! seeds.

use crate::{
    Result, Tested,
    error::{allow, between_0_and_1, check_alpha, check_margin},
    normal,
};

/// More seeds than this are no answer.
const MOST_SEEDS: f64 = 1e6;

impl Tested {
    /// The seeds that would find a true difference of `effect` with probability `power` in a two-sided test at
    /// `alpha`, if `seeds` seeds have this standard error. `None` if a million are too few.
    ///
    /// # Errors
    /// Unless `effect` is above 0 and finite, `alpha` lies between 0 and 0.5 and `power` between 0 and 1.
    pub fn seeds_to_detect(
        &self,
        seeds: usize,
        effect: f64,
        alpha: f64,
        power: f64,
    ) -> Result<Option<usize>> {
        allow(
            effect > 0.0 && effect.is_finite(),
            "effect",
            effect,
            "a number above 0",
        )?;
        check_alpha(alpha)?;
        between_0_and_1("power", power)?;
        let errors = normal::quantile(1.0 - alpha / 2.0) + normal::quantile(power);
        Ok(self.seeds_for(seeds, effect / errors.max(0.0)))
    }

    /// The seeds that would show with probability `power` that a difference of 0 lies within `margin`, by an interval
    /// at the level `1 - alpha`, if `seeds` seeds have this standard error. `None` if a million are too few.
    ///
    /// # Errors
    /// Unless `margin` is above 0 and finite, `alpha` lies between 0 and 0.5 and `power` between 0 and 1.
    pub fn seeds_to_equate(
        &self,
        seeds: usize,
        margin: f64,
        alpha: f64,
        power: f64,
    ) -> Result<Option<usize>> {
        check_margin(margin)?;
        check_alpha(alpha)?;
        between_0_and_1("power", power)?;
        let errors = normal::quantile(1.0 - alpha / 2.0) + normal::quantile((1.0 + power) / 2.0);
        Ok(self.seeds_for(seeds, margin / errors))
    }

    /// The seeds with the standard error `wanted`, at least two.
    fn seeds_for(&self, seeds: usize, wanted: f64) -> Option<usize> {
        let needed = seeds as f64 * (self.standard_error / wanted).powi(2);
        (needed <= MOST_SEEDS).then(|| (needed.ceil() as usize).max(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Estimate, Pairing, Power};

    fn tested(standard_error: f64) -> Tested {
        Tested {
            estimate: Estimate {
                point: 0.0,
                lo: 0.0,
                hi: 0.0,
                n: 100,
            },
            p: 1.0,
            standard_error,
        }
    }

    #[test]
    fn for_means_it_is_nearly_the_t_tests_number() {
        // The standard error of the mean of 100 differences with a standard deviation of 1.
        let (mean, t) = (tested(0.1), Power::new(Pairing::Paired, 0.05).unwrap());
        for effect in [0.5, 0.2, 0.05] {
            let found = mean
                .seeds_to_detect(100, effect, 0.05, 0.8)
                .unwrap()
                .unwrap();
            let of_t = t.seeds_to_detect(0.8, effect, 1.0).unwrap().unwrap();
            assert!(found <= of_t && of_t - found <= 3, "{found} {of_t}");
        }
        // The interval at 95 % is two one-sided tests at 2.5 %.
        let t = Power::new(Pairing::Paired, 0.025).unwrap();
        let found = mean.seeds_to_equate(100, 0.2, 0.05, 0.8).unwrap().unwrap();
        let of_t = t.seeds_to_equate(0.8, 0.0, 1.0, 0.2).unwrap().unwrap();
        assert!(found.abs_diff(of_t) <= 3, "{found} {of_t}");
    }

    #[test]
    fn what_cannot_be_decided_has_no_number() {
        assert_eq!(tested(1.0).seeds_to_detect(100, 1e-4, 0.05, 0.8), Ok(None));
        assert_eq!(tested(0.0).seeds_to_detect(9, 1.0, 0.05, 0.8), Ok(Some(2)));
        assert!(tested(1.0).seeds_to_detect(9, 0.0, 0.05, 0.8).is_err());
        assert!(tested(1.0).seeds_to_equate(9, f64::NAN, 0.05, 0.8).is_err());
        assert!(tested(1.0).seeds_to_equate(9, 1.0, 0.05, 1.0).is_err());
    }
}
