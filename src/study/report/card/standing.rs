//! How each optimiser of a card's experiment does against the baselines.

use std::collections::BTreeSet;

use stats::{Bootstrap, Estimate, Measure};

use super::opponents;
use crate::{
    Result,
    parallel::parallel,
    run::Status,
    study::{
        assay::rates,
        experiment::{ContrastTable, Score},
        report::{
            comparison::{Assays, Comparison},
            cost::state_bytes,
            ladder::rungs,
            load::Results,
            scope::Scope,
            verdict::Evidence,
        },
    },
};

/// What a card says about an optimiser.
pub struct Standing {
    /// The optimiser.
    pub name: String,
    /// Against each baseline but itself.
    pub against: Vec<Against>,
    /// The runs at the chosen settings, and how many of them diverged.
    pub runs: (usize, usize),
    /// The learning rates that were tried.
    pub rates: Vec<f64>,
    /// The environments, and in how many of them the best rate, by either outcome, is at an end of those tried.
    pub at_ends: (usize, usize),
    /// The optimiser's state, in bytes for each weight: the most of all environments.
    pub bytes: f64,
}

/// An optimiser against a baseline.
pub struct Against {
    /// The baseline.
    pub baseline: &'static str,
    /// In each regime, by each outcome.
    pub regimes: Vec<(String, Vec<(Score, Evidence)>)>,
    /// The probability of improvement in all regimes, each with the same weight, by each outcome.
    pub overall: Vec<(Score, Estimate)>,
}

impl Standing {
    /// The runs that diverged, in words.
    pub fn diverged(&self) -> String {
        let (runs, diverged) = self.runs;
        match diverged {
            0 => format!("none of {runs} runs diverged"),
            n => format!("{n} of {runs} runs diverged"),
        }
    }

    /// How it does against `baseline`, if that is not itself.
    pub fn against(&self, baseline: &str) -> Option<&Against> {
        self.against.iter().find(|one| one.baseline == baseline)
    }
}

impl Against {
    /// The probability of improvement in all regimes by `outcome`.
    pub fn overall(&self, outcome: Score) -> Option<Estimate> {
        let mut found = self.overall.iter().filter(|(one, _)| *one == outcome);
        found.next().map(|(_, estimate)| *estimate)
    }
}

/// The standing of every optimiser in `results`.
pub fn standings(results: &Results) -> Result<Vec<Standing>> {
    let assays = Assays::of(results);
    let names: Vec<&String> = results
        .experiment
        .arms
        .iter()
        .map(|arm| &arm.name)
        .collect();
    let all = parallel(names.len(), |i| standing(results, &assays, names[i]));
    all.into_iter().collect()
}

fn standing(results: &Results, assays: &Assays, name: &str) -> Result<Standing> {
    let arm = results.arm(name);
    let against = opponents(name).map(|baseline| against(results, assays, name, baseline));
    // Both outcomes may have chosen the same runs.
    let (mut runs, mut diverged) = (BTreeSet::new(), BTreeSet::new());
    let (cells, mut at_ends) = (results.cells(), BTreeSet::new());
    for &cell in &cells {
        for &outcome in results.outcomes() {
            if !results.at_edge(outcome, cell, arm).is_empty() {
                at_ends.insert(cell);
            }
            for run in results.runs(outcome, cell, arm) {
                runs.insert((cell, &run.id));
                if run.status == Status::Diverged {
                    diverged.insert((cell, &run.id));
                }
            }
        }
    }
    Ok(Standing {
        name: name.to_owned(),
        against: against.collect::<Result<_>>()?,
        runs: (runs.len(), diverged.len()),
        at_ends: (cells.len(), at_ends.len()),
        rates: rates(&results.experiment, arm).unwrap_or_default(),
        bytes: state_bytes(results, arm).1,
    })
}

fn against(
    results: &Results,
    assays: &Assays,
    name: &str,
    baseline: &'static str,
) -> Result<Against> {
    let contrast = ContrastTable::between(format!("{name} against {baseline}"), name, baseline);
    let comparison = |outcome| Comparison {
        results,
        assays,
        contrast: &contrast,
        outcome,
    };
    let regimes: Vec<(&str, Vec<usize>)> = rungs(results)
        .into_iter()
        .map(|rung| {
            let on = |cell: &usize| results.experiment.cells[*cell].rung == rung;
            (rung, results.cells().into_iter().filter(on).collect())
        })
        .collect();
    let share = 1.0 / regimes.len() as f64;
    let groups: Vec<(f64, Vec<usize>)> = regimes
        .iter()
        .map(|(_, cells)| (share, cells.clone()))
        .collect();
    let overall = results.outcomes().iter().map(|&outcome| {
        let what = format!("card {}", contrast.name);
        let tested = comparison(outcome).weighted(
            &groups,
            Measure::Advantage,
            &Bootstrap::default(),
            &what,
        )?;
        Ok((outcome, tested.estimate.shifted(0.5)))
    });
    let regimes = regimes.iter().map(|(regime, cells)| {
        let by = results.outcomes().iter().map(|&outcome| {
            let what = format!("card {} in {regime}", contrast.name);
            Ok((
                outcome,
                comparison(outcome).evidence(&Scope::In(cells.clone()), &what)?,
            ))
        });
        Ok(((*regime).to_owned(), by.collect::<Result<_>>()?))
    });
    Ok(Against {
        baseline,
        regimes: regimes.collect::<Result<_>>()?,
        overall: overall.collect::<Result<_>>()?,
    })
}
