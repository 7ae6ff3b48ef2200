//! The differences that an experiment asks about: over all environments, and in each.

use stats::{
    Aggregate, Bootstrap, Design, Estimate, Moments, Power, Scores, holm, t_equivalence, t_test,
};

use super::{
    load::Results,
    verdict::{ALPHA, Evidence, FEWEST_SEEDS, Finding, Verdict},
};
use crate::{Result, study::experiment::Contrast};

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
    /// How likely a run with is better than one without; `None` if anything is subtracted.
    pub improvement: Option<Estimate>,
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

/// The contrast that decides, or where none has a claim the first; and whether it decides.
pub fn first(contrasts: &[Contrast]) -> Option<(&Contrast, bool)> {
    let deciding = deciding(contrasts);
    let first = contrasts.get(deciding.unwrap_or(0))?;
    Some((first, deciding.is_some()))
}

/// The contrasts that are about all environments.
pub fn whole(results: &Results) -> impl Iterator<Item = &Contrast> {
    let all = results.experiment.top.contrasts.iter();
    all.filter(|contrast| contrast.environments.is_empty() && contrast.less.is_empty())
}

/// Where a contrast is taken.
pub fn place(contrast: &Contrast) -> String {
    let joined = |names: &[String]| names.join(", ");
    match (contrast.environments.is_empty(), contrast.less.is_empty()) {
        (true, _) => "all environments".into(),
        (false, true) => joined(&contrast.environments),
        (false, false) => format!(
            "{} less {}",
            joined(&contrast.environments),
            joined(&contrast.less)
        ),
    }
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
        Ok(stats::Contrast::effect(&self.with, &self.without)?)
    }

    /// The variance, from seed to seed, of the mean over tasks of a pair's difference; 0 where it is unknown.
    fn variance(&self) -> Result<f64> {
        let differences = self.with.minus(&self.without)?;
        let tasks = differences.tasks();
        let mean = |place: usize| {
            let sum: f64 = tasks.iter().map(|task| task.scores()[place]).sum();
            sum / tasks.len() as f64
        };
        // Tasks have the same seeds.
        let means: Vec<f64> = (0..tasks[0].scores().len()).map(mean).collect();
        Ok(Moments::new(&means).map_or(0.0, |m| m.sd.powi(2)))
    }
}

/// What the runs say of the difference that `contrast` makes in `here`, less that in `there`.
pub fn evidence(
    results: &Results,
    contrast: &Contrast,
    here: &[usize],
    there: &[usize],
    what: &str,
) -> Result<Evidence> {
    let side = Difference::new(results, contrast, here)?;
    let other = match there.is_empty() {
        true => None,
        false => Some(Difference::new(results, contrast, there)?),
    };
    let difference = match &other {
        None => side.effect()?,
        Some(other) => side.effect()?.minus(other.effect()?),
    };
    let bootstrap = Bootstrap::default();
    // The same resamples for both.
    let rng = || results.rng(what);
    let sides = [here, there].into_iter().filter(|side| !side.is_empty());
    let seeds = sides.clone().map(|side| results.common_seeds(side).len());
    Ok(Evidence {
        effect: difference.estimate(Aggregate::Iqm, &bootstrap, &mut rng()),
        p: difference.p_value(Aggregate::Iqm, &bootstrap, &mut rng()),
        margin: results.experiment.top.margin,
        seeds: seeds.min().unwrap_or(0),
        lost: sides.clone().find_map(|side| lost(results, contrast, side)),
    })
}

/// The cells that a contrast is about, and those that it subtracts; the same runs once.
fn sides(results: &Results, contrast: &Contrast) -> [Vec<usize>; 2] {
    let cells = &results.experiment.cells;
    let of = |names: &[String]| {
        let named = |cell: &&usize| names.contains(&cells[**cell].environment);
        let cells: Vec<usize> = results.cells().iter().filter(named).copied().collect();
        results.distinct(&cells)
    };
    let here = match contrast.environments.is_empty() {
        true => results.distinct(&results.cells()),
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
    let what = format!("contrast {}", contrast.name);
    let evidence = evidence(results, contrast, &here, &there, &what)?;
    let difference = Difference::new(results, contrast, &here)?;
    let mut variance = difference.variance()?;
    let mut improvement = None;
    if there.is_empty() {
        let Difference { with, without } = &difference;
        let mut rng = results.rng(&format!("{what}, improvement"));
        improvement = Some(with.improvement_over(without, &Bootstrap::default(), &mut rng)?);
    } else {
        variance += Difference::new(results, contrast, &there)?.variance()?;
    }
    Ok(Contrasted {
        contrast,
        decides,
        finding: evidence.finding(),
        p: evidence.p,
        needed: needed(evidence.margin, variance.sqrt())?,
        evidence,
        improvement,
        cells: paired(results, contrast, &here, &there)?,
    })
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
