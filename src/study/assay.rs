//! Where a difference could have shown, and which differences are large enough to matter. The tuning seeds decide
//! both, so no report run influences them.

use super::experiment::Experiment;

/// The margin if no learning rate was tuned, so that the cost of half a decade is not known.
const MARGIN_UNTUNED: f64 = 0.05;

/// Half a decade of lr, or the positive control, must make a difference of at least this many margins.
pub const MARGINS: f64 = 2.0;

/// What the tuning seeds say about a cell by one outcome.
pub struct Assay {
    /// The score of the best trial of the best optimiser, and its name; `None` if nothing was tuned.
    pub best: Option<(f64, String)>,
    /// What half a decade of lr costs: the median over optimisers of the difference between the best lr and those half
    /// a decade from it.
    pub half_decade: Option<f64>,
    /// The size of the difference that the positive control makes.
    pub control: Option<f64>,
    /// Differences smaller than this count as none.
    pub margin: f64,
    /// Whether a difference could have shown.
    pub informative: bool,
}

/// The assay of a cell. `means` are the mean scores of each optimiser's trials there on the tuning seeds; an optimiser that
/// is not tuned has none.
pub fn assay(experiment: &Experiment, means: &[Vec<f64>]) -> Assay {
    let top = &experiment.top;
    let of = |arm: usize| means[arm].iter().copied().reduce(f64::max);
    let arms = 0..experiment.arms.len();
    let best = arms
        .clone()
        .filter_map(|arm| Some((of(arm)?, experiment.arms[arm].name.clone())))
        .reduce(|best, one| if one.0 > best.0 { one } else { best });
    let costs = arms.filter_map(|arm| cost(&rates(experiment, arm)?, &means[arm]));
    let half_decade = median(costs.collect());
    let control = top.assay.positive_control.as_ref().and_then(|name| {
        let contrast = top.contrasts.iter().find(|one| one.name == *name)?;
        let best = |name: &str| of(experiment.arm(name));
        Some((best(&contrast.with)? - best(&contrast.without)?).abs())
    });
    let least = top.assay.least_margin;
    let measured = half_decade.map_or(MARGIN_UNTUNED, |cost| (cost / 2.0).max(least));
    let margin = top.margin.unwrap_or(measured);
    let shows = |difference: Option<f64>| difference.is_some_and(|d| d >= MARGINS * margin);
    let learns = best
        .as_ref()
        .is_none_or(|(best, _)| *best >= top.assay.learns);
    let known = best.is_some() && (half_decade.is_some() || control.is_some());
    Assay {
        informative: !top.assay.required
            || learns && (!known || shows(half_decade) || shows(control)),
        best,
        half_decade,
        control,
        margin,
    }
}

/// How much lower the score is half a decade away from the best of `rates`, on each side that the grid covers.
/// Scores between the rates of the grid are interpolated.
fn cost(rates: &[f64], means: &[f64]) -> Option<f64> {
    let mut points: Vec<(f64, f64)> = rates
        .iter()
        .map(|rate| rate.log10())
        .zip(means.iter().copied())
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let best = points
        .iter()
        .copied()
        .reduce(|best, one| if one.1 > best.1 { one } else { best })?;
    let at = |x: f64| {
        let pair = points.windows(2).find(|pair| {
            let rounding = 1e-3;
            pair[0].0 - rounding <= x && x <= pair[1].0 + rounding
        })?;
        let (a, b) = (pair[0], pair[1]);
        let share = ((x - a.0) / (b.0 - a.0)).clamp(0.0, 1.0);
        Some(a.1 + share * (b.1 - a.1))
    };
    let sides: Vec<f64> = [best.0 - 0.5, best.0 + 0.5]
        .into_iter()
        .filter_map(at)
        .collect();
    let mean = sides.iter().sum::<f64>() / sides.len() as f64;
    (!sides.is_empty()).then_some(best.1 - mean)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    (n > 0).then(|| (values[(n - 1) / 2] + values[n / 2]) / 2.0)
}

/// The learning rates of an arm's trials, if the trials differ in nothing else.
pub fn rates(experiment: &Experiment, arm: usize) -> Option<Vec<f64>> {
    let grid = &experiment.top.optimisers[arm].grid;
    let alone = grid
        .iter()
        .all(|(key, values)| key == "lr" || values.0.len() == 1);
    let rates = grid.get("lr").filter(|rates| alone && rates.0.len() > 1)?;
    let mut sorted = rates.0.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let distinct = sorted.len() == rates.0.len() && sorted[0] > 0.0;
    distinct.then(|| rates.0.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_decade_costs_what_its_neighbours_lack() {
        let grid = [1e-4, 3.16e-4, 1e-3, 3.16e-3];
        let near = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?}");
        };
        near(cost(&grid, &[0.0, 0.4, 1.0, 0.8]), 0.4);
        // At an end there is one side only, and the order of the grid does not matter.
        near(cost(&[1e-2, 1e-3, 3.16e-3], &[0.9, 0.1, 0.5]), 0.4);
        // Between the rates of a coarser grid.
        let found = cost(&[1e-4, 1e-3, 1e-2], &[0.0, 1.0, 0.5]).unwrap();
        assert!((found - 0.375).abs() < 1e-9, "{found}");
        assert_eq!(cost(&[1e-3, 2e-3], &[0.0, 1.0]), None);
        assert_eq!(cost(&[], &[]), None);
    }

    #[test]
    fn a_median_of_an_even_number_is_between_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0, 9.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
