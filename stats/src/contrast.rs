//! Differences between arms, and differences between differences: linear contrasts with their intervals.
//!
//! Runs with the same seeds are drawn together. A seed is drawn for all arms at once, so what it does to all of them
//! cancels (paired data: Efron & Tibshirani 1993, section 8.6). It is also drawn for all tasks at once, so that two
//! nearly identical tasks do not count as twice the evidence (a cluster bootstrap over seeds: Davison & Hinkley 1997,
//! section 3.8). Tasks with other seeds are drawn independently. A contrast of single arms is drawn task by task, as
//! rliable does (Agarwal et al. 2021, section 4.1).
//!
//! An arm may be a grid of settings ([`Tuned`](crate::Tuned)). The choice among them is then made anew in each
//! resample, so the interval includes the noise of tuning.

use rand::Rng;

use crate::{
    Aggregate, Bootstrap, Error, Estimate, Result, Settings, Task,
    distribution::Distribution,
    tuned::{HALVINGS, Halves},
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
    /// The scores of each task at each setting, `[tasks][settings][seeds]`, in the order of the block's first arm.
    tasks: Vec<Vec<&'a [f64]>>,
}

/// The number that a contrast makes of the scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// The weighted sum of the arms' aggregates.
    Sum(Aggregate),
    /// How much more likely than not the first arm of a pair is to do better with the same seed: the probability,
    /// with ties counted half, less 1/2, as the mean over tasks. It lies between -1/2 and 1/2. It is the same on
    /// every monotone scale of the scores, so effects on different tasks can be compared by it.
    Advantage,
}

/// An estimate, and how probable as large a deviation from 0 would be without an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// The estimate with its interval.
    pub estimate: Estimate,
    /// The two-sided p-value of "it is 0".
    pub p: f64,
    /// The standard deviation of the estimate over the resamples.
    pub standard_error: f64,
}

impl<'a> Contrast<'a> {
    /// A single arm. The difference of two single arms compares arms with different seeds.
    pub fn arm<A: Settings>(scores: &'a A) -> Self {
        let first = &scores.settings()[0];
        Self {
            blocks: vec![Block {
                arms: vec![Arm {
                    weight: 1.0,
                    tasks: by_task(scores.settings().iter().map(|one| one.tasks().iter())),
                }],
                seeds: first.tasks().iter().map(Task::seeds).collect(),
            }],
        }
    }

