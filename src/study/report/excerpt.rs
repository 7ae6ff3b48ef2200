//! The essence of a report, for another page.

use std::path::Path;

use super::{
    answer,
    contrasts::ContrastResult,
    document::Section,
    format::{p_value, signed},
    load::Results,
    markdown,
};
/// The verdict and the contrasts, in Markdown; links lead to the report in `folder`.
pub fn excerpt(results: &Results, contrasts: &[ContrastResult], folder: &Path) -> String {
    let mut verdict = answer::verdict(results, contrasts);
    // Only the question and the verdict.
    verdict.blocks.truncate(2);
    let row = |one: &ContrastResult| {
        let e = one.evidence.effect;
        vec![
            one.contrast.name.clone(),
            signed(e.point),
            format!("{} to {}", signed(e.lo), signed(e.hi)),
            p_value(one.evidence.p),
            one.finding.to_string(),
        ]
    };
    let table = Section::new("").table(
        &["contrast", "difference", "95 % interval", "p", "finding"],
        contrasts.iter().map(row).collect(),
    );
    let seeds = answer::seeds_a_cell(results);
    let folder = folder.to_string_lossy().replace('\\', "/");
    let rest = format!(
        "{seeds}. The whole report, with every cell and how it was run, is in \
         [`report.md`](<{folder}/report.md>) and [`report.html`](<{folder}/report.html>).\n"
    );
    let table = match contrasts.is_empty() {
        true => String::new(),
        false => format!(
            "{}\n![Differences with their 95 % intervals](<{folder}/figures/contrasts.svg>)\n",
            markdown::body(&table)
        ),
    };
    format!("{}{table}\n{rest}", markdown::body(&verdict))
}
