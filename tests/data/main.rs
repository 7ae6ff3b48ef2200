//! The data sets: what files of each form give, and what damaged ones give.

mod cifar;
mod damage;
mod fashion;
mod files;
mod minibatches;