    /// A weighted sum of arms with the same seeds.
    ///
    /// # Errors
    /// If there are no arms, if a weight is not finite, or if the arms differ in tasks or seeds.
    pub fn paired<A: Settings>(arms: &[(f64, &'a A)]) -> Result<Self> {
        let Some((_, first)) = arms.first() else {
            return Err(Error::data("a contrast needs at least one arm"));
        };
        let first = &first.settings()[0];
        let arms = arms.iter().map(|(weight, arm)| {
            finite(*weight)?;
            let settings = arm.settings().iter();
            let settings = settings.map(|scores| scores.tasks_paired_with(first));
            let settings = settings.collect::<Result<Vec<_>>>()?;
            Ok(Arm {
                weight: *weight,
                tasks: by_task(settings.into_iter().map(Vec::into_iter)),
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
    pub fn effect<A: Settings>(with: &'a A, without: &'a A) -> Result<Self> {
        Self::paired(&[(1.0, with), (-1.0, without)])
    }

    /// This contrast times `factor`.
    ///
    /// # Errors
    /// If the factor is not finite.
    pub fn times(mut self, factor: f64) -> Result<Self> {
        finite(factor)?;
        let arms = self.blocks.iter_mut().flat_map(|block| &mut block.arms);
        arms.for_each(|arm| arm.weight *= factor);
        Ok(self)
    }

    /// This contrast plus another one, which may have other tasks and seeds.
    pub fn plus(mut self, other: Self) -> Self {
        self.blocks.extend(other.blocks);
        self
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
        let (strata, statistic) = self.resampled(Reading::Sum(aggregate));
        Estimate {
            n: self.seeds(),
            ..bootstrap.estimate(&strata, statistic, rng)
        }
    }

    /// The two-sided p-value of "the contrast is 0": twice the smaller of the shares of resamples on either side of
    /// 0, with the corrections of the interval (Efron & Tibshirani 1993, section 15.4).
    pub fn p_value(&self, aggregate: Aggregate, bootstrap: &Bootstrap, rng: &mut impl Rng) -> f64 {
        let (strata, statistic) = self.resampled(Reading::Sum(aggregate));
        two_sided(&bootstrap.distribution(&strata, statistic, rng))
    }

    /// The `measure` of the contrast with its interval and its p-value, both from the same resamples.
    ///
    /// # Errors
    /// For an advantage, unless the contrast is made of effects.
    pub fn test(
        &self,
        measure: Measure,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Tested> {
        let (strata, statistic) = self.resampled(self.reading(measure)?);
        let distribution = bootstrap.distribution(&strata, statistic, rng);
        Ok(Tested {
            estimate: Estimate {
                n: self.seeds(),
                ..distribution.interval(bootstrap.level())
            },
            p: two_sided(&distribution),
            standard_error: distribution.standard_deviation(),
        })
    }

    /// The number of seeds, added up over all tasks.
    fn seeds(&self) -> usize {
        let seeds = self.blocks.iter().flat_map(|block| &block.seeds);
        seeds.map(|seeds| seeds.len()).sum()
    }

    /// An error if the contrast has no such measure.
    pub(crate) fn reading(&self, measure: Measure) -> Result<Reading> {
        let aggregate = match measure {
            Measure::Sum(aggregate) => return Ok(Reading::Sum(aggregate)),
            Measure::Advantage => Reading::Advantage,
        };
        let is_pair = |block: &Block| match &block.arms[..] {
            [a, b] => a.weight == -b.weight,
            _ => false,
        };
        match self.blocks.iter().all(is_pair) {
            true => Ok(aggregate),
            false => Err(Error::data(
                "only effects have an advantage: differences of two arms with the same seeds",
            )),
        }
    }

    /// The sizes of the strata, and the contrast as a function of the units drawn from them.
    pub(crate) fn resampled(
        &self,
        reading: Reading,
    ) -> (Vec<usize>, impl FnMut(&[Vec<usize>]) -> f64) {
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
        let sizes: Vec<usize> = strata.iter().map(|seeds| seeds.len()).collect();
        let halves: Vec<Halves> = sizes.iter().map(|&seeds| Halves::new(seeds)).collect();
        let mut times: Vec<Vec<u32>> = sizes.iter().map(|&seeds| vec![0; seeds]).collect();
        let [mut tasks, mut others]: [Vec<Vec<f64>>; 2] = Default::default();
        let statistic = move |drawn: &[Vec<usize>]| {
            for (times, drawn) in times.iter_mut().zip(drawn) {
                times.fill(0);
                drawn.iter().for_each(|&unit| times[unit] += 1);
            }
            let (mut sum, mut size) = (0.0, 0.0);
            for (block, strata) in self.blocks.iter().zip(&drawn_from) {
                let of = |arm: &Arm| {
                    let tasks = arm.tasks.iter().zip(strata);
                    let choose = |(task, &stratum): (&Vec<_>, &usize)| {
                        halves[stratum].choose(task, &times[stratum])
                    };
                    tasks.map(choose).collect::<Vec<_>>()
                };
                let chosen: Vec<_> = block.arms.iter().map(of).collect();
                let fill =
                    |arm: usize, halving: usize, into: &mut Vec<Vec<f64>>| {
                        into.resize_with(strata.len(), Vec::new);
                        let each = block.arms[arm].tasks.iter().zip(&chosen[arm]).zip(strata);
                        for (into, ((settings, chosen), &stratum)) in into.iter_mut().zip(each) {
                            into.clear();
                            let halves = &halves[stratum];
                            into.extend(drawn[stratum].iter().map(|&unit| {
                                settings[chosen.setting(halving, halves, unit)][unit]
                            }));
                        }
                    };
                let is_tuned = block.arms.iter().flat_map(|arm| &arm.tasks);
                let halvings = match is_tuned.into_iter().any(|settings| settings.len() > 1) {
                    true => HALVINGS,
                    false => 1,
                };
                for halving in 0..halvings {
                    let share = match reading {
                        Reading::Sum(aggregate) => {
                            let mut of = |(at, arm): (usize, &Arm)| {
                                fill(at, halving, &mut tasks);
                                arm.weight * aggregate.of(&tasks)
                            };
                            block.arms.iter().enumerate().map(&mut of).sum::<f64>()
                        }
                        Reading::Advantage => {
                            fill(0, halving, &mut tasks);
                            fill(1, halving, &mut others);
                            block.arms[0].weight * advantage(&tasks, &others)
                        }
                    };
                    sum += share / halvings as f64;
                    size += share.abs() / halvings as f64;
                }
            }
            // What cancels leaves a rounding error, which has a sign.
            match sum.abs() <= ROUNDING * size {
                true => 0.0,
                false => sum,
            }
        };
        (sizes, statistic)
    }
}

/// A sum this much smaller than its terms is a rounding error.
const ROUNDING: f64 = 1e-12;

/// A [`Measure`] that the contrast has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    Sum(Aggregate),
    Advantage,
}

/// Turns `[settings][tasks]` into the scores `[tasks][settings]`.
fn by_task<'a>(
    settings: impl Iterator<Item = impl Iterator<Item = &'a Task>>,
) -> Vec<Vec<&'a [f64]>> {
    let mut tasks: Vec<Vec<&[f64]>> = Vec::new();
    for setting in settings {
        for (place, task) in setting.enumerate() {
            match tasks.get_mut(place) {
                Some(known) => known.push(task.scores()),
                None => tasks.push(vec![task.scores()]),
            }
        }
    }
    tasks
}

/// The mean over tasks of the share of pairs in which `a` is higher, ties counted half, less 1/2.
fn advantage(a: &[Vec<f64>], b: &[Vec<f64>]) -> f64 {
    let of_task = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        let better = |(a, b): (&f64, &f64)| f64::from(a > b) - f64::from(a < b);
        a.iter().zip(b).map(better).sum::<f64>() / (2 * a.len()) as f64
    };
    a.iter().zip(b).map(of_task).sum::<f64>() / a.len() as f64
}

fn two_sided(distribution: &Distribution) -> f64 {
    let side = distribution
        .p_at_most(0.0)
        .min(distribution.p_at_least(0.0));
    (2.0 * side).min(1.0)
}

fn finite(weight: f64) -> Result<()> {
    match weight.is_finite() {
        true => Ok(()),
        false => Err(Error::data(format!(
            "the weight {weight} of an arm is not a finite number"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scores;
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
        // What cancels to within rounding is 0 and not significant: 0.1 + 0.2 - 0.3 is 5.6e-17.
        let times = |factor| effect().times(factor).unwrap();
        let rest = times(0.1).plus(times(0.2)).plus(times(-0.3));
        let rest = rest
            .test(Measure::Sum(MEAN), &Bootstrap::default(), &mut rng())
            .unwrap();
        assert_eq!((rest.estimate.point, rest.p), (0.0, 1.0));
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
        assert!(Contrast::paired::<Scores>(&[]).is_err());
        assert!(Contrast::paired(&[(f64::NAN, &a)]).is_err());
    }

    #[test]
    fn an_advantage_counts_pairs_and_ignores_the_scale() {
        let arm = |of: [f64; 4]| {
            let rows = of.into_iter().zip(0..);
            Scores::new(rows.map(|(score, seed)| ("a", seed, score))).unwrap()
        };
        let advantage = |with: &Scores, without: &Scores| {
            let effect = Contrast::effect(with, without).unwrap();
            effect
                .test(Measure::Advantage, &Bootstrap::default(), &mut rng())
                .unwrap()
        };
        let (with, without) = (arm([1.0, 2.0, 3.0, 4.0]), arm([0.0, 2.0, 4.0, 1.0]));
        // Two better, one worse, one equal: 2.5 of 4.
        let found = advantage(&with, &without);
        assert_eq!((found.estimate.point, found.estimate.n), (0.125, 4));
        let cubed = |scores: &Scores| {
            let task = &scores.tasks()[0];
            let cubes = task.scores().iter().map(|score| score.powi(3));
            let rows = task.seeds().iter().zip(cubes);
            Scores::new(rows.map(|(seed, score)| ("a", *seed, score))).unwrap()
        };
        assert_eq!(advantage(&cubed(&with), &cubed(&without)), found);
        // An interaction is the difference of two advantages.
        let effect = |with, without| Contrast::effect(with, without).unwrap();
        let change = effect(&with, &without).minus(effect(&without, &with));
        let change = change.test(Measure::Advantage, &Bootstrap::default(), &mut rng());
        assert_eq!(change.unwrap().estimate.point, 0.25);
        let single =
            Contrast::arm(&with).test(Measure::Advantage, &Bootstrap::default(), &mut rng());
        assert!(single.unwrap_err().to_string().contains("only effects"));
    }

    #[test]
    fn a_test_is_an_estimate_and_its_p_value() {
        let (with, without) = (scores(|s| noise(s) + 0.1 * noise(s + 900)), scores(noise));
        let effect = Contrast::effect(&with, &without).unwrap();
        let plain = Bootstrap::default();
        let tested = effect.test(Measure::Sum(MEAN), &plain, &mut rng()).unwrap();
        assert_eq!(tested.estimate, effect.estimate(MEAN, &plain, &mut rng()));
        assert_eq!(tested.p, effect.p_value(MEAN, &plain, &mut rng()));
        let half = effect.clone().times(0.5).unwrap();
        let both = half.clone().plus(half);
        let both = both.test(Measure::Sum(MEAN), &plain, &mut rng()).unwrap();
        assert!((both.estimate.point - tested.estimate.point).abs() < 1e-12);
        assert!(effect.times(f64::INFINITY).is_err());
    }
}
