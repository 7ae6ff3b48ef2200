//! What a report says about results, section by section.

use super::{
    contrasts::{Contrasted, POWER},
    document::{Block, Figure, Panel, Section},
    load::Results,
    shown::{p_value, percent, seeds, signed},
    verdict::{Verdict, rule},
};
use crate::{
    Result,
    figures::intervals,
    stats::{Aggregate, Bootstrap, Counted, Estimate},
    study::experiment::Claim,
};

/// What was asked, and the answer.
pub fn verdict(results: &Results, contrasts: &[Contrasted]) -> Section {
    let top = &results.experiment.top;
    let section = Section::new("Verdict").text(format!("Question: {}", top.question));
    let deciding = contrasts.iter().find(|one| one.decides);
    let section = match deciding.and_then(|one| Some((one, one.verdict()?))) {
        Some((one, verdict)) => section.block(Block::Verdict {
            word: verdict.word(),
            why: why(one, verdict),
        }),
        None => section.block(Block::Verdict {
            word: "none",
            why: "No contrast of the experiment has a claim, so there is nothing to be right or wrong about.".into(),
        }),
    };
    let section = section.text(format!("Hypothesis: {}", top.hypothesis));
    let section = section.text(format!("The rule: {}", rule(top.margin)));
    section.text(format!("Written before the runs: {}", top.analysis))
}

fn why(one: &Contrasted, verdict: Verdict) -> String {
    let contrast = one.contrast;
    let claim = match contrast.claim {
        Some(Claim::Above) => "better",
        _ => "worse",
    };
    let place = match (contrast.environments.is_empty(), contrast.less.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!(" on {}", contrast.environments.join(", ")),
        (false, false) => format!(
            " on {}, more so than on {}",
            contrast.environments.join(", "),
            contrast.less.join(", ")
        ),
    };
    let e = one.evidence.effect;
    let mut out = format!(
        "{}: the hypothesis says that {} does {claim} than {}{place}. Difference of interquartile means of the normalised score: \
         {} (95 % interval {} to {}, {} pairs of runs, p {}). Finding: {}.",
        contrast.name,
        contrast.with,
        contrast.without,
        signed(e.point),
        signed(e.lo),
        signed(e.hi),
        e.n,
        p_value(one.evidence.p),
        one.finding,
    );
    if verdict == Verdict::Inconclusive
        && let Some(needed) = &one.needed
    {
        out += &format!(
            " With this spread, {} seeds a cell would find a difference as large as the margin with probability {POWER}, \
             and {} would show that there is none if there is none; there are {}.",
            seeds(needed[0]),
            seeds(needed[1]),
            one.evidence.seeds
        );
    }
    out
}

/// How many report seeds cells have: `30`, or `30 to 100`.
pub fn seeds_a_cell(results: &Results) -> String {
    let cells = results.experiment.cells.iter();
    let seeds: Vec<usize> = cells.map(|cell| cell.report_seeds.len()).collect();
    let (low, high) = (seeds.iter().min(), seeds.iter().max());
    match (low, high) {
        (Some(low), Some(high)) if low < high => format!("{low} to {high}"),
        (low, _) => low.copied().unwrap_or(0).to_string(),
    }
}

