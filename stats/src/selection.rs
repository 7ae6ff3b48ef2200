//! Choosing a setting on some seeds and evaluating it on others.
//!
//! The best of several noisy scores was probably lucky, so its tuning score is too high (Cawley & Talbot 2010). The
//! score to report comes from seeds that had no part in the choice, and a [`Choice`] gives no other.

use std::collections::HashSet;

use rand::Rng;

use crate::{Aggregate, Bootstrap, Contrast, Error, Estimate, Result, Scores};

/// The setting with the best tuning scores.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    index: usize,
    rule: Aggregate,
    tuning: &'a Scores,
}

/// The performance of the chosen setting on fresh seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The score on the fresh seeds.
    pub score: Estimate,
    /// How much better the tuning score was. This is the bias of taking the maximum if the runs of both stages are
    /// otherwise alike. The interval takes the choice as given and covers only the runs of this setting.
    pub bias: Estimate,
}

/// Chooses the setting with the best tuning scores by `rule`; the first one if several are equal.
///
/// # Errors
/// If there are no settings, or if they differ in tasks or seeds: every setting must have the same budget.
pub fn choose<'a>(settings: &[&'a Scores], rule: Aggregate) -> Result<Choice<'a>> {
    let Some(first) = settings.first() else {
        return Err(Error::data("there is no setting to choose from"));
    };
    let mut best: Option<(usize, f64)> = None;
    for (index, scores) in settings.iter().enumerate() {
        scores.tasks_paired_with(first)?;
        let goodness = rule.sign() * scores.aggregate(rule);
        if best.is_none_or(|(_, most)| goodness > most) {
            best = Some((index, goodness));
        }
    }
    let index = best.map_or(0, |(index, _)| index);
    Ok(Choice {
        index,
        rule,
        tuning: settings[index],
    })
}

/// How much the choice adds to the spread of the score to report: the standard deviation of the chosen setting's score
/// if other seeds had been drawn to choose on. The score of each setting is taken from all tuning seeds, so the noise is
/// that of choosing alone. It is 0 if every resample chooses the same setting.
///
/// # Errors
/// As for [`choose`].
pub fn tuning_noise(
    settings: &[&Scores],
    rule: Aggregate,
    bootstrap: &Bootstrap,
    rng: &mut impl Rng,
) -> Result<f64> {
    choose(settings, rule)?;
    let of = |setting: &&Scores| setting.aggregate(rule);
    let scores: Vec<f64> = settings.iter().map(of).collect();
    let statistic = |drawn: &[Vec<usize>]| {
        let mut best: Option<(f64, f64)> = None;
        for (setting, score) in settings.iter().zip(&scores) {
            let tasks = setting.tasks().iter().zip(drawn);
            let tasks = tasks.map(|(task, drawn)| {
                let units = drawn.iter().map(|&unit| task.scores()[unit]);
                units.collect::<Vec<f64>>()
            });
            let goodness = rule.sign() * rule.of(&tasks.collect::<Vec<_>>());
            if best.is_none_or(|(most, _)| goodness > most) {
                best = Some((goodness, *score));
            }
        }
        best.map_or(0.0, |(_, score)| score)
    };
    let distribution = bootstrap.distribution(&settings[0].sizes(), statistic, rng);
    Ok(distribution.standard_deviation())
}

