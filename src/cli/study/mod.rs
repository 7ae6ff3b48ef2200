//! The flags of `study run`, `list`, `verify`, `collect`, `slurm` and `report`, and what these print.

mod card;
mod print;
mod progress;

pub use card::{CardArgs, card};
pub use print::{list_runs, tuned, verify};
pub use progress::StudyProgress;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    Result,
    cli::flags,
    numbers::at_least,
    study::{
        Part, PoolOptions, SlurmOptions, Study,
        experiment::{Experiment, Stage},
    },
};

/// Selects a study.
#[derive(Args, Debug)]
pub struct StudyArgs {
    /// The experiment: the name of one in experiments/, or the path of a TOML file (with a / in it, or ending in .toml)
    #[arg(value_name = "EXPERIMENT")]
    experiment: PathBuf,

    /// The folder for its runs in progress [default: runs/EXPERIMENT]
    #[arg(long, value_name = "FOLDER")]
    runs: Option<PathBuf>,

    /// The folder for its results and the record of its finished runs [default: results/EXPERIMENT]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl StudyArgs {
    /// The study, with its experiment read and checked.
    pub fn study(&self) -> Result<Study> {
        let experiment = Experiment::read(&self.experiment)?;
        let default = |folder: &str| Path::new(folder).join(&experiment.name);
        let runs = self.runs.clone().unwrap_or_else(|| default("runs"));
        let out = self.out.clone().unwrap_or_else(|| default("results"));
        Ok(Study::new(experiment, runs, out))
    }
}

/// The flags of `study run`.
#[derive(Args, Debug)]
#[command(after_help = RUN_EXAMPLES, allow_negative_numbers = true)]
pub struct RunArgs {
    #[command(flatten)]
    study: StudyArgs,

    /// Do only this stage [default: both stages, then write the results]
    #[arg(long, value_parser = flags::words::<Stage>())]
    stage: Option<Stage>,

    /// Do every N-th run of the stage, beginning with the I-th
    #[arg(long, value_name = "I/N", value_parser = shard, requires = "stage", conflicts_with = "index")]
    shard: Option<Part>,

    /// Do only run number K of the stage, counted from 0
    #[arg(long, value_name = "K", requires = "stage", value_parser = at_least::<usize>(0))]
    index: Option<usize>,

    /// Runs at once [default: one per core]
    #[arg(long, value_name = "N", value_parser = at_least::<u16>(1))]
    jobs: Option<u16>,

    /// Steps between checkpoints of a run [default: one checkpoint a minute]
    #[arg(long, value_name = "STEPS", value_parser = at_least::<u64>(1))]
    checkpoint_every: Option<u64>,

    /// Keep the files of each run, in a folder of --runs
    #[arg(long)]
    keep_runs: bool,
}

const RUN_EXAMPLES: &str = "\
Examples:
  study run quick
  study run experiments/rmsprop_vs_adam.toml
  study run quick --stage tune --shard 1/4
  study run quick --stage report --index 7

Finished runs are skipped, and interrupted runs continue. Several of these commands can share the work, on one machine or \
on several with a common folder. Ctrl-C ends all runs after a checkpoint.

Each finished run is a line of a file in results/EXPERIMENT/rows. When all runs are done, the tables of the results replace \
these files. A study continues on another machine if its results folder is copied there. To repeat finished runs, choose \
another --out.

With GNU parallel, then with HyperQueue:
  seq 8 | parallel study run quick --stage tune --jobs 1 --shard {}/8
  hq submit --wait --array 1-8 \\
    sh -c 'study run quick --stage tune --jobs 1 --shard $HQ_TASK_ID/8'
and the same with --stage report, then `study collect quick`.";

fn shard(text: &str) -> std::result::Result<Part, String> {
    let parts = text.split_once('/');
    let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match numbers {
        Some((shard, of)) if (1..=of).contains(&shard) => Ok(Part::Shard { shard, of }),
        _ => Err("allowed: I/N with 1 <= I <= N, such as 1/4".into()),
    }
}

impl RunArgs {
    /// The study.
    pub fn study(&self) -> Result<Study> {
        self.study.study()
    }

    /// The stages to run.
    pub fn stages(&self) -> Vec<Stage> {
        self.stage
            .map_or(vec![Stage::Tune, Stage::Report], |stage| vec![stage])
    }

    /// Whether all runs of both stages are to be done, so that the results follow.
    pub fn is_whole_study(&self) -> bool {
        self.stage.is_none()
    }

    /// Which runs of a stage are to be done.
    pub fn part(&self) -> Part {
        self.index
            .map(Part::Index)
            .or(self.shard)
            .unwrap_or(Part::All)
    }

