//! The differences that an experiment asks about: over all environments, and in each.

use super::{
    load::Results,
    verdict::{ALPHA, Evidence, FEWEST_SEEDS, Finding, Verdict},
};
use crate::{
    Result,
    stats::{
        self, Aggregate, Bootstrap, Design, Estimate, Moments, Power, Scores, holm, t_equivalence,
        t_test,
    },
    study::experiment::Contrast,
};

/// How sure the seeds needed would be of finding what is there.
pub const POWER: f64 = 0.8;

/// A contrast with all that the runs say of it.
pub struct Contrasted<'a> {
    pub contrast: &'a Contrast,
    /// Whether its verdict is the study's.
    pub decides: bool,
    pub evidence: Evidence,
    /// The p-value before correction.
    pub p: f64,
    pub finding: Finding,
    /// How likely a run with is better than one without, in its own environments.
    pub improvement: Estimate,
    /// The seeds in each cell that would find a difference as large as the margin, and those that would find
    /// equivalence if there is none.
    pub needed: Option<[Option<usize>; 2]>,
    pub cells: Vec<Paired>,
}

/// A contrast in one cell: mean paired difference, paired t test.
pub struct Paired {
    pub cell: usize,
    /// Whether it is one that is subtracted.
    pub less: bool,
    /// With its 95 % interval.
    pub difference: Estimate,
    /// Corrected over the contrast's cells; `None` of a single pair.
    pub p: Option<f64>,
    /// Whether it is within the margin.
    pub equivalent: bool,
    /// Whether all runs of either optimiser diverged there.
    pub lost: bool,
}

impl Contrasted<'_> {
    /// The verdict on its claim, if it has one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.contrast.claim.map(|claim| self.finding.verdict(claim))
    }
}

/// Every contrast of the experiment.
pub fn contrasts(results: &Results) -> Result<Vec<Contrasted<'_>>> {
    let top = &results.experiment.top;
    let deciding = deciding(&top.contrasts);
    let each = top.contrasts.iter().enumerate();
    let mut all = each
        .map(|(i, contrast)| contrasted(results, contrast, Some(i) == deciding))
        .collect::<Result<Vec<_>>>()?;
    let others = || all.iter().filter(|one| !one.decides);
    let p: Vec<f64> = others().map(|one| one.p).collect();
    let corrected = holm(&p)?;
    let others = all.iter_mut().filter(|one| !one.decides);
    for (one, p) in others.zip(corrected) {
        one.evidence.p = p;
        one.finding = one.evidence.finding();
    }
    Ok(all)
}

/// The number of the first contrast with a claim.
fn deciding(contrasts: &[Contrast]) -> Option<usize> {
    contrasts
        .iter()
        .position(|contrast| contrast.claim.is_some())
}

/// The difference between two arms in some cells, as [`stats::Contrast`] takes it.
struct Difference {
    with: Scores,
    without: Scores,
}

impl Difference {
    fn new(results: &Results, contrast: &Contrast, cells: &[usize]) -> Result<Self> {
        let scores = |name: &str| results.scores(results.arm(name), cells);
        Ok(Self {
            with: scores(&contrast.with)?,
            without: scores(&contrast.without)?,
        })
    }

    fn effect(&self) -> Result<stats::Contrast<'_>> {
        stats::Contrast::effect(&self.with, &self.without)
    }

    /// The variance of the mean over tasks of a pair's difference, a pair in each task; 0 where it is unknown.
    fn variance(&self) -> Result<f64> {
        let differences = self.with.minus(&self.without)?;
        let tasks = differences.tasks();
        let variance = |scores: &[f64]| Moments::new(scores).map_or(0.0, |m| m.sd.powi(2));
        let sum: f64 = tasks.iter().map(|task| variance(task.scores())).sum();
        Ok(sum / (tasks.len() as f64).powi(2))
    }
}

/// The difference that `contrast` makes in `cells`, less that in `less`: its interval and the p-value of none.
pub fn effect(
    results: &Results,
    contrast: &Contrast,
    cells: &[usize],
    less: &[usize],
    what: &str,
) -> Result<(Estimate, f64)> {
    let here = Difference::new(results, contrast, cells)?;
    let bootstrap = Bootstrap::default();
    let judged = |contrast: stats::Contrast| {
        // The same resamples for both.
        let rng = || results.rng(what);
        let effect = contrast.estimate(Aggregate::Iqm, &bootstrap, &mut rng());
        (
            effect,
            contrast.p_value(Aggregate::Iqm, &bootstrap, &mut rng()),
        )
    };
    if less.is_empty() {
        return Ok(judged(here.effect()?));
    }
    let there = Difference::new(results, contrast, less)?;
    Ok(judged(here.effect()?.minus(there.effect()?)))
}

/// The cells that a contrast is about, and those that it subtracts.
pub fn sides(results: &Results, contrast: &Contrast) -> [Vec<usize>; 2] {
    let cells = &results.experiment.cells;
    let of = |names: &[String]| {
        let named = |cell: &&usize| names.contains(&cells[**cell].environment);
        results.cells().iter().filter(named).copied().collect()
    };
    let here = match contrast.environments.is_empty() {
        true => results.cells(),
        false => of(&contrast.environments),
    };
    [here, of(&contrast.less)]
}

