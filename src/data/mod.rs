//! Data sets for the supervised control: images and their labels, held in memory.
//!
//! [`Dataset::load`] reads one from its files or makes it. [`Split::fill`] writes a minibatch in the
//! layout that the networks read. [`order`] and [`augmentations`] decide in which order an epoch
//! visits the images, and how each is cropped and mirrored. [`download`] fetches the official files.

mod cifar;
mod dataset;
mod download;
mod epoch;
mod fashion_mnist;
mod files;
#[cfg(feature = "parquet")]
mod hugging_face;
mod name;
mod official;
mod split;
mod synthetic;

pub use dataset::Dataset;
pub use download::{download, fetch};
pub use epoch::{augmentations, order};
pub use name::DatasetName;
pub use official::OfficialFile;
pub use split::Split;
