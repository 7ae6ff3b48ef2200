//! The differences that an experiment asks about, by each outcome: over all of a contrast's environments, and in each
//! environment.

use std::collections::BTreeSet;

use settings::Words;
use stats::{Aggregate, Bootstrap, Measure, Method, Tested, Tuned, holm};

use super::{
    assay::assays,
    load::Results,
    verdict::{ALPHA, Evidence, FEWEST_FOR_INFERENCE, Finding, Verdict},
};
use crate::{
    Result,
    parallel::parallel,
    study::{
        assay::Assay,
        experiment::{Claim, Contrast, Score},
    },
};

/// The power: the probability that the required number of seeds finds an existing difference.
pub const POWER: f64 = 0.8;

/// Resamples of a contrast without one of its environments, which only has to agree with the whole contrast.
const RESAMPLES_WITHOUT: usize = 2000;

/// A contrast, and the result of the runs.
pub struct ContrastResult<'a> {
    pub contrast: &'a Contrast,
    /// The question that it helps to answer.
    pub question: &'a str,
    /// Whether its verdict is that of the question.
    pub decides: bool,
    /// What it found for each outcome.
    pub outcomes: Vec<Judged>,
}

/// A contrast by one outcome.
pub struct Judged {
    pub outcome: Score,
    pub evidence: Evidence,
    /// The p-value before correction.
    pub p: f64,
    /// The number of seeds that would decide; `None` without a margin or a spread, or with too few seeds to know it.
    pub seeds_needed: Option<SeedsNeeded>,
    pub cells: Vec<CellDifference>,
}

/// The seeds needed in each cell to decide a contrast with probability [`POWER`]; `None` if there are
/// more than can be computed.
pub struct SeedsNeeded {
    /// To find a difference as large as the margin.
    pub to_detect: Option<usize>,
    /// To find equivalence, if there is no difference.
    pub to_equate: Option<usize>,
}

/// A contrast in one cell.
pub struct CellDifference {
    pub cell: usize,
    /// Whether the cell is one that the contrast subtracts.
    pub subtracted: bool,
    /// Whether a difference could have shown there.
    pub informative: bool,
    /// With the p-value corrected over the contrast's cells.
    pub evidence: Evidence,
}

impl Judged {
    pub fn finding(&self) -> Finding {
        self.evidence.finding()
    }
}

impl ContrastResult<'_> {
    /// The verdict on its claim, if it has one: what the outcomes agree on, or what one of them found and no other
    /// contradicts.
    pub fn verdict(&self) -> Option<Verdict> {
        let claim = self.contrast.claim?;
        let verdicts = self.outcomes.iter().map(|one| one.finding().verdict(claim));
        Some(Verdict::together(&verdicts.collect::<Vec<_>>()))
    }

    /// The first outcome.
    pub fn first(&self) -> &Judged {
        &self.outcomes[0]
    }
}

/// Every contrast of the experiment.
pub fn contrasts(results: &Results) -> Result<Vec<ContrastResult<'_>>> {
    let top = &results.experiment.top;
    let assays = Assays::of(results);
    let question =
        |contrast: &'_ Contrast| contrast.question.clone().unwrap_or(top.question.clone());
    let mut answered = BTreeSet::new();
    let mut all = Vec::new();
    for contrast in &top.contrasts {
        let decides = contrast.claim.is_some() && answered.insert(question(contrast));
        all.push(ContrastResult {
            contrast,
            question: contrast.question.as_ref().unwrap_or(&top.question),
            decides,
            outcomes: judge(results, &assays, contrast)?,
        });
    }
    correct(&mut all)?;
    Ok(all)
}

/// Corrects the p-values within each question: those of the deciding contrast for the number of outcomes, and those
/// of all other contrasts and outcomes for their number.
fn correct(all: &mut [ContrastResult]) -> Result<()> {
    let groups: BTreeSet<(String, bool)> = all
        .iter()
        .map(|one| (one.question.to_owned(), one.decides))
        .collect();
    for (question, decides) in groups {
        let its = |one: &&mut ContrastResult| one.question == question && one.decides == decides;
        let mut judged: Vec<&mut Judged> = all
            .iter_mut()
            .filter(its)
            .flat_map(|one| &mut one.outcomes)
            .collect();
        let p: Vec<f64> = judged.iter().map(|one| one.p).collect();
        for (one, corrected) in judged.iter_mut().zip(holm(&p)?) {
            one.evidence.p = corrected;
        }
    }
    Ok(())
}

