//! A report on a study: the verdict first, then everything that supports it.
//!
//! Results are read (`load`), judged (`contrasts`, `verdict`), put into sections (`document`), and written as HTML and as
//! Markdown with a picture for each figure. The same results give the same bytes, except for time, energy and machines.

mod answer;
mod assay;
pub mod card;
mod cells;
mod comparison;
mod contrasts;
mod cost;
mod curves;
mod differences;
mod document;
mod dose;
mod excerpt;
mod find;
mod format;
mod glance;
mod glossary;
mod html;
mod ladder;
mod load;
mod markdown;
mod mechanism;
mod names;
mod overview;
mod picture;
mod profiles;
mod scope;
mod tables;
mod tuning;
mod verdict;

use std::path::Path;

use serde::Serialize;
use settings::Words;

use crate::{
    Result,
    files::{rounded, toml_file, write_csv, write_whole},
    study::{
        check_marks,
        experiment::FOLDER,
        folder::{remove_if_there, results_folder},
    },
};
use contrasts::{ContrastResult, Judged};
use document::{Document, Section};
pub use find::folder;
use load::Results;
use overview::forest as overview_forest;
pub use overview::overview;

/// A report in brief.
pub struct ReportSummary {
    /// The experiment.
    pub name: String,
    /// `supported`, `refuted`, `equivalent` or `inconclusive`, for its first question; `None` if the experiment claims nothing.
    pub verdict: Option<&'static str>,
    /// The verdict and the contrasts in Markdown, for another page. Its links are relative to the
    /// folder of that page.
    pub excerpt: String,
    /// What the reader should know before relying on it.
    pub warnings: Vec<String>,
}

/// A line of `contrasts.csv`. Intervals and p-values are empty where there are too few seeds for them.
#[derive(Serialize)]
struct ContrastRow<'a> {
    question: &'a str,
    contrast: &'a str,
    with: &'a str,
    without: &'a str,
    decides: bool,
    outcome: &'static str,
    difference: f64,
    lo: Option<f64>,
    hi: Option<f64>,
    advantage: f64,
    advantage_lo: Option<f64>,
    advantage_hi: Option<f64>,
    p: Option<f64>,
    p_corrected: Option<f64>,
    margin: f64,
    finding: String,
    verdict: Option<&'static str>,
    pairs: usize,
}

/// Reads the results in `folder` and writes the report there: `summary.csv`, `contrasts.csv`, `report.md`, `report.html`, the
/// pictures in `figures`, and `mechanism_fit.csv` if there are diagnostics.
///
/// `asked` is the user's name for the experiment. If it leads to a TOML file that has changed since the
/// runs, there is a warning. `page` is the page for the excerpt; without one, links start from the
/// working folder.
pub fn report(folder: &Path, asked: &Path, page: Option<&Path>) -> Result<ReportSummary> {
    let results = Results::read(folder)?;
    if let Some(page) = page {
        check_marks(page, &results.experiment.name)?;
    }
    let contrasts = contrasts::contrasts(&results)?;
    let rows = cells::cells(&results)?;
    let fits = mechanism::fits(&results)?;
    let document = document(&results, &contrasts, &rows, &fits)?;
    results_folder(folder)?;
    write_csv(&folder.join("summary.csv"), &rows)?;
    write_csv(
        &folder.join("contrasts.csv"),
        contrasts.iter().flat_map(|one| {
            one.outcomes
                .iter()
                .map(move |judged| contrast_row(one, judged))
        }),
    )?;
    let path = folder.join("mechanism_fit.csv");
    match fits.is_empty() {
        true => remove_if_there(&path)?,
        false => write_csv(&path, fits.iter().map(mechanism::MechanismFit::row))?,
    }
    write_whole(&folder.join("report.md"), markdown::markdown(&document))?;
    write_whole(&folder.join("report.html"), html::html(&document))?;
    write_pictures(&document, folder)?;
    let deciding = contrasts.iter().find(|one| one.decides);
    Ok(ReportSummary {
        verdict: deciding
            .and_then(ContrastResult::verdict)
            .map(verdict::Verdict::word),
        excerpt: excerpt::excerpt(&results, &contrasts, &excerpt::way(page, folder)?),
        warnings: changed(&results, asked).into_iter().collect(),
        name: results.experiment.name,
    })
}

fn document(
    results: &Results,
    contrasts: &[ContrastResult],
    rows: &[cells::CellRow],
    fits: &[mechanism::MechanismFit],
) -> Result<Document> {
    let [sensitivity, chosen] = tuning::tuning(results)?;
    let sections: Vec<Section> = vec![
        answer::verdict(results, contrasts),
        glance::glance(results, contrasts)?,
        differences::contrasts(results, contrasts)?,
        ladder::ladder(results)?,
        dose::dose(results)?,
        mechanism::mechanism(results, fits)?.appendix(),
        sensitivity,
        answer::how_to_read(results),
        differences::each_environment(results, contrasts)?.appendix(),
        differences::seeds_needed(contrasts),
        assay::section(results).appendix(),
        chosen.appendix(),
        curves::curves(results)?,
        profiles::profiles(results)?.appendix(),
        cost::memory(results).appendix(),
        cost::time(results).appendix(),
        cost::energy(results).appendix(),
        cells::table(rows).appendix(),
        cost::how_it_was_run(results).appendix(),
    ];
    let title = format!("Report on {}", results.experiment.name);
    Ok(Document::new(title, sections))
}

fn contrast_row<'a>(one: &'a ContrastResult, judged: &Judged) -> ContrastRow<'a> {
    let evidence = &judged.evidence;
    let (e, advantage) = (evidence.difference.estimate, evidence.advantage.estimate);
    let inferred = |x: f64| evidence.has_interval().then(|| rounded(x));
    let claim = one.contrast.claim;
    ContrastRow {
        question: one.question,
        contrast: &one.contrast.name,
        with: &one.contrast.with,
        without: &one.contrast.without,
        decides: one.decides,
        outcome: judged.outcome.word(),
        difference: rounded(e.point),
        lo: inferred(e.lo),
        hi: inferred(e.hi),
        advantage: rounded(advantage.point),
        advantage_lo: inferred(advantage.lo),
        advantage_hi: inferred(advantage.hi),
        p: inferred(judged.p),
        p_corrected: inferred(evidence.p),
        margin: rounded(evidence.margin),
        finding: judged.evidence.in_words(),
        verdict: claim.map(|claim| judged.finding().verdict(claim).word()),
        pairs: e.n,
    }
}

/// Writes the figure of each section to `folder/figures`, and removes those that have nothing to show any more.
fn write_pictures(document: &Document, folder: &Path) -> Result<()> {
    results_folder(&folder.join("figures"))?;
    for section in document.sections.iter().chain(&document.absent) {
        let path = folder.join(section.picture());
        match section.find_figure() {
            Some(figure) => write_whole(&path, picture::picture(figure))?,
            None => remove_if_there(&path)?,
        }
    }
    Ok(())
}

/// A warning if the experiment's TOML is no longer the one that was run.
fn changed(results: &Results, asked: &Path) -> Option<String> {
    let path = toml_file(Path::new(FOLDER), asked);
    let text = std::fs::read_to_string(&path).ok()?;
    (text != results.experiment.text).then(|| {
        format!(
            "{} has changed since the results were written. The report is about the experiment as it was run. If the \
             changed experiment has the same runs, `study collect` writes its results",
            path.display()
        )
    })
}
