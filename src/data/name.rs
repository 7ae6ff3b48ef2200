//! The data sets by name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{cifar, fashion_mnist, synthetic};

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

impl DatasetName {
    /// The name as flags and files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::FashionMnist => "fashion-mnist",
            Self::Synthetic => "synthetic",
        }
    }

    /// The number of training images.
    pub fn samples(self) -> usize {
        match self {
            Self::Cifar10 => 50_000,
            Self::FashionMnist => 60_000,
            Self::Synthetic => synthetic::TRAIN,
        }
    }

    /// The numbers in an image: channels x height x width.
    pub fn pixels(self) -> usize {
        match self {
            Self::Cifar10 => cifar::SHAPE.iter().product(),
            Self::FashionMnist => fashion_mnist::SHAPE.iter().product(),
            Self::Synthetic => synthetic::SHAPE.iter().product(),
        }
    }

    /// The names of the labels.
    pub fn classes(self) -> &'static [&'static str; 10] {
        match self {
            Self::Cifar10 => &cifar::CLASSES,
            Self::FashionMnist => &fashion_mnist::CLASSES,
            Self::Synthetic => &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        }
    }

    /// The folder that is searched first, and downloaded to, unless another is named.
    pub fn default_folder(self) -> PathBuf {
        Path::new("data").join(self.name())
    }
}

impl std::fmt::Display for DatasetName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
