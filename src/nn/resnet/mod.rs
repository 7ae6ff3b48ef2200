//! ResNet-18 (He et al. 2016, table 1 and figure 5 left), torchvision's `resnet18` to the last detail.

mod build;
mod network;
mod state;

pub use network::{ResNet, Stem};