/// Every contrast: all its environments together, then each.
pub fn contrasts(results: &Results, contrasts: &[Contrasted]) -> Result<Section> {
    let section = Section::new("Contrasts");
    if contrasts.is_empty() {
        return Ok(section.text("The experiment has no contrasts."));
    }
    let margin = results.experiment.top.margin;
    let rows: Vec<(String, Estimate)> = contrasts
        .iter()
        .map(|one| (one.contrast.name.clone(), one.evidence.effect))
        .collect();
    let across = "difference of the score";
    let mut panels = vec![Panel {
        title: "All environments together".into(),
        svg: intervals(&rows, across, margin)?,
    }];
    if let Some(one) = contrasts
        .iter()
        .find(|one| one.decides)
        .or(contrasts.first())
    {
        let row = |paired: &super::contrasts::Paired| {
            let label = results.experiment.cells[paired.cell].label();
            let side = if paired.less { " (subtracted)" } else { "" };
            (format!("{label}{side}"), paired.difference)
        };
        let rows: Vec<(String, Estimate)> = one.cells.iter().map(row).collect();
        panels.push(Panel {
            title: format!("{}, each environment", one.contrast.name),
            svg: intervals(&rows, across, margin)?,
        });
    }
    let figure = Figure {
        caption: format!(
            "Differences with their 95 % intervals; right of 0 what is in question does better. Shaded: within the margin of {margin}."
        ),
        key: Vec::new(),
        panels,
    };
    let row = |one: &Contrasted| {
        let e = one.evidence.effect;
        let [detect, equate] = one
            .needed
            .map_or(["-".to_owned(), "-".to_owned()], |n| n.map(seeds));
        let claim = one.verdict().map_or("no claim".into(), |verdict| {
            let decides = if one.decides { " (decides)" } else { "" };
            format!("{}{decides}", verdict.word())
        });
        vec![
            one.contrast.name.clone(),
            format!("{} less {}", one.contrast.with, one.contrast.without),
            signed(e.point),
            format!("{} to {}", signed(e.lo), signed(e.hi)),
            p_value(one.p),
            if one.decides {
                "-".into()
            } else {
                p_value(one.evidence.p)
            },
            one.finding.to_string(),
            claim,
            one.improvement.to_string(),
            e.n.to_string(),
            detect,
            equate,
        ]
    };
    let head = [
        "contrast",
        "of",
        "difference",
        "95 % interval",
        "p",
        "p, corrected",
        "finding",
        "claim",
        "probability of improvement",
        "pairs",
        "seeds to find the margin",
        "seeds to equate",
    ];
    let section = section
        .text(
            "Differences of interquartile means over all environments on the same seeds, with stratified-bootstrap \
             intervals. Corrected after Holm over the contrasts that do not decide.",
        )
        .figure(figure)
        .table(&head, contrasts.iter().map(row).collect());
    let cells = contrasts.iter().flat_map(|one| {
        one.cells.iter().map(|paired| {
            let e = paired.difference;
            let less = if paired.less { " (subtracted)" } else { "" };
            vec![
                one.contrast.name.clone(),
                format!("{}{less}", results.experiment.cells[paired.cell].label()),
                signed(e.point),
                if e.n > 1 {
                    format!("{} to {}", signed(e.lo), signed(e.hi))
                } else {
                    "-".into()
                },
                paired.p.map_or("-".into(), p_value),
                paired.word().to_owned(),
                e.n.to_string(),
            ]
        })
    });
    let head = [
        "contrast",
        "environment",
        "mean difference",
        "95 % interval",
        "p, corrected",
        "finding",
        "pairs",
    ];
    Ok(section
        .text("Each environment by itself: paired t tests, corrected after Holm within a contrast.")
        .table(&head, cells.collect()))
}

