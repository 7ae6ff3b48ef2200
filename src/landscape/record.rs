//! The files of a landscape study: every path, what each optimiser reached, and the claims.

use std::{fmt::Write, path};

use serde::Serialize;

use super::{
    claims::{ClaimVerdict, MARGIN, MeasuredClaim},
    descent::DescentPath,
    optimiser_paths::OptimiserPaths,
    surface::Surface,
    tune::{Edge, REPORT_SEEDS, TUNING_SEEDS},
};

use crate::{
    Result,
    files::{rounded, write_csv, write_whole},
    numbers::count,
};

/// A row of `paths.csv`: a point of the first seed's path.
#[derive(Serialize)]
struct PathRow<'a> {
    surface: &'a str,
    optimiser: &'a str,
    lr: f64,
    step: u64,
    x: f64,
    y: f64,
    value: f64,
    distance: f64,
}

/// A row of `summary.csv`: means over all seeds.
#[derive(Serialize)]
struct SummaryRow<'a> {
    surface: &'a str,
    optimiser: &'a str,
    lr: f64,
    grid_edge: Option<Edge>,
    diverged: bool,
    seeds: usize,
    steps: u64,
    mean_value: f64,
    final_value: f64,
    final_distance: f64,
}

/// A row of `claims.csv`.
#[derive(Serialize)]
struct ClaimRow<'a> {
    claim: &'a str,
    sentence: &'a str,
    surface: &'a str,
    number: &'a str,
    value: f64,
    lo: f64,
    hi: f64,
    n: usize,
    expected: String,
    says: Option<ClaimVerdict>,
    verdict: ClaimVerdict,
}

/// The messages when a surface is done: one line, and a warning for every lr that may not be the best and
/// every optimiser that diverged.
pub fn progress(surface: &Surface, optimisers: &[OptimiserPaths]) -> String {
    let best = optimisers.iter().min_by(|a, b| {
        let value = |paths: &OptimiserPaths| paths.mean(DescentPath::mean_value);
        value(a).total_cmp(&value(b))
    });
    let best = best.map_or(String::new(), |best| {
        format!(", lowest mean objective: {}", best.name())
    });
    let mut out = format!(
        "{}: {}{best}\n",
        surface.name,
        count(optimisers.len(), "optimiser")
    );
    for optimiser in optimisers {
        if let Some(edge) = optimiser.tuned.edge {
            let _ = writeln!(
                out,
                "warning: {}: {}'s best lr, {}, is the {edge} of its grid; a better one may lie beyond",
                surface.name,
                optimiser.name(),
                optimiser.tuned.lr()
            );
        }
        if optimiser.diverged() {
            let (name, step) = (optimiser.name(), optimiser.paths[0].last().step);
            let _ = writeln!(
                out,
                "warning: {}: {name} diverged after step {step}",
                surface.name
            );
        }
    }
    out
}

/// Writes `paths.csv` and `summary.csv` into `out`, an existing folder.
pub fn write_paths(out: &path::Path, all: &[OptimiserPaths]) -> Result<()> {
    let names: Vec<String> = all.iter().map(OptimiserPaths::name).collect();
    let named = || all.iter().zip(&names);
    let paths = named().flat_map(|(optimiser, name)| {
        optimiser.paths[0].points.iter().map(move |point| PathRow {
            surface: optimiser.surface.name,
            optimiser: name,
            lr: optimiser.tuned.lr(),
            step: point.step,
            x: rounded(point.at[0]),
            y: rounded(point.at[1]),
            value: rounded(point.value),
            distance: rounded(point.distance),
        })
    });
    write_csv(&out.join("paths.csv"), paths)?;
    let summary = named().map(|(optimiser, name)| SummaryRow {
        surface: optimiser.surface.name,
        optimiser: name,
        lr: optimiser.tuned.lr(),
        grid_edge: optimiser.tuned.edge,
        diverged: optimiser.diverged(),
        seeds: optimiser.paths.len(),
        steps: optimiser.paths[0].last().step,
        mean_value: rounded(optimiser.mean(DescentPath::mean_value)),
        final_value: rounded(optimiser.mean(|path| path.last().value)),
        final_distance: rounded(optimiser.mean(|path| path.last().distance)),
    });
    write_csv(&out.join("summary.csv"), summary)
}

/// Writes `claims.csv` and `claims.md` into `out`, an existing folder.
pub fn write_claims(out: &path::Path, claims: &[MeasuredClaim]) -> Result<()> {
    let rows = claims.iter().flat_map(|measured| {
        measured.measurements.iter().map(|number| ClaimRow {
            claim: measured.claim.name,
            sentence: measured.claim.sentence,
            surface: number.surface.unwrap_or_default(),
            number: &number.description,
            value: rounded(number.estimate.point),
            lo: rounded(number.estimate.lo),
            hi: rounded(number.estimate.hi),
            n: number.estimate.n,
            expected: number.expected.map_or(String::new(), |e| e.to_string()),
            says: number.verdict(),
            verdict: measured.verdict,
        })
    });
    write_csv(&out.join("claims.csv"), rows)?;
    write_whole(&out.join("claims.md"), table(claims))
}

/// The claims as a Markdown table, and the rule for the verdicts.
pub fn table(claims: &[MeasuredClaim]) -> String {
    let mut out = String::from(
        "| the note says | measured on | number | value (95 % interval) | expected | verdict |\n|---|---|---|---|---|---|\n",
    );
    for MeasuredClaim {
        claim,
        measurements,
        verdict,
    } in claims
    {
        // The sentence and its verdict appear only next to its first number.
        let mut sentence = String::from(claim.sentence);
        let mut verdict = format!("**{verdict}**");
        for measurement in measurements {
            let expected = measurement
                .expected
                .map_or(String::new(), |e| e.to_string());
            let on = measurement.surface.unwrap_or("the rules");
            let what = &measurement.description;
            let value = measurement.estimate.to_string();
            let _ = writeln!(
                out,
                "| {sentence} | {on} | {what} | {value} | {expected} | {verdict} |"
            );
            sentence.clear();
            verdict.clear();
        }
    }
    let _ = writeln!(
        out,
        "\nEach optimiser has the lr that gives it the lowest mean objective along the path, from a grid of \
         nine factors of ten. Where gradients are random the lr is chosen on seeds {} to {}, and a number is the \
         geometric mean over seeds {} to {} with its 95 % interval. A number supports its sentence when the whole \
         interval lies beyond the expected bound by {:.0} %, and contradicts it when it lies as far on the other \
         side; a verdict needs all the expected numbers to agree, and is mixed otherwise.",
        TUNING_SEEDS.start,
        TUNING_SEEDS.end - 1,
        REPORT_SEEDS.start,
        REPORT_SEEDS.end - 1,
        (MARGIN - 1.0) * 100.0,
    );
    out
}
