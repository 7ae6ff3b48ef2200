//! The differences that an experiment asks about, by each outcome: over all of a contrast's environments, and in each
//! environment.

use std::collections::BTreeSet;

use super::{
    comparison::{Assays, Comparison},
    load::Results,
    scope::{Dial, Scope},
    verdict::{self, ALPHA, Evidence, FEWEST_FOR_INFERENCE, FEWEST_SEEDS, Finding, Verdict},
};
use crate::{
    Error, Result,
    config::plain,
    parallel::parallel,
    study::experiment::{ClaimedSide, ContrastTable, Score},
};

/// The power: the probability that the required number of seeds finds an existing difference.
pub const POWER: f64 = 0.8;

/// A contrast, and the result of the runs.
pub struct ContrastResult<'a> {
    pub contrast: &'a ContrastTable,
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
        |contrast: &'_ ContrastTable| contrast.question.clone().unwrap_or(top.question.clone());
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
        let judged = all.iter_mut().filter(its).flat_map(|one| &mut one.outcomes);
        verdict::correct(judged.map(|one| &mut one.evidence))?;
    }
    Ok(())
}

/// The number of the contrast that decides the study's first question: the first one with a claim.
fn deciding(contrasts: &[ContrastTable]) -> Option<usize> {
    contrasts
        .iter()
        .position(|contrast| contrast.claim.is_some())
}

/// The contrast that decides, or else the first one; and whether it decides.
pub fn deciding_or_first(contrasts: &[ContrastTable]) -> Option<(&ContrastTable, bool)> {
    let deciding = deciding(contrasts);
    let first = contrasts.get(deciding.unwrap_or(0))?;
    Some((first, deciding.is_some()))
}

/// The contrasts that are about all environments, each pair of optimisers as in [`pairs_once`].
pub fn over_all_environments(results: &Results) -> Vec<&ContrastTable> {
    let all = results.experiment.top.contrasts.iter();
    pairs_once(all.filter(|one| one.environments.is_empty() && one.less.is_empty()))
}

/// These contrasts without those along a dial that another one with the same optimisers and environments tells of. Of several
/// along dials the first stays.
pub fn pairs_once<'a>(
    contrasts: impl Iterator<Item = &'a ContrastTable>,
) -> Vec<&'a ContrastTable> {
    let all: Vec<&ContrastTable> = contrasts.collect();
    let told = |at: usize, dial: &ContrastTable| {
        let mut others = all.iter().enumerate();
        others.any(|(other, one)| {
            let same = one.with == dial.with
                && one.without == dial.without
                && one.environments == dial.environments;
            same && (one.along.is_none() || other < at)
        })
    };
    let numbered = all.iter().enumerate();
    numbered
        .filter(|(at, one)| one.along.is_none() || !told(*at, one))
        .map(|(_, one)| *one)
        .collect()
}

/// What the contrast's claim says, as a sentence.
pub fn claim_in_words(results: &Results, contrast: &ContrastTable) -> String {
    let Some(claim) = contrast.claim else {
        return "There is no claim.".into();
    };
    match (&contrast.along, claim) {
        (None, ClaimedSide::Above) => {
            format!("The claim is that {} does better.", contrast.with)
        }
        (None, ClaimedSide::Below) => format!("The claim is that {} does worse.", contrast.with),
        (Some(key), claim) => {
            let change = match claim {
                ClaimedSide::Above => "grows",
                ClaimedSide::Below => "falls",
            };
            let mut factors = results.experiment.top.factors.iter();
            let values = factors.find(|factor| factor.key == *key);
            let [first, .., last] = values.map_or(&[][..], |factor| &factor.values) else {
                return format!("The claim is that it {change}.");
            };
            let (first, last) = (plain(first), plain(last));
            format!("The claim is that it {change} from {key} = {first} to {last}.")
        }
    }
}

/// The cells that a contrast is about, and those that it subtracts. Cells with the same runs count once.
pub fn sides(results: &Results, contrast: &ContrastTable) -> [Vec<usize>; 2] {
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

fn judge(results: &Results, assays: &Assays, contrast: &ContrastTable) -> Result<Vec<Judged>> {
    let [cells, subtracted] = sides(results, contrast);
    let scope = match &contrast.along {
        Some(key) => along(results, contrast, key)?,
        None => Scope::less(cells, subtracted.clone()),
    };
    let cells = scope.cells();
    let by = |&outcome: &Score| {
        let comparison = Comparison {
            results,
            assays,
            contrast,
            outcome,
        };
        let what = format!("contrast {}", contrast.name);
        let evidence = comparison.evidence(&scope, &what)?;
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

/// The dial of a contrast along the factor `key`.
fn along(results: &Results, contrast: &ContrastTable, key: &str) -> Result<Scope> {
    let all = &results.experiment.cells;
    let its = |c: &usize| {
        let named = &contrast.environments;
        named.is_empty() || named.contains(&all[*c].environment)
    };
    let cells: Vec<usize> = results.cells().into_iter().filter(its).collect();
    let dial = Dial::of(all, key, &cells).map(Scope::Along);
    dial.ok_or_else(|| {
        let name = &contrast.name;
        Error::usage(format!(
            "contrast `{name}`: `{key}` has fewer than two levels"
        ))
    })
}

/// The number of seeds that would decide, given the spread of the statistic; `None` where differences are compared, which
/// have no margin.
fn seeds_needed(evidence: &Evidence) -> Result<Option<SeedsNeeded>> {
    let Evidence {
        difference,
        margin,
        seeds,
        kind,
        ..
    } = *evidence;
    if kind.compares_differences() {
        return Ok(None);
    }
    if seeds < FEWEST_FOR_INFERENCE || margin <= 0.0 || difference.standard_error <= 0.0 {
        return Ok(None);
    }
    // The rule decides nothing on fewer.
    let decides = |needed: Option<usize>| needed.map(|seeds| seeds.max(FEWEST_SEEDS));
    Ok(Some(SeedsNeeded {
        to_detect: decides(difference.seeds_to_detect(seeds, margin, ALPHA, POWER)?),
        to_equate: decides(difference.seeds_to_equate(seeds, margin, ALPHA, POWER)?),
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
            evidence: comparison.evidence(&Scope::In(vec![cell]), &what)?,
        });
    }
    verdict::correct(all.iter_mut().map(|one| &mut one.evidence))?;
    Ok(all)
}
