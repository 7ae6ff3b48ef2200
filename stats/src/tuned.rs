//! Arms whose setting is chosen from a grid, with every seed at every setting.
//!
//! The seeds are halved at random, ten times. Each half chooses a setting, the one with the best mean, and the other half
//! is scored at it (repeated twofold cross-validation: Stone 1974; Dietterich 1998). So no run is judged by a choice that
//! it took part in, every seed is judged, and none is spent on tuning alone. A bootstrap repeats the whole of it with
//! drawn seeds, so its interval includes the noise of tuning. All copies of a drawn seed are in the same half.
//!
//! Leaving out one seed at a time would choose on more seeds. But where two settings are equally good, its choice hangs on
//! single seeds, and in simulations its estimates had two to four times the variance.

use crate::{Error, Result, Scores};

/// How often the seeds are halved.
pub(crate) const HALVINGS: usize = 10;

/// Scores at every setting of an arm; a [`Scores`] has a single one.
pub trait PerSetting {
    /// The scores at each setting, in order of preference: of settings that do equally well the first is chosen.
    /// There is at least one, and all have the same seeds in the same tasks.
    fn settings(&self) -> &[Scores];
}

impl PerSetting for Scores {
    fn settings(&self) -> &[Scores] {
        std::slice::from_ref(self)
    }
}

/// The scores of an arm at every setting of a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    settings: Vec<Scores>,
}

impl PerSetting for Tuned {
    fn settings(&self) -> &[Scores] {
        &self.settings
    }
}

impl Tuned {
    /// An arm with the scores at each setting, in order of preference: of settings with the same mean the first is
    /// chosen. The order must not depend on chance, and a setting that diverged belongs behind one that did not.
    ///
    /// # Errors
    /// If there is no setting, or if settings differ in tasks, in their order, or in seeds.
    pub fn new(settings: Vec<Scores>) -> Result<Self> {
        let Some(first) = settings.first() else {
            return Err(Error::data("there is no setting to choose from"));
        };
        for scores in &settings {
            scores.tasks_paired_with(first)?;
            let pairs = scores.tasks().iter().zip(first.tasks());
            if pairs.into_iter().any(|(a, b)| a.name() != b.name()) {
                let why = "the settings have their tasks in different orders";
                return Err(Error::data(why));
            }
        }
        Ok(Self { settings })
    }

    /// The setting with the best mean in each task.
    pub fn chosen(&self) -> Vec<usize> {
        let of = |task: Vec<&[f64]>| {
            let totals: Vec<f64> = task.iter().map(|scores| scores.iter().sum()).collect();
            best(&totals)
        };
        self.tasks().map(of).collect()
    }

    /// The mean score of each seed at the settings that the halves without it choose.
    pub fn scores(&self) -> Scores {
        let mut rows = Vec::new();
        for (task, scores) in self.settings[0].tasks().iter().zip(self.tasks()) {
            let halves = Halves::new(task.seeds().len());
            let chosen = halves.choose(&scores, &vec![1; task.seeds().len()]);
            for (unit, &seed) in task.seeds().iter().enumerate() {
                let at = |h: usize| scores[chosen.setting(h, &halves, unit)][unit];
                let sum: f64 = (0..HALVINGS).map(at).sum();
                rows.push((task.name(), seed, sum / HALVINGS as f64));
            }
        }
        // They are finite and each is there once, as in the settings.
        Scores::new(rows).unwrap_or_else(|_| self.settings[0].clone())
    }

    /// The scores of each task, `[settings][seeds]`.
    fn tasks(&self) -> impl Iterator<Item = Vec<&[f64]>> {
        let tasks = 0..self.settings[0].tasks().len();
        tasks.map(|place| {
            let settings = self.settings.iter();
            settings.map(|one| one.tasks()[place].scores()).collect()
        })
    }
}

/// Ten ways to halve units, the same for all arms with as many of them.
#[derive(Clone, Debug)]
pub(crate) struct Halves {
    /// For each unit, 1 where it is in the second half.
    second: Vec<[f64; HALVINGS]>,
}

/// The setting that each half chooses, `[halvings][halves]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HalfChoices([[usize; 2]; HALVINGS]);

impl Halves {
    pub(crate) fn new(units: usize) -> Self {
        let mut second = vec![[0.0; HALVINGS]; units];
        (0..HALVINGS).for_each(|halving| {
            let mut order: Vec<usize> = (0..units).collect();
            order.sort_by_key(|unit| scrambled((halving * units + unit) as u64));
            for unit in &order[units / 2..] {
                second[*unit][halving] = 1.0;
            }
        });
        Self { second }
    }

