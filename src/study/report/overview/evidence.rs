//! What the studies of an overview found.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use settings::unknown;

use super::table::{Effect, Overview, Place};
use crate::{
    Error, Result, config,
    study::{
        experiment::{ContrastTable, Score},
        report::{
            comparison::{Assays, Comparison},
            find::folder_of,
            load::Results,
            scope::Scope,
            verdict::{self, Evidence},
        },
    },
};

/// The studies of an overview.
pub struct Studies {
    /// Their results, by the names that the overview gives them.
    results: BTreeMap<String, Results>,
    /// The overview's file, which errors name.
    file: PathBuf,
}

/// An effect at a place by one outcome.
pub struct EffectAtPlace {
    /// The number of the effect.
    pub effect: usize,
    /// The number of the place.
    pub place: usize,
    pub outcome: Score,
    /// With the p-value corrected over all places and outcomes of the effect.
    pub evidence: Evidence,
}

impl Studies {
    /// Reads the results of every study of `overview`, which is in `file`.
    pub fn read(overview: &Overview, file: &Path) -> Result<Self> {
        let mut results = BTreeMap::new();
        for place in &overview.places {
            if !results.contains_key(&place.study) {
                let folder = folder_of(Path::new(&place.study));
                if !folder.join("manifest.toml").exists() {
                    return Err(at(
                        file,
                        place,
                        format!(
                            "there are no results of {0} in {1}; `study run {0}` writes them",
                            place.study,
                            folder.display()
                        ),
                    ));
                }
                results.insert(place.study.clone(), Results::read(&folder)?);
            }
        }
        let file = file.to_path_buf();
        Ok(Self { results, file })
    }

    /// The study of a place.
    pub fn of(&self, place: &Place) -> &Results {
        &self.results[&place.study]
    }

    /// Every effect at every place, by every outcome of its study.
    pub fn evidence(&self, overview: &Overview) -> Result<Vec<EffectAtPlace>> {
        let assays: BTreeMap<&String, Assays> = self
            .results
            .iter()
            .map(|(name, results)| (name, Assays::of(results)))
            .collect();
        let mut all = Vec::new();
        for (effect, change) in overview.effects.iter().enumerate() {
            let start = all.len();
            for (number, place) in overview.places.iter().enumerate() {
                let results = self.of(place);
                let wrong = |why: String| at(&self.file, place, why);
                let cells = results.distinct(&cells(results, place).map_err(wrong)?);
                let contrast = contrast(results, change).map_err(wrong)?;
                for &outcome in results.outcomes() {
                    let comparison = Comparison {
                        results,
                        assays: &assays[&place.study],
                        contrast: &contrast,
                        outcome,
                    };
                    let what = format!("overview {} at {}", change.name, place.name);
                    all.push(EffectAtPlace {
                        effect,
                        place: number,
                        outcome,
                        evidence: comparison.evidence(&Scope::In(cells.clone()), &what)?,
                    });
                }
            }
            verdict::correct(all[start..].iter_mut().map(|one| &mut one.evidence))?;
        }
        Ok(all)
    }
}

/// An error about a place of the overview in `file`.
fn at(file: &Path, place: &Place, why: String) -> Error {
    let (file, name) = (file.display(), &place.name);
    Error::usage(format!("{file}: the place `{name}`: {why}"))
}

/// The change of optimiser as a contrast of the study.
fn contrast(results: &Results, change: &Effect) -> std::result::Result<ContrastTable, String> {
    let known = || results.experiment.arms.iter().map(|arm| arm.name.as_str());
    for name in [&change.with, &change.without] {
        if !known().any(|arm| arm == name) {
            return Err(unknown("optimiser", name, known()));
        }
    }
    Ok(ContrastTable::between(
        change.name.clone(),
        &change.with,
        &change.without,
    ))
}

/// Each name once, in alphabetical order.
fn names(mut all: Vec<&String>) -> Vec<&str> {
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(String::as_str).collect()
}

/// The cells of a study at a place.
fn cells(results: &Results, place: &Place) -> std::result::Result<Vec<usize>, String> {
    let cells = &results.experiment.cells;
    let environments = names(cells.iter().map(|cell| &cell.environment).collect());
    for name in &place.environments {
        if !environments.contains(&name.as_str()) {
            return Err(unknown("environment", name, environments));
        }
    }
    let rungs = names(cells.iter().map(|cell| &cell.rung).collect());
    if let Some(rung) = &place.rung
        && !rungs.contains(&rung.as_str())
    {
        return Err(unknown("rung", rung, rungs));
    }
    let all_levels = || cells.iter().flat_map(|cell| &cell.levels);
    for (key, value) in &place.levels {
        let keys = names(all_levels().map(|(key, _)| key).collect());
        if !keys.contains(&key.as_str()) {
            return Err(unknown("factor", key, keys));
        }
        let level = config::plain(value);
        let its = all_levels().filter(|(known, _)| known == key);
        let levels = names(its.map(|(_, level)| level).collect());
        if !levels.contains(&level.as_str()) {
            return Err(unknown(&format!("level of {key}"), &level, levels));
        }
    }
    let is_there = |&c: &usize| {
        let cell = &cells[c];
        let named = place.environments.is_empty() || place.environments.contains(&cell.environment);
        let on_rung = place.rung.as_ref().is_none_or(|rung| *rung == cell.rung);
        named
            && on_rung
            && place.levels.iter().all(|(key, value)| {
                let level = config::plain(value);
                cell.levels
                    .iter()
                    .any(|(known, its)| known == key && *its == level)
            })
    };
    let found: Vec<usize> = results.cells().into_iter().filter(is_there).collect();
    match found.is_empty() {
        true => Err("no environment of the study has all that it asks for".into()),
        false => Ok(found),
    }
}