impl Choice<'_> {
    /// The index of the chosen setting among those given.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The performance of the setting on `fresh` runs: their score by `aggregate`, and how much better
    /// the tuning score was by the rule of the choice.
    ///
    /// # Errors
    /// If a fresh seed was used to choose, in any task, or if the tasks differ.
    pub fn evaluate(
        &self,
        fresh: &Scores,
        aggregate: Aggregate,
        bootstrap: &Bootstrap,
        rng: &mut impl Rng,
    ) -> Result<Evaluation> {
        fresh.tasks_in_the_order_of(self.tuning)?;
        let used: HashSet<u64> = seeds(self.tuning).collect();
        if let Some(seed) = seeds(fresh).find(|seed| used.contains(seed)) {
            return Err(Error::data(format!(
                "seed {seed} was used to choose the setting; the score to report needs other seeds"
            )));
        }
        let (tuning, evaluated) = (Contrast::arm(self.tuning), Contrast::arm(fresh));
        let bias = match self.rule.sign() > 0.0 {
            true => tuning.minus(evaluated),
            false => evaluated.minus(tuning),
        };
        Ok(Evaluation {
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
        assert_eq!(choose(&settings, Aggregate::Iqm).unwrap().index(), 1);
        let gap = Aggregate::OptimalityGap { gamma: 1.0 };
        assert_eq!(choose(&settings, gap).unwrap().index(), 1);
        assert!(choose(&[], Aggregate::Iqm).is_err());
        let (cheaper, fair) = (constant(0.9, 0..2), constant(0.1, 0..4));
        let error = choose(&[&cheaper, &fair], Aggregate::Iqm).unwrap_err();
        assert!(error.to_string().contains("seed 2"), "{error}");
    }

    #[test]
    fn tuning_seeds_are_refused_in_an_evaluation() {
        let tuning = constant(0.7, 0..4);
        let chosen = choose(&[&tuning], Aggregate::Mean).unwrap();
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let mut evaluate =
            |fresh| chosen.evaluate(&fresh, Aggregate::Iqm, &Bootstrap::default(), rng);
        let error = evaluate(constant(0.5, 3..9)).unwrap_err();
        assert!(error.to_string().starts_with("seed 3 was used"), "{error}");
        let found = evaluate(constant(0.5, 4..9)).unwrap();
        assert_eq!((found.score.point, found.score.n), (0.5, 5));
        assert!((found.bias.point - 0.2).abs() < 1e-12);
        let elsewhere = Scores::new([("b", 9, 0.5)]).unwrap();
        assert!(evaluate(elsewhere).is_err());
    }

    #[test]
    fn a_choice_is_noisy_where_settings_are_close_and_differ() {
        let noise = |scores: [[f64; 3]; 2]| {
            let settings = scores.map(|scores| {
                Scores::new(scores.into_iter().zip(0..).map(|(x, seed)| ("a", seed, x))).unwrap()
            });
            let rng = &mut ChaCha8Rng::seed_from_u64(1);
            let settings: Vec<&Scores> = settings.iter().collect();
            tuning_noise(&settings, Aggregate::Mean, &Bootstrap::default(), rng).unwrap()
        };
        // The second setting is always chosen.
        assert_eq!(noise([[0.0; 3], [1.0; 3]]), 0.0);
        // 8 of 27 draws lack the lucky seed and choose the first setting, whose score is 0.4 instead of 1.
        let p = 8.0 / 27.0f64;
        let expected = 0.6 * (p * (1.0 - p)).sqrt();
        let found = noise([[0.4; 3], [0.0, 0.0, 3.0]]);
        assert!((found - expected).abs() < 0.005, "{found} {expected}");
    }

    #[test]
    fn the_tuning_score_of_the_best_of_equals_is_too_high() {
        // 20 settings that differ only by luck, with 10 runs each and a standard deviation of 1. The largest of 20
        // means is expected to be 1.87 standard errors, or 0.59, too high (Harter 1961).
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let quick = Bootstrap::new(10, 0.95, Default::default()).unwrap();
        let (mut bias, mut score) = (0.0, 0.0);
        let rounds = 300;
        for _ in 0..rounds {
            let mut runs = |seeds: std::ops::Range<u64>| {
                let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
                Scores::new(seeds.map(|seed| ("a", seed, normal()))).unwrap()
            };
            let settings: Vec<Scores> = (0..20).map(|_| runs(0..10)).collect();
            let fresh = runs(100..110);
            let chosen = choose(&settings.iter().collect::<Vec<_>>(), Aggregate::Mean).unwrap();
            let found = chosen
                .evaluate(&fresh, Aggregate::Mean, &quick, &mut rng)
                .unwrap();
            bias += found.bias.point / f64::from(rounds);
            score += found.score.point / f64::from(rounds);
        }
        // Four standard errors of a mean of 300: sqrt(0.1 / 300) = 0.018, slightly more for the difference.
        assert!((bias - 0.59).abs() < 0.09, "{bias}");
        assert!(score.abs() < 0.075, "{score}");
    }
}
