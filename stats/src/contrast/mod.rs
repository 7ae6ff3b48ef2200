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

#[cfg(test)]
mod tests;

use rand::Rng;

use crate::{
    Aggregate, Bootstrap, Error, Estimate, PerSetting, Result, Scores, Task,
    distribution::Distribution,
    tuned::{HALVINGS, Halves},
};

/// A weighted sum of the aggregates of arms.
#[derive(Clone, Debug)]
pub struct Contrast<'a> {
    blocks: Vec<PairedArms<'a>>,
}

/// Arms with the same seeds in the same tasks.
#[derive(Clone, Debug)]
struct PairedArms<'a> {
    arms: Vec<ArmScores<'a>>,
    /// The seeds of each task.
    seeds: Vec<&'a [u64]>,
}

#[derive(Clone, Debug)]
struct ArmScores<'a> {
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
    pub fn arm<A: PerSetting>(scores: &'a A) -> Self {
        let first = &scores.settings()[0];
        Self {
            blocks: vec![PairedArms {
                arms: vec![ArmScores {
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
    pub fn paired<A: PerSetting>(arms: &[(f64, &'a A)]) -> Result<Self> {
        let Some((_, first)) = arms.first() else {
            return Err(Error::data("a contrast needs at least one arm"));
        };
        let first = &first.settings()[0];
        let arms = arms.iter().map(|(weight, arm)| {
            finite(*weight)?;
            let settings = arm.settings().iter();
            let settings = settings.map(|scores| scores.tasks_paired_with(first));
            let settings = settings.collect::<Result<Vec<_>>>()?;
            Ok(ArmScores {
                weight: *weight,
                tasks: by_task(settings.into_iter().map(Vec::into_iter)),
            })
        });
        Ok(Self {
            blocks: vec![PairedArms {
                arms: arms.collect::<Result<_>>()?,
                seeds: first.tasks().iter().map(Task::seeds).collect(),
            }],
        })
    }

    /// How much better `with` does than `without`, which has the same seeds.
    ///
    /// # Errors
    /// If the arms differ in tasks or seeds.
    pub fn effect<A: PerSetting>(with: &'a A, without: &'a A) -> Result<Self> {
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
        let is_pair = |block: &PairedArms| match &block.arms[..] {
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
                let of = |arm: &ArmScores| {
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
                            let mut of = |(at, arm): (usize, &ArmScores)| {
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

impl Scores {
    /// The aggregate of the scores, with an interval from resampling the runs within each task.
    pub fn estimate(
        &self,
        aggregate: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Estimate {
        Contrast::arm(self).estimate(aggregate, bootstrap, rng)
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
