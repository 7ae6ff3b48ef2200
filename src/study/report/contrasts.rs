//! The differences that an experiment asks about: over all of a contrast's environments, and in each
//! environment.

use stats::{
    Aggregate, Bootstrap, Design, Estimate, Moments, Power, Scores, holm, t_equivalence, t_test,
};

use super::{
    load::Results,
    verdict::{ALPHA, Evidence, FEWEST_SEEDS, Finding, Verdict},
};
use crate::{Result, study::experiment::Contrast};

/// The power: the probability that the required number of seeds finds an existing difference.
pub const POWER: f64 = 0.8;

/// With fewer seeds than this the spread is not known well enough to say how many seeds are needed.
const FEWEST_FOR_POWER: usize = 5;

/// A contrast, and the result of the runs.
pub struct ContrastResult<'a> {
    pub contrast: &'a Contrast,
    /// Whether its verdict is that of the study.
    pub decides: bool,
    pub evidence: Evidence,
    /// The p-value before correction.
    pub p: f64,
    pub finding: Finding,
    /// The probability that a run of the one optimiser is better than a run of the other; `None` if the contrast subtracts
    /// environments.
    pub improvement: Option<Estimate>,
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

/// A contrast in one cell: the mean paired difference, with a paired t test.
pub struct CellDifference {
    pub cell: usize,
    /// Whether the cell is one that the contrast subtracts.
    pub subtracted: bool,
    /// The difference with its 95 % interval.
    pub difference: Estimate,
    /// The p-value, corrected over the contrast's cells; `None` if there is a single pair.
    pub p: Option<f64>,
    /// Whether the difference is within the margin.
    pub equivalent: bool,
    /// How many of the two optimisers diverged in all of their runs in this cell.
    pub all_diverged: usize,
}

impl ContrastResult<'_> {
    /// The verdict on its claim, if it has one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.contrast.claim.map(|claim| self.finding.verdict(claim))
    }
}

/// Every contrast of the experiment.
pub fn contrasts(results: &Results) -> Result<Vec<ContrastResult<'_>>> {
    let top = &results.experiment.top;
    let deciding = deciding(&top.contrasts);
    let each = top.contrasts.iter().enumerate();
    let mut all = each
        .map(|(i, contrast)| contrast_result(results, contrast, Some(i) == deciding))
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

/// The number of the contrast that decides: the first one with a claim.
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
            "{} less {}",
            joined(&contrast.environments),
            joined(&contrast.less)
        ),
    }
}

/// The scores of two arms in the same cells.
struct TwoArms {
    with: Scores,
    without: Scores,
}

impl TwoArms {
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

    /// The variance over seeds of a pair's difference, averaged over tasks; 0 where it is unknown.
    fn variance(&self) -> Result<f64> {
        let differences = self.with.minus(&self.without)?;
        let tasks = differences.tasks();
        let mean = |place: usize| {
            let sum: f64 = tasks.iter().map(|task| task.scores()[place]).sum();
            sum / tasks.len() as f64
        };
        // All tasks have the same seeds.
        let means: Vec<f64> = (0..tasks[0].scores().len()).map(mean).collect();
        Ok(Moments::new(&means).map_or(0.0, |m| m.sd.powi(2)))
    }
}

/// The evidence on the difference that `contrast` makes in `cells`, minus the one that it makes in
/// `subtracted`. `what` seeds the bootstrap.
pub fn evidence(
    results: &Results,
    contrast: &Contrast,
    cells: &[usize],
    subtracted: &[usize],
    what: &str,
) -> Result<Evidence> {
    let side = TwoArms::new(results, contrast, cells)?;
    let other = match subtracted.is_empty() {
        true => None,
        false => Some(TwoArms::new(results, contrast, subtracted)?),
    };
    let difference = match &other {
        None => side.effect()?,
        Some(other) => side.effect()?.minus(other.effect()?),
    };
    let bootstrap = Bootstrap::default();
    // The interval and the p-value must use the same resamples.
    let rng = || results.rng(what);
    let sides = [cells, subtracted]
        .into_iter()
        .filter(|side| !side.is_empty());
    let seeds = sides.clone().map(|side| results.common_seeds(side).len());
    Ok(Evidence {
        effect: difference.estimate(Aggregate::Iqm, &bootstrap, &mut rng()),
        p: difference.p_value(Aggregate::Iqm, &bootstrap, &mut rng()),
        margin: results.experiment.top.margin,
        seeds: seeds.min().unwrap_or(0),
        all_diverged: all_diverged(results, contrast, sides),
    })
}

