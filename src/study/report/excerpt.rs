//! The essence of a report, for another page.

use std::path::Path;

use super::{
    answer,
    contrasts::Contrasted,
    document::Section,
    load::Results,
    markdown,
    shown::{p_value, signed},
};
/// The verdict and the contrasts, in Markdown; links lead to the report in `folder`.
pub fn excerpt(results: &Results, contrasts: &[Contrasted], folder: &Path) -> String {
    let mut verdict = answer::verdict(results, contrasts);
    // The question and the verdict; the rest is in the report.
    verdict.blocks.truncate(2);
    let row = |one: &Contrasted| {
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
        "{seeds} seeds a cell; the whole report, with every cell and how it was run: \
         [`report.md`](<{folder}/report.md>), [`report.html`](<{folder}/report.html>).\n"
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
