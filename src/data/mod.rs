//! Data sets for the supervised control: images and their labels, whole in memory.
//!
//! [`Dataset::load`] reads one from files or makes it; [`Split::fill`] writes a minibatch of it as
//! the networks read it; [`order`] and [`looks`] say which images come when and how each is cropped
//! and flipped; [`download`] fetches the official files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

mod cifar;
mod download;
mod files;
#[cfg(feature = "parquet")]
mod hugging_face;
mod idx;
mod order;
mod source;
mod split;
mod synthetic;

pub use download::{download, fetch};
pub use order::{Look, looks, order};
pub use source::Remote;
pub use split::Split;
pub use synthetic::synthetic;

/// A data set by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetName {
    /// CIFAR-10 (Krizhevsky 2009): 50,000 photographs to train on and 10,000 to test, 3x32x32
    Cifar10,
    /// Fashion-MNIST (Xiao et al. 2017): 60,000 grey pictures of clothes to train on and 10,000 to
    /// test, 28x28
    FashionMnist,
    /// Coloured patterns in noise, made up on the spot: 500 to train on and 200 to test, 3x32x32
    Synthetic,
}

/// Images to train on, images to test on, and what they show.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What is learnt from.
    pub train: Split,
    /// What is never learnt from.
    pub test: Split,
    /// What each label stands for.
    pub classes: &'static [&'static str],
}

/// The synthetic data set is the same for every run, as one from a file is.
const SYNTHETIC: (u64, usize, usize) = (1, 500, 200);

impl DatasetName {
    /// The name as in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::FashionMnist => "fashion-mnist",
            Self::Synthetic => "synthetic",
        }
    }

    /// Images to train on.
    pub fn samples(self) -> usize {
        match self {
            Self::Cifar10 => 50_000,
            Self::FashionMnist => 60_000,
            Self::Synthetic => SYNTHETIC.1,
        }
    }

    /// Numbers of an image: channels x height x width.
    pub fn pixels(self) -> usize {
        match self {
            Self::Cifar10 | Self::Synthetic => 3 * 32 * 32,
            Self::FashionMnist => 28 * 28,
        }
    }

    /// What each label stands for.
    pub fn classes(self) -> &'static [&'static str; 10] {
        match self {
            Self::Cifar10 => &cifar::CLASSES,
            Self::FashionMnist => &idx::FASHION_CLASSES,
            Self::Synthetic => &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        }
    }

    /// Where its files are looked for first, and downloaded to, if nobody names a folder.
    pub fn default_folder(self) -> PathBuf {
        Path::new("data").join(self.name())
    }
}

impl std::fmt::Display for DatasetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Dataset {
    /// The data set `name`, from its files in `folder` or, without one, from where they usually are:
    /// `data/NAME`, then where Debian's package puts them. The synthetic one needs no files.
    ///
    /// An error if there are none, or if they are not what they should be.
    pub fn load(name: DatasetName, folder: Option<&Path>) -> Result<Self> {
        if name == DatasetName::Synthetic {
            let (seed, train, test) = SYNTHETIC;
            return Ok(synthetic(seed, train, test));
        }
        let mut folders = vec![folder.map_or(name.default_folder(), Path::to_path_buf)];
        if name == DatasetName::FashionMnist && folder.is_none() {
            folders.push(idx::DEBIAN.into());
        }
        for folder in &folders {
            let found = match name {
                DatasetName::Cifar10 => cifar::find(folder)?,
                _ => idx::find(folder)?,
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
}

/// What was looked for, and how to get it.
fn missing(name: DatasetName, folders: &[PathBuf]) -> Error {
    let folders: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let (what, how) = match name {
        DatasetName::Cifar10 => (cifar::FORMS.to_string(), ""),
        _ => (
            format!("{}, each with or without .gz", idx::FILES.join(", ")),
            "Debian and Ubuntu have them: apt install dataset-fashion-mnist; ",
        ),
    };
    let source = source::of(name);
    let files: Vec<&str> = source.files.iter().map(|file| file.file).collect();
    Error::usage(format!(
        "there is no {name} in {}; looked for: {what}\n{how}--download fetches {} from {}\n--data-dir names \
         another folder; --dataset synthetic needs no files",
        folders.join(" or "),
        files.join(", "),
        source.base
    ))
}
