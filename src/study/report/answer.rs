//! The questions and their answers, which open a report.

use std::collections::BTreeSet;

use settings::Words;

use super::{
    contrasts::{ContrastResult, Judged, POWER, claim_in_words},
    document::{Block, Section},
    format::{interval, seeds, signed},
    load::Results,
    verdict::{EffectKind, FEWEST_SEEDS, Verdict, rule},
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

/// How many seeds and environments the finding is based on, for each outcome if they differ.
fn counted(results: &Results, one: &ContrastResult) -> String {
    let each = one.outcomes.iter();
    let each: Vec<(&str, String)> = each
        .map(|judged| (in_words(judged), basis(results, judged)))
        .collect();
    match &each[..] {
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => {
            format!("Based on {first}")
        }
        all => {
            let all = all
                .iter()
                .map(|(outcome, basis)| format!("By {outcome}, it is based on {basis}"));
            all.collect::<Vec<_>>().join(" ")
        }
    }
}

/// How many seeds and cells a finding is from, and which cells it is not from.
fn basis(results: &Results, judged: &Judged) -> String {
    let evidence = &judged.evidence;
    let what = match results.experiment.top.factors.is_empty() {
        true => "environment",
        false => "cell",
    };
    let cells = judged.cells.iter().map(|one| AskedCell {
        name: &results.names[one.cell],
        environment: &results.experiment.cells[one.cell].environment,
        informative: one.informative,
        counts: evidence.cells.contains(&one.cell),
    });
    let cells: Vec<AskedCell> = cells.collect();
    let counted = count(cells.iter().filter(|cell| cell.counts).count(), what);
    let seeds = count(evidence.seeds, "seed");
    let nothing_counts = evidence.kind.compares_differences() || evidence.seeds < FEWEST_SEEDS;
    format!("{seeds} in {counted}.{}", left_out(&cells, nothing_counts))
}

/// A cell that a contrast asks about.
struct AskedCell<'a> {
    name: &'a str,
    environment: &'a str,
    /// Whether a difference could have shown there.
    informative: bool,
    /// Whether the finding is from it.
    counts: bool,
}

/// Sentences about the cells where no difference could have shown, and about those that do not count without them.
/// `nothing_counts` if even a difference that shows means nothing there.
fn left_out(cells: &[AskedCell], nothing_counts: bool) -> String {
    let names = |which: &dyn Fn(&&AskedCell) -> bool| {
        let names = cells.iter().filter(which).map(|cell| cell.name);
        names.collect::<Vec<_>>().join(", ")
    };
    let uninformative = names(&|cell| !cell.informative);
    if uninformative.is_empty() {
        return String::new();
    }
    let lost = names(&|cell| cell.informative && !cell.counts);
    if cells.iter().any(|cell| !cell.informative && cell.counts) {
        let them = match cells.iter().filter(|cell| !cell.informative).count() {
            1 => "it",
            _ => "them",
        };
        return format!(
            " By the tuning seeds, a difference could hardly have shown in {uninformative}, but nothing is left to compare \
             without {them}. {}",
            match nothing_counts {
                true => "So nothing follows.",
                false => "So a difference that shows counts, and the absence of one means nothing.",
            }
        );
    }
    let so = match lost.is_empty() {
        true => String::new(),
        false => format!(", so {lost} cannot count either"),
    };
    let environments = |counts: bool| {
        let its = cells.iter().filter(|cell| cell.counts || !counts);
        its.map(|cell| cell.environment).collect::<BTreeSet<&str>>()
    };
    let left = environments(true);
    let only = match left.first() {
        Some(only) if left.len() == 1 && environments(false).len() > 1 => {
            format!(" Only {only} is left.")
        }
        _ => String::new(),
    };
    format!(" A difference could not have shown in {uninformative}{so}.{only}")
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
    let evidence = &judged.evidence;
    // More seeds would not mend what else is wrong.
    let seeds_would_do = evidence.flips_without.is_empty()
        && evidence.all_diverged.is_empty()
        && !evidence.uninformative;
    let Some(needed) = judged.seeds_needed.as_ref().filter(|_| seeds_would_do) else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named() {
        let cells = |all: &[(&'static str, &'static str, bool, bool)]| {
            let cells = all
                .iter()
                .map(|&(environment, name, informative, counts)| AskedCell {
                    name,
                    environment,
                    informative,
                    counts,
                });
            left_out(&cells.collect::<Vec<_>>(), false)
        };
        assert_eq!(cells(&[("a", "a", true, true)]), "");
        assert_eq!(
            cells(&[
                ("a", "a 1", true, true),
                ("a", "a 2", true, true),
                ("b", "b 1", true, false),
                ("b", "b 2", false, false)
            ]),
            " A difference could not have shown in b 2, so b 1 cannot count either. Only a is left."
        );
        assert_eq!(
            cells(&[("a", "a 1", true, true), ("a", "a 2", false, false)]),
            " A difference could not have shown in a 2."
        );
        assert_eq!(
            cells(&[("a", "a", true, true), ("b", "b", false, true)]),
            " By the tuning seeds, a difference could hardly have shown in b, but nothing is left to compare without it. So a \
             difference that shows counts, and the absence of one means nothing."
        );
    }
}
