//! Two optimisers compared in a group of cells.

use std::collections::BTreeSet;

use settings::Words;
use stats::{Aggregate, Bootstrap, Measure, Method, Tested, Tuned};

use super::{
    assay::assays,
    load::Results,
    verdict::{Evidence, Finding},
};
use crate::{
    Result,
    study::{
        assay::Assay,
        experiment::{ContrastTable, Score},
    },
};

/// Resamples of a contrast without one of its environments, which only has to agree with the whole contrast.
const RESAMPLES_WITHOUT: usize = 2000;

/// The assays of all cells, by outcome.
pub struct Assays(Vec<(Score, Vec<Assay>)>);

impl Assays {
    pub fn of(results: &Results) -> Self {
        let outcomes = results.outcomes().iter();
        Self(
            outcomes
                .map(|&outcome| (outcome, assays(results, outcome)))
                .collect(),
        )
    }

    pub fn by(&self, outcome: Score) -> &[Assay] {
        let found = self.0.iter().find(|(known, _)| *known == outcome);
        found.map_or(&[], |(_, assays)| assays)
    }

    /// Those of `cells` where a difference could have shown.
    pub fn informative(&self, outcome: Score, cells: &[usize]) -> Vec<usize> {
        let assays = self.by(outcome);
        let informative = |cell: &&usize| assays[**cell].informative;
        cells.iter().filter(informative).copied().collect()
    }

    /// The mean margin of `cells`.
    fn margin(&self, outcome: Score, cells: &[usize]) -> f64 {
        let assays = self.by(outcome);
        let sum: f64 = cells.iter().map(|&cell| assays[cell].margin).sum();
        sum / cells.len().max(1) as f64
    }
}

/// What is compared: two optimisers, by one outcome.
pub struct Comparison<'a> {
    pub results: &'a Results,
    pub assays: &'a Assays,
    pub contrast: &'a ContrastTable,
    pub outcome: Score,
}

/// The scores of two arms in the same cells.
struct TwoArms {
    with: Tuned,
    without: Tuned,
}

impl TwoArms {
    fn effect(&self) -> Result<stats::Contrast<'_>> {
        Ok(stats::Contrast::effect(&self.with, &self.without)?)
    }
}

