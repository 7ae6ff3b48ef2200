//! Differences between arms, and differences between differences: linear contrasts with their intervals.
//!
//! Runs with the same seeds are drawn together. A seed is drawn for all arms at once, so what it does to all of them
//! cancels (paired data: Efron & Tibshirani 1993, section 8.6). It is also drawn for all tasks at once, so that two
//! nearly identical tasks do not count as twice the evidence (a cluster bootstrap over seeds: Davison & Hinkley 1997,
//! section 3.8). Tasks with other seeds are drawn independently. A contrast of single arms is drawn task by task, as
//! rliable does (Agarwal et al. 2021, section 4.1).

use rand::Rng;

use crate::{
    Aggregate, Bootstrap, Error, Estimate, Result, Scores, Task, distribution::Distribution,
};

/// A weighted sum of the aggregates of arms.
#[derive(Clone, Debug)]
pub struct Contrast<'a> {
    blocks: Vec<Block<'a>>,
}

/// Arms with the same seeds in the same tasks.
#[derive(Clone, Debug)]
struct Block<'a> {
    arms: Vec<Arm<'a>>,
    /// The seeds of each task.
    seeds: Vec<&'a [u64]>,
}

#[derive(Clone, Debug)]
struct Arm<'a> {
    weight: f64,
    /// The scores of each task, in the order of the block's first arm.
    tasks: Vec<&'a [f64]>,
}

impl<'a> Contrast<'a> {
    /// A single arm. The difference of two single arms compares arms with different seeds.
    pub fn arm(scores: &'a Scores) -> Self {
        let tasks = scores.tasks().iter().map(|task| task.scores()).collect();
        Self {
            blocks: vec![Block {
                arms: vec![Arm { weight: 1.0, tasks }],
                seeds: scores.tasks().iter().map(Task::seeds).collect(),
            }],
        }
    }