fn contrasted<'a>(
    results: &Results,
    contrast: &'a Contrast,
    decides: bool,
) -> Result<Contrasted<'a>> {
    let [here, there] = sides(results, contrast);
    let margin = results.experiment.top.margin;
    let what = format!("contrast {}", contrast.name);
    let (effect, p) = effect(results, contrast, &here, &there, &what)?;
    let difference = Difference::new(results, contrast, &here)?;
    let mut rng = results.rng(&format!("{what}, improvement"));
    let bootstrap = Bootstrap::default();
    let improvement =
        difference
            .with
            .improvement_over(&difference.without, &bootstrap, &mut rng)?;
    let mut variance = difference.variance()?;
    if !there.is_empty() {
        variance += Difference::new(results, contrast, &there)?.variance()?;
    }
    let evidence = Evidence {
        effect,
        p,
        margin,
        seeds: fewest(results, &here, &there),
        lost: lost(results, contrast, &[&here[..], &there[..]].concat()),
    };
    Ok(Contrasted {
        contrast,
        decides,
        finding: evidence.finding(),
        evidence,
        p,
        improvement,
        needed: needed(margin, variance.sqrt())?,
        cells: paired(results, contrast, &here, &there)?,
    })
}

/// The seeds of the side that has the fewest; with nothing to subtract there is one side.
fn fewest(results: &Results, here: &[usize], there: &[usize]) -> usize {
    let sides = [here, there].into_iter().filter(|side| !side.is_empty());
    let seeds = sides.map(|side| results.common_seeds(side).len());
    seeds.min().unwrap_or(0)
}

/// The arm of the contrast, if there is one, none of whose runs in `cells` came to an end.
fn lost(results: &Results, contrast: &Contrast, cells: &[usize]) -> Option<String> {
    let all = |name: &&String| {
        let arm = results.arm(name);
        let whole = |&cell: &usize| results.diverged(cell, arm) == results.runs[cell][arm].len();
        cells.iter().all(whole)
    };
    [&contrast.with, &contrast.without]
        .into_iter()
        .find(all)
        .cloned()
}

/// The seeds that would do, for a difference of the margin and for equivalence.
fn needed(margin: f64, sd: f64) -> Result<Option<[Option<usize>; 2]>> {
    if margin <= 0.0 || sd <= 0.0 {
        return Ok(None);
    }
    let detect = Power::new(Design::Paired, ALPHA)?.seeds_to_detect(POWER, margin, sd)?;
    let equate =
        Power::new(Design::Paired, ALPHA / 2.0)?.seeds_to_equate(POWER, 0.0, sd, margin)?;
    Ok(Some([detect, equate]))
}

fn paired(
    results: &Results,
    contrast: &Contrast,
    here: &[usize],
    there: &[usize],
) -> Result<Vec<Paired>> {
    let margin = results.experiment.top.margin;
    let sides = [(here, false), (there, true)];
    let all = sides
        .iter()
        .flat_map(|&(cells, less)| cells.iter().map(move |&cell| (cell, less)));
    let mut paired = Vec::new();
    for (cell, less) in all {
        let difference = Difference::new(results, contrast, &[cell])?;
        let differences = difference.with.minus(&difference.without)?;
        let differences = differences.tasks()[0].scores();
        let lost = lost(results, contrast, &[cell]).is_some();
        if differences.len() < 2 {
            let point = differences[0];
            let difference = Estimate {
                point,
                lo: point,
                hi: point,
                n: 1,
            };
            paired.push(Paired {
                cell,
                less,
                difference,
                p: None,
                equivalent: false,
                lost,
            });
            continue;
        }
        // Its interval does not depend on the margin, which may be 0.
        let wide = if margin > 0.0 { margin } else { 1.0 };
        let equivalence = t_equivalence(differences, wide, ALPHA / 2.0)?;
        paired.push(Paired {
            cell,
            less,
            difference: equivalence.difference,
            p: Some(t_test(differences)?),
            equivalent: margin > 0.0 && equivalence.equivalent,
            lost,
        });
    }
    let p: Vec<f64> = paired.iter().filter_map(|one| one.p).collect();
    let tested = paired.iter_mut().filter_map(|one| one.p.as_mut());
    tested
        .zip(holm(&p)?)
        .for_each(|(p, corrected)| *p = corrected);
    Ok(paired)
}

impl Paired {
    /// What it says, in a word.
    pub fn word(&self) -> &'static str {
        match self.p {
            _ if self.lost => "all runs of one diverged",
            _ if self.difference.n < FEWEST_SEEDS => "too few seeds",
            _ if self.equivalent => "equivalent",
            Some(p) if p < ALPHA && self.difference.point > 0.0 => "better",
            Some(p) if p < ALPHA => "worse",
            _ => "not significant",
        }
    }
}
