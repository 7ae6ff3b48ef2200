//! Two optimisers compared in a group of cells.

use std::collections::BTreeSet;

use settings::Words;
use stats::{Aggregate, Bootstrap, Measure, Method, Tested, Tuned};

use super::{
    assay::assays,
    format,
    load::Results,
    scope::Scope,
    verdict::{EffectKind, Evidence, FEWEST_FOR_INFERENCE},
};
use crate::{
    Error, Result,
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

    /// The sum of the effects in each group of cells, times its weight.
    pub fn weighted(
        &self,
        groups: &[(f64, Vec<usize>)],
        measure: Measure,
        bootstrap: &Bootstrap,
        what: &str,
    ) -> Result<Tested> {
        let arms = groups.iter().map(|(_, cells)| self.arms(cells));
        let arms = arms.collect::<Result<Vec<_>>>()?;
        let mut sum: Option<stats::Contrast> = None;
        for (arms, (weight, _)) in arms.iter().zip(groups) {
            let effect = arms.effect()?.times(*weight)?;
            sum = Some(match sum {
                Some(sum) => sum.plus(effect),
                None => effect,
            });
        }
        let sum = sum.ok_or_else(|| Error::usage("a sum needs at least one group of cells"))?;
        let mut rng = self.results.rng(&self.named(what));
        Ok(sum.test(measure, bootstrap, &mut rng)?)
    }

    /// The evidence on the effect in the informative cells of `scope`. If none is informative, the evidence is from all of
    /// them and decides nothing.
    pub fn evidence(&self, scope: &Scope, what: &str) -> Result<Evidence> {
        let (whole, scope) = self.evidence_without_checks(scope, &Bootstrap::default(), what)?;
        let environment = |cell: usize| &self.results.experiment.cells[cell].environment;
        let bootstrap = Bootstrap::new(RESAMPLES_WITHOUT, 0.95, Method::Percentile)?;
        let finding = whole.finding();
        let mut flips_without = Vec::new();
        // An undecided finding stays undecided.
        if finding.decides() {
            for name in self.environments(&scope) {
                let Some(left) = scope.keep(|cell| environment(cell) != name) else {
                    continue;
                };
                let what = format!("{what} without {name}");
                let (without, _) = self.evidence_without_checks(&left, &bootstrap, &what)?;
                if without.finding() != finding {
                    flips_without.push(name.clone());
                }
            }
        }
        Ok(Evidence {
            flips_without,
            ..whole
        })
    }

    /// The environments of `scope`, group by group, each once.
    fn environments(&self, scope: &Scope) -> Vec<&String> {
        let environment = |&cell: &usize| &self.results.experiment.cells[cell].environment;
        let mut names = Vec::new();
        for (_, cells) in scope.groups() {
            let its: BTreeSet<&String> = cells.iter().map(environment).collect();
            let new = its.into_iter().filter(|name| !names.contains(name));
            names.extend(new.collect::<Vec<_>>());
        }
        names
    }

    /// The evidence, and the cells of `scope` that it is from.
    fn evidence_without_checks(
        &self,
        scope: &Scope,
        bootstrap: &Bootstrap,
        what: &str,
    ) -> Result<(Evidence, Scope)> {
        let assays = self.assays.by(self.outcome);
        let informative = scope.keep(|cell| assays[cell].informative);
        let uninformative = informative.is_none();
        let scope = informative.unwrap_or_else(|| scope.clone());
        let groups = scope.groups();
        let seeds = groups
            .iter()
            .map(|(_, cells)| self.results.common_seeds(cells).len());
        let seeds = seeds.min().unwrap_or(0);
        let test = |measure| {
            let tested = self.weighted(&groups, measure, bootstrap, what)?;
            Ok::<_, Error>(match seeds < FEWEST_FOR_INFERENCE {
                true => without_interval(tested),
                false => tested,
            })
        };
        let difference = test(Measure::Sum(Aggregate::Iqm))?;
        let advantage = test(Measure::Advantage)?;
        let kind = EffectKind::of(&scope);
        let evidence = Evidence {
            p: match kind {
                EffectKind::Difference => difference.p,
                EffectKind::Interaction | EffectKind::Growth => advantage.p,
            },
            difference,
            advantage,
            kind,
            cells: groups
                .iter()
                .flat_map(|(_, cells)| cells)
                .copied()
                .collect(),
            margin: self.assays.margin(self.outcome, &scope.cells()),
            seeds,
            all_diverged: self.all_diverged(&scope),
            uninformative,
            flips_without: Vec::new(),
        };
        Ok((evidence, scope))
    }

    /// The arms of the contrast whose runs all diverged in all cells of one group.
    fn all_diverged(&self, scope: &Scope) -> Vec<String> {
        let all = |name: &&String| {
            let arm = self.results.arm(name);
            let whole = |&cell: &usize| {
                let runs = self.results.runs(self.outcome, cell, arm).len();
                self.results.diverged(self.outcome, cell, arm) == runs
            };
            let mut groups = scope.groups().into_iter();
            groups.any(|(_, cells)| cells.iter().all(whole))
        };
        let arms = [&self.contrast.with, &self.contrast.without].into_iter();
        arms.filter(all).cloned().collect()
    }
}

/// The estimate alone, so that no page or figure can show an interval from so few seeds.
fn without_interval(tested: Tested) -> Tested {
    Tested {
        estimate: format::drawn(false, tested.estimate),
        p: 1.0,
        standard_error: 0.0,
    }
}
