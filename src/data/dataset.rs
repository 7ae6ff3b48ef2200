//! A data set, read from files or generated.

use std::path::{Path, PathBuf};

use super::{cifar, fashion_mnist, name::DatasetName, official, split::Split, synthetic};
use crate::{Error, Result};

/// Images to train on, images to test on, and the names of their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The training set.
    pub train: Split,
    /// The test set, which is never learned from.
    pub test: Split,
    /// The names of the labels.
    pub classes: &'static [&'static str],
}

/// The seed of the synthetic data set. It is the same for every run, as a data set from a file would
/// be.
const SYNTHETIC_SEED: u64 = 1;

impl Dataset {
    /// Loads the data set `name` from `folder` or, without one, from the usual places: `data/NAME`,
    /// then the folder of Debian's package. The synthetic set needs no files.
    ///
    /// # Errors
    ///
    /// If there are no files, or if they are damaged or not what their names say.
    pub fn load(name: DatasetName, folder: Option<&Path>) -> Result<Self> {
        if name == DatasetName::Synthetic {
            return Ok(Self::synthetic(
                SYNTHETIC_SEED,
                synthetic::TRAIN,
                synthetic::TEST,
            ));
        }
        let mut folders = vec![folder.map_or(name.default_folder(), Path::to_path_buf)];
        if name == DatasetName::FashionMnist && folder.is_none() {
            folders.push(fashion_mnist::DEBIAN_FOLDER.into());
        }
        for folder in &folders {
            let found = match name {
                DatasetName::Cifar10 => cifar::find(folder)?,
                _ => fashion_mnist::find(folder)?,
            };
            if let Some((train, test)) = found {
                let classes = name.classes();
                return Ok(Self {
                    train,
                    test,
                    classes,
                });
            }
        }
        Err(missing(name, &folders))
    }

    /// `train` and `test` synthetic images of 3x32x32 in 10 classes, all drawn from `seed`. Image `i`
    /// of each set is of class `i % 10`.
    pub fn synthetic(seed: u64, train: usize, test: usize) -> Self {
        let [train, test] = synthetic::splits(seed, [train, test]);
        Self {
            train,
            test,
            classes: DatasetName::Synthetic.classes(),
        }
    }
}

/// The error that says where the files were looked for and how to get them.
fn missing(name: DatasetName, folders: &[PathBuf]) -> Error {
    let folders: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let (expected, hint) = match name {
        DatasetName::Cifar10 => (cifar::FORMS.to_string(), ""),
        _ => (
            format!(
                "{}, each with or without .gz",
                fashion_mnist::FILES.join(", ")
            ),
            "Debian and Ubuntu package them: apt install dataset-fashion-mnist; ",
        ),
    };
    let official = official::files(name);
    let files: Vec<&str> = official.files.iter().map(|file| file.name).collect();
    Error::usage(format!(
        "there is no {name} in {}; looked for: {expected}\n{hint}--download fetches {} from {}\n--data-dir names \
         another folder; --dataset synthetic needs no files",
        folders.join(" or "),
        files.join(", "),
        official.base
    ))
}