impl Comparison<'_> {
    fn arms(&self, cells: &[usize]) -> Result<TwoArms> {
        let scores = |name: &str| {
            let arm = self.results.arm(name);
            self.results.scores(self.outcome, arm, cells)
        };
        Ok(TwoArms {
            with: scores(&self.contrast.with)?,
            without: scores(&self.contrast.without)?,
        })
    }

    /// The name of a part of the evidence, which seeds its bootstrap.
    fn named(&self, what: &str) -> String {
        match self.outcome == self.results.outcomes()[0] {
            true => what.into(),
            false => format!("{what}, {}", self.outcome.word()),
        }
    }

    fn test(
        &self,
        cells: &[usize],
        subtracted: &[usize],
        measure: Measure,
        bootstrap: &Bootstrap,
        what: &str,
    ) -> Result<Tested> {
        let side = self.arms(cells)?;
        let other = match subtracted.is_empty() {
            true => None,
            false => Some(self.arms(subtracted)?),
        };
        let difference = match &other {
            None => side.effect()?,
            Some(other) => side.effect()?.minus(other.effect()?),
        };
        let mut rng = self.results.rng(&self.named(what));
        Ok(difference.test(measure, bootstrap, &mut rng)?)
    }

    /// The sum of the effects in each group of cells, times its weight.
    pub fn weighted(
        &self,
        weights: &[f64],
        groups: &[Vec<usize>],
        measure: Measure,
        bootstrap: &Bootstrap,
        what: &str,
    ) -> Result<Tested> {
        let arms = groups.iter().map(|cells| self.arms(cells));
        let arms = arms.collect::<Result<Vec<_>>>()?;
        let mut sum: Option<stats::Contrast> = None;
        for (arms, &weight) in arms.iter().zip(weights) {
            let effect = arms.effect()?.times(weight)?;
            sum = Some(match sum {
                Some(sum) => sum.plus(effect),
                None => effect,
            });
        }
        let sum =
            sum.ok_or_else(|| crate::Error::usage("a sum needs at least one group of cells"))?;
        let mut rng = self.results.rng(&self.named(what));
        Ok(sum.test(measure, bootstrap, &mut rng)?)
    }

    /// The evidence on the difference in the informative ones of `cells`, minus that in those of `subtracted`. If none is
    /// informative, the evidence is from all of them and decides nothing.
    pub fn evidence(&self, cells: &[usize], subtracted: &[usize], what: &str) -> Result<Evidence> {
        let whole = self.evidence_without_checks(cells, subtracted, &Bootstrap::default(), what)?;
        let environment = |&cell: &usize| self.results.experiment.cells[cell].environment.clone();
        let environments = |cells: &[usize]| cells.iter().map(environment).collect::<BTreeSet<_>>();
        let bootstrap = Bootstrap::new(RESAMPLES_WITHOUT, 0.95, Method::Percentile)?;
        let sides = [whole.cells.clone(), whole.subtracted.clone()];
        let finding = whole.finding();
        let mut flips_without = Vec::new();
        // An undecided finding stays undecided.
        if !matches!(finding, Finding::Undecided(_)) {
            for (side, cells) in sides.iter().enumerate() {
                let names = environments(cells);
                for name in names.iter().filter(|_| names.len() > 1) {
                    let mut left = sides.clone();
                    left[side].retain(|cell| environment(cell) != *name);
                    let what = format!("{what} without {name}");
                    let without =
                        self.evidence_without_checks(&left[0], &left[1], &bootstrap, &what)?;
                    if without.finding() != finding {
                        flips_without.push(name.clone());
                    }
                }
            }
        }
        Ok(Evidence {
            flips_without,
            ..whole
        })
    }

    fn evidence_without_checks(
        &self,
        cells: &[usize],
        subtracted: &[usize],
        bootstrap: &Bootstrap,
        what: &str,
    ) -> Result<Evidence> {
        let outcome = self.outcome;
        let informative = [cells, subtracted].map(|side| self.assays.informative(outcome, side));
        let lacks = |at: usize, side: &[usize]| informative[at].is_empty() && !side.is_empty();
        let uninformative = lacks(0, cells) || lacks(1, subtracted);
        let [cells, subtracted] = match uninformative {
            true => [cells.to_vec(), subtracted.to_vec()],
            false => informative,
        };
        let test = |measure| self.test(&cells, &subtracted, measure, bootstrap, what);
        let difference = test(Measure::Sum(Aggregate::Iqm))?;
        let advantage = test(Measure::Advantage)?;
        let sides = [&cells, &subtracted].into_iter();
        let sides = sides.filter(|side| !side.is_empty());
        let seeds = sides
            .map(|side| self.results.common_seeds(side).len())
            .min();
        Ok(Evidence {
            p: match subtracted.is_empty() {
                true => difference.p,
                false => advantage.p,
            },
            difference,
            advantage,
            is_interaction: !subtracted.is_empty(),
            margin: self.assays.margin(outcome, &cells),
            seeds: seeds.unwrap_or(0),
            all_diverged: self.all_diverged(&cells, &subtracted),
            uninformative,
            flips_without: Vec::new(),
            cells,
            subtracted,
        })
    }

    /// The arms of the contrast whose runs all diverged in all cells of one side.
    fn all_diverged(&self, cells: &[usize], subtracted: &[usize]) -> Vec<String> {
        let all = |name: &&String| {
            let arm = self.results.arm(name);
            let whole = |&cell: &usize| {
                let runs = self.results.runs(self.outcome, cell, arm).len();
                self.results.diverged(self.outcome, cell, arm) == runs
            };
            let sides = [cells, subtracted]
                .into_iter()
                .filter(|side| !side.is_empty());
            sides.into_iter().any(|side| side.iter().all(whole))
        };
        let arms = [&self.contrast.with, &self.contrast.without].into_iter();
        arms.filter(all).cloned().collect()
    }
}