/// The cells that a contrast is about, and those that it subtracts. Cells with the same runs count once.
fn sides(results: &Results, contrast: &Contrast) -> [Vec<usize>; 2] {
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

fn contrast_result<'a>(
    results: &Results,
    contrast: &'a Contrast,
    decides: bool,
) -> Result<ContrastResult<'a>> {
    let [cells, subtracted] = sides(results, contrast);
    let what = format!("contrast {}", contrast.name);
    let evidence = evidence(results, contrast, &cells, &subtracted, &what)?;
    let difference = TwoArms::new(results, contrast, &cells)?;
    let mut variance = difference.variance()?;
    let mut improvement = None;
    if subtracted.is_empty() {
        let TwoArms { with, without } = &difference;
        let mut rng = results.rng(&format!("{what}, improvement"));
        improvement = Some(with.improvement_over(without, &Bootstrap::default(), &mut rng)?);
    } else {
        variance += TwoArms::new(results, contrast, &subtracted)?.variance()?;
    }
    Ok(ContrastResult {
        contrast,
        decides,
        finding: evidence.finding(),
        p: evidence.p,
        seeds_needed: match evidence.seeds < FEWEST_FOR_POWER {
            true => None,
            false => seeds_needed(evidence.margin, variance.sqrt())?,
        },
        evidence,
        improvement,
        cells: cell_differences(results, contrast, &cells, &subtracted)?,
    })
}

/// The arms of the contrast whose runs all diverged in all cells of one of `sides`.
fn all_diverged<'a>(
    results: &Results,
    contrast: &Contrast,
    sides: impl Iterator<Item = &'a [usize]> + Clone,
) -> Vec<String> {
    let all = |name: &&String| {
        let arm = results.arm(name);
        let whole = |&cell: &usize| results.diverged(cell, arm) == results.runs[cell][arm].len();
        sides.clone().any(|cells| cells.iter().all(whole))
    };
    let arms = [&contrast.with, &contrast.without].into_iter();
    arms.filter(all).cloned().collect()
}

/// The number of seeds that would decide, given a standard deviation of `sd` between seeds.
fn seeds_needed(margin: f64, sd: f64) -> Result<Option<SeedsNeeded>> {
    if margin <= 0.0 || sd <= 0.0 {
        return Ok(None);
    }
    let to_detect = Power::new(Design::Paired, ALPHA)?.seeds_to_detect(POWER, margin, sd)?;
    let to_equate =
        Power::new(Design::Paired, ALPHA / 2.0)?.seeds_to_equate(POWER, 0.0, sd, margin)?;
    Ok(Some(SeedsNeeded {
        to_detect,
        to_equate,
    }))
}

fn cell_differences(
    results: &Results,
    contrast: &Contrast,
    cells: &[usize],
    subtracted: &[usize],
) -> Result<Vec<CellDifference>> {
    let margin = results.experiment.top.margin;
    let cells = cells.iter().map(|&cell| (cell, false));
    let subtracted = subtracted.iter().map(|&cell| (cell, true));
    let mut all = Vec::new();
    for (cell, subtracted) in cells.chain(subtracted) {
        let difference = TwoArms::new(results, contrast, &[cell])?;
        let differences = difference.with.minus(&difference.without)?;
        let differences = differences.tasks()[0].scores();
        let all_diverged = all_diverged(results, contrast, [&[cell][..]].into_iter()).len();
        if differences.len() < 2 {
            let point = differences[0];
            let difference = Estimate {
                point,
                lo: point,
                hi: point,
                n: 1,
            };
            all.push(CellDifference {
                cell,
                subtracted,
                difference,
                p: None,
                equivalent: false,
                all_diverged,
            });
            continue;
        }
        // The margin may be 0, which the test refuses. The interval does not depend on it.
        let positive = if margin > 0.0 { margin } else { 1.0 };
        let equivalence = t_equivalence(differences, positive, ALPHA / 2.0)?;
        all.push(CellDifference {
            cell,
            subtracted,
            difference: equivalence.difference,
            p: Some(t_test(differences)?),
            equivalent: margin > 0.0 && equivalence.equivalent,
            all_diverged,
        });
    }
    let p: Vec<f64> = all.iter().filter_map(|one| one.p).collect();
    let tested = all.iter_mut().filter_map(|one| one.p.as_mut());
    tested
        .zip(holm(&p)?)
        .for_each(|(p, corrected)| *p = corrected);
    Ok(all)
}

impl CellDifference {
    /// The finding in a word or two.
    pub fn finding(&self) -> &'static str {
        match self.p {
            _ if self.all_diverged == 2 => "all runs of both diverged",
            _ if self.all_diverged == 1 => "all runs of one diverged",
            _ if self.difference.n < FEWEST_SEEDS => "too few seeds",
            _ if self.equivalent => "equivalent",
            Some(p) if p < ALPHA && self.difference.point > 0.0 => "better",
            Some(p) if p < ALPHA => "worse",
            _ => "not significant",
        }
    }
}