/// How an arm does over all cells.
pub fn profiles(results: &Results) -> Result<Section> {
    let cells = results.cells();
    let arms = &results.experiment.arms;
    let all = (0..arms.len())
        .map(|arm| results.scores(arm, &cells))
        .collect::<Result<Vec<_>>>()?;
    let scores = || {
        all.iter()
            .flat_map(|scores| scores.tasks())
            .flat_map(|task| task.scores())
    };
    // From chance to a good agent, or as far as anybody went.
    let low = scores().copied().fold(0.0, f64::min);
    let high = scores().copied().fold(1.0, f64::max);
    let thresholds: Vec<f64> = (0..=50)
        .map(|i| low + (high - low) * f64::from(i) / 50.0)
        .collect();
    let bootstrap = Bootstrap::default();
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for (arm, scores) in all.iter().enumerate() {
        let name = &arms[arm].name;
        let mut rng = results.rng(&format!("profile {name}"));
        let shares = scores.profile(Counted::Runs, &thresholds, &bootstrap, &mut rng)?;
        lines.push(crate::figures::Line {
            colour: arm,
            points: thresholds.iter().copied().zip(shares).collect(),
            intervals: match arms.len() <= super::curves::MANY {
                true => crate::figures::Intervals::Band,
                false => crate::figures::Intervals::None,
            },
        });
        let aggregates = [
            Aggregate::Iqm,
            Aggregate::Mean,
            Aggregate::Median,
            Aggregate::OptimalityGap { gamma: 1.0 },
        ];
        let mut row = vec![name.clone()];
        row.extend(aggregates.iter().map(|aggregate| {
            let mut rng = results.rng(&format!("aggregate {name} {aggregate:?}"));
            scores
                .estimate(*aggregate, &bootstrap, &mut rng)
                .to_string()
        }));
        row.push(scores.runs().to_string());
        rows.push(row);
    }
    let across = crate::figures::Across::Number("normalised score");
    let svg = crate::figures::lines(&across, "share of runs above", &lines, &[])?;
    let bands = match arms.len() <= super::curves::MANY {
        true => "bands are 95 % intervals at each score by itself",
        false => "with so many optimisers, no bands",
    };
    let figure = Figure {
        caption: format!("The share of runs above each score, mean over environments; {bands}."),
        key: super::curves::key(results),
        panels: vec![Panel {
            title: "All environments together".into(),
            svg,
        }],
    };
    let head = [
        "optimiser",
        "IQM",
        "mean",
        "median",
        "optimality gap",
        "runs",
    ];
    Ok(Section::new("Performance profiles")
        .text(
            "All environments together, scores normalised between chance (0) and a good agent (1); 95 % \
             stratified-bootstrap intervals. The optimality gap is how far runs fall short of 1: lower is better.",
        )
        .figure(figure)
        .table(&head, rows))
}

/// What optimisers remember.
pub fn memory(results: &Results) -> Section {
    let rows = results.experiment.arms.iter().enumerate().map(|(arm, of)| {
        let runs = || results.runs.iter().flat_map(|cell| &cell[arm]);
        let bytes = || runs().map(|run| run.optimiser_bytes_per_parameter);
        let (low, high) = (
            bytes().fold(f64::INFINITY, f64::min),
            bytes().fold(0.0, f64::max),
        );
        let shown = match low == high {
            true => format!("{low}"),
            false => format!("{low} to {high}"),
        };
        vec![of.name.clone(), shown, percent((4.0 + high) / 4.0)]
    });
    let head = [
        "optimiser",
        "state, bytes a weight",
        "weight and state, of the weight alone",
    ];
    Section::new("Memory").table(&head, rows.collect())
}

/// Every environment with every optimiser.
pub fn cells(rows: &[super::cells::CellRow]) -> Section {
    let shown = |e: (f64, f64, f64), n| {
        let (point, lo, hi) = e;
        Estimate { point, lo, hi, n }.to_string()
    };
    let row = |row: &super::cells::CellRow| {
        let n = row.runs;
        vec![
            row.environment.clone(),
            row.factors.clone(),
            row.optimiser.clone(),
            row.setting.clone(),
            n.to_string(),
            row.diverged.to_string(),
            row.solved.to_string(),
            shown((row.score, row.score_lo, row.score_hi), n),
            shown((row.area, row.area_lo, row.area_hi), n),
            shown((row.last, row.last_lo, row.last_hi), n),
        ]
    };
    let head = [
        "environment",
        "factors",
        "optimiser",
        "setting",
        "runs",
        "diverged",
        "solved",
        "score, IQM",
        "mean evaluation",
        "last evaluation",
    ];
    Section::new("Every cell")
        .text(
            "The score is normalised between chance (0) and a good agent (1), its interquartile mean over seeds; the \
             evaluations are returns, their means over seeds. In brackets 95 % bootstrap intervals. What differs \
             significantly is under Contrasts: intervals that overlap here may belong to arms that differ, for they share \
             their seeds.",
        )
        .table(&head, rows.iter().map(row).collect())
}