    /// What each half chooses among the settings of a task, `[settings][units]`, if each unit was drawn so often.
    pub(crate) fn choose(&self, task: &[&[f64]], drawn: &[u32]) -> HalfChoices {
        let mut chosen = [[0; 2]; HALVINGS];
        if task.len() == 1 {
            return HalfChoices(chosen);
        }
        let mut most = [[f64::NEG_INFINITY; 2]; HALVINGS];
        for (setting, scores) in task.iter().enumerate() {
            let (mut all, mut second) = (0.0, [0.0; HALVINGS]);
            for ((score, times), halves) in scores.iter().zip(drawn).zip(&self.second) {
                let score = score * f64::from(*times);
                all += score;
                for (sum, half) in second.iter_mut().zip(halves) {
                    *sum += score * half;
                }
            }
            for (halving, second) in second.into_iter().enumerate() {
                for (half, total) in [all - second, second].into_iter().enumerate() {
                    if total > most[halving][half] {
                        most[halving][half] = total;
                        chosen[halving][half] = setting;
                    }
                }
            }
        }
        HalfChoices(chosen)
    }
}

impl HalfChoices {
    /// The setting at which `unit` is scored: the choice of the half that it is not in.
    pub(crate) fn setting(&self, halving: usize, halves: &Halves, unit: usize) -> usize {
        let is_in_second = halves.second[unit][halving] > 0.0;
        self.0[halving][usize::from(!is_in_second)]
    }
}

/// A number that looks random and depends only on `x` (SplitMix64's finaliser: Steele, Lea & Flood 2014).
fn scrambled(x: u64) -> u64 {
    let mut z = x.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The first of the largest of `values`.
fn best(values: &[f64]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(rows: &[f64]) -> Scores {
        let rows = rows.iter().zip(0..);
        Scores::new(rows.map(|(score, seed)| ("a", seed, *score))).unwrap()
    }

    #[test]
    fn a_seed_is_scored_at_the_choice_of_the_other_half() {
        // Whichever half has the lucky seed 3 chooses the second setting, and the other half is scored there.
        let lucky = Tuned::new(vec![
            scores(&[1.0, 1.0, 1.0, 1.0]),
            scores(&[0.0, 0.0, 0.0, 9.0]),
        ]);
        let lucky = lucky.unwrap();
        assert_eq!(lucky.chosen(), [1]);
        let found = lucky.scores();
        // It is never in the half that chooses for itself.
        assert_eq!(found.tasks()[0].scores()[3], 1.0);
        let others = &found.tasks()[0].scores()[..3];
        // One of the other three is in its half each time, and is scored at the first setting.
        assert!(
            (others.iter().sum::<f64>() - 1.0).abs() < 1e-12,
            "{others:?}"
        );
    }

    #[test]
    fn halves_are_halves_and_differ() {
        for units in [2, 5, 30] {
            let halves = Halves::new(units);
            let size = |halving: usize| halves.second.iter().map(|unit| unit[halving]).sum::<f64>();
            assert!((0..HALVINGS).all(|halving| size(halving) == (units - units / 2) as f64));
        }
        let halves = Halves::new(30);
        for halving in 1..HALVINGS {
            let same = halves.second.iter().filter(|unit| unit[0] == unit[halving]);
            assert!((4..=26).contains(&same.count()));
        }
    }

    #[test]
    fn the_first_of_equals_is_chosen() {
        let equal = Tuned::new(vec![scores(&[2.0; 4]), scores(&[2.0; 4])]).unwrap();
        assert_eq!(equal.chosen(), [0]);
        let halves = Halves::new(4);
        let task: [&[f64]; 2] = [&[2.0; 4], &[2.0; 4]];
        assert_eq!(
            halves.choose(&task, &[1, 3, 0, 1]),
            HalfChoices([[0; 2]; HALVINGS])
        );
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        assert!(Tuned::new(Vec::new()).is_err());
        let error = Tuned::new(vec![scores(&[1.0, 2.0]), scores(&[1.0])]).unwrap_err();
        assert!(error.to_string().contains("seed 1"), "{error}");
        let order = |names: [&str; 2]| Scores::new(names.map(|name| (name, 1, 0.0))).unwrap();
        assert!(Tuned::new(vec![order(["a", "b"]), order(["b", "a"])]).is_err());
    }
}
