//! The question and its answer, which open a report.

use super::{
    contrasts::{ContrastResult, POWER, place},
    document::{Block, Section},
    format::{p_value, seeds, signed},
    load::Results,
    verdict::{Verdict, rule},
};
use crate::{numbers::count, study::experiment::Claim};

/// The section with the question, the verdict and its grounds, and the rule.
pub fn verdict(results: &Results, contrasts: &[ContrastResult]) -> Section {
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
            why: "No contrast of the experiment has a claim, so there is no verdict.".into(),
        }),
    };
    let section = section.text(format!("Hypothesis: {}", top.hypothesis));
    let section = section.text(format!("The rule: {}", rule(top.margin)));
    section.text(format!("How it was done: {}", top.analysis))
}

fn why(one: &ContrastResult, verdict: Verdict) -> String {
    let contrast = one.contrast;
    let claim = match contrast.claim {
        Some(Claim::Above) => "better",
        _ => "worse",
    };
    let on = match contrast.environments.is_empty() {
        true => String::new(),
        false => format!(" ({})", place(contrast)),
    };
    let e = one.evidence.effect;
    let mut out = format!(
        "{}: the hypothesis says that {} does {claim} than {}{on}. The difference of the interquartile means of the normalised \
         score is {} (95 % interval {} to {}, {} of runs, p {}). Finding: {}.",
        contrast.name,
        contrast.with,
        contrast.without,
        signed(e.point),
        signed(e.lo),
        signed(e.hi),
        count(e.n, "pair"),
        p_value(one.evidence.p),
        one.finding,
    );
    if verdict == Verdict::Inconclusive
        && let Some(needed) = &one.seeds_needed
    {
        out += &format!(
            " At this spread, a difference as large as the margin would be found with probability {POWER} by {} seeds a cell. \
             If there is no difference, {} seeds a cell would show that. There are {}.",
            seeds(needed.to_detect),
            seeds(needed.to_equate),
            one.evidence.seeds
        );
    }
    out
}

/// How many report seeds the cells have: `There are 30 seeds a cell`, or `30 to 100`.
pub fn seeds_a_cell(results: &Results) -> String {
    let cells = results.experiment.cells.iter();
    let seeds: Vec<usize> = cells.map(|cell| cell.report_seeds.len()).collect();
    let (low, high) = (seeds.iter().min(), seeds.iter().max());
    match (low, high) {
        (Some(low), Some(high)) if low < high => format!("There are {low} to {high} seeds a cell"),
        (Some(1), _) => "There is 1 seed a cell".into(),
        (low, _) => format!("There are {} seeds a cell", low.copied().unwrap_or(0)),
    }
}
