//! An overview's TOML.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use settings::{Settings, Value, settings};

use crate::{
    Error, Result, config,
    files::{toml_file, toml_names},
};

/// Where overviews are known by their names.
const FOLDER: &str = "experiments/overviews";

/// More effects than this cannot be told apart by their colours.
const MOST_EFFECTS: usize = 9;

settings! {
    /// What several studies found about the same changes of optimiser.
    pub table Overview {
        /// What it is called
        title: String;
        /// What it shows, and how it is to be read
        about: String;
        /// The changes of optimiser
        effects: Vec<Effect>;
        /// Where they are seen, in the order of the figure's rows
        places: Vec<Place>;
    }
}

settings! {
    /// A change of optimiser, by the names that the studies give to their optimisers.
    pub table Effect {
        /// What it is called
        name: String;
        /// The optimiser that has what is in question
        with: String;
        /// The optimiser that lacks it
        without: String;
    }
}

settings! {
    /// A study, or a part of one.
    pub table Place {
        /// What it is called
        name: String;
        /// The study: its name, or the folder with its results
        study: String;
        /// Only environments on this rung
        rung: Option<String> = None;
        /// Only the environments with these names
        environments: Vec<String> = Vec::new();
        /// Only these levels of its factors: { "agent.lambda" = 0.8 }
        levels: BTreeMap<String, Value> = BTreeMap::new();
    }
}

impl Overview {
    /// The overview in the file at `path`, and the file's text.
    pub fn read(path: &Path) -> Result<(Self, String)> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let names = toml_names(Path::new(FOLDER));
            let there = match names.is_empty() {
                true => format!("there are none in {FOLDER}"),
                false => format!("{FOLDER} has {}", names.join(", ")),
            };
            Error::usage(format!("cannot read {}: {error}; {there}", path.display()))
        })?;
        let document = config::TomlDocument::read(path)?;
        let overview = Self::from_table(&document.table).map_err(|e| document.explain(e))?;
        for (key, is_empty) in [
            ("effects", overview.effects.is_empty()),
            ("places", overview.places.is_empty()),
        ] {
            if is_empty {
                let why = format!("{key} is empty; allowed: at least one table [[{key}]]");
                return Err(document.error_at(key, why));
            }
        }
        if let Some((key, why)) = overview.mistake() {
            return Err(document.error_at(&key, why));
        }
        Ok((overview, text))
    }

    /// The path of a value that makes no sense, and why.
    fn mistake(&self) -> Option<(String, String)> {
        let effects = self.effects.iter().map(|one| &one.name);
        let places = self.places.iter().map(|one| &one.name);
        for (list, names) in [
            ("effects", effects.collect::<Vec<_>>()),
            ("places", places.collect()),
        ] {
            for (i, name) in names.iter().enumerate() {
                let why = match () {
                    () if name.trim().is_empty() => "it is empty",
                    () if name.chars().any(char::is_control) => "it has a control character",
                    () if names[..i].contains(name) => "another one has it",
                    () => continue,
                };
                let key = format!("{list}.{}.name", i + 1);
                return Some((
                    key.clone(),
                    format!("{key} = {name:?} is not allowed: {why}"),
                ));
            }
        }
        for (i, effect) in self.effects.iter().enumerate() {
            if effect.with == effect.without {
                let key = format!("effects.{}.without", i + 1);
                let why = format!("{key} is also `with`; allowed: another optimiser");
                return Some((key, why));
            }
        }
        (self.effects.len() > MOST_EFFECTS).then(|| {
            let why = format!(
                "there are {} effects; allowed: at most {MOST_EFFECTS}",
                self.effects.len()
            );
            ("effects".into(), why)
        })
    }

    /// The file that `asked` means: a path, or the name of one in `experiments/overviews`.
    pub fn find(asked: &Path) -> PathBuf {
        toml_file(Path::new(FOLDER), asked)
    }
}
