//! What the code around a run needs to know about its configuration.

use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use super::{ExpectedTable, RowTable};
use optim::Spec;

/// The files of a family of runs, in addition to those that every run has.
pub struct FolderLayout {
    /// The file of the weights that the run leaves.
    pub weights: &'static str,
    /// The figures that may be drawn of it.
    pub figures: &'static [&'static str],
    /// The tables that it may have.
    pub tables: &'static [RowTable],
}

/// The whole configuration of a run of any family.
pub trait Configuration: Clone {
    /// The result of such a run: the one line of `outcome.csv`.
    type Outcome: Serialize + DeserializeOwned;

    /// The files of such a run.
    const LAYOUT: FolderLayout;

    /// As TOML, with every value written out.
    fn to_toml(&self) -> String;

    /// The run's id: a hash of its whole configuration.
    fn id(&self) -> String;

    /// The environment or the data set that is learned on.
    fn place(&self) -> String;

    /// The optimiser.
    fn optimiser(&self) -> &Spec;

    /// The seed.
    fn seed(&self) -> u64;

    /// The tables that this run has, each with its header.
    fn headers(&self) -> Vec<(RowTable, String)>;

    /// What `outcome` says about a table of such a run.
    fn expected_table(&self, outcome: &Self::Outcome, table: RowTable) -> ExpectedTable;

    /// Whether the file at `path` is the configuration of a run of this family.
    fn describes(path: &Path) -> bool;
}

/// The default folder of a run: `runs/<place>/<optimiser>-s<seed>-<id>`.
pub fn default_folder(config: &impl Configuration) -> PathBuf {
    let keep = |c: char| c.is_ascii_alphanumeric() || "-_.=,".contains(c);
    // File systems allow names of up to 255 bytes; the id tells apart names that are cut here.
    let place = config.place();
    let place = place.chars().take(120);
    let place: String = place.map(|c| if keep(c) { c } else { '-' }).collect();
    let (optimiser, seed, id) = (config.optimiser().entry().name, config.seed(), config.id());
    let name = format!("{optimiser}-s{seed}-{id}");
    ["runs", &place, &name].iter().collect()
}
