//! Figures and tables of the differences that an experiment asks about, overall and in each environment.

use settings::Words;
use stats::Estimate;

use super::{
    contrasts::{CellDifference, ContrastResult, Judged, POWER},
    document::{Figure, ReportPanel, Section},
    format::{interval, p_value, seeds, signed},
    load::Results,
    verdict::FEWEST_SEEDS,
};
use crate::{Result, figures::forest_plot, study::experiment::Score};

/// The name of the axis of a figure of differences.
const AXIS: &str = "difference of the score";

/// Each contrast over all of its environments.
pub fn contrasts(results: &Results, contrasts: &[ContrastResult]) -> Result<Section> {
    let section = Section::new("Contrasts");
    if contrasts.is_empty() {
        return Ok(section.nothing("The experiment has no contrasts."));
    }
    let groups = results.outcomes().iter().enumerate().map(|(at, outcome)| {
        let whole = |one: &ContrastResult| {
            let evidence = &one.outcomes[at].evidence;
            (one.contrast.name.clone(), evidence.difference.estimate)
        };
        ForestPanel {
            title: title("Each contrast", results, *outcome),
            margin: least_margin(contrasts.iter().map(|one| one.outcomes[at].evidence.margin)),
            rows: contrasts.iter().map(whole).collect(),
        }
    });
    let groups: Vec<ForestPanel> = groups.collect();
    let rows = contrasts
        .iter()
        .flat_map(|one| one.outcomes.iter().map(move |judged| row(one, judged)));
    let head = [
        "contrast",
        "outcome",
        "difference",
        "95 % interval",
        "margin",
        "probability of improvement",
        "p, corrected",
        "finding",
        "claim",
    ];
    let growth = match contrasts.iter().any(|one| one.contrast.along.is_some()) {
        true => {
            " A contrast along a dial is drawn as the growth of the difference from the first level to the last; the margin \
             is not for it."
        }
        false => "",
    };
    let section = section
        .text(
            "Differences of interquartile means on the same seeds. Their intervals come from resampling the seeds, for all \
             optimisers and environments at once. The probability of improvement is the probability that a run is better \
             than the other optimiser's run with the same seed; for a difference between environments, or along a dial, it \
             is how much larger that probability is. Holm's correction of p is within each question.",
        )
        .figure(Figure {
            caption: format!("{}{growth}", caption(results, &groups)),
            key: Vec::new(),
            panels: forest(&groups)?,
        })
        .table(&head, rows.collect());
    Ok(match same_runs(results) {
        Some(text) => section.text(text),
        None => section,
    })
}

/// `what`, and by which outcome if there are several.
pub fn title(what: &str, results: &Results, outcome: Score) -> String {
    match results.outcomes().len() {
        1 => what.into(),
        _ => format!("{what}, {}", outcome.word()),
    }
}

/// Each contrast in each of its environments.
pub fn each_environment(results: &Results, contrasts: &[ContrastResult]) -> Result<Section> {
    let section = Section::new("Each environment");
    if contrasts.is_empty() {
        return Ok(section.nothing("The experiment has no contrasts."));
    }
    let judged = || {
        let differences = contrasts.iter().filter(|one| one.contrast.along.is_none());
        differences.flat_map(|one| one.outcomes.iter().map(move |judged| (one, judged)))
    };
    let drawn = judged().map(|(one, judged)| {
        let row = |cell: &CellDifference| (name(results, cell), cell.evidence.difference.estimate);
        ForestPanel {
            title: title(&one.contrast.name, results, judged.outcome),
            margin: least_margin(judged.cells.iter().map(|cell| cell.evidence.margin)),
            rows: judged.cells.iter().map(row).collect(),
        }
    });
    let drawn: Vec<ForestPanel> = drawn.collect();
    let rows = judged().flat_map(|(one, judged)| {
        judged.cells.iter().map(move |cell| {
            let evidence = &cell.evidence;
            let e = evidence.difference.estimate;
            vec![
                one.contrast.name.clone(),
                name(results, cell),
                judged.outcome.word().into(),
                signed(e.point),
                interval(evidence.has_interval(), e),
                format!("{:.3}", evidence.margin),
                probability(cell.evidence.advantage.estimate),
                match evidence.has_interval() {
                    true => p_value(evidence.p),
                    false => "-".into(),
                },
                evidence.in_words(),
                e.n.to_string(),
            ]
        })
    });
    let head = [
        "contrast",
        "environment",
        "outcome",
        "difference",
        "95 % interval",
        "margin",
        "probability of improvement",
        "p, corrected",
        "finding",
        "pairs",
    ];
    Ok(section
        .text(
            "The same differences in each environment separately, with Holm's correction of p within each contrast and \
             outcome.",
        )
        .figure(Figure {
            caption: caption(results, &drawn),
            key: Vec::new(),
            panels: forest(&drawn)?,
        })
        .table(&head, rows.collect()))
}

/// A panel of differences.
pub struct ForestPanel {
    pub title: String,
    /// The margin to shade.
    pub margin: f64,
    /// Each difference with its name.
    pub rows: Vec<(String, Estimate)>,
}