    /// How they are to be done.
    pub fn pool_options(&self, study: &Study) -> Result<PoolOptions> {
        Ok(PoolOptions {
            jobs: self.jobs.map(usize::from),
            checkpoint_every: self.checkpoint_every,
            keep_runs: self.keep_runs,
            stop: super::stop_on_signals()?,
            energy: study.experiment.top.energy.clone(),
        })
    }
}

/// The flags of `study slurm`.
#[derive(Args, Debug)]
#[command(after_help = SLURM_EXAMPLES, allow_negative_numbers = true)]
pub struct SlurmArgs {
    #[command(flatten)]
    study: StudyArgs,

    /// Also submit the jobs
    #[arg(long)]
    pub submit: bool,

    /// The folder for scripts and logs [default: slurm/EXPERIMENT]
    #[arg(long, value_name = "FOLDER")]
    scripts: Option<PathBuf>,

    /// The maximum number of tasks in a stage; runs are distributed over them
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least::<u32>(1))]
    tasks: u32,

    /// The maximum number of elements in a job array [default: the cluster's limit]
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(1))]
    max_array: Option<u32>,

    /// The maximum number of tasks of an array that run at once [default: no limit]
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(1))]
    at_once: Option<u32>,

    /// Steps between checkpoints of a run [default: one checkpoint a minute]
    #[arg(long, value_name = "STEPS", value_parser = at_least::<u64>(1))]
    checkpoint_every: Option<u64>,

    /// Options for sbatch, after --
    #[arg(last = true, value_name = "SBATCH OPTIONS")]
    sbatch: Vec<String>,
}

const SLURM_EXAMPLES: &str = "\
Examples:
  study slurm rmsprop_vs_adam
  study slurm rmsprop_vs_adam --submit -- --partition=long --time=4:00:00
  study slurm rmsprop_vs_adam --submit --tasks 100 -- --cpus-per-task=4

After a task has failed, run the command again: it submits only what is left. A task that is requeued or comes near its \
time limit continues from its runs' checkpoints.";

impl SlurmArgs {
    /// The study.
    pub fn study(&self) -> Result<Study> {
        self.study.study()
    }

    /// How it is to be divided into jobs.
    pub fn slurm_options(&self, study: &Study) -> SlurmOptions {
        let folder = || Path::new("slurm").join(&study.experiment.name);
        SlurmOptions {
            folder: self.scripts.clone().unwrap_or_else(folder),
            tasks: self.tasks as usize,
            max_array: self.max_array.map(|n| n as usize),
            at_once: self.at_once.map(|n| n as usize),
            checkpoint_every: self.checkpoint_every,
            sbatch: self.sbatch.clone(),
        }
    }
}

/// The flags of `study report`.
#[derive(Args, Debug)]
#[command(after_help = REPORT_EXAMPLES)]
pub struct ReportArgs {
    /// The experiment: its name, its TOML file, or the folder with its results, as in results/quick
    #[arg(value_name = "EXPERIMENT")]
    pub experiment: PathBuf,

    /// The folder with its results, where the report is also written [default: results/EXPERIMENT]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Also put the verdict and the contrasts into this page, between <!-- study:EXPERIMENT --> and
    /// <!-- /study:EXPERIMENT -->
    #[arg(long, value_name = "FILE")]
    pub splice: Option<PathBuf>,
}

const REPORT_EXAMPLES: &str = "\
Examples:
  study report quick
  study report rmsprop_vs_adam --splice docs/first_answer.md

This reads what `study run` or `study collect` wrote. Into the same folder it writes summary.csv, contrasts.csv, \
report.html, report.md, the pictures of report.md in figures/, and mechanism_fit.csv if runs had diagnostics. The same \
results give the same report.";

/// The flags of `study overview`.
#[derive(Args, Debug)]
#[command(after_help = OVERVIEW_EXAMPLES)]
pub struct OverviewArgs {
    /// The overview: the name of one in experiments/overviews, or the path of a TOML file (with a / in it, or ending
    /// in .toml)
    #[arg(value_name = "OVERVIEW")]
    pub overview: PathBuf,

    /// The folder for it [default: results/OVERVIEW]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

const OVERVIEW_EXAMPLES: &str = "\
Examples:
  study overview regimes

An overview is a TOML file: `title`, `about`, and two lists of tables. Each of [[effects]] has a `name` and the names of two \
optimisers, `with` and `without`. Each of [[places]] has a `name`, a `study`, and if it is only a part of one a `rung`, \
`environments` or `levels`. It is read from the studies' results, and leaves effects.csv, report.html, report.md and figures/.";
