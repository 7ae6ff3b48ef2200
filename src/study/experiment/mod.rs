//! An experiment: one TOML file, read, checked, and expanded into cells, trials and runs.

mod check;
mod environment;
mod expand;
mod grid;
mod load;
mod mistake;
mod parse;
mod runs;
mod schema;
mod seeds;
mod stage;
mod tables;

pub use expand::{Arm, Cell, Trial, area};
pub(super) use load::FOLDER;
pub use runs::{Experiment, Run};
pub use schema::schema;
pub use stage::Stage;
pub use tables::{
    AssaySettings, ClaimedSide, ContrastTable, Design, Factor, Score, Selection, Top,
};
