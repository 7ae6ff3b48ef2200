//! The work of one process in a study: a part of a stage's runs.

use super::{
    engine::Study,
    experiment::{Run, Stage},
    folder::study_folder,
    pool::{self, PoolOptions},
    progress::{ProgressDisplay, RunsProgress},
};
use crate::{Error, Result};

/// The part of a stage's runs that one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Every `of`-th run, beginning with run number `shard`, counted from 1.
    Shard {
        /// The number of this shard, from 1.
        shard: usize,
        /// How many shards there are.
        of: usize,
    },
    /// One run, by its number from 0.
    Index(usize),
}

impl Part {
    /// Whether run number `k`, from 0, is in it.
    pub fn contains(self, k: usize) -> bool {
        match self {
            Part::All => true,
            Part::Shard { shard, of } => k % of == shard - 1,
            Part::Index(index) => k == index,
        }
    }
}

impl Study {
    /// Does the runs in `part` of `stage`, except those that are done already.
    pub fn run(
        &self,
        stage: Stage,
        part: Part,
        options: &PoolOptions,
        display: &dyn ProgressDisplay,
    ) -> Result<()> {
        let runs = self.stage(stage)?;
        if let Part::Index(k) = part
            && k >= runs.len()
        {
            return Err(Error::usage(format!(
                "there is no run {k} in stage {}; allowed: 0 to {}",
                stage.name(),
                runs.len().saturating_sub(1)
            )));
        }
        let wanted = runs.iter().enumerate().filter(|(k, _)| part.contains(*k));
        let wanted: Vec<&Run> = wanted.map(|(_, run)| run).collect();
        study_folder(&self.out)?;
        let progress = RunsProgress::new(&wanted, display);
        pool::run(&wanted, self, options, &progress)
    }
}