/// The number of the contrast that decides the study's first question: the first one with a claim.
fn deciding(contrasts: &[Contrast]) -> Option<usize> {
    contrasts
        .iter()
        .position(|contrast| contrast.claim.is_some())
}

/// The contrast that decides, or else the first one; and whether it decides.
pub fn deciding_or_first(contrasts: &[Contrast]) -> Option<(&Contrast, bool)> {
    let deciding = deciding(contrasts);
    let first = contrasts.get(deciding.unwrap_or(0))?;
    Some((first, deciding.is_some()))
}

/// The contrasts that are about all environments.
pub fn over_all_environments(results: &Results) -> impl Iterator<Item = &Contrast> {
    let all = results.experiment.top.contrasts.iter();
    all.filter(|contrast| contrast.environments.is_empty() && contrast.less.is_empty())
}

/// The environments of a contrast as text.
pub fn place(contrast: &Contrast) -> String {
    let joined = |names: &[String]| names.join(", ");
    match (contrast.environments.is_empty(), contrast.less.is_empty()) {
        (true, _) => "all environments".into(),
        (false, true) => joined(&contrast.environments),
        (false, false) => format!(
            "{} minus {}",
            joined(&contrast.environments),
            joined(&contrast.less)
        ),
    }
}

/// What a claim says in words.
pub fn claim_in_words(claim: Claim) -> &'static str {
    match claim {
        Claim::Above => "better",
        Claim::Below => "worse",
    }
}

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

    fn by(&self, outcome: Score) -> &[Assay] {
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
    pub contrast: &'a Contrast,
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

/// The cells that a contrast is about, and those that it subtracts. Cells with the same runs count once.
pub fn sides(results: &Results, contrast: &Contrast) -> [Vec<usize>; 2] {
    let all = &results.experiment.cells;
    let of = |names: &[String]| {
        let named = |cell: &&usize| names.contains(&all[**cell].environment);
        let cells: Vec<usize> = results.cells().iter().filter(named).copied().collect();
        results.distinct(&cells)
    };
    let cells = match contrast.environments.is_empty() {
        true => results.distinct(&results.cells()),
        false => of(&contrast.environments),
    };
    [cells, of(&contrast.less)]
}

fn judge(results: &Results, assays: &Assays, contrast: &Contrast) -> Result<Vec<Judged>> {
    let [cells, subtracted] = sides(results, contrast);
    let by = |&outcome: &Score| {
        let comparison = Comparison {
            results,
            assays,
            contrast,
            outcome,
        };
        let what = format!("contrast {}", contrast.name);
        let evidence = comparison.evidence(&cells, &subtracted, &what)?;
        Ok(Judged {
            outcome,
            p: evidence.p,
            seeds_needed: seeds_needed(&evidence)?,
            cells: cell_differences(&comparison, &cells, &subtracted)?,
            evidence,
        })
    };
    let outcomes = results.outcomes();
    parallel(outcomes.len(), |i| by(&outcomes[i]))
        .into_iter()
        .collect()
}

/// The number of seeds that would decide, given the spread of the statistic.
fn seeds_needed(evidence: &Evidence) -> Result<Option<SeedsNeeded>> {
    let Evidence {
        difference,
        margin,
        seeds,
        ..
    } = *evidence;
    if seeds < FEWEST_FOR_INFERENCE || margin <= 0.0 || difference.standard_error <= 0.0 {
        return Ok(None);
    }
    Ok(Some(SeedsNeeded {
        to_detect: difference.seeds_to_detect(seeds, margin, ALPHA, POWER)?,
        to_equate: difference.seeds_to_equate(seeds, margin, ALPHA, POWER)?,
    }))
}

fn cell_differences(
    comparison: &Comparison,
    cells: &[usize],
    subtracted: &[usize],
) -> Result<Vec<CellDifference>> {
    let Comparison {
        results,
        assays,
        contrast,
        outcome,
    } = *comparison;
    let cells = cells.iter().map(|&cell| (cell, false));
    let subtracted = subtracted.iter().map(|&cell| (cell, true));
    let mut all = Vec::new();
    for (cell, subtracted) in cells.chain(subtracted) {
        let what = format!("contrast {} in {}", contrast.name, results.names[cell]);
        all.push(CellDifference {
            cell,
            subtracted,
            informative: assays.by(outcome)[cell].informative,
            evidence: comparison.evidence(&[cell], &[], &what)?,
        });
    }
    let p: Vec<f64> = all.iter().map(|one| one.evidence.p).collect();
    for (one, corrected) in all.iter_mut().zip(holm(&p)?) {
        one.evidence.p = corrected;
    }
    Ok(all)
}
