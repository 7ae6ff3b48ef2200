//! What several studies found about the same changes of optimiser, in one figure and one table.

mod evidence;
mod page;
mod table;

use std::path::{Path, PathBuf};

use serde::Serialize;
use settings::Words;

use super::{html, markdown, write_pictures};
use crate::{
    Error, Result,
    files::{rounded, toml_name, write_csv, write_whole},
    study::folder::results_folder,
};
use evidence::{EffectAtPlace, Studies};
pub use page::forest;
use table::Overview;

/// A line of `effects.csv`. Intervals and p-values are empty where there are too few seeds for them.
#[derive(Serialize)]
struct EffectRow<'a> {
    effect: &'a str,
    place: &'a str,
    study: &'a str,
    outcome: &'static str,
    with: &'a str,
    without: &'a str,
    difference: f64,
    lo: Option<f64>,
    hi: Option<f64>,
    margin: f64,
    would_be_found: Option<f64>,
    advantage: f64,
    advantage_lo: Option<f64>,
    advantage_hi: Option<f64>,
    p_corrected: Option<f64>,
    finding: String,
    environments: usize,
    seeds: usize,
}

/// Reads the overview `asked`, a TOML file or the name of one in `experiments/overviews`, and the results of its studies. It
/// writes `effects.csv`, `report.md`, `report.html`, the figures and a copy of the file to `out`, which is
/// `results/OVERVIEW` by default, and returns that folder. The same results give the same bytes.
pub fn overview(asked: &Path, out: Option<&Path>) -> Result<PathBuf> {
    let path = Overview::find(asked);
    let (overview, text) = Overview::read(&path)?;
    let studies = Studies::read(&overview, &path)?;
    let found = studies.evidence(&overview)?;
    let document = page::page(&overview, &studies, &found)?;
    let default = || Path::new("results").join(toml_name(&path));
    let out = out.map_or_else(default, Path::to_path_buf);
    if out.join("manifest.toml").exists() {
        return Err(Error::usage(format!(
            "{} has the results of a study; give the overview another name or another --out",
            out.display()
        )));
    }
    results_folder(&out)?;
    write_csv(
        &out.join("effects.csv"),
        found.iter().map(|one| row(&overview, one)),
    )?;
    write_whole(&out.join("overview.toml"), text)?;
    write_whole(&out.join("report.md"), markdown::markdown(&document))?;
    write_whole(&out.join("report.html"), html::html(&document))?;
    write_pictures(&document, &out)?;
    Ok(out)
}

fn row<'a>(overview: &'a Overview, one: &EffectAtPlace) -> EffectRow<'a> {
    let (effect, place) = (&overview.effects[one.effect], &overview.places[one.place]);
    let evidence = &one.evidence;
    let (e, advantage) = (evidence.difference.estimate, evidence.advantage.estimate);
    let inferred = |x: f64| evidence.has_interval().then(|| rounded(x));
    EffectRow {
        effect: &effect.name,
        place: &place.name,
        study: &place.study,
        outcome: one.outcome.word(),
        with: &effect.with,
        without: &effect.without,
        difference: rounded(e.point),
        lo: inferred(e.lo),
        hi: inferred(e.hi),
        margin: rounded(evidence.margin),
        would_be_found: inferred(page::detectable(one)),
        advantage: rounded(advantage.point),
        advantage_lo: inferred(advantage.lo),
        advantage_hi: inferred(advantage.hi),
        p_corrected: inferred(evidence.p),
        finding: evidence.in_words(),
        environments: evidence.cells.len(),
        seeds: evidence.seeds,
    }
}
