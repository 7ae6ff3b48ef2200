//! The questions and their answers, which open a report.

use settings::Words;

use super::{
    contrasts::{ContrastResult, Judged, POWER, claim_in_words},
    document::{Block, Section},
    format::{interval, seeds, signed},
    load::Results,
    verdict::{EffectKind, Verdict, rule},
};
use crate::numbers::count;

/// The section with a verdict for each question and its grounds.
pub fn verdict(results: &Results, contrasts: &[ContrastResult]) -> Section {
    let section = Section::new("Answers").lead();
    let answer = |one: &ContrastResult| {
        let verdict = one.verdict().unwrap_or(Verdict::Inconclusive);
        Block::Verdict {
            question: one.question.to_owned(),
            word: verdict.word(),
            why: why(results, one, verdict),
        }
    };
    let deciding: Vec<&ContrastResult> = contrasts.iter().filter(|one| one.decides).collect();
    if deciding.is_empty() {
        return section.block(Block::Verdict {
            question: results.experiment.top.question.clone(),
            word: "none",
            why: "No contrast of the experiment has a claim, so there is no verdict.".into(),
        });
    }
    deciding
        .into_iter()
        .map(answer)
        .fold(section, Section::block)
}

/// What was asked, how it was done, and the rule of the verdicts.
pub fn how_to_read(results: &Results) -> Section {
    let top = &results.experiment.top;
    Section::new("Hypothesis and rule")
        .appendix()
        .text(format!("Question: {}", top.question))
        .text(format!("Hypothesis: {}", top.hypothesis))
        .text(format!("The rule: {}", rule()))
        .text(format!("How it was done: {}", top.analysis))
}

fn why(results: &Results, one: &ContrastResult, verdict: Verdict) -> String {
    let contrast = one.contrast;
    let with = &contrast.with;
    let on = match contrast.is_in_part() {
        false => String::new(),
        true => format!(" ({})", contrast.place()),
    };
    let found: Vec<String> = one.outcomes.iter().map(grounds).collect();
    let mut out = format!(
        "{with} minus {}{on}: {}. {} {}",
        contrast.without,
        found.join("; "),
        claim_in_words(results, contrast),
        counted(results, one)
    );
    if verdict == Verdict::Inconclusive {
        out += &power(one.first());
    }
    out
}

/// What was found by one outcome.
fn grounds(judged: &Judged) -> String {
    let evidence = &judged.evidence;
    let number = |e: stats::Estimate| {
        let known = evidence.has_interval();
        let interval = match known {
            true => format!(" {}", interval(known, e)),
            false => String::new(),
        };
        format!("{}{interval}", signed(e.point))
    };
    let found = match evidence.kind.compares_differences() {
        true => format!(
            "{}probability of improvement {} (difference {})",
            match evidence.kind {
                EffectKind::Growth => "growth of the ",
                _ => "",
            },
            number(evidence.advantage.estimate),
            number(evidence.difference.estimate)
        ),
        false => format!(
            "{}, margin {:.3}",
            number(evidence.difference.estimate),
            evidence.margin
        ),
    };
    format!("{} {found}: {}", in_words(judged), evidence.in_words())
}

/// How many seeds and environments the finding is based on.
fn counted(results: &Results, one: &ContrastResult) -> String {
    let first = one.first();
    let informative = first.cells.iter().filter(|cell| cell.informative).count();
    let left_out: Vec<&str> = first
        .cells
        .iter()
        .filter(|cell| !cell.informative)
        .map(|cell| results.names[cell.cell].as_str())
        .collect();
    let seeds = count(first.evidence.seeds, "seed");
    let what = match results.experiment.top.factors.is_empty() {
        true => "environment",
        false => "cell",
    };
    match left_out.is_empty() || informative == 0 {
        true => format!("Based on {seeds} in {}.", count(first.cells.len(), what)),
        false => format!(
            "Based on {seeds} in {}. A difference could not have shown in {}.",
            count(informative, what),
            left_out.join(", ")
        ),
    }
}

/// The name of the outcome as a reader would say it.
pub fn in_words(judged: &Judged) -> &'static str {
    match judged.outcome.word() {
        "area" => "area",
        "final" => "final return",
        word => word,
    }
}

/// How many seeds would decide.
fn power(judged: &Judged) -> String {
    let Some(needed) = &judged.seeds_needed else {
        return String::new();
    };
    format!(
        " With probability {POWER}, {} seeds would find a difference as large as the margin, and {} would show that there \
         is none.",
        seeds(needed.to_detect),
        seeds(needed.to_equate),
    )
}

/// How many report seeds the cells have: `There are 30 seeds per cell`, or `30 to 100`.
pub fn seeds_a_cell(results: &Results) -> String {
    let cells = results.experiment.cells.iter();
    let seeds: Vec<usize> = cells.map(|cell| cell.report_seeds.len()).collect();
    let (low, high) = (seeds.iter().min(), seeds.iter().max());
    match (low, high) {
        (Some(low), Some(high)) if low < high => {
            format!("There are {low} to {high} seeds per cell")
        }
        (Some(1), _) => "There is 1 seed per cell".into(),
        (low, _) => format!("There are {} seeds per cell", low.copied().unwrap_or(0)),
    }
}
