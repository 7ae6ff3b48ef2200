//! A summary of a report, for another page.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use settings::Words;

use super::{
    answer,
    contrasts::{ContrastResult, Judged},
    differences,
    document::Section,
    format::{interval, p_value, signed},
    load::Results,
    markdown,
};
use crate::{Error, Result};

/// The relative path to `folder` from the folder of `page`; `folder` itself without a page.
pub fn way(page: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    let Some(page) = page else {
        return Ok(folder.to_path_buf());
    };
    let from = match page.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let whole = |path: &Path| {
        fs::canonicalize(path).map_err(|error| Error::io("cannot find", path, error).of_named())
    };
    Ok(steps(&whole(from)?, &whole(folder)?))
}

/// The relative path from one absolute path to another.
fn steps(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

/// The verdict and the contrasts, in Markdown; links lead to the report in `folder`.
pub fn excerpt(results: &Results, contrasts: &[ContrastResult], folder: &Path) -> String {
    let verdict = answer::verdict(results, contrasts);
    let row = |one: &ContrastResult, judged: &Judged| {
        let evidence = &judged.evidence;
        let e = evidence.effect();
        vec![
            one.contrast.name.clone(),
            judged.outcome.word().into(),
            match evidence.kind.compares_differences() {
                true => format!("{} of the probability of improvement", signed(e.point)),
                false => signed(e.point),
            },
            interval(evidence.has_interval(), e),
            match evidence.has_interval() {
                true => p_value(evidence.p),
                false => "-".into(),
            },
            judged.evidence.in_words(),
        ]
    };
    let rows = contrasts
        .iter()
        .flat_map(|one| one.outcomes.iter().map(move |judged| row(one, judged)));
    let table = Section::new("").table(
        &[
            "contrast",
            "outcome",
            "difference",
            "95 % interval",
            "p",
            "finding",
        ],
        rows.collect(),
    );
    let seeds = answer::seeds_a_cell(results);
    let folder = folder.to_string_lossy().replace('\\', "/");
    let rest = format!(
        "{seeds}. The full report, with every cell and how the study was run, is in [`report.md`](<{folder}/report.md>) \
         and [`report.html`](<{folder}/report.html>).\n"
    );
    let table = match contrasts.is_empty() {
        true => String::new(),
        false => format!(
            "{}\n![{}](<{folder}/figures/contrasts.svg>)\n",
            markdown::body(&table),
            differences::intervals(results)
        ),
    };
    format!("{}{table}\n{rest}", markdown::body(&verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_leads_up_and_down() {
        for (from, to, way) in [
            ("/a", "/a/results/x", "results/x"),
            ("/a/docs", "/a/results/x", "../results/x"),
            ("/a/docs/more", "/b", "../../../b"),
            ("/a", "/a", ""),
        ] {
            assert_eq!(steps(Path::new(from), Path::new(to)), Path::new(way));
        }
    }
}
