//! What was asked, and the answer: the first thing that a report says.

use super::{
    contrasts::{Contrasted, POWER, place},
    document::{Block, Section},
    load::Results,
    shown::{p_value, seeds, signed},
    verdict::{Verdict, rule},
};
use crate::study::experiment::Claim;

/// The question, the verdict with what it rests on, and the rule.
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
    section.text(format!("How it was done: {}", top.analysis))
}

fn why(one: &Contrasted, verdict: Verdict) -> String {
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
        "{}: the hypothesis says that {} does {claim} than {}{on}. Difference of interquartile means of the normalised score: \
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
