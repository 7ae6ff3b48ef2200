//! The data sets: the content of files of each form, and errors about damaged ones.

mod cifar;
mod damage;
mod fashion;
mod files;
mod minibatches;