/// The panels as they are drawn. All have the same axis.
pub fn forest(panels: &[ForestPanel]) -> Result<Vec<ReportPanel>> {
    let rows = || panels.iter().flat_map(|one| &one.rows);
    let margin = panels.iter().map(|one| one.margin).fold(0.0, f64::max);
    let low = rows().map(|(_, e)| e.lo).fold(-margin, f64::min);
    let high = rows().map(|(_, e)| e.hi).fold(margin, f64::max);
    let panel = |one: &ForestPanel| {
        Ok(ReportPanel {
            title: one.title.clone(),
            svg: forest_plot(&one.rows, AXIS, one.margin, [low, high])?,
        })
    };
    panels.iter().map(panel).collect()
}

/// The margin of a panel: the common one, or the smallest if they differ.
pub fn least_margin(margins: impl Iterator<Item = f64>) -> f64 {
    margins.reduce(f64::min).unwrap_or_default()
}

/// What a figure of differences shows.
pub fn intervals(results: &Results) -> &'static str {
    match results.has_intervals() {
        true => "Differences with their 95 % intervals",
        false => "Differences; there are too few seeds for intervals",
    }
}

/// The caption of a figure of differences.
pub fn caption(results: &Results, panels: &[ForestPanel]) -> String {
    let shaded = match panels.iter().any(|one| one.margin > 0.0) {
        true => " The margin is shaded; if margins in a panel differ, the smallest is shown.",
        false => "",
    };
    let intervals = intervals(results);
    format!("{intervals}. To the right of 0, the first of the two optimisers does better.{shaded}")
}

fn name(results: &Results, cell: &CellDifference) -> String {
    let side = if cell.subtracted { " (subtracted)" } else { "" };
    let informative = if cell.informative {
        ""
    } else {
        " (not informative)"
    };
    format!("{}{side}{informative}", results.names[cell.cell])
}

/// The probability of improvement from the advantage.
pub fn probability(advantage: Estimate) -> String {
    format!("{:.2}", advantage.shifted(0.5).point)
}

fn row(one: &ContrastResult, judged: &Judged) -> Vec<String> {
    let evidence = &judged.evidence;
    let e = evidence.difference.estimate;
    let advantage = evidence.advantage.estimate;
    let claim = one.contrast.claim.map_or("no claim".into(), |claim| {
        let decides = if one.decides { " (decides)" } else { "" };
        format!("{}{decides}", judged.finding().verdict(claim).word())
    });
    let contrast = one.contrast;
    let on = match contrast.is_in_part() {
        false => String::new(),
        true => format!(", in {}", contrast.place()),
    };
    vec![
        format!(
            "{} ({} minus {}{on})",
            contrast.name, contrast.with, contrast.without
        ),
        judged.outcome.word().into(),
        signed(e.point),
        interval(evidence.has_interval(), e),
        match evidence.kind.compares_differences() {
            true => "-".into(),
            false => format!("{:.3}", evidence.margin),
        },
        match evidence.kind.compares_differences() {
            true => format!(
                "{} {}",
                signed(advantage.point),
                interval(evidence.has_interval(), advantage)
            ),
            false => probability(advantage),
        },
        match evidence.has_interval() {
            true => p_value(evidence.p),
            false => "-".into(),
        },
        judged.evidence.in_words(),
        claim,
    ]
}

/// How many seeds would decide each contrast.
pub fn seeds_needed(contrasts: &[ContrastResult]) -> Section {
    let section = Section::new("Seeds that would decide").appendix();
    let judged = contrasts
        .iter()
        .flat_map(|one| one.outcomes.iter().map(move |judged| (one, judged)));
    let rows = judged.filter_map(|(one, judged)| {
        let needed = judged.seeds_needed.as_ref()?;
        Some(vec![
            one.contrast.name.clone(),
            judged.outcome.word().into(),
            format!("{:.3}", judged.evidence.difference.standard_error),
            judged.evidence.seeds.to_string(),
            seeds(needed.to_detect),
            seeds(needed.to_equate),
            judged.evidence.difference.estimate.n.to_string(),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return section
            .nothing("No contrast has both a margin and enough seeds to know its spread.");
    }
    let head = [
        "contrast",
        "outcome",
        "standard error",
        "seeds",
        "seeds to detect the margin",
        "seeds to show equivalence",
        "pairs",
    ];
    section
        .text(format!(
            "How many seeds per cell would find a difference as large as the margin with probability {POWER}, and how many \
             would show with the same probability that there is none. Both numbers come from the standard error of the \
             difference of interquartile means, which falls with the square root of the number of seeds. The rule needs at least \
             {FEWEST_SEEDS}.",
        ))
        .table(&head, rows)
}

/// A sentence that says which cells have the same runs, if any do.
fn same_runs(results: &Results) -> Option<String> {
    let again = results
        .cells()
        .into_iter()
        .filter(|&c| results.same_as[c] != c);
    let named: Vec<String> = again
        .map(|c| {
            format!(
                "{} is {}",
                results.names[c], results.names[results.same_as[c]]
            )
        })
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "Some environments have the same runs, which count once when environments are combined: {}.",
            named.join("; ")
        )
    })
}
