//! Choosing a setting on some seeds and judging it on others.
//!
//! The best of several noisy scores is likely to have been lucky: its tuning score is too high (Cawley &
//! Talbot 2010). The score to report is therefore that of seeds that had no part in the choice, and a
//! [`Chosen`] gives no other.

use std::collections::HashSet;

use rand::Rng;

use super::{Aggregate, Bootstrap, Contrast, Estimate, Scores};
use crate::{Error, Result};

/// The setting with the best tuning scores.
#[derive(Clone, Debug)]
pub struct Chosen<'a> {
    place: usize,
    rule: Aggregate,
    tuning: &'a Scores,
}

/// How the chosen setting does on fresh seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Its score there.
    pub score: Estimate,
    /// How much better its tuning score looked: the bias of the maximum where runs of both stages are alike.
    /// Its interval is for this setting's runs and takes the choice as given.
    pub bias: Estimate,
}

/// Chooses the best of several settings' tuning scores by `rule`; of equal ones, the first.
///
/// An error if there are none, or if they differ in tasks or seeds: every setting has the same budget.
pub fn choose<'a>(settings: &[&'a Scores], rule: Aggregate) -> Result<Chosen<'a>> {
    let Some(first) = settings.first() else {
        return Err(Error::usage("there is no setting to choose from"));
    };
    let mut best: Option<(usize, f64)> = None;
    for (place, scores) in settings.iter().enumerate() {
        scores.as_paired_with(first)?;
        let goodness = rule.sign() * scores.aggregate(rule);
        if best.is_none_or(|(_, most)| goodness > most) {
            best = Some((place, goodness));
        }
    }
    let place = best.map_or(0, |(place, _)| place);
    Ok(Chosen {
        place,
        rule,
        tuning: settings[place],
    })
}

impl Chosen<'_> {
    /// Its place among the settings.
    pub fn place(&self) -> usize {
        self.place
    }

    /// How it does on `fresh` runs of the same setting: by `aggregate`, and by how much the rule's score fell.
    ///
    /// An error if a seed was already used to choose, in any task, or if the tasks are not the same.
    pub fn report(
        &self,
        fresh: &Scores,
        aggregate: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Report> {
        fresh.as_tasks_of(self.tuning)?;
        let used: HashSet<u64> = seeds(self.tuning).collect();
        if let Some(seed) = seeds(fresh).find(|seed| used.contains(seed)) {
            return Err(Error::usage(format!(
                "seed {seed} was used to choose the setting; the score to report needs other seeds"
            )));
        }
        let (tuning, reported) = (Contrast::of(self.tuning), Contrast::of(fresh));
        let bias = match self.rule.sign() > 0.0 {
            true => tuning.minus(reported),
            false => reported.minus(tuning),
        };
        Ok(Report {
            score: fresh.estimate(aggregate, bootstrap, rng),
            bias: bias.estimate(self.rule, bootstrap, rng),
        })
    }
}

fn seeds(scores: &Scores) -> impl Iterator<Item = u64> {
    scores.tasks().iter().flat_map(|task| task.seeds()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn constant(score: f64, seeds: std::ops::Range<u64>) -> Scores {
        Scores::new(seeds.map(|seed| ("a", seed, score))).unwrap()
    }

    #[test]
    fn the_first_of_the_best_is_chosen() {
        let scores = [0.1, 0.7, 0.7, 0.2].map(|score| constant(score, 0..4));
        let settings: Vec<&Scores> = scores.iter().collect();
        assert_eq!(choose(&settings, Aggregate::Iqm).unwrap().place(), 1);
        let gap = Aggregate::OptimalityGap { gamma: 1.0 };
        assert_eq!(choose(&settings, gap).unwrap().place(), 1);
        assert!(choose(&[], Aggregate::Iqm).is_err());
        let (cheaper, fair) = (constant(0.9, 0..2), constant(0.1, 0..4));
        let error = choose(&[&cheaper, &fair], Aggregate::Iqm).unwrap_err();
        assert!(error.to_string().contains("seed 2"), "{error}");
    }

    #[test]
    fn tuning_seeds_are_not_reported_on() {
        let tuning = constant(0.7, 0..4);
        let chosen = choose(&[&tuning], Aggregate::Mean).unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let mut report = |fresh| chosen.report(&fresh, Aggregate::Iqm, &Bootstrap::default(), rng);
        let error = report(constant(0.5, 3..9)).unwrap_err();
        assert!(error.to_string().starts_with("seed 3 was used"), "{error}");
        let found = report(constant(0.5, 4..9)).unwrap();
        assert_eq!((found.score.point, found.score.n), (0.5, 5));
        assert!((found.bias.point - 0.2).abs() < 1e-12);
        let elsewhere = Scores::new([("b", 9, 0.5)]).unwrap();
        assert!(report(elsewhere).is_err());
    }

    #[test]
    fn the_winner_of_equals_falls_back_to_what_all_are() {
        // 20 settings that differ by luck alone, 10 runs each with a standard deviation of 1: the largest of
        // 20 means is expected 1.87 standard errors (Harter 1961) too high, 0.59.
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let quick = Bootstrap::new(10, 0.95, Default::default()).unwrap();
        let (mut bias, mut reported) = (0.0, 0.0);
        let rounds = 300;
        for _ in 0..rounds {
            let mut runs = |seeds: std::ops::Range<u64>| {
                let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
                Scores::new(seeds.map(|seed| ("a", seed, normal()))).unwrap()
            };
            let settings: Vec<Scores> = (0..20).map(|_| runs(0..10)).collect();
            let fresh = runs(100..110);
            let chosen = choose(&settings.iter().collect::<Vec<_>>(), Aggregate::Mean).unwrap();
            let report = chosen
                .report(&fresh, Aggregate::Mean, &quick, &mut rng)
                .unwrap();
            bias += report.bias.point / f64::from(rounds);
            reported += report.score.point / f64::from(rounds);
        }
        // Four standard errors of a mean of 300: sqrt(0.1 / 300) = 0.018, a bit more for the difference.
        assert!((bias - 0.59).abs() < 0.09, "{bias}");
        assert!(reported.abs() < 0.075, "{reported}");
    }
}
