//! The questions and their answers, which open a report.

use settings::Words;

use super::{
    contrasts::{ContrastResult, Judged, POWER, claim_in_words, place},
    document::{Block, Section},
    format::{interval, p_value, seeds, signed},
    load::Results,
    verdict::{Verdict, rule},
};
use crate::numbers::count;

/// The section with a verdict for each question and its grounds, and the rule.
pub fn verdict(results: &Results, contrasts: &[ContrastResult]) -> Section {
    let top = &results.experiment.top;
    let mut section = Section::new("Answers");
    let deciding: Vec<&ContrastResult> = contrasts.iter().filter(|one| one.decides).collect();
    if deciding.is_empty() {
        section = section
            .text(format!("Question: {}", top.question))
            .block(Block::Verdict {
                word: "none",
                why: "No contrast of the experiment has a claim, so there is no verdict.".into(),
            });
    }
    for one in deciding {
        let verdict = one.verdict().unwrap_or(Verdict::Inconclusive);
        section = section
            .text(format!("Question: {}", one.question))
            .block(Block::Verdict {
                word: verdict.word(),
                why: why(results, one, verdict),
            });
    }
    section
        .text(format!("Hypothesis: {}", top.hypothesis))
        .text(format!("The rule: {}", rule()))
        .text(format!("How it was done: {}", top.analysis))
}

fn why(results: &Results, one: &ContrastResult, verdict: Verdict) -> String {
    let contrast = one.contrast;
    let on = match contrast.environments.is_empty() {
        true => String::new(),
        false => format!(" ({})", place(contrast)),
    };
    let claim = contrast.claim.map_or("differs from", claim_in_words);
    let mut out = format!(
        "The hypothesis says that {} does {claim} than {}{on}.",
        contrast.with, contrast.without
    );
    for judged in &one.outcomes {
        out += &format!(" {}", grounds(judged, one.outcomes.len() > 1));
    }
    if verdict == Verdict::Inconclusive {
        out += &power(one.first());
    }
    out + &left_out(results, one)
}

/// What was found by one outcome, in a sentence or two.
fn grounds(judged: &Judged, several: bool) -> String {
    let by = match several {
        true => format!("By {}: ", in_words(judged)),
        false => String::new(),
    };
    let evidence = &judged.evidence;
    let e = evidence.difference.estimate;
    let advantage = match evidence.is_interaction {
        true => {
            let e = evidence.advantage.estimate;
            format!(
                "probability of improvement {} {}, ",
                signed(e.point),
                interval(evidence.has_interval(), e)
            )
        }
        false => String::new(),
    };
    let p = match evidence.has_interval() {
        true => format!(", p {}", p_value(evidence.p)),
        false => String::new(),
    };
    format!(
        "{by}{advantage}difference {} {}{p}, {} of runs, margin {:.3}. Finding: {}.",
        signed(e.point),
        interval(evidence.has_interval(), e),
        count(e.n, "pair"),
        evidence.margin,
        judged.finding()
    )
}

/// The outcome as a reader would call it.
pub fn in_words(judged: &Judged) -> &'static str {
    match judged.outcome.word() {
        "area" => "area under the learning curve",
        "final" => "final return",
        word => word,
    }
}

/// What would have been found.
fn power(judged: &Judged) -> String {
    let Some(needed) = &judged.seeds_needed else {
        return String::new();
    };
    format!(
        " At this spread, a difference as large as the margin would be found with probability {POWER} by {} seeds a cell. \
         If there is no difference, {} seeds a cell would show that. There are {}.",
        seeds(needed.to_detect),
        seeds(needed.to_equate),
        judged.evidence.seeds
    )
}

/// The environments that do not count.
fn left_out(results: &Results, one: &ContrastResult) -> String {
    let cells = one.first().cells.iter();
    let names: Vec<&str> = cells
        .filter(|cell| !cell.informative)
        .map(|cell| results.names[cell.cell].as_str())
        .collect();
    match names.is_empty() || one.first().evidence.uninformative {
        true => String::new(),
        false => format!(" Not informative, so not counted: {}.", names.join(", ")),
    }
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
