//! ResNet-18 (He et al. 2016, table 1 and figure 5 left), identical to torchvision's `resnet18`.

mod build;
mod network;
mod state;

pub use network::{ResNet, Stem};