    /// A weighted sum of arms with the same seeds.
    ///
    /// # Errors
    /// If there are no arms, if a weight is not finite, or if the arms differ in tasks or seeds.
    pub fn paired(arms: &[(f64, &'a Scores)]) -> Result<Self> {
        let Some((_, first)) = arms.first() else {
            return Err(Error::data("a contrast needs at least one arm"));
        };
        let arms = arms.iter().map(|(weight, scores)| {
            if !weight.is_finite() {
                let why = format!("the weight {weight} of an arm is not a finite number");
                return Err(Error::data(why));
            }
            let tasks = scores.tasks_paired_with(first)?;
            Ok(Arm {
                weight: *weight,
                tasks: tasks.iter().map(|task| task.scores()).collect(),
            })
        });
        Ok(Self {
            blocks: vec![Block {
                arms: arms.collect::<Result<_>>()?,
                seeds: first.tasks().iter().map(Task::seeds).collect(),
            }],
        })
    }

    /// How much better `with` does than `without`, which has the same seeds.
    ///
    /// # Errors
    /// If the arms differ in tasks or seeds.
    pub fn effect(with: &'a Scores, without: &'a Scores) -> Result<Self> {
        Self::paired(&[(1.0, with), (-1.0, without)])
    }

    /// This contrast minus another one, which may have other tasks and seeds. For two effects it is their
    /// interaction: how much larger this effect is than the other.
    pub fn minus(mut self, other: Self) -> Self {
        self.blocks
            .extend(other.blocks.into_iter().map(|mut block| {
                for arm in &mut block.arms {
                    arm.weight = -arm.weight;
                }
                block
            }));
        self
    }

    /// The weighted sum of the arms' aggregates. The estimate's `n` is the number of seeds, added up over all tasks:
    /// the number of runs of a single arm, and the number of pairs of an effect.
    pub fn estimate(
        &self,
        aggregate: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Estimate {
        let (strata, statistic) = self.resampled(aggregate);
        let seeds = self.blocks.iter().flat_map(|block| &block.seeds);
        Estimate {
            n: seeds.map(|seeds| seeds.len()).sum(),
            ..bootstrap.estimate(&strata, statistic, rng)
        }
    }

    /// The two-sided p-value of "the contrast is 0": twice the smaller of the shares of resamples on either side of
    /// 0, with the corrections of the interval (Efron & Tibshirani 1993, section 15.4).
    pub fn p_value(&self, aggregate: Aggregate, bootstrap: &Bootstrap, rng: &mut impl Rng) -> f64 {
        let distribution = self.distribution(aggregate, bootstrap, rng);
        let side = distribution
            .p_at_most(0.0)
            .min(distribution.p_at_least(0.0));
        (2.0 * side).min(1.0)
    }

    fn distribution(
        &self,
        aggregate: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Distribution {
        let (strata, statistic) = self.resampled(aggregate);
        bootstrap.distribution(&strata, statistic, rng)
    }

    /// The sizes of the strata, and the contrast as a function of the units drawn from them.
    fn resampled(&self, aggregate: Aggregate) -> (Vec<usize>, impl FnMut(&[Vec<usize>]) -> f64) {
        let only_single_arms = self.blocks.iter().all(|block| block.arms.len() == 1);
        let mut strata: Vec<&[u64]> = Vec::new();
        let mut stratum = |seeds: &'a [u64]| {
            let known = strata.iter().position(|known| *known == seeds);
            known.filter(|_| !only_single_arms).unwrap_or_else(|| {
                strata.push(seeds);
                strata.len() - 1
            })
        };
        // The stratum of each task of each block.
        let drawn_from: Vec<Vec<usize>> = self
            .blocks
            .iter()
            .map(|block| block.seeds.iter().map(|seeds| stratum(seeds)).collect())
            .collect();
        let sizes = strata.iter().map(|seeds| seeds.len()).collect();
        let mut tasks: Vec<Vec<f64>> = Vec::new();
        let statistic = move |drawn: &[Vec<usize>]| {
            let mut sum = 0.0;
            for (block, strata) in self.blocks.iter().zip(&drawn_from) {
                tasks.resize_with(strata.len(), Vec::new);
                for arm in &block.arms {
                    for ((task, scores), &stratum) in tasks.iter_mut().zip(&arm.tasks).zip(strata) {
                        task.clear();
                        task.extend(drawn[stratum].iter().map(|&unit| scores[unit]));
                    }
                    sum += arm.weight * aggregate.of(&tasks);
                }
            }
            sum
        };
        (sizes, statistic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const MEAN: Aggregate = Aggregate::Mean;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(1)
    }

    fn scores(of: impl Fn(u64) -> f64) -> Scores {
        let rows = (0..40).map(|seed| ("a", seed, of(seed)));
        Scores::new(rows.chain((0..20).map(|seed| ("b", seed, of(seed + 100))))).unwrap()
    }

    fn noise(seed: u64) -> f64 {
        ChaCha8Rng::seed_from_u64(seed).random::<f64>()
    }

    #[test]
    fn what_a_seed_does_to_both_arms_cancels() {
        let (with, without) = (
            scores(|s| 100.0 * noise(s) + 2.0),
            scores(|s| 100.0 * noise(s)),
        );
        let effect = Contrast::effect(&with, &without).unwrap();
        let Estimate { point, lo, hi, n } =
            effect.estimate(MEAN, &Bootstrap::default(), &mut rng());
        assert!((point - 2.0).abs() < 1e-12 && hi - lo < 1e-10);
        assert_eq!(n, 60);
        // If they were drawn independently, it would not cancel.
        let apart = Contrast::arm(&with).minus(Contrast::arm(&without));
        let apart = apart.estimate(MEAN, &Bootstrap::default(), &mut rng());
        assert!((apart.point - 2.0).abs() < 1e-9 && apart.hi - apart.lo > 10.0);
    }

    #[test]
    fn the_same_task_twice_narrows_no_interval() {
        let pair = |names: &[&'static str]| {
            let rows = |of: fn(u64) -> f64| {
                let each = names
                    .iter()
                    .flat_map(|name| (0..40).map(move |s| (*name, s)));
                Scores::new(each.map(|(name, s)| (name, s, of(s)))).unwrap()
            };
            (rows(|s| noise(s) + noise(s + 1000)), rows(noise))
        };
        let interval = |(with, without): &(Scores, Scores)| {
            let effect = Contrast::effect(with, without).unwrap();
            effect.estimate(MEAN, &Bootstrap::default(), &mut rng())
        };
        let (once, twice) = (interval(&pair(&["a"])), interval(&pair(&["a", "b"])));
        assert!((once.lo - twice.lo).abs() < 1e-12 && (once.hi - twice.hi).abs() < 1e-12);
        assert_eq!((once.n, twice.n), (40, 80));
        // An effect minus itself is exactly 0.
        let (with, without) = pair(&["a"]);
        let effect = || Contrast::effect(&with, &without).unwrap();
        let none = effect()
            .minus(effect())
            .estimate(MEAN, &Bootstrap::default(), &mut rng());
        assert!(
            [none.point, none.lo, none.hi]
                .iter()
                .all(|x| x.abs() < 1e-12)
        );
    }

    #[test]
    fn the_mean_effect_is_the_mean_of_the_differences() {
        let (with, without) = (scores(|s| noise(s) + noise(s + 1000)), scores(noise));
        let effect = Contrast::effect(&with, &without).unwrap();
        let differences = with.minus(&without).unwrap();
        let a = effect.estimate(MEAN, &Bootstrap::default(), &mut rng());
        let b = differences.estimate(MEAN, &Bootstrap::default(), &mut rng());
        for (a, b) in [(a.point, b.point), (a.lo, b.lo), (a.hi, b.hi)] {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn an_interaction_is_the_difference_of_two_effects() {
        let (rl, rl_without) = (scores(|s| noise(s) - 0.3 * noise(s + 500)), scores(noise));
        let other = |of: fn(u64) -> f64| {
            let rows = (0..40).map(|seed| ("a", seed + 300, of(seed)));
            Scores::new(rows.chain((0..20).map(|seed| ("b", seed + 300, of(seed + 100))))).unwrap()
        };
        let (control, control_without) = (other(|s| noise(s + 7)), other(|s| noise(s + 9)));
        let here = Contrast::effect(&rl, &rl_without).unwrap();
        let there = Contrast::effect(&control, &control_without).unwrap();
        let one = |contrast: &Contrast| contrast.estimate(MEAN, &Bootstrap::default(), &mut rng());
        let interaction = here.clone().minus(there.clone());
        let (both, here, there) = (one(&interaction), one(&here), one(&there));
        assert!((both.point - (here.point - there.point)).abs() < 1e-12);
        assert_eq!(both.n, 120);
        // The effects are independent, so their variances add; 5 % allows for resampling and tails.
        let half = |e: Estimate| (e.hi - e.lo) / 2.0;
        let expected = half(here).hypot(half(there));
        assert!((half(both) / expected - 1.0).abs() < 0.05, "{both:?}");
    }

    #[test]
    fn a_p_value_is_small_for_an_effect_and_one_for_none() {
        let (with, without) = (scores(|s| noise(s) + 0.1 * noise(s + 900)), scores(noise));
        let effect = Contrast::effect(&with, &without).unwrap();
        let plain = Bootstrap::default();
        assert!(effect.p_value(MEAN, &plain, &mut rng()) < 1e-3);
        let same = Contrast::effect(&with, &with).unwrap();
        assert_eq!(same.p_value(MEAN, &plain, &mut rng()), 1.0);
    }

    #[test]
    fn arms_that_do_not_fit_are_refused() {
        let (a, fewer) = (scores(noise), Scores::new([("a", 1, 1.0)]).unwrap());
        assert!(Contrast::effect(&a, &fewer).is_err());
        assert!(Contrast::paired(&[]).is_err());
        assert!(Contrast::paired(&[(f64::NAN, &a)]).is_err());
    }
}
